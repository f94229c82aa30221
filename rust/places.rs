// SPDX-License-Identifier: GPL-2.0

//! Which places of a fixed array are free, and the generations by which they are told apart.
//!
//! A place is taken from before its object exists until the memory of the object is freed. Objects
//! end on their own, some time after they were removed, so a taker of a place may have to wait.

#![deny(unsafe_code)]

use crate::{
    context::Process,
    failure::Failure,
    spinlock_irqsave::{new_spinlock_irqsave, SpinLockIrqSave},
};
use kernel::{
    new_condvar,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        CondVar,
    },
};

/// The name of a place: of all objects that are ever in it, it means one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// How often a place was given away; never 0.
pub(crate) struct Generation(Atomic<u32>);

impl Generation {
    pub(crate) fn new() -> Self {
        Self(Atomic::new(1))
    }

    pub(crate) fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// Moves on; false if the generations up to `last` are used up.
    fn advance(&self, last: u32) -> bool {
        let next = self.get().wrapping_add(1);
        if next == 0 || next > last {
            return false;
        }
        self.0.store(next, Relaxed);
        true
    }
}

struct Inner {
    /// Places that were taken once, and are free again.
    free: KVVec<u32>,
    /// Places from here on were never taken.
    fresh: u32,
    /// How many places are taken.
    taken: u32,
}

impl Inner {
    fn take(&mut self, max: u32) -> Option<u32> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.fresh < max => {
                let index = self.fresh;
                self.fresh = index.wrapping_add(1);
                index
            }
            None => return None,
        };
        self.taken = self.taken.wrapping_add(1);
        Some(index)
    }
}

/// The places of an array.
#[pin_data]
pub(crate) struct Places {
    max: u32,
    last_generation: u32,
    #[pin]
    inner: SpinLockIrqSave<Inner>,
    /// Signalled whenever a place becomes free.
    #[pin]
    freed: CondVar,
    /// How many objects have been removed, and still take their places because they end.
    ending: Atomic<u32>,
}

impl Places {
    /// An array of `max` places, whose generations go up to `last_generation`.
    pub(crate) fn new(max: u32, last_generation: u32) -> Result<impl PinInit<Self>, Failure> {
        // All the room that giving places back will ever take: that may not allocate.
        let free = KVVec::with_capacity(max as usize, GFP_KERNEL_ACCOUNT)?;
        let inner = Inner {
            free,
            fresh: 0,
            taken: 0,
        };
        Ok(pin_init!(Self {
            max,
            last_generation,
            inner <- new_spinlock_irqsave!(inner, "sleeptimer_places"),
            freed <- new_condvar!("sleeptimer_place_freed"),
            ending: Atomic::new(0),
        }))
    }

    /// Takes a place, and waits for one if all are taken only because objects are ending.
    pub(crate) fn take(&self, _: &Process<'_>) -> Result<u32, Failure> {
        let mut inner = self.inner.lock();
        loop {
            if let Some(index) = inner.take(self.max) {
                return Ok(index);
            }
            if self.ending.load(Relaxed) == 0 {
                return Err(Failure::MapFull);
            }
            if self.freed.wait_interruptible(&mut inner) {
                return Err(Failure::Interrupted);
            }
        }
    }

    /// Notes that an object was removed, and will give its place back. Any context.
    pub(crate) fn note_ending(&self) {
        self.ending.fetch_add(1, Relaxed);
    }

    /// Gives back the place of an object that was removed, and has ended. Any context.
    pub(crate) fn give_back(&self, index: u32, generation: &Generation) {
        self.release(index, generation, || {
            self.ending.fetch_sub(1, Relaxed);
        });
    }

    /// Gives back a place that never held an object. Any context.
    pub(crate) fn untake(&self, index: u32, generation: &Generation) {
        self.release(index, generation, || {});
    }

    /// Makes a place free, and calls `and` in the same critical section.
    fn release(&self, index: u32, generation: &Generation, and: impl FnOnce()) {
        let mut inner = self.inner.lock();
        // A place whose generations are used up is never given away again.
        if generation.advance(self.last_generation) {
            // There is room for all places, so this does not fail.
            let _ = inner.free.push_within_capacity(index);
        }
        inner.taken = inner.taken.wrapping_sub(1);
        and();
        // With the lock held: as soon as it is free, `wait_empty` may return, and all this go.
        self.freed.notify_all();
    }

    /// Places from here on were never taken.
    pub(crate) fn ever_taken(&self) -> u32 {
        self.inner.lock().fresh
    }

    /// Waits until all places are free. All objects have to be ending.
    pub(crate) fn wait_empty(&self, _: &Process<'_>) {
        let mut inner = self.inner.lock();
        while inner.taken > 0 {
            self.freed.wait(&mut inner);
        }
    }
}
