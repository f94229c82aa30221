// SPDX-License-Identifier: GPL-2.0
//! Measures all contenders, and prints a row for each operation.

use clap::Parser;
use sleeptimer::Kind;
#[cfg(feature = "bpf")]
use sleeptimer_bench::contenders::bpf::{self, Bpf};
use sleeptimer_bench::{
    contenders::{
        delay_queue::Queue,
        floor::{self, Floor},
        io_uring::IoUringTimeouts,
        posix::PosixTimers,
        sleeptimer::{Calls, Events, Sleeptimer},
        timerfd::TimerFds,
        wheel::Wheel,
    },
    driver::{measure_memory, Driver, BATCH, MANY},
    row::Row,
    slots::{Limits, Room, Slots},
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

/// Room for so many expirations is enough where memory is measured.
const FEW: u32 = 4096;

/// A contender that is yet to be made.
struct Entry {
    name: &'static str,
    limits: Limits,
    make: fn(Room) -> Outcome<Box<dyn Slots>>,
}

const ENTRIES: &[Entry] = &[
    Entry {
        name: "floor, hrtimer",
        limits: TIMERS,
        make: |room| floor(floor::Kind::Hrtimer, room),
    },
    Entry {
        name: "floor, llist",
        limits: SLEEPABLE,
        make: |room| floor(floor::Kind::Llist, room),
    },
    Entry {
        name: "floor, delayed_work",
        limits: Limits {
            is_coarse: true,
            ..SLEEPABLE
        },
        make: |room| floor(floor::Kind::DelayedWork, room),
    },
    Entry {
        name: "sleeptimer, SUBMIT",
        limits: TIMERS,
        make: |room| ours(Kind::Timer, Calls::Batches, Events::Ring, room),
    },
    Entry {
        name: "sleeptimer, ioctl",
        limits: TIMERS,
        make: |room| ours(Kind::Timer, Calls::Single, Events::Read, room),
    },
    Entry {
        name: "sleeptimer delayed_wq, SUBMIT",
        limits: SLEEPABLE,
        make: |room| ours(Kind::HighresDelayedWq, Calls::Batches, Events::Ring, room),
    },
    Entry {
        name: "sleeptimer wq, SUBMIT",
        limits: WORK,
        make: |room| ours(Kind::Wq, Calls::Batches, Events::Ring, room),
    },
    Entry {
        name: "timerfd",
        limits: TIMERS,
        make: |room| Ok(Box::new(TimerFds::new(room.slots)?)),
    },
    Entry {
        name: "POSIX timer",
        limits: Limits {
            operations: Some(1280),
            ..TIMERS
        },
        make: |room| Ok(Box::new(PosixTimers::new(room.slots)?)),
    },
    Entry {
        name: "io_uring timeout",
        limits: Limits {
            arms_when_created: true,
            operations: Some(128),
            ..TIMERS
        },
        make: |room| Ok(Box::new(IoUringTimeouts::new(room.expirations)?)),
    },
    Entry {
        name: "wheel, DelayQueue",
        limits: WHEEL,
        make: |room| Ok(Box::new(Queue::new(room.slots)?)),
    },
    Entry {
        name: "wheel, hash wheel",
        limits: WHEEL,
        make: |_| Ok(Box::new(Wheel::new())),
    },
    #[cfg(feature = "bpf")]
    Entry {
        name: "bpf_timer, array",
        limits: TIMERS,
        make: |room| Ok(Box::new(Bpf::new(bpf::Kind::TimerArray, room.slots)?)),
    },
    #[cfg(feature = "bpf")]
    Entry {
        name: "bpf_timer, hash",
        limits: TIMERS,
        make: |room| Ok(Box::new(Bpf::new(bpf::Kind::TimerHash, room.slots)?)),
    },
    #[cfg(feature = "bpf")]
    Entry {
        name: "bpf_wq, array",
        limits: WORK,
        make: |room| Ok(Box::new(Bpf::new(bpf::Kind::WqArray, room.slots)?)),
    },
];

const TIMERS: Limits = Limits {
    arms_when_created: false,
    is_sleepable: false,
    is_coarse: false,
    has_no_time: false,
    operations: None,
};

const SLEEPABLE: Limits = Limits {
    is_sleepable: true,
    ..TIMERS
};

const WHEEL: Limits = Limits {
    arms_when_created: true,
    is_coarse: true,
    ..TIMERS
};

const WORK: Limits = Limits {
    has_no_time: true,
    ..SLEEPABLE
};

fn ours(kind: Kind, calls: Calls, events: Events, room: Room) -> Outcome<Box<dyn Slots>> {
    Ok(Box::new(Sleeptimer::new(kind, calls, events, room)?))
}

fn floor(kind: floor::Kind, room: Room) -> Outcome<Box<dyn Slots>> {
    Ok(Box::new(Floor::new(kind, room.slots)?))
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
            if live >= MANY {
                let room = Room {
                    slots: live,
                    expirations: live.min(FEW),
                    has_frees: false,
                };
                measure_memory(|| (entry.make)(room), entry.limits, live, &mut report)?;
            }
            let mut slots = (entry.make)(Room::for_all(live + BATCH))?;
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
