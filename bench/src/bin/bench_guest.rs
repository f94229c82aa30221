// SPDX-License-Identifier: GPL-2.0
//! Measures all contenders, and prints a row for each operation.

use clap::Parser;
use sleeptimer::Kind;
use sleeptimer_bench::{
    contenders::{
        io_uring::IoUringTimeouts,
        posix::PosixTimers,
        sleeptimer::{Calls, Events, Sleeptimer},
        timerfd::TimerFds,
    },
    driver::{Driver, BATCH},
    row::Row,
    slots::{Limits, Slots},
    Outcome,
};
use std::{process::ExitCode, thread::sleep, time::Duration};

/// Measures what operations on timers cost.
#[derive(Parser)]
struct Arguments {
    /// How many timers are armed
    #[arg(long, value_delimiter = ',', default_value = "1,1000,100000,1000000")]
    live: Vec<u32>,
    /// How often each operation is measured
    #[arg(long, default_value_t = 12_800)]
    operations: u64,
    /// Only contenders with this in their names
    #[arg(long)]
    only: Option<String>,
}

/// A contender that is yet to be made, with room for so many timers.
struct Entry {
    name: &'static str,
    limits: Limits,
    make: fn(u32) -> Outcome<Box<dyn Slots>>,
}

const ENTRIES: &[Entry] = &[
    Entry {
        name: "sleeptimer, SUBMIT",
        limits: TIMERS,
        make: |slots| ours(Kind::Timer, Calls::Batches, Events::Ring, slots),
    },
    Entry {
        name: "sleeptimer, ioctl",
        limits: TIMERS,
        make: |slots| ours(Kind::Timer, Calls::Single, Events::Read, slots),
    },
    Entry {
        name: "sleeptimer delayed_wq, SUBMIT",
        limits: SLEEPABLE,
        make: |slots| ours(Kind::HighresDelayedWq, Calls::Batches, Events::Ring, slots),
    },
    Entry {
        name: "timerfd",
        limits: TIMERS,
        make: |slots| Ok(Box::new(TimerFds::new(slots)?)),
    },
    Entry {
        name: "POSIX timer",
        limits: Limits {
            operations: Some(1280),
            ..TIMERS
        },
        make: |slots| Ok(Box::new(PosixTimers::new(slots)?)),
    },
    Entry {
        name: "io_uring timeout",
        limits: Limits {
            arms_when_created: true,
            operations: Some(128),
            ..TIMERS
        },
        make: |slots| Ok(Box::new(IoUringTimeouts::new(slots)?)),
    },
];

const TIMERS: Limits = Limits {
    arms_when_created: false,
    is_sleepable: false,
    operations: None,
};

const SLEEPABLE: Limits = Limits {
    is_sleepable: true,
    ..TIMERS
};

fn ours(kind: Kind, calls: Calls, events: Events, slots: u32) -> Outcome<Box<dyn Slots>> {
    Ok(Box::new(Sleeptimer::new(kind, calls, events, slots)?))
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench_guest: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome {
    // The clock settles.
    sleep(Duration::from_secs(3));
    let is_wanted = |entry: &&Entry| match &arguments.only {
        Some(part) => entry.name.contains(part.as_str()),
        None => true,
    };
    let mut report = |row: &Row| {
        println!("{}", row.to_line().map_err(|error| error.to_string())?);
        Ok(())
    };
    for &live in &arguments.live {
        for entry in ENTRIES.iter().filter(is_wanted) {
            eprintln!("{live} timers of {}", entry.name);
            let mut slots = (entry.make)(live + BATCH)?;
            Driver::run(
                &mut *slots,
                entry.limits,
                live,
                arguments.operations,
                &mut report,
            )?;
        }
    }
    Ok(())
}
