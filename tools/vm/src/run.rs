// SPDX-License-Identifier: GPL-2.0

//! Runs a machine from start to verdict.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, Context, Result};
use flate2::{write::GzEncoder, Compression};
use guest_init::plan::Task;
use nix::fcntl::{fcntl, FcntlArg, FdFlag};
use nix::libc;
use nix::sys::memfd::{memfd_create, MFdFlags};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use crate::accel;
use crate::cli::{MachineArgs, RunArgs};
use crate::guest;
use crate::initramfs::Initramfs;
use crate::kernel;
use crate::klog::Log;
use crate::log::LogFile;
use crate::qemu::{Console, Machine};
use crate::session::{Session, Signals};
use crate::terminal;
use crate::verdict::{judge, Verdict, CANNOT_RUN};

/// What to say about the way out of the shell.
const GREETING: &str = "Leave with `exit`. Ctrl-A X stops the machine at once.";

/// Runs a command; returns the exit status.
pub fn run(args: &RunArgs) -> Result<u8> {
    let name = Path::new(&args.command[0]).file_name();
    let name = name.unwrap_or_default().to_string_lossy();
    let task = Task::Command(args.command.clone());
    let initramfs = guest::initramfs(&args.machine, args.busybox, task)?;
    let limit = Duration::from_secs(args.timeout);
    execute(&args.machine, &initramfs, &name, Console::Log, Some(limit))
}

/// Runs an interactive shell; returns the exit status.
pub fn shell(args: &MachineArgs) -> Result<u8> {
    if !io::stdin().is_terminal() {
        bail!("a shell needs a terminal as its standard input: use `vm run -- CMD` without one");
    }
    let task = Task::Shell {
        size: terminal::size(),
        term: terminal::kind(),
        greeting: GREETING.to_owned(),
    };
    let initramfs = guest::initramfs(args, true, task)?;
    let _settings = terminal::Settings::note();
    execute(args, &initramfs, "shell", Console::Terminal, None)
}

/// Runs a machine; returns the exit status.
fn execute(
    args: &MachineArgs,
    initramfs: &Initramfs,
    name: &str,
    console: Console,
    limit: Option<Duration>,
) -> Result<u8> {
    let kernel = kernel_image(args)?;
    let log = match &args.log {
        Some(path) => LogFile::at(path)?,
        None => LogFile::for_name(name)?,
    };
    let signals = Signals::block()?;
    let initramfs = in_memory(initramfs)?;
    let (output, guest_output) = port()?;
    let (status, guest_status) = port()?;
    let machine = Machine {
        program: &args.qemu,
        accel: accel::choose(args.accel, args.mode)?,
        mode: args.mode,
        smp: args.smp,
        memory: args.memory,
        kernel,
        append: args.append.as_deref().unwrap_or_default(),
        console,
        log: log.path(),
        initramfs: initramfs.as_raw_fd(),
        output: guest_output.as_raw_fd(),
        status: guest_status.as_raw_fd(),
    };
    let qemu = start(machine.command())?;
    // Only QEMU holds the guest's ends now, so that they end with it.
    drop((guest_output, guest_status));
    let mut session = Session::new(qemu, signals, output, status);
    let deadline = limit.map(|limit| Instant::now() + limit);
    let ending = session.serve(deadline)?;
    let verdict = judge(&ending, session.received(), &Log::new(&log.read()?))?;
    Ok(conclude(&verdict, &session, log.path()))
}

/// The kernel to boot.
fn kernel_image(args: &MachineArgs) -> Result<PathBuf> {
    if let Some(image) = &args.kernel {
        File::open(image).with_context(|| format!("cannot open {}", image.display()))?;
        return Ok(image.clone());
    }
    let root = args.root.as_deref();
    let root = root.context("no root to take a kernel from (--root or SLEEPTIMER_ROOT)")?;
    Ok(kernel::newest(root, &args.series)?.image)
}

/// Writes the initramfs to memory, where a child can read it. Compressed, a guest without files of
/// the caller's is a few hundred kilobytes; the header carries no time, so it stays reproducible.
fn in_memory(initramfs: &Initramfs) -> Result<File> {
    let file =
        memfd_create(c"initramfs", MFdFlags::empty()).context("cannot make a memory file")?;
    let mut writer = GzEncoder::new(File::from(file), Compression::fast());
    initramfs.write(&mut writer)?;
    writer.finish().context("cannot write the initramfs")
}

/// Makes the two ends of a port: ours, and one that a child inherits.
fn port() -> Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair().context("cannot make a socket")?;
    fcntl(theirs.as_fd(), FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok((ours, theirs))
}

/// Starts QEMU so that it ends with this process, whatever ends this process.
fn start(mut command: Command) -> Result<Child> {
    let parent = nix::unistd::getpid();
    let prepare = move || {
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != parent {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Signals::unblock()
    };
    // SAFETY: `prepare` makes system calls and nothing else: it allocates nothing and takes no
    // lock, so it may run between fork and exec.
    unsafe { command.pre_exec(prepare) };
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            anyhow!("{program} not found: apt-get install qemu-system-x86")
        }
        _ => anyhow!("cannot execute {program}: {error}"),
    })
}

/// Says what there is to say; returns the exit status.
fn conclude(verdict: &Verdict, session: &Session, log: &Path) -> u8 {
    for message in &verdict.messages {
        eprintln!("vm: {message}");
    }
    if verdict.log_matters {
        eprintln!("vm: the console log is {}", log.display());
    }
    match session.write_error() {
        Some(error) if verdict.status == 0 => {
            eprintln!("vm: cannot write the output: {error}");
            CANNOT_RUN
        }
        _ => verdict.status,
    }
}
