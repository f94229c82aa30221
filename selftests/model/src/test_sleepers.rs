// SPDX-License-Identifier: GPL-2.0

//! Callbacks that sleep, and whoever is in a hurry. A wake-up that is lost is a deadlock, which
//! loom reports.

use crate::{
    fault::Fault,
    flags::Kind,
    kernel::explore,
    map::{Map, FIRST, MAIN, OTHER},
};
use loom::thread;

fn sleep_and_cancel(fault: Fault) {
    let map = Map::new(fault, Kind::Wq);
    assert!(map.start(MAIN, FIRST, 0));
    let worker = {
        let map = map.clone();
        thread::spawn(move || map.expire_and_sleep())
    };
    map.cancel(MAIN, FIRST, false).unwrap();
    worker.join().unwrap();
    assert!(map.free(MAIN, FIRST));
    map.assert_freed();
}

/// A cancel that waits never waits for a callback that sleeps on: its reference is seen, or its
/// wake-up comes.
#[test]
fn sleep_against_cancel() {
    explore(None, || sleep_and_cancel(Fault::None));
}

/// The sleeper looks and sleeps between the wake-up and the flag.
#[test]
#[should_panic(expected = "deadlock")]
fn finds_wake_before_flag() {
    explore(Some(3), || sleep_and_cancel(Fault::WakeBeforeFlag));
}

/// Nobody wakes whom nobody knows to be asleep.
#[test]
#[should_panic(expected = "deadlock")]
fn finds_not_marked_asleep() {
    explore(Some(3), || sleep_and_cancel(Fault::NotMarkedAsleep));
}

/// The wake-up comes between the look and the queue.
#[test]
#[should_panic(expected = "deadlock")]
fn finds_look_before_queueing() {
    explore(Some(3), || sleep_and_cancel(Fault::LookBeforeQueueing));
}

/// The end of a timer never waits for a callback that sleeps on: the dying bit is seen, or the
/// wake-up comes.
#[test]
fn sleep_against_free() {
    explore(None, || {
        let map = Map::new(Fault::None, Kind::Wq);
        assert!(map.start(MAIN, FIRST, 0));
        let worker = {
            let map = map.clone();
            thread::spawn(move || map.expire_and_sleep())
        };
        assert!(map.free(MAIN, FIRST));
        worker.join().unwrap();
        map.assert_freed();
    });
}

/// Neither waits on when a cancel and the end of the timer come at once.
#[test]
fn sleep_against_cancel_against_free() {
    explore(Some(3), || {
        let map = Map::new(Fault::None, Kind::Wq);
        assert!(map.start(MAIN, FIRST, 0));
        let worker = {
            let map = map.clone();
            thread::spawn(move || map.expire_and_sleep())
        };
        let canceller = {
            let map = map.clone();
            thread::spawn(move || map.cancel(OTHER, FIRST, false))
        };
        assert!(map.free(MAIN, FIRST));
        canceller.join().unwrap();
        worker.join().unwrap();
        map.assert_freed();
    });
}
