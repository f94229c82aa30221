// SPDX-License-Identifier: GPL-2.0

//! The reaper: timers that were freed are ended once each, after a grace period of their own, and
//! before whoever waits for that goes on.

use crate::{
    batches::{Batch, Batches},
    fault::Fault,
    kernel::{explore, lock, Memory, Rcu},
};
use loom::{
    sync::{Condvar, Mutex},
    thread,
};
use std::sync::Arc;

struct List(Vec<usize>);

impl Batch for List {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self) -> Self {
        Self(std::mem::take(&mut self.0))
    }
}

/// How RCU or a workqueue is told that there is something to do.
struct Requests {
    /// Something is to be done; no more will come.
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Requests {
    fn new() -> Self {
        Self {
            state: Mutex::new((false, false)),
            changed: Condvar::new(),
        }
    }

    fn request(&self) {
        let mut state = lock(&self.state);
        assert!(!state.0, "in use already");
        state.0 = true;
        self.changed.notify_one();
    }

    fn stop(&self) {
        lock(&self.state).1 = true;
        self.changed.notify_one();
    }

    /// Waits for a request; false if no more will come.
    fn next(&self) -> bool {
        let mut state = lock(&self.state);
        while !state.0 && !state.1 {
            state = self.changed.wait(state).unwrap();
        }
        std::mem::replace(&mut state.0, false)
    }
}

/// A reaper as in `rust/reaper.rs`, and two timers.
struct Reaper {
    fault: Fault,
    state: Mutex<Batches<List>>,
    idle: Condvar,
    /// That of the map, and the reaper with it.
    memory: Memory,
    timers: [Memory; 2],
    rcu: Rcu,
    call_rcu: Requests,
    queue_work: Requests,
    /// Whether the engine of timers takes waiting for.
    is_busy: bool,
}

impl Reaper {
    fn new(fault: Fault, is_busy: bool) -> Arc<Self> {
        Arc::new(Self {
            fault,
            state: Mutex::new(Batches::new(
                List(Vec::new()),
                List(Vec::new()),
                List(Vec::new()),
            )),
            idle: Condvar::new(),
            memory: Memory::with(0),
            timers: [Memory::with(0), Memory::with(1)],
            rcu: Rcu::new(2),
            call_rcu: Requests::new(),
            queue_work: Requests::new(),
            is_busy,
        })
    }

    /// `Map::free`, in reader `timer`, who uses the timer on in its read-side critical section.
    fn free(&self, timer: usize) {
        let _rcu = self.rcu.read_lock(timer);
        {
            let mut state = lock(&self.state);
            state.waiting.0.push(timer);
            if state.begin_grace_period() {
                self.call_rcu.request();
            }
        }
        self.timers[timer].touch();
    }

    fn notify(&self) {
        self.memory.touch();
        self.idle.notify_all();
    }

    fn after_grace_period(&self) {
        let batch = {
            let mut state = lock(&self.state);
            let mut batch = state.take_batch();
            if self.fault == Fault::JoinRunningGracePeriod {
                batch.0.append(&mut state.waiting.0);
            }
            batch
        };
        for timer in batch.0 {
            if self.is_busy {
                self.memory.touch();
                let mut state = lock(&self.state);
                state.late.0.push(timer);
                if state.begin_work() {
                    self.queue_work.request();
                }
            } else {
                self.end(timer);
            }
        }
        let mut state = lock(&self.state);
        if state.grace_period_done() {
            self.call_rcu.request();
        } else {
            if self.fault == Fault::NotifyAfterUnlock {
                drop(state);
            }
            self.notify();
        }
    }

    fn end_late(&self) {
        loop {
            let late = {
                let mut state = lock(&self.state);
                let Some(late) = state.take_late() else {
                    self.notify();
                    return;
                };
                if self.fault == Fault::WorkUnusedTooEarly {
                    assert!(state.take_late().is_none());
                    self.notify();
                }
                late
            };
            for timer in late.0 {
                self.end(timer);
            }
        }
    }

    fn end(&self, timer: usize) {
        self.memory.touch();
        self.timers[timer].free();
    }

    /// The end of the map: waits until the reaper is idle, and frees the map.
    fn close(&self) {
        {
            let mut state = lock(&self.state);
            while !state.is_idle() {
                state = self.idle.wait(state).unwrap();
            }
        }
        self.memory.free();
        assert!(self.timers.iter().all(Memory::is_free), "a timer leaks");
        self.call_rcu.stop();
        self.queue_work.stop();
    }
}

/// Two threads free a timer each, if `both`; else one frees both.
fn reap(fault: Fault, both: bool, is_busy: bool) {
    let reaper = Reaper::new(fault, is_busy);
    let rcu = {
        let reaper = reaper.clone();
        thread::spawn(move || {
            while reaper.call_rcu.next() {
                reaper.rcu.synchronize();
                reaper.after_grace_period();
            }
        })
    };
    let worker = is_busy.then(|| {
        let reaper = reaper.clone();
        thread::spawn(move || {
            while reaper.queue_work.next() {
                reaper.end_late();
            }
        })
    });
    if both {
        let other = {
            let reaper = reaper.clone();
            thread::spawn(move || reaper.free(1))
        };
        reaper.free(0);
        other.join().unwrap();
    } else {
        reaper.free(0);
        reaper.free(1);
    }
    reaper.close();
    rcu.join().unwrap();
    if let Some(worker) = worker {
        worker.join().unwrap();
    }
}

/// Timers that are freed before, in and after each other's grace periods are ended after one that
/// began later than their free.
#[test]
fn free_against_grace_period() {
    explore(None, || reap(Fault::None, false, false));
}

/// The same with two threads that free timers.
#[test]
fn two_frees_against_grace_period() {
    explore(Some(3), || reap(Fault::None, true, false));
}

/// Timers whose end takes waiting are ended by the worker, for which the end of the map waits.
#[test]
fn free_against_worker() {
    explore(Some(3), || reap(Fault::None, false, true));
}

/// All of it: two threads that free timers, RCU and the worker.
#[test]
fn two_frees_against_worker() {
    explore(Some(2), || reap(Fault::None, true, true));
}

/// The grace period began before the reader that uses the timer.
#[test]
#[should_panic]
fn finds_timer_that_joins_running_grace_period() {
    explore(Some(3), || {
        reap(Fault::JoinRunningGracePeriod, false, false);
    });
}

/// Whoever waits has seen the flags, and frees the reaper first.
#[test]
#[should_panic]
fn finds_notify_after_unlock() {
    explore(Some(3), || reap(Fault::NotifyAfterUnlock, false, false));
}

/// The map goes while the worker ends timers.
#[test]
#[should_panic]
fn finds_work_that_is_unused_too_early() {
    explore(Some(2), || reap(Fault::WorkUnusedTooEarly, false, true));
}
