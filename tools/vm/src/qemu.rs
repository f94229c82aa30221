// SPDX-License-Identifier: GPL-2.0

//! QEMU's command line, and the kernel's.

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use guest_init::{OUTPUT_PORT, STATUS_PORT};

use crate::cli::{Accel, Mode};

/// The kernel command line of every guest: everything that happens is on the serial console, and
/// an error ends the guest instead of leaving it hanging.
const KERNEL_LINE: &str = "console=ttyS0 ignore_loglevel printk.devkmsg=on panic=-1 oops=panic \
    softlockup_panic=1 hung_task_panic=1 sysctl.kernel.hung_task_timeout_secs=30 \
    sysctl.kernel.panic_on_rcu_stall=1";

/// What a guest whose time is that of the host adds to it: on a busy host the first timer interrupts
/// come too late for the kernel's test of them; and khugepaged, which is preempted by all others, holds
/// up RCU for half a minute, as it is a reader while it copies.
const NORMAL_KERNEL_LINE: &str = "no_timer_check transparent_hugepage=never";

/// What a deterministic guest adds to it: nothing random, and a clock that is not calibrated
/// against another.
const ICOUNT_KERNEL_LINE: &str = "tsc_early_khz=1000000 tsc=reliable clocksource=tsc nokaslr \
    norandmaps randomize_kstack_offset=off";

/// The options of a deterministic machine. Without `-erms`, `rep movsb` would count every byte as
/// an instruction.
const ICOUNT_OPTIONS: [&str; 10] = [
    "-accel",
    "tcg,thread=single",
    "-icount",
    "shift=0,sleep=off",
    "-rtc",
    "base=2026-01-01T00:00:00,clock=vm",
    "-seed",
    "1",
    "-cpu",
    "max,-erms",
];

/// What the serial console is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// The log only.
    Log,
    /// The log and the terminal that QEMU is started from.
    Terminal,
}

/// A machine to start.
#[derive(Debug)]
pub struct Machine<'a> {
    /// The QEMU program.
    pub program: &'a Path,
    /// The accelerator: not `Auto`.
    pub accel: Accel,
    /// How time passes.
    pub mode: Mode,
    /// The number of processors.
    pub smp: u32,
    /// The memory in MiB.
    pub memory: u32,
    /// The kernel's image.
    pub kernel: PathBuf,
    /// What the user adds to the kernel command line.
    pub append: &'a str,
    /// What the console is connected to.
    pub console: Console,
    /// The console's log.
    pub log: &'a Path,
    /// Descriptor of the initramfs, inherited by QEMU.
    pub initramfs: RawFd,
    /// Descriptor of the socket of the output port, inherited by QEMU.
    pub output: RawFd,
    /// Descriptor of the socket of the status port, inherited by QEMU.
    pub status: RawFd,
}

impl Machine<'_> {
    /// The command that starts the machine.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(["-M", "q35", "-nodefaults", "-no-user-config"])
            .args(["-display", "none", "-no-reboot"])
            .args(["-smp", &self.smp.to_string()])
            .args(["-m", &self.memory.to_string()])
            .args(self.processor())
            .arg("-kernel")
            .arg(&self.kernel)
            .args(["-initrd", &format!("/proc/self/fd/{}", self.initramfs)])
            .args(["-append", &self.kernel_line()])
            .args(["-chardev", &self.console_device()])
            .args(["-serial", "chardev:console"])
            // The device handles what the guest sends before the guest goes on: nothing is left
            // behind at the end, and the timing does not depend on the host.
            .args(["-device", "virtio-serial-pci,ioeventfd=off"]);
        for (id, name, fd) in [
            ("output", OUTPUT_PORT, self.output),
            ("status", STATUS_PORT, self.status),
        ] {
            let socket = format!("socket,id={id},fd={fd}");
            let port = format!("virtserialport,chardev={id},name={name}");
            command.args(["-chardev", &socket, "-device", &port]);
        }
        self.connect_terminal(&mut command);
        command
    }

    /// The options for the processor.
    fn processor(&self) -> Vec<&'static str> {
        match (self.mode, self.accel) {
            (Mode::Icount, _) => ICOUNT_OPTIONS.to_vec(),
            (Mode::Normal, Accel::Kvm) => vec!["-accel", "kvm", "-cpu", "host"],
            (Mode::Normal, Accel::TcgThreads) => vec!["-accel", "tcg,thread=multi", "-cpu", "max"],
            (Mode::Normal, _) => vec!["-accel", "tcg,thread=single", "-cpu", "max"],
        }
    }

    /// The kernel command line. The user's part comes last, so that it prevails.
    fn kernel_line(&self) -> String {
        let mode = match self.mode {
            Mode::Normal => NORMAL_KERNEL_LINE,
            Mode::Icount => ICOUNT_KERNEL_LINE,
        };
        let parts = [KERNEL_LINE, mode, self.append];
        let parts = parts.iter().flat_map(|part| part.split_whitespace());
        parts.collect::<Vec<_>>().join(" ")
    }

    /// The character device of the console.
    fn console_device(&self) -> String {
        let log = escape(self.log);
        match self.console {
            Console::Log => format!("file,id=console,path={log},append=on"),
            Console::Terminal => {
                format!("stdio,id=console,mux=on,signal=off,logfile={log},logappend=on")
            }
        }
    }

    /// Gives QEMU the terminal only if the console is on it.
    fn connect_terminal(&self, command: &mut Command) {
        if self.console == Console::Log {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        }
    }
}

/// Returns a path as the value of a QEMU option, where a comma stands for the end.
fn escape(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(mode: Mode, append: &str) -> Machine<'_> {
        Machine {
            program: Path::new("qemu"),
            accel: Accel::Tcg,
            mode,
            smp: 2,
            memory: 512,
            kernel: "vmlinuz".into(),
            append,
            console: Console::Log,
            log: Path::new("a,b.log"),
            initramfs: 3,
            output: 4,
            status: 5,
        }
    }

    fn arguments(machine: &Machine) -> String {
        let command = machine.command();
        let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        arguments.join(" ")
    }

    #[test]
    fn the_user_has_the_last_word() {
        let line = machine(Mode::Normal, "panic=0  quiet").kernel_line();
        assert!(line.ends_with(" panic=0 quiet"), "{line}");
        assert!(!line.contains("  ") && !line.contains("tsc"), "{line}");
    }

    #[test]
    fn counting_is_complete() {
        let machine = machine(Mode::Icount, "");
        let arguments = arguments(&machine);
        let options = "-accel tcg,thread=single -icount shift=0,sleep=off \
            -rtc base=2026-01-01T00:00:00,clock=vm -seed 1 -cpu max,-erms";
        assert!(arguments.contains(options), "{arguments}");
        assert!(machine.kernel_line().ends_with(
            "tsc_early_khz=1000000 tsc=reliable clocksource=tsc nokaslr norandmaps \
             randomize_kstack_offset=off"
        ));
    }

    #[test]
    fn commas_are_doubled() {
        let arguments = arguments(&machine(Mode::Normal, ""));
        assert!(arguments.contains("path=a,,b.log,append=on"), "{arguments}");
    }
}
