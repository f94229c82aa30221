// SPDX-License-Identifier: GPL-2.0

//! Two places for programs, as in `rust/programs.rs`.

use crate::{
    fault::Fault,
    kernel::{lock, Atomic, Memory, Rcu, Reader},
};
use loom::sync::{
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    Mutex,
};

struct Place {
    /// 0: free.
    pointer: AtomicU64,
    references: Atomic,
    memory: Memory,
    /// Whether the place may be given away.
    is_free: Mutex<bool>,
}

/// The programs of a map. That in place `n` is called `n` first; each has its name's reference.
pub(crate) struct Programs {
    fault: Fault,
    places: [Place; 2],
}

/// Says that the last reference of a program has gone, which is now to be freed.
#[must_use]
pub(crate) struct Last(Option<usize>);

impl Programs {
    pub(crate) fn new(fault: Fault) -> Self {
        let place = |identity| Place {
            pointer: AtomicU64::new(1),
            references: Atomic::new(1),
            memory: Memory::with(identity),
            is_free: Mutex::new(false),
        };
        Self {
            fault,
            places: [place(0), place(1)],
        }
    }

    fn find(&self, index: u32, _: &Reader<'_>) -> Option<&Place> {
        let place = &self.places[index as usize];
        (place.pointer.load(Acquire) != 0).then_some(place)
    }

    /// Takes a reference, unless the last one has gone.
    pub(crate) fn get(&self, index: u32, rcu: &Reader<'_>) -> bool {
        let Some(place) = self.find(index, rcu) else {
            return false;
        };
        place.memory.touch();
        let mut old = place.references.0.load(Relaxed);
        while old != 0 {
            match place.references.cmpxchg(old, old + 1) {
                Ok(_) => return true,
                Err(current) => old = current,
            }
        }
        false
    }

    /// Drops a reference.
    pub(crate) fn put(&self, index: Option<u32>) -> Last {
        let Some(index) = index else {
            return Last(None);
        };
        let place = &self.places[index as usize];
        place.memory.touch();
        let old = place.references.fetch_sub(1);
        assert!(old != 0, "a reference is dropped twice");
        if old > 1 {
            return Last(None);
        }
        place.pointer.store(0, Relaxed);
        if self.fault == Fault::ProgramWithoutGracePeriod {
            place.memory.free();
            return Last(None);
        }
        Last(Some(index as usize))
    }

    /// What `call_rcu()` comes to, once the caller has left its read-side critical section.
    pub(crate) fn end(&self, last: Last, rcu: &Rcu) {
        if let Some(index) = last.0 {
            rcu.synchronize();
            self.places[index].memory.free();
            *lock(&self.places[index].is_free) = true;
        }
    }

    /// Puts another program into place `index`, if that is free.
    pub(crate) fn create(&self, index: usize, identity: u64) {
        let place = &self.places[index];
        if std::mem::replace(&mut *lock(&place.is_free), false) {
            place.memory.allocate(identity);
            place.references.0.store(1, Relaxed);
            place.pointer.store(1, Release);
        }
    }

    /// Runs a program that RCU keeps, and says which.
    pub(crate) fn with(&self, index: u32, rcu: &Reader<'_>) -> Option<u64> {
        self.find(index, rcu).map(|place| place.memory.touch())
    }

    /// Runs a program that the caller's reference keeps, and says which.
    pub(crate) fn run(&self, index: u32) -> u64 {
        self.places[index as usize].memory.touch()
    }

    pub(crate) fn references(&self, index: usize) -> u64 {
        self.places[index].references.0.load(Acquire)
    }
}
