// SPDX-License-Identifier: GPL-2.0
//! Two calls that meet at a chosen moment.
//!
//! The first is made on one CPU at a time that both agree on, the second on another so much later, by
//! a thread that sleeps until then: an interrupt ends the sleep. A machine that counts instructions
//! (`tools/vm --mode icount`) runs one CPU at a time, up to the next interrupt, and then begins with
//! CPU 0: so the first call is stopped at whatever instruction it has come to, and the second is
//! made. Therefore that is the one on CPU 0.

use crate::{now, ok, skip};
use nix::{
    sched::{sched_setaffinity, CpuSet},
    unistd::Pid,
};
use sleeptimer::{Cpu, Expiry, Map, Start, Timer};
use std::{
    collections::BTreeMap,
    fmt::{self, Debug, Display},
    sync::atomic::{AtomicU64, Ordering},
    thread::scope,
    time::Duration,
};

/// Where the first call is made.
pub const FIRST_CPU: u32 = 1;
/// Where the second call is made.
pub const SECOND_CPU: u32 = 0;

/// How far ahead calls are appointed: long enough for the thread to sleep by then.
const LEAD: u64 = 60_000;

/// The time of `CLOCK_MONOTONIC`, in ns.
pub fn now_ns() -> u64 {
    now(libc::CLOCK_MONOTONIC).as_nanos() as u64
}

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// How many rounds each race is run for, at least.
pub fn rounds() -> u64 {
    setting("RACE_ROUNDS", 20)
}

/// Has the calling thread stay on a CPU, and sleep no longer than asked.
pub fn pin(cpu: u32) -> Result<(), String> {
    // SAFETY: This takes no memory of ours.
    if unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) } < 2 {
        skip("it takes two CPUs")?;
    }
    let mut cpus = CpuSet::new();
    ok!(cpus.set(cpu as usize));
    ok!(sched_setaffinity(Pid::from_raw(0), &cpus));
    // SAFETY: This takes no memory of ours.
    let result = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
    if result == 0 {
        Ok(())
    } else {
        Err(format!("prctl: {}", std::io::Error::last_os_error()))
    }
}

/// Sleeps until a time of `CLOCK_MONOTONIC`, in ns.
fn sleep_until(time: u64) {
    let time = libc::timespec {
        tv_sec: (time / 1_000_000_000) as libc::time_t,
        tv_nsec: (time % 1_000_000_000) as libc::c_long,
    };
    // SAFETY: The structure outlives the call. Without a place for it, nothing is left over.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &time,
            std::ptr::null_mut(),
        )
    };
}

/// Spins until a time of `CLOCK_MONOTONIC`, in ns.
pub fn spin_until(time: u64) {
    while now_ns() < time {}
}

/// The time at which the next call is appointed.
fn appointment() -> u64 {
    now_ns() + LEAD
}

/// Arms a timer for a CPU, `offset` ns after the time that this returns: the call that it is to meet is
/// appointed for that.
pub fn appoint_expiry(map: &Map, timer: Timer, cpu: u32, offset: i64) -> Result<u64, String> {
    let time = appointment();
    let expiry = time.saturating_add_signed(offset);
    let start = Start {
        expiry: Expiry::At(Duration::from_nanos(expiry)),
        cpu: Cpu::Number(cpu),
        ..Start::default()
    };
    ok!(map.start_with(timer, &start));
    Ok(time)
}

/// Makes the first call here, on [`FIRST_CPU`], where the caller is already, and the second on
/// [`SECOND_CPU`], `offset` ns later or earlier.
pub fn meet<A, B: Send>(
    offset: i64,
    first: impl FnOnce() -> A,
    second: impl FnOnce() -> B + Send,
) -> Result<(A, B), String> {
    let appointed = AtomicU64::new(0);
    scope(|threads| {
        let thread = threads.spawn(|| {
            pin(SECOND_CPU)?;
            let time = appointment();
            appointed.store(time, Ordering::Release);
            sleep_until(time.saturating_add_signed(offset));
            Ok(second())
        });
        let time = loop {
            match appointed.load(Ordering::Acquire) {
                0 if thread.is_finished() => break 0,
                0 => std::hint::spin_loop(),
                time => break time,
            }
        };
        spin_until(time);
        let first = first();
        let second: Result<B, String> = thread.join().map_err(|_| "a thread died")?;
        Ok((first, second?))
    })
}

/// How often each outcome was seen.
pub struct Tally<T>(BTreeMap<T, u64>);

impl<T: Ord> Default for Tally<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Tally<T> {
    /// Counts an outcome.
    pub fn add(&mut self, outcome: T) {
        *self.0.entry(outcome).or_default() += 1;
    }

    /// How many outcomes were seen that differ.
    pub fn sorts(&self) -> usize {
        self.0.len()
    }

    /// What to say of a race at random moments whose sides have not both won. That is no failure: how
    /// often they do is up to the machine.
    pub fn verdict(&self) -> &'static str {
        if self.sorts() > 1 {
            ""
        } else {
            "; one side has always won"
        }
    }

    /// How many outcomes were counted.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl<T: Debug> Display for Tally<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (outcome, count)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(formatter, "{comma}{outcome:?} {count}")?;
        }
        Ok(())
    }
}
