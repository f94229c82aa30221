// SPDX-License-Identifier: GPL-2.0

//! Programs: bound, run and gone.

use crate::{
    fault::Fault,
    flags::Kind,
    kernel::explore,
    map::{Map, FIRST, MAIN, OTHER},
};
use loom::thread;

fn bind_and_free(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    let binder = {
        let map = map.clone();
        thread::spawn(move || map.set_callback(OTHER, FIRST, 1))
    };
    assert!(map.free(MAIN, FIRST));
    binder.join().unwrap();
    map.assert_freed();
}

/// Whoever changes the program of a timer drops the reference of the one before, and only that one.
#[test]
fn bind_against_free() {
    explore(None, || bind_and_free(Fault::None, Kind::Timer));
}

/// A bind in between has a reference dropped twice, and one leak.
#[test]
#[should_panic]
fn finds_program_that_is_put_before_unbind() {
    explore(Some(3), || {
        bind_and_free(Fault::ProgramPutBeforeUnbind, Kind::Timer);
    });
}

/// Two calls that bind programs at once leave one bound, and a reference to that one.
#[test]
fn bind_against_bind() {
    explore(None, || {
        let map = Map::new(Fault::None, Kind::Timer);
        let binder = {
            let map = map.clone();
            thread::spawn(move || map.set_callback(OTHER, FIRST, 1))
        };
        assert!(map.set_callback(MAIN, FIRST, 0));
        assert!(binder.join().unwrap());
        let bound = map.timer.flags().program().unwrap() as usize;
        assert_eq!(map.programs.references(bound), 2);
        assert!(map.free(MAIN, FIRST));
        map.assert_freed();
    });
}

/// The reference to the program is neither lost nor dropped twice, whichever of bind, callback and
/// free comes when.
#[test]
fn bind_against_free_against_expiry() {
    for kind in [Kind::Timer, Kind::Wq] {
        explore(Some(3), move || {
            let map = Map::new(Fault::None, kind);
            assert!(map.start(MAIN, FIRST, 0));
            let binder = {
                let map = map.clone();
                thread::spawn(move || map.set_callback(OTHER, FIRST, 1))
            };
            let core = {
                let map = map.clone();
                thread::spawn(move || map.expire())
            };
            assert!(map.free(MAIN, FIRST));
            binder.join().unwrap();
            core.join().unwrap();
            map.assert_freed();
        });
    }
}

fn last_use(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    assert!(map.start(MAIN, FIRST, 0));
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    map.program_destroy(0);
    assert!(map.free(MAIN, FIRST));
    core.join().unwrap();
    assert_eq!(map.programs.references(0), 0, "the program leaks");
}

/// The program that a callback runs stays while it runs, though its name and its timer go.
#[test]
fn destroy_and_free_against_expiry() {
    for kind in [Kind::Timer, Kind::Wq] {
        explore(None, move || last_use(Fault::None, kind));
    }
}

/// A callback in softirq runs a program that is freed.
#[test]
#[should_panic]
fn finds_program_without_grace_period() {
    explore(Some(3), || {
        last_use(Fault::ProgramWithoutGracePeriod, Kind::Timer);
    });
}

/// Puts another program into the place of the one that the timer was bound to.
fn recycle(fault: Fault, kind: Kind) {
    let map = Map::new(fault, kind);
    assert!(map.start(MAIN, FIRST, 0));
    let core = {
        let map = map.clone();
        thread::spawn(move || map.expire())
    };
    map.program_destroy(0);
    assert!(map.set_callback(MAIN, FIRST, 1));
    map.programs.create(0, 7);
    let ran = core.join().unwrap();
    assert_ne!(ran, Some(7), "a program runs that was never bound");
    assert!(map.free(MAIN, FIRST));
}

/// A callback never runs a program that was not bound to its timer, though it has the number of one
/// that was.
#[test]
fn expiry_against_new_program() {
    for kind in [Kind::Timer, Kind::Wq] {
        explore(None, move || recycle(Fault::None, kind));
    }
}

/// The number is given to another program before it is looked up.
#[test]
#[should_panic(expected = "a program runs that was never bound")]
fn finds_program_that_is_read_outside_rcu() {
    explore(Some(3), || recycle(Fault::ProgramReadOutsideRcu, Kind::Wq));
}
