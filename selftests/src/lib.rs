// SPDX-License-Identifier: GPL-2.0
//! What the selftests share: KTAP output and checks that say what they saw.
//!
//! Each program under `bin/` tests one class of behaviour, prints KTAP and exits with 0 for a pass,
//! 1 for a failure and 4 for a skip, as kselftests do.

pub mod blocked;
pub mod busy;
pub mod cgroup;
pub mod child;
pub mod closing;
pub mod counters;
pub mod duel;
pub mod faults;
pub mod kmemleak;
mod ktap;
pub mod kunit;
pub mod module;
pub mod numbers;
pub mod orders;
pub mod pages;
pub mod race;
pub mod raw;
pub mod reference;
pub mod soak;

pub use ktap::{run, skip, skip_all, Outcome, Test};

use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags, PollTimeout},
};
use sleeptimer::{Clock, Event, Kind, Map, Program, Sizes, Step, Timer};
use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

/// How much later than asked something may happen before a test calls it a failure. It tells what is late
/// from what never comes: an emulated machine that shares its processor, with a kernel full of checkers, has
/// needed ten seconds for what takes one.
pub const TOLERANCE: Duration = Duration::from_millis(TOLERANCE_MS as u64);

/// The same in ms, for `poll()`.
pub const TOLERANCE_MS: u16 = 60_000;

/// All kinds of timers.
pub const KINDS: [Kind; 5] = [
    Kind::Timer,
    Kind::SleepableTimer,
    Kind::Wq,
    Kind::DelayedWq,
    Kind::HighresDelayedWq,
];

/// Names a list of test functions for [`run`].
#[macro_export]
macro_rules! tests {
    ($($test:ident),* $(,)?) => { &[$((stringify!($test), $test as fn() -> $crate::Outcome)),*] };
}

/// Fails the test unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr $(, $($why:tt)+)?) => {
        if !$condition {
            return Err(format!("line {}: not {}{}", line!(), stringify!($condition),
                String::new() $( + ": " + &format!($($why)+))?));
        }
    };
}

/// Fails the test unless both are equal.
#[macro_export]
macro_rules! check_eq {
    ($seen:expr, $wanted:expr) => {{
        let (seen, wanted) = ($seen, $wanted);
        if seen != wanted {
            return Err(format!(
                "line {}: {} is {seen:?}, not {wanted:?}",
                line!(),
                stringify!($seen)
            ));
        }
    }};
}

/// The value of a call that should succeed.
#[macro_export]
macro_rules! ok {
    ($call:expr) => {
        match $call {
            Ok(value) => value,
            Err(error) => return Err(format!("line {}: {error}", line!())),
        }
    };
}

/// Fails the test unless the call fails with this error number.
#[macro_export]
macro_rules! check_errno {
    ($call:expr, $errno:expr) => {
        match $crate::errno_of($call) {
            Err(errno) if errno == $errno => {}
            other => {
                return Err(format!(
                    "line {}: {} is {other:?}, not {}",
                    line!(),
                    stringify!($call),
                    $errno
                ))
            }
        }
    };
}

/// The result of a call, with its error as a number.
pub fn errno_of<T>(result: Result<T, impl Into<Errno>>) -> Result<T, Errno> {
    result.map_err(Into::into)
}

/// A map of the default sizes, whose reads do not wait.
pub fn map() -> Result<Map, String> {
    Map::open_nonblocking(Sizes::default()).map_err(|error| error.to_string())
}

/// A program and a timer that is bound to it.
pub fn bound_timer(map: &Map, kind: Kind, steps: &[Step]) -> Result<Timer, String> {
    bound_timer_of(map, kind, steps, Clock::Monotonic).map_err(|error| error.to_string())
}

/// Like [`bound_timer`], on a clock.
pub fn bound_timer_of(
    map: &Map,
    kind: Kind,
    steps: &[Step],
    clock: Clock,
) -> sleeptimer::Result<Timer> {
    let program: Program = map.program(steps)?;
    let timer = map.timer(kind, clock, 0)?;
    map.set_callback(timer, program)?;
    Ok(timer)
}

/// Reads events until `most` came or `time` is over.
pub fn events_within(map: &Map, most: usize, time: Duration) -> Result<Vec<Event>, String> {
    let end = Instant::now() + time;
    let mut events = Vec::new();
    while events.len() < most && Instant::now() < end {
        match map.read((most - events.len()).min(1024)) {
            Ok(some) => events.extend(some),
            Err(error) if error.errno == Errno::EAGAIN => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(events)
}

/// Waits until there is an event to read, for as long as `time`.
pub fn wait_for_events(map: &Map, time: Duration) -> nix::Result<bool> {
    let mut files = [PollFd::new(map.as_fd(), PollFlags::POLLIN)];
    let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut files, time)? == 1)
}

/// Reads exactly `number` events, or fails.
pub fn expect_events(map: &Map, number: usize) -> Result<Vec<Event>, String> {
    let events = events_within(map, number, TOLERANCE)?;
    if events.len() == number {
        Ok(events)
    } else {
        Err(format!("{} events came, not {number}", events.len()))
    }
}

/// Fails if any event comes within `time`.
pub fn expect_silence(map: &Map, time: Duration) -> Outcome {
    let events = events_within(map, 1, time)?;
    if events.is_empty() {
        Ok(())
    } else {
        Err(format!("{events:?} came, where none should"))
    }
}

/// Waits until a timer is neither armed nor running.
pub fn settle(map: &Map, timer: Timer) -> Outcome {
    let end = Instant::now() + TOLERANCE;
    loop {
        let state = ok!(map.query(timer)).state;
        if !state.armed && !state.running {
            return Ok(());
        }
        check!(Instant::now() < end, "{state:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The time of a clock.
pub fn now(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: The structure outlives the call.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(result, 0, "clock_gettime({clock})");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
