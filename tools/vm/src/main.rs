// SPDX-License-Identifier: GPL-2.0

//! Runs a command, or a shell, in a virtual machine with a stock kernel.
//!
//! A run has passed only if process 1 of the guest has said so on a port of its own, all output
//! has arrived, the kernel has logged no error and is not tainted, and the guest has powered off:
//! neither a hang nor a panic nor the loss of the console can read as a success.

mod accel;
mod cli;
mod guest;
mod initramfs;
mod kernel;
mod klog;
mod log;
mod program;
mod qemu;
mod run;
mod session;
mod terminal;
mod verdict;

use std::process::ExitCode;

use clap::Parser;

use cli::{Action, Cli};
use verdict::CANNOT_RUN;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // There is nowhere to report a failure to report.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { CANNOT_RUN } else { 0 });
        }
    };
    let status = match &cli.action {
        Action::Run(args) => run::run(args),
        Action::Shell(args) => run::shell(args),
    };
    ExitCode::from(status.unwrap_or_else(|error| {
        eprintln!("vm: {error:#}");
        CANNOT_RUN
    }))
}
