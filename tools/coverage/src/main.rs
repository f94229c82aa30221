// SPDX-License-Identifier: GPL-2.0-only

//! Tells which lines of the module a run of the selftests has reached.
//!
//! The module is built to count what it executes, `collector.ko` adds the counters up in the guest,
//! and `run_selftests` prints the sums. Here they become a profile, which LLVM's tools read.

#![deny(unsafe_code)]

mod collect;
mod profile;
mod report;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Run a command that runs selftests in a guest, show what it prints, and save the counters;
    /// ends as the command does
    Collect {
        /// The module that ran in the guest
        #[arg(long, value_name = "FILE.ko")]
        module: PathBuf,
        /// Where to write the raw profile
        #[arg(long, value_name = "FILE")]
        profile: PathBuf,
        /// The command, and its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Tell what a raw profile says, with LLVM's tools; and write it to files, too
    Report {
        /// The module that ran in the guest
        #[arg(long, value_name = "FILE.ko")]
        module: PathBuf,
        /// The raw profile
        #[arg(long, value_name = "FILE")]
        profile: PathBuf,
        /// The module's sources
        #[arg(long, value_name = "DIR")]
        sources: PathBuf,
        /// A text that names the functions of which it says why a part is not reached
        #[arg(long, value_name = "FILE")]
        reasons: PathBuf,
        /// Where to write report.txt, lcov.info and html/index.html
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().action {
        Action::Collect {
            module,
            profile,
            command,
        } => collect::collect(&module, &profile, &command).map(ExitCode::from),
        Action::Report {
            module,
            profile,
            sources,
            reasons,
            output,
        } => {
            report::report(&module, &profile, &sources, &reasons, &output)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
