// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{bail, Error, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_STATUS: &str = "\
Exit status:
  that of the command, 128+N if signal N ended it, 127 if it cannot be executed
  124  the time limit was reached
  125  the guest failed: its kernel logged an error or is tainted, or it ended without a report
  126  the machine could not be run
  128+N  signal N interrupted vm

Whatever vm itself has to say goes to its standard error and starts with `vm: `.";

/// Runs a command, or a shell, in a virtual machine with a stock kernel and modules of your own.
#[derive(Debug, Parser)]
#[command(name = "vm", version, after_help = EXIT_STATUS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Runs a command in the guest, with its output on standard output
    #[command(after_help = EXIT_STATUS)]
    Run(RunArgs),
    /// Runs an interactive busybox shell in the guest
    #[command(after_help = EXIT_STATUS)]
    Shell(MachineArgs),
}

/// The arguments of `vm run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The machine.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECS", default_value_t = 120)]
    pub timeout: u64,
    /// Include the root's busybox, with a link for each of its applets
    #[arg(long)]
    pub busybox: bool,
    /// The command, as found in the guest's PATH, and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// The arguments that describe a machine.
#[derive(Debug, Args)]
pub struct MachineArgs {
    /// Directory tree to take kernels and programs from
    #[arg(long, env = "SLEEPTIMER_ROOT", value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Boot the newest cloud kernel of this series in the root
    #[arg(long, default_value = "7.3")]
    pub series: String,
    /// Boot this kernel image
    #[arg(long, value_name = "FILE", conflicts_with = "series")]
    pub kernel: Option<PathBuf>,
    /// Load this kernel module at boot, with these parameters; may be repeated
    #[arg(long = "module", value_name = "FILE.ko[:PARAM=VALUE ...]")]
    pub modules: Vec<ModuleArg>,
    /// Copy this file or directory into the guest [default DST: /bin/NAME if executable, else
    /// /NAME]; may be repeated
    #[arg(long = "file", value_name = "SRC[:DST]")]
    pub files: Vec<FileArg>,
    /// Include this program of the root's /usr/bin, with the libraries it is linked with; may be
    /// repeated
    #[arg(long = "program", value_name = "NAME")]
    pub programs: Vec<String>,
    /// Number of processors
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub smp: u32,
    /// Memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub memory: u32,
    /// How time passes in the guest
    #[arg(long, value_enum, default_value_t = Mode::Normal)]
    pub mode: Mode,
    /// How QEMU executes the guest
    #[arg(long, env = "ACCEL", value_enum, default_value_t = Accel::Auto)]
    pub accel: Accel,
    /// Add to the kernel command line
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub append: Option<String>,
    /// Write the console log to this file [default: build/vm/NAME.log]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// The QEMU program
    #[arg(
        long,
        env = "QEMU",
        value_name = "PATH",
        default_value = "qemu-system-x86_64"
    )]
    pub qemu: PathBuf,
    /// The guest's process 1 [default: guest-init beside vm]
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
}

/// How time passes in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// As on the host
    Normal,
    /// One nanosecond an instruction: every boot repeats the one before
    Icount,
}

/// How QEMU executes the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accel {
    /// By KVM if this host's processor and /dev/kvm allow it, else by TCG
    Auto,
    /// In hardware
    Kvm,
    /// By translation, one processor at a time
    Tcg,
    /// By translation, processors in parallel; before QEMU 8.1 that fails now and then
    // A processor may there still execute a breakpoint by which the kernel had patched its code,
    // after the kernel has removed it: `Oops: int3`, or a hang, about once in thirty boots.
    TcgThreads,
}

/// A kernel module to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleArg {
    /// Its file on the host.
    pub file: PathBuf,
    /// Its parameters, separated by spaces.
    pub parameters: String,
}

/// A file or directory to copy into the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileArg {
    /// Its path on the host.
    pub source: PathBuf,
    /// Its path in the guest.
    pub destination: Option<String>,
}

impl FromStr for ModuleArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (file, parameters) = text.split_once(':').unwrap_or((text, ""));
        if file.is_empty() {
            bail!("no module file");
        }
        Ok(Self {
            file: file.into(),
            parameters: parameters.to_owned(),
        })
    }
}

impl FromStr for FileArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (source, destination) = match text.split_once(':') {
            Some((source, destination)) => (source, Some(destination)),
            None => (text, None),
        };
        if source.is_empty() {
            bail!("no source file");
        }
        if destination.is_some_and(|path| !path.starts_with('/')) {
            bail!("the destination has to start with `/`");
        }
        Ok(Self {
            source: source.into(),
            destination: destination.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn modules_have_parameters() {
        let module: ModuleArg = "a/b.ko:x=1 y=2:3".parse().unwrap();
        assert_eq!(module.file, PathBuf::from("a/b.ko"));
        assert_eq!(module.parameters, "x=1 y=2:3");
        let module: ModuleArg = "b.ko".parse().unwrap();
        assert_eq!(module.parameters, "");
        assert!(":x=1".parse::<ModuleArg>().is_err());
    }

    #[test]
    fn files_have_destinations() {
        let file: FileArg = "a/b:/c".parse().unwrap();
        assert_eq!(file.source, PathBuf::from("a/b"));
        assert_eq!(file.destination.as_deref(), Some("/c"));
        assert_eq!("a/b".parse::<FileArg>().unwrap().destination, None);
        assert!("a/b:c".parse::<FileArg>().is_err());
        assert!(":/c".parse::<FileArg>().is_err());
    }

    #[test]
    fn the_command_follows_two_dashes() {
        let cli = Cli::try_parse_from(["vm", "run", "--smp", "1", "--", "ls", "--smp", "7"]);
        let Action::Run(run) = cli.unwrap().action else {
            panic!("not a run");
        };
        assert_eq!(run.command, ["ls", "--smp", "7"]);
        assert_eq!(run.machine.smp, 1);
        assert!(Cli::try_parse_from(["vm", "run"]).is_err());
    }
}
