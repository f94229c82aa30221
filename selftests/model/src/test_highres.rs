// SPDX-License-Identifier: GPL-2.0

//! A high-resolution delayed_wq: an hrtimer that queues a work item and counts for it.

use crate::{
    fault::Fault,
    kernel::{explore, lock, Atomic, Engine},
};
use loom::{
    sync::{atomic::Ordering::Relaxed, Mutex},
    thread,
};
use std::sync::Arc;

const ONE: u64 = 1;
const MODIFIED: u64 = 100;

/// As `Highres` in `rust/bpf_hrtimer`, armed once.
struct Highres {
    fault: Fault,
    hrtimer: Engine,
    work: Engine,
    expirations: Atomic,
    /// How many expirations each event stands for. Each is counted as the number that the hrtimer
    /// was started with.
    events: Mutex<Vec<u64>>,
}

impl Highres {
    fn new(fault: Fault) -> Arc<Self> {
        let highres = Self {
            fault,
            hrtimer: Engine::hrtimer(),
            work: Engine::work(),
            expirations: Atomic::new(0),
            events: Mutex::new(Vec::new()),
        };
        highres.start();
        Arc::new(highres)
    }

    /// `arm`
    fn start(&self) {
        if self.hrtimer.is_idle() && !self.work.is_queued() {
            self.hrtimer.start(ONE);
        }
    }

    /// `disarm_sync`
    fn cancel(&self) {
        self.hrtimer.cancel_sync();
        self.work.cancel_sync();
        if self.fault != Fault::CancelKeepsExpirations {
            self.expirations.0.store(0, Relaxed);
        }
    }

    /// `rearm`
    fn modify(&self) {
        self.work.take();
        self.expirations.0.store(0, Relaxed);
        self.hrtimer.start(MODIFIED);
    }

    /// `highres_timer`
    fn expire(&self) {
        self.hrtimer.expire(|number| {
            self.expirations.fetch_add(number);
            self.work.start(0);
        });
    }

    /// `highres_work`
    fn run(&self) {
        self.work.expire(|_| {
            let expirations = self.expirations.xchg(0);
            if expirations > 0 {
                lock(&self.events).push(expirations);
            }
        });
    }

    /// Does what `call` says while the hrtimer expires and a worker runs, and lets them come to an
    /// end. Returns the events.
    fn during_expiry(self: Arc<Self>, call: fn(&Self)) -> Vec<u64> {
        let core = {
            let highres = self.clone();
            thread::spawn(move || highres.expire())
        };
        let worker = {
            let highres = self.clone();
            thread::spawn(move || highres.run())
        };
        call(&self);
        core.join().unwrap();
        worker.join().unwrap();
        self.run();
        self.expire();
        self.run();
        let events = lock(&self.events).clone();
        events
    }
}

fn cancel_and_start(fault: Fault) {
    let events = Highres::new(fault).during_expiry(|highres| {
        highres.cancel();
        highres.start();
    });
    assert!(!events.is_empty(), "a start is lost");
    assert!(
        events.iter().all(|count| *count == ONE),
        "an event counts what was cancelled"
    );
}

/// An event after a cancel counts nothing from before it, wherever the cancel met the expiry.
#[test]
fn cancel_against_expiry() {
    explore(Some(4), || cancel_and_start(Fault::None));
}

/// The count of a work that was cancelled goes into the next event.
#[test]
#[should_panic(expected = "an event counts what was cancelled")]
fn finds_cancel_that_keeps_expirations() {
    explore(Some(4), || cancel_and_start(Fault::CancelKeepsExpirations));
}

/// A change of the delay never loses the event, wherever it meets the expiry.
#[test]
fn modify_against_expiry() {
    explore(Some(4), || {
        let events = Highres::new(Fault::None).during_expiry(Highres::modify);
        assert!(events.iter().sum::<u64>() >= MODIFIED, "the event is lost");
    });
}
