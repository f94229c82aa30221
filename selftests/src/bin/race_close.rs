// SPDX-License-Identifier: GPL-2.0
//! The last close of a map meets the expiry, and calls that have the file still. What expires is
//! counted by an eventfd: nothing does after the close has returned, and nobody has the file.

use fastrand::Rng;
use nix::sys::eventfd::{EfdFlags, EventFd};
use sleeptimer::{Cpu, Expiry, Kind, Map, Sizes, Start, Step, Timer};
use sleeptimer_selftests::{
    bound_timer, check, check_eq, ok,
    race::{appointment, meet, pin, rounds, spin_until, Tally, FIRST_CPU, SECOND_CPU},
    raw::request,
    tests, Outcome, KINDS,
};
use sleeptimer_sys as sys;
use std::{
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    thread::sleep,
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

/// A map with a timer that counts, and the counter.
fn counting(kind: Kind) -> Result<(Map, Timer, EventFd), String> {
    let counter = ok!(EventFd::from_flags(EfdFlags::EFD_NONBLOCK));
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 4,
        programs: 4,
        events: 4,
    }));
    let timer = bound_timer(&map, kind, &[Step::EventFd(counter.as_fd())])?;
    Ok((map, timer, counter))
}

/// How often a timer has expired whose map is closed, which it does not any more.
fn counted(counter: &EventFd) -> Result<u64, String> {
    let counted = counter.read().unwrap_or(0);
    sleep(Duration::from_micros(200));
    check_eq!(counter.read().unwrap_or(0), 0);
    Ok(counted)
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
            let (map, timer, counter) = counting(kind)?;
            let time = appointment();
            let expiry = time.saturating_add_signed(random.i64(-50_000..150_000));
            let start = Start {
                expiry: Expiry::At(Duration::from_nanos(expiry)),
                cpu: Cpu::Number(cpu),
                ..Start::default()
            };
            ok!(map.start_with(timer, &start));
            spin_until(time);
            drop(map);
            let counted = counted(&counter)?;
            check!(counted <= 1, "it has expired {counted} times");
            seen.add(counted);
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
            let counted = counted(&counter)?;
            check!(counted <= 1, "it has expired {counted} times");
            seen.add(counted);
        }
        println!("# {kind:?}, expirations: {seen}");
    }
    Ok(())
}
