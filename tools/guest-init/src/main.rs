// SPDX-License-Identifier: GPL-2.0

//! Process 1 of the virtual machines that the tests run in.
//!
//! It mounts the kernel's file systems, loads the modules of its [plan](guest_init::plan), runs
//! one command with its output on a virtio serial port, kills whatever the command leaves behind,
//! [reports](guest_init::report) on another port and powers the machine off.
//!
//! It is linked statically and stands alone in its initramfs; busybox is needed for the
//! interactive shell only.

mod modules;
mod mounts;
mod ports;
mod processes;
mod shell;
mod system;
mod task;

use std::fs;
use std::process::exit;
use std::thread;

use anyhow::{Context, Result};
use guest_init::plan::{Plan, Task};
use guest_init::report::{Outcome, Report};
use guest_init::{OUTPUT_PORT, PLAN_PATH, STATUS_PORT};

use ports::Port;
use task::Ended;

fn main() {
    if std::process::id() != 1 {
        eprintln!("guest-init is process 1 of a virtual machine and cannot run elsewhere");
        exit(1);
    }
    if let Err(error) = run() {
        eprintln!("guest-init: {error:#}");
    }
    system::power_off();
}

/// The life of the guest, from the first mount to the host's acknowledgement of the report.
fn run() -> Result<()> {
    mounts::mount_all()?;
    let mut status = Port::open(STATUS_PORT)?;
    let ended = work().unwrap_or_else(|error| Ended {
        outcome: Outcome::Failed(format!("{error:#}")),
        output: 0,
    });
    let report = Report {
        outcome: ended.outcome,
        output: ended.output,
        tainted: system::tainted()?,
        lockdep: system::lockdep(),
    };
    status.report(&report)
}

/// Does what the plan says.
fn work() -> Result<Ended> {
    system::set_up()?;
    let bytes = fs::read(PLAN_PATH).with_context(|| format!("cannot read {PLAN_PATH}"))?;
    let plan = Plan::decode(&bytes)?;
    modules::load_all(&plan.modules)?;
    thread::sleep(plan.settle);
    match plan.task {
        Task::Command(arguments) => task::run(&arguments, Port::open(OUTPUT_PORT)?),
        Task::Shell {
            size,
            term,
            greeting,
        } => shell::run(size, &term, &greeting),
    }
}
