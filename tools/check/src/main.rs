// SPDX-License-Identifier: GPL-2.0
//! `make check`: everything that has to hold before a change is good, and one line that counts it.
//!
//! Exit status: 0 if all passed, 1 if something failed, 2 for a wrong command line.

mod ktap;
mod libtest;
mod mutants;
mod plan;
mod seeded;
mod step;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};

/// Checks the whole project: style, lints, builds, tests on the host and tests in virtual machines.
#[derive(Parser)]
struct Arguments {
    /// The checkout.
    #[arg(long, default_value = ".")]
    tree: PathBuf,
    /// Kernel series to build for and to boot.
    #[arg(
        long,
        env = "SLEEPTIMER_SERIES",
        value_delimiter = ' ',
        default_value = "7.3 7.2"
    )]
    series: Vec<String>,
    /// In which kernels to run the selftests. Debug kernels are built first.
    #[arg(long, value_enum, default_value_t = Kernels::Stock)]
    kernels: Kernels,
    /// Which debug kernels.
    #[arg(long, value_delimiter = ',', default_value = "kasan,kcsan")]
    flavours: Vec<String>,
    /// Put faults into the module instead, one at a time, and expect the selftests to find each.
    #[arg(long)]
    mutants: bool,
    /// Run only the steps whose names contain this.
    #[arg(long)]
    only: Option<String>,
    /// List the steps and run none.
    #[arg(long)]
    list: bool,
}

/// Kinds of kernels.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kernels {
    /// Debian's, and all checks that need none.
    Stock,
    /// Those with KASAN, lockdep, KCSAN and the like, and nothing else.
    Debug,
    /// Both.
    All,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let tree = arguments.tree.canonicalize()?;
    let mut steps = Vec::new();
    if arguments.mutants {
        steps.extend(plan::mutants(&tree));
    } else if arguments.kernels != Kernels::Debug {
        steps.extend(plan::steps(&tree, &arguments.series));
    }
    if arguments.kernels != Kernels::Stock && !arguments.mutants {
        steps.extend(plan::debug_steps(&tree, &arguments.flavours));
    }
    if arguments.kernels == Kernels::Debug && !arguments.mutants {
        steps.extend(plan::long_steps(&tree, &arguments.flavours));
    }
    if let Some(only) = &arguments.only {
        steps.retain(|step| step.name.contains(only.as_str()));
        anyhow::ensure!(
            !steps.is_empty(),
            "no step has {only:?} in its name: see --list"
        );
    }
    if arguments.list {
        for step in &steps {
            println!("{}", step.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let total = step::run_all(steps, &tree.join("build/check"))?;
    for (fault, by) in &total.found {
        println!("{fault:<56} {by}");
    }
    for failure in &total.failures {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed", total.passed, total.failures.len());
    Ok(if total.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
