// SPDX-License-Identifier: GPL-2.0

//! The virtual schedules by which periodic timers are [throttled](crate::throttle), one a CPU.

#![deny(unsafe_code)]

use crate::throttle;
use kernel::{
    cpu::{nr_cpu_ids, CpuId},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    time::{ClockSource, Monotonic},
};

/// The schedule of one CPU, alone in its cache line: the next arrival, in ns of `CLOCK_MONOTONIC`.
#[repr(align(64))]
struct Schedule(Atomic<u64>);

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
            cpus.push_within_capacity(Schedule(Atomic::new(0)))?;
        }
        Ok(Self { cpus })
    }

    /// Notes that a periodic timer, one of at most so many, has expired on this CPU, and returns for
    /// how many ns it has to keep quiet. Called in softirq, which does not nest: nobody else writes
    /// the schedule.
    pub(crate) fn arrive(&self, timers: u64) -> u64 {
        let Some(schedule) = self.cpus.get(CpuId::current().as_u32() as usize) else {
            return 0;
        };
        let now = <Monotonic as ClockSource>::ktime_get()
            .max(0)
            .unsigned_abs();
        let (next, quiet) = throttle::arrive(schedule.0.load(Relaxed), now, timers);
        schedule.0.store(next, Relaxed);
        quiet
    }
}
