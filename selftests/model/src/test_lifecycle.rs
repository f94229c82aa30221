// SPDX-License-Identifier: GPL-2.0

//! The calls on one timer against its end and its callback.

use crate::{
    fault::Fault,
    flags::Kind,
    kernel::{explore, Disarmed},
    map::{Map, FIRST, MAIN, OTHER},
};
use loom::thread;
use std::sync::Arc;

const HANDLE: u64 = FIRST;

/// Runs `test` on a new map, for both kinds of engine.
fn each_kind(preemptions: Option<usize>, test: fn(Fault, Kind)) {
    for kind in [Kind::Timer, Kind::Wq] {
        explore(preemptions, move || test(Fault::None, kind));
    }
}

fn faulty(fault: Fault, kind: Kind, test: fn(Fault, Kind)) {
    explore(Some(3), move || test(fault, kind));
}

fn start_and_free(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    let starter = {
        let map = map.clone();
        thread::spawn(move || map.start(OTHER, HANDLE, 0))
    };
    assert!(map.free(MAIN, HANDLE));
    starter.join().unwrap();
    map.assert_freed();
}

/// A start that has found the timer comes before the last cancel, or is refused: the timer is never
/// freed while armed.
#[test]
fn start_against_free() {
    each_kind(None, start_and_free);
}

/// A start after the cancel leaves the freed timer armed.
#[test]
#[should_panic(expected = "freed while armed or running")]
fn finds_cancel_before_grace_period() {
    faulty(Fault::CancelBeforeGracePeriod, Kind::Timer, start_and_free);
}

/// A start that has found the timer arms freed memory.
#[test]
#[should_panic]
fn finds_no_grace_period() {
    faulty(Fault::NoGracePeriod, Kind::Timer, start_and_free);
}

fn start_and_cancel(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    let starter = {
        let map = map.clone();
        thread::spawn(move || map.start(OTHER, HANDLE, 0))
    };
    map.cancel(MAIN, HANDLE, true).unwrap();
    starter.join().unwrap();
    assert!(map.timer.engine.is_idle(), "armed without a callback");
    assert!(map.free(MAIN, HANDLE));
    map.assert_freed();
}

/// A start that crosses a cancel, which drops the callback, is undone by one of the two.
#[test]
fn start_against_cancel() {
    each_kind(None, start_and_cancel);
}

/// The cancel has found nothing armed, and the start arms after that.
#[test]
#[should_panic(expected = "armed without a callback")]
fn finds_start_looks_once() {
    faulty(Fault::StartLooksOnce, Kind::Timer, start_and_cancel);
}

fn start_and_free_and_expiry(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    let starter = {
        let map = map.clone();
        thread::spawn(move || map.start(OTHER, HANDLE, 0))
    };
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    assert!(map.free(MAIN, HANDLE));
    starter.join().unwrap();
    core.join().unwrap();
    map.assert_freed();
}

/// A callback that a late start brings about is waited for, wherever the end has got to.
#[test]
fn start_against_free_against_expiry() {
    each_kind(Some(4), start_and_free_and_expiry);
}

fn free_and_expiry(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    assert!(map.start(MAIN, HANDLE, 0));
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    assert!(map.free(MAIN, HANDLE));
    core.join().unwrap();
    map.assert_freed();
}

/// A callback that is called while its timer is freed never takes the link of the reaper's list for
/// the map, and is over before the memory goes.
#[test]
fn free_against_expiry() {
    each_kind(None, free_and_expiry);
}

/// The memory goes while the callback runs.
#[test]
#[should_panic(expected = "freed while armed or running")]
fn finds_end_that_ignores_running() {
    faulty(Fault::EndIgnoresRunning, Kind::Wq, free_and_expiry);
}

/// The timer is killed and listed between the two loads.
#[test]
#[should_panic(expected = "the callback takes a link for its map")]
fn finds_flags_before_map() {
    faulty(Fault::FlagsBeforeMap, Kind::Wq, free_and_expiry);
}

fn cancel_and_free(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    assert!(map.start(MAIN, HANDLE, 0));
    let canceller = {
        let map = map.clone();
        thread::spawn(move || map.cancel(OTHER, HANDLE, false))
    };
    assert!(map.free(MAIN, HANDLE));
    canceller.join().unwrap();
    map.assert_freed();
}

/// Of the owner and a caller that waits, the last to go frees the timer, and only that one.
#[test]
fn cancel_against_free() {
    each_kind(None, cancel_and_free);
}

/// The memory goes while the caller waits.
#[test]
#[should_panic]
fn finds_cancel_without_reference() {
    faulty(Fault::CancelWithoutReference, Kind::Timer, cancel_and_free);
}

/// One of two transitions at once is lost.
#[test]
#[should_panic]
fn finds_store_instead_of_swap() {
    faulty(Fault::StoreInsteadOfSwap, Kind::Timer, cancel_and_free);
}

/// The memory goes before those who found the timer are done.
#[test]
#[should_panic]
fn finds_owner_that_puts_at_kill() {
    faulty(Fault::OwnerPutAtKill, Kind::Timer, start_and_free);
}

fn cancel_and_free_and_expiry(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    assert!(map.start(MAIN, HANDLE, 0));
    let canceller = {
        let map = map.clone();
        thread::spawn(move || map.cancel(OTHER, HANDLE, false))
    };
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    assert!(map.free(MAIN, HANDLE));
    canceller.join().unwrap();
    core.join().unwrap();
    map.assert_freed();
}

/// The caller that waits for a callback, and the end that does too, both outlast it.
#[test]
fn cancel_against_free_against_expiry() {
    each_kind(Some(3), cancel_and_free_and_expiry);
}

fn cancel_and_expiry(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    assert!(map.start(MAIN, HANDLE, 0));
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    let was_armed = map.cancel(MAIN, HANDLE, true).unwrap();
    assert!(map.timer.engine.is_idle(), "cancel returns too early");
    assert!(!map.start(MAIN, HANDLE, 0), "no callback is left to start");
    let has_run = core.join().unwrap().is_some();
    assert!(has_run != was_armed, "the expiry is not accounted for");
    assert!(map.free(MAIN, HANDLE));
    map.assert_freed();
}

/// After a cancel that waits nothing runs, and it tells the truth about what was armed.
#[test]
fn cancel_against_expiry() {
    each_kind(None, cancel_and_expiry);
}

/// The timer expires for nothing, and the cancel finds it disarmed.
#[test]
#[should_panic(expected = "the expiry is not accounted for")]
fn finds_drop_before_disarm() {
    faulty(Fault::DropBeforeDisarm, Kind::Timer, cancel_and_expiry);
}

fn start_and_cancel_and_expiry(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    let starter = {
        let map = map.clone();
        thread::spawn(move || {
            let is_started = map.start(OTHER, HANDLE, 0);
            (is_started, map.expire().is_some())
        })
    };
    let was_armed = map.cancel(MAIN, HANDLE, true).unwrap();
    let (is_started, has_run) = starter.join().unwrap();
    let accounted = u8::from(has_run) + u8::from(was_armed);
    assert!(map.timer.engine.is_idle(), "armed without a callback");
    assert_eq!(
        u8::from(is_started),
        accounted,
        "a start is not accounted for"
    );
    assert!(map.free(MAIN, HANDLE));
    map.assert_freed();
}

/// What was started has run, or the cancel tells that it was armed: one of the two.
#[test]
fn start_against_cancel_against_expiry() {
    each_kind(Some(5), start_and_cancel_and_expiry);
}

/// The timer expires between the drop and the second disarm.
#[test]
#[should_panic(expected = "a start is not accounted for")]
fn finds_missed_is_lost() {
    faulty(
        Fault::MissedIsLost,
        Kind::Timer,
        start_and_cancel_and_expiry,
    );
}

fn start_and_cancel_and_core(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    let starter = {
        let map = map.clone();
        thread::spawn(move || map.start(OTHER, HANDLE, 0))
    };
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire().is_some())
    };
    let was_armed = map.cancel(MAIN, HANDLE, true).unwrap();
    let is_started = starter.join().unwrap();
    // Perhaps it was not armed yet when the core looked.
    let has_run = core.join().unwrap() || map.expire().is_some();
    assert_eq!(
        u8::from(is_started),
        u8::from(has_run) + u8::from(was_armed),
        "a start is not accounted for"
    );
    assert!(map.timer.engine.is_idle(), "armed without a callback");
    assert!(map.free(MAIN, HANDLE));
    map.assert_freed();
}

/// The same with a timer that expires whenever it can, also while its start looks again.
#[test]
fn start_against_cancel_against_core() {
    each_kind(Some(3), start_and_cancel_and_core);
}

fn periodic_start_and_cancel_and_core(fault: Fault) {
    let map = Map::new(fault, Kind::Timer);
    let starter = {
        let map = map.clone();
        thread::spawn(move || map.start(OTHER, HANDLE, 5))
    };
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    map.cancel(MAIN, HANDLE, true).unwrap();
    starter.join().unwrap();
    core.join().unwrap();
    // A callback that the start saw running may have armed the timer before that.
    assert!(map.expire().is_none(), "it runs without a callback");
    assert!(map.timer.engine.is_idle(), "the period goes on");
    assert!(map.free(MAIN, HANDLE));
    map.assert_freed();
}

/// A start that fails leaves no period behind.
#[test]
fn periodic_start_against_cancel_against_core() {
    explore(Some(3), || periodic_start_and_cancel_and_core(Fault::None));
}

/// The timer expires while its start looks, and arms itself again for ever.
#[test]
#[should_panic(expected = "the period goes on")]
fn finds_start_leaves_period() {
    explore(Some(3), || {
        periodic_start_and_cancel_and_core(Fault::StartLeavesPeriod);
    });
}

/// The cancel is over, and the timer expires while its start looks.
#[test]
#[should_panic(expected = "a start is not accounted for")]
fn finds_start_trusts_expiry() {
    faulty(
        Fault::StartTrustsExpiry,
        Kind::Timer,
        start_and_cancel_and_core,
    );
}

/// Both tell of the one expiry.
#[test]
#[should_panic(expected = "a start is not accounted for")]
fn finds_cancel_tells_without_note() {
    faulty(
        Fault::CancelTellsWithoutNote,
        Kind::Timer,
        start_and_cancel_and_core,
    );
}

/// The cancel has disarmed the timer the last time, and has its reference still.
#[test]
#[should_panic(expected = "armed without a callback")]
fn finds_start_leaves_nothing() {
    faulty(Fault::StartLeavesNothing, Kind::Timer, start_and_cancel);
}

fn periodic_and_cancel(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    assert!(map.start(MAIN, HANDLE, 5));
    let core = {
        let map = map.clone();
        thread::spawn(move || {
            map.expire();
            map.expire();
        })
    };
    map.cancel(MAIN, HANDLE, false).unwrap();
    assert!(map.timer.engine.is_idle(), "the period goes on");
    core.join().unwrap();
    assert!(map.timer.engine.is_idle(), "the period goes on");
    assert!(map.free(MAIN, HANDLE));
    map.assert_freed();
}

/// A periodic callback that arms its timer again cannot get past a cancel that waits.
#[test]
fn period_against_cancel() {
    explore(None, || periodic_and_cancel(Fault::None, Kind::Timer));
}

fn period_and_async_cancel(map: &Arc<Map>) {
    assert!(map.start(MAIN, HANDLE, 5));
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    let found = map.cancel_async(MAIN, HANDLE).unwrap();
    core.join().unwrap();
    // A callback that was seen to run may have armed the timer before the period was stopped: one
    // more call, then it is over.
    map.expire();
    assert!(map.timer.engine.is_idle(), "the period goes on");
    if found != Disarmed::Running {
        assert!(map.expire().is_none());
    }
    assert!(map.free(MAIN, HANDLE));
    map.assert_freed();
}

/// After a cancel that does not wait, a callback that it saw running may run once more, and then
/// the period is over.
#[test]
fn period_against_async_cancel() {
    explore(None, || {
        period_and_async_cancel(&Map::new(Fault::None, Kind::Timer));
    });
}

/// A periodic callback that arms its timer again cannot get past the end of the timer.
#[test]
fn period_against_free() {
    explore(None, || {
        let map = Map::new(Fault::None, Kind::Timer);
        assert!(map.start(MAIN, HANDLE, 5));
        let core = {
            let map = map.clone();
            thread::spawn(move || {
                map.expire();
                map.expire();
            })
        };
        assert!(map.free(MAIN, HANDLE));
        core.join().unwrap();
        map.assert_freed();
    });
}
