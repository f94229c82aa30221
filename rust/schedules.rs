// SPDX-License-Identifier: GPL-2.0

//! The virtual schedules by which periodic timers are [throttled](crate::throttle), one a CPU.

#![deny(unsafe_code)]

use crate::throttle::{self, Cost};
use kernel::{
    cpu::{nr_cpu_ids, CpuId},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    time::{ClockSource, Monotonic},
};

/// The schedule of one CPU, alone in its cache line. Only the softirq of that CPU uses it, which does
/// not nest.
#[repr(align(64))]
struct Schedule {
    /// The next arrival, in ns of `CLOCK_MONOTONIC`.
    next: Atomic<u64>,
    /// A [`Cost`].
    cost: Atomic<u64>,
}

/// The schedules of all CPUs.
pub(crate) struct Schedules {
    cpus: KVec<Schedule>,
}

impl Schedules {
    /// May sleep.
    pub(crate) fn new() -> Result<Self> {
        let number = nr_cpu_ids() as usize;
        let mut cpus = KVec::with_capacity(number, GFP_KERNEL)?;
        for _ in 0..number {
            cpus.push_within_capacity(Schedule {
                next: Atomic::new(0),
                cost: Atomic::new(Cost::default().bits()),
            })?;
        }
        Ok(Self { cpus })
    }

    /// Notes that a periodic timer, one of at most so many, has expired on this CPU, and returns for
    /// how many ns it has to keep quiet, and its turn, which is over when it has been served. Called in
    /// softirq.
    pub(crate) fn arrive(&self, timers: u64) -> (u64, Option<Turn<'_>>) {
        let Some(schedule) = self.cpus.get(CpuId::current().as_u32() as usize) else {
            return (0, None);
        };
        let begin = now();
        let interval = Cost::from_bits(schedule.cost.load(Relaxed)).interval();
        let (next, quiet) = throttle::arrive(schedule.next.load(Relaxed), begin, timers, interval);
        schedule.next.store(next, Relaxed);
        (quiet, Some(Turn { schedule, begin }))
    }
}

/// A periodic timer is served: how long that takes counts, up to the drop of this.
pub(crate) struct Turn<'a> {
    schedule: &'a Schedule,
    begin: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let took = now().saturating_sub(self.begin);
        let cost = Cost::from_bits(self.schedule.cost.load(Relaxed)).with(took);
        self.schedule.cost.store(cost.bits(), Relaxed);
    }
}

/// The time of `CLOCK_MONOTONIC`, in ns.
fn now() -> u64 {
    <Monotonic as ClockSource>::ktime_get()
        .max(0)
        .unsigned_abs()
}
