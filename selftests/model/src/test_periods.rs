// SPDX-License-Identifier: GPL-2.0

//! Starts against each other, and against a periodic callback that arms its timer again.

use crate::{fault::Fault, flags::Kind, kernel::explore, timer::Timer};
use loom::thread;
use std::sync::Arc;

/// A periodic timer that is due at 10.
fn periodic(fault: Fault) -> Arc<Timer> {
    let timer = Timer::new(fault, Kind::Timer, 1);
    assert!(timer.start(10, 5));
    Arc::new(timer)
}

/// Starts a timer anew, to be due at 100 with `period`, while it expires. The start must not be
/// undone.
fn restart(fault: Fault, period: u64, start: fn(&Timer, u64)) {
    let timer = periodic(fault);
    let core = {
        let timer = timer.clone();
        thread::spawn(move || {
            let mut due = 0;
            timer.engine.expire(|expired| {
                due = expired;
                timer.called(expired);
            });
            due
        })
    };
    start(&timer, period);
    let due = match core.join().unwrap() {
        // It was the new start that expired.
        100 if period == 0 => None,
        100 => Some(100 + period),
        _ => Some(100),
    };
    assert_eq!(timer.engine.expiry(), due, "a start is lost");
    assert_eq!(timer.period(), period);
}

fn start(timer: &Timer, period: u64) {
    assert!(timer.start(100, period));
}

fn start_on(timer: &Timer, period: u64) {
    timer.start_on(100, period);
}

/// A start that comes while a periodic callback runs is not overruled by the callback.
#[test]
fn start_against_period() {
    for period in [0, 7] {
        explore(None, move || restart(Fault::None, period, start));
    }
}

/// Nor is a start on another CPU.
#[test]
fn start_on_against_period() {
    for period in [0, 7] {
        explore(None, move || restart(Fault::None, period, start_on));
    }
}

/// The callback arms the timer after a start that it did not see.
#[test]
#[should_panic(expected = "a start is lost")]
fn finds_rearm_without_lock() {
    explore(None, || restart(Fault::RearmWithoutLock, 7, start));
}

/// As above, where it is the start that does not take the lock.
#[test]
#[should_panic(expected = "a start is lost")]
fn finds_start_on_without_lock() {
    explore(None, || restart(Fault::StartOnWithoutLock, 7, start_on));
}

/// Starts a timer that is idle twice at once, with and without a period.
fn two_starts(fault: Fault) {
    let timer = Arc::new(Timer::new(fault, Kind::Timer, 1));
    let other = {
        let timer = timer.clone();
        thread::spawn(move || timer.start(20, 5))
    };
    assert!(timer.start(30, 0));
    assert!(other.join().unwrap());
    let armed = (timer.engine.expiry(), timer.period());
    assert!(
        [(Some(20), 5), (Some(30), 0)].contains(&armed),
        "two starts mix: {armed:?}"
    );
}

/// Of two starts at once one wins, with its expiry and its period.
#[test]
fn start_against_start() {
    explore(None, || two_starts(Fault::None));
}

/// The expiry is that of one start, the period that of the other.
#[test]
#[should_panic(expected = "two starts mix")]
fn finds_start_that_trusts_period() {
    explore(None, || two_starts(Fault::StartTrustsPeriod));
}
