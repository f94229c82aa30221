// SPDX-License-Identifier: GPL-2.0

//! Handles: what is freed twice, or gone and come again.

use crate::{
    fault::Fault,
    flags::Kind,
    kernel::explore,
    map::{Map, FIRST, MAIN, OTHER},
};
use loom::thread;

fn two_frees(fault: Fault) {
    let map = Map::new(fault, Kind::Timer);
    let other = {
        let map = map.clone();
        thread::spawn(move || map.free(OTHER, FIRST))
    };
    let mine = map.free(MAIN, FIRST);
    assert!(mine ^ other.join().unwrap(), "not one free succeeds");
    map.assert_freed();
}

/// Of two calls that free one timer, one succeeds.
#[test]
fn free_against_free() {
    explore(None, || two_frees(Fault::None));
}

/// Two threads that both found the timer both end it.
#[test]
#[should_panic]
fn finds_detach_by_store() {
    explore(Some(3), || two_frees(Fault::DetachByStore));
}

/// Frees the timer and puts another into its slot, while `stale` uses the handle of the first.
fn recycle(fault: Fault, stale: fn(&Map)) {
    let map = Map::new(fault, Kind::Timer);
    let other = {
        let map = map.clone();
        thread::spawn(move || stale(&map))
    };
    if map.free(MAIN, FIRST) {
        let next = map.init().expect("the slot of a freed timer is free");
        map.set_callback(MAIN, next, 1);
        other.join().unwrap();
        assert!(map.timer.engine.is_idle(), "a stale handle starts a timer");
        assert!(map.free(MAIN, next), "a stale handle frees a timer");
    } else {
        other.join().unwrap();
    }
    map.assert_freed();
}

/// A stale handle never starts the timer that has come into the slot since.
#[test]
fn start_against_new_timer() {
    explore(None, || {
        recycle(Fault::None, |map| {
            map.start(OTHER, FIRST, 0);
        });
    });
}

/// A stale handle never frees the timer that has come into the slot since, though it has the same
/// address.
#[test]
fn free_against_new_timer() {
    explore(None, || {
        recycle(Fault::None, |map| {
            map.free(OTHER, FIRST);
        });
    });
}

/// A stale handle never binds a program to the timer that has come into the slot since.
#[test]
fn bind_against_new_timer() {
    explore(None, || {
        recycle(Fault::None, |map| {
            map.set_callback(OTHER, FIRST, 0);
        });
    });
}

/// The generation is of the old timer, the pointer of the new one.
#[test]
#[should_panic(expected = "a stale handle acts")]
fn finds_generation_before_pointer() {
    explore(Some(3), || {
        recycle(Fault::GenerationBeforePointer, |map| {
            map.start(OTHER, FIRST, 0);
        });
    });
}

/// A creator takes the slot of a timer only after its memory is freed, whoever frees it.
fn create_and_free(fault: Fault) {
    let map = Map::new(fault, Kind::Timer);
    let creator = {
        let map = map.clone();
        thread::spawn(move || map.init())
    };
    assert!(map.free(MAIN, FIRST));
    if let Some(next) = creator.join().unwrap() {
        assert!(map.free(MAIN, next));
    }
    map.assert_freed();
}

/// A new timer comes into a slot, and a handle into the world, only when the former is gone.
#[test]
fn create_against_free() {
    explore(None, || create_and_free(Fault::None));
}

/// The next timer is created in memory that is still in use.
#[test]
#[should_panic]
fn finds_slot_that_is_back_before_free() {
    explore(Some(3), || create_and_free(Fault::SlotBackBeforeFree));
}
