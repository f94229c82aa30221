// SPDX-License-Identifier: GPL-2.0
//! The last close of a map meets the expiry, and calls that have the file still.

use fastrand::Rng;
use sleeptimer::Kind;
use sleeptimer_selftests::{
    check_eq,
    closing::{close_and_expire, counted, counting},
    ok,
    race::{meet, pin, rounds, Tally, FIRST_CPU, SECOND_CPU},
    raw::request,
    tests, Outcome, KINDS,
};
use sleeptimer_sys as sys;
use std::{
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    time::Duration,
};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_close_meets_the_expiry,
        a_close_meets_a_start,
        a_close_meets_a_cancel,
        a_close_meets_a_free,
    ])
}

fn a_close_meets_the_expiry() -> Outcome {
    pin(FIRST_CPU)?;
    let mut random = Rng::with_seed(1);
    for (kind, cpu) in [
        (Kind::Timer, FIRST_CPU),
        (Kind::Timer, SECOND_CPU),
        (Kind::HighresDelayedWq, SECOND_CPU),
    ] {
        let mut seen = Tally::default();
        while seen.total() < rounds() || (seen.sorts() < 2 && seen.total() < 20 * rounds()) {
            let offset = random.i64(-50_000..150_000);
            seen.add(close_and_expire(kind, cpu, offset)?);
        }
        println!("# {kind:?}, CPU {cpu}: {seen}{}", seen.verdict());
    }
    Ok(())
}

/// The number of the request that starts a timer, and of the one that cancels it.
fn requests(kind: Kind) -> (u32, u32) {
    match kind {
        Kind::Timer | Kind::SleepableTimer => (
            sys::SLEEPTIMER_IOC_TIMER_START,
            sys::SLEEPTIMER_IOC_TIMER_CANCEL,
        ),
        Kind::Wq => (sys::SLEEPTIMER_IOC_WQ_START, sys::SLEEPTIMER_IOC_WQ_CANCEL),
        Kind::DelayedWq | Kind::HighresDelayedWq => (
            sys::SLEEPTIMER_IOC_DELAYED_WQ_START,
            sys::SLEEPTIMER_IOC_DELAYED_WQ_CANCEL,
        ),
    }
}

fn a_close_meets_a_start() -> Outcome {
    race(|kind| requests(kind).0, &KINDS, false)
}

fn a_close_meets_a_cancel() -> Outcome {
    let kinds = [Kind::Timer, Kind::DelayedWq, Kind::HighresDelayedWq];
    race(|kind| requests(kind).1, &kinds, true)
}

fn a_close_meets_a_free() -> Outcome {
    race(|_| sys::SLEEPTIMER_IOC_FREE, &KINDS, false)
}

/// Closes a map while somebody makes a call by a copy of the file, with a timer that may be armed.
/// Whoever of them is last ends the map; the call succeeds in any case.
fn race(request_of: fn(Kind) -> u32, kinds: &[Kind], is_armed: bool) -> Outcome {
    pin(FIRST_CPU)?;
    let mut random = Rng::with_seed(1);
    for &kind in kinds {
        let mut seen = Tally::default();
        while seen.total() < rounds() {
            let (map, timer, counter) = counting(kind)?;
            if is_armed {
                ok!(map.start(timer, Duration::from_secs(1000)));
            }
            let copy: OwnedFd = ok!(map.as_fd().try_clone_to_owned());
            // All that a start has beyond this is zero.
            let start = sys::sleeptimer_start {
                handle: timer.handle,
                ..Default::default()
            };
            let ((), called) = meet(
                random.i64(-100_000..100_000),
                || drop(map),
                || {
                    let result = request(&copy, request_of(kind), &raw const start as usize);
                    drop(copy);
                    result
                },
            )?;
            check_eq!(called, Ok(i32::from(is_armed)));
            seen.add(counted(&counter)?);
        }
        println!("# {kind:?}, expirations: {seen}");
    }
    Ok(())
}
