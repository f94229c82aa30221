// SPDX-License-Identifier: GPL-2.0

//! The interactive shell on the console.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use guest_init::plan::Size;
use nix::libc;
use nix::unistd::setsid;

use crate::processes;
use crate::task::Ended;

nix::ioctl_write_int_bad!(set_controlling_terminal, libc::TIOCSCTTY);
nix::ioctl_write_ptr_bad!(set_window_size, libc::TIOCSWINSZ, libc::winsize);

/// Runs a shell until it ends.
pub fn run(size: Size, term: &str, greeting: &str) -> Result<Ended> {
    let path = terminal()?;
    let mut tty = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    resize(&tty, size)?;
    writeln!(tty, "\n{greeting}")?;
    let mut command = Command::new("/bin/busybox");
    processes::environment(&mut command)
        .args(["sh", "-l"])
        .env("TERM", term)
        .stdin(tty.try_clone()?)
        .stdout(tty.try_clone()?)
        .stderr(tty);
    // SAFETY: `lead_session` makes two system calls and nothing else: it allocates nothing and
    // takes no lock, so it may run between fork and exec.
    unsafe { command.pre_exec(lead_session) };
    let child = command.spawn().context("cannot execute the shell")?;
    let outcome = processes::wait_for(child.id())?;
    processes::kill_rest()?;
    Ok(Ended { outcome, output: 0 })
}

/// Finds the terminal behind /dev/console, which cannot itself control a session.
fn terminal() -> Result<PathBuf> {
    let active = fs::read_to_string("/sys/class/tty/console/active")
        .context("cannot tell which terminal the console is")?;
    let name = active.split_whitespace().last().context("no console")?;
    Ok(PathBuf::from("/dev").join(name))
}

/// Tells the terminal how large it is.
fn resize(tty: &File, size: Size) -> Result<()> {
    let size = libc::winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: `tty` is open, and `size` is the struct that this ioctl reads.
    unsafe { set_window_size(tty.as_raw_fd(), &size) }.context("cannot set the window size")?;
    Ok(())
}

/// Makes the calling process the leader of a new session on the terminal that is its input.
fn lead_session() -> io::Result<()> {
    setsid()?;
    // SAFETY: descriptor 0 is the terminal, and this ioctl takes a plain number.
    unsafe { set_controlling_terminal(libc::STDIN_FILENO, 0) }?;
    Ok(())
}
