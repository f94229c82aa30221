// SPDX-License-Identifier: GPL-2.0

//! A fixed array of slots: which of them are free, and the generations by which objects that are
//! in one slot after each other are told apart.
//!
//! A slot is taken from before its object exists until the memory of the object is freed. Objects
//! end on their own, some time after they were removed, so a taker of a slot may have to wait.

#![deny(unsafe_code)]

use crate::{
    context::Process,
    failure::Failure,
    large::LargeVec,
    numbers::Usage,
    spinlock_irqsave::{new_spinlock_irqsave, SpinLockIrqSave},
};
use kernel::{
    new_condvar,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        CondVar,
    },
};

/// The name of a slot: of all objects that are ever in it, it means one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// No slot.
const NO_INDEX: u32 = u32::MAX;

/// A slot, and what it holds.
#[repr(C)]
pub(crate) struct Slot<T> {
    pub(crate) value: T,
    /// How often the slot was given away; never 0.
    generation: Atomic<u32>,
    /// Of a free slot, the next free one.
    word: Atomic<u32>,
}

impl<T> Slot<T> {
    fn new(value: T) -> Self {
        Self {
            value,
            generation: Atomic::new(1),
            word: Atomic::new(0),
        }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Relaxed)
    }

    /// A word that is free for any use while the slot is taken, and 0 when that begins.
    pub(crate) fn word(&self) -> &Atomic<u32> {
        &self.word
    }

    /// Moves on to the next generation; false if those up to `last` are used up.
    fn advance(&self, last: u32) -> bool {
        let next = self.generation().wrapping_add(1);
        if next == 0 || next > last {
            return false;
        }
        self.generation.store(next, Relaxed);
        true
    }
}

struct Inner {
    /// The first of the slots that were taken once, and are free again.
    free: u32,
    /// Slots from here on were never taken.
    fresh: u32,
    /// How many slots are taken.
    taken: u32,
}

/// See the [module documentation](self).
#[pin_data]
pub(crate) struct Places<T> {
    slots: LargeVec<Slot<T>>,
    last_generation: u32,
    #[pin]
    inner: SpinLockIrqSave<Inner>,
    /// Signalled whenever a slot becomes free.
    #[pin]
    freed: CondVar,
    /// How many objects have been removed, and still take their slots because they end.
    ending: Atomic<u32>,
}

impl<T> Places<T> {
    /// Makes `max` slots, whose generations go up to `last_generation`. May sleep.
    pub(crate) fn new(
        max: u32,
        last_generation: u32,
        empty: impl Fn() -> T,
    ) -> Result<impl PinInit<Self>, Failure> {
        let mut slots = LargeVec::with_capacity(max as usize, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..max {
            slots.push_within_capacity(Slot::new(empty()))?;
        }
        let inner = Inner {
            free: NO_INDEX,
            fresh: 0,
            taken: 0,
        };
        Ok(pin_init!(Self {
            slots,
            last_generation,
            inner <- new_spinlock_irqsave!(inner, "sleeptimer_places"),
            freed <- new_condvar!("sleeptimer_place_freed"),
            ending: Atomic::new(0),
        }))
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Slot<T>> {
        self.slots.get(index as usize)
    }

    /// All slots that were ever taken, with their indexes.
    pub(crate) fn ever_taken(&self) -> impl Iterator<Item = (u32, &Slot<T>)> {
        let fresh = self.inner.lock().fresh;
        (0..fresh).zip(self.slots.iter())
    }

    /// Takes a slot, and waits for one if all are taken only because objects are ending.
    pub(crate) fn take(&self, _: &Process<'_>) -> Result<(u32, &Slot<T>), Failure> {
        let mut inner = self.inner.lock();
        loop {
            if let Some(taken) = self.try_take(&mut inner) {
                return Ok(taken);
            }
            if self.ending.load(Relaxed) == 0 {
                return Err(Failure::MapFull);
            }
            if self.freed.wait_interruptible(&mut inner) {
                return Err(Failure::Interrupted);
            }
        }
    }

    fn try_take(&self, inner: &mut Inner) -> Option<(u32, &Slot<T>)> {
        let index = match inner.free {
            NO_INDEX => inner.fresh,
            free => free,
        };
        let slot = self.get(index)?;
        match inner.free {
            NO_INDEX => inner.fresh = index.wrapping_add(1),
            _ => inner.free = slot.word.load(Relaxed),
        }
        slot.word.store(0, Relaxed);
        inner.taken = inner.taken.wrapping_add(1);
        Some((index, slot))
    }

    /// Notes that an object will give its slot back; before it is removed, so that whoever misses it
    /// knows that its slot is worth waiting for. Any context.
    pub(crate) fn note_ending(&self) {
        self.ending.fetch_add(1, Full);
    }

    /// Takes that back, as somebody else has removed the object. Any context.
    pub(crate) fn cancel_ending(&self) {
        let _inner = self.inner.lock();
        self.ending.fetch_sub(1, Relaxed);
        // Whoever waits may have no reason to.
        self.freed.notify_all();
    }

    /// Gives back the slot of an object that was removed, and has ended. Any context.
    pub(crate) fn give_back(&self, index: u32) {
        self.release(index, || {
            self.ending.fetch_sub(1, Relaxed);
        });
    }

    /// Gives back a slot that never held an object. Any context.
    pub(crate) fn untake(&self, index: u32) {
        self.release(index, || {});
    }

    /// Makes a slot free, and calls `and` in the same critical section.
    fn release(&self, index: u32, and: impl FnOnce()) {
        let Some(slot) = self.get(index) else {
            return;
        };
        let mut inner = self.inner.lock();
        // A slot whose generations are used up is never given away again.
        if slot.advance(self.last_generation) {
            slot.word.store(inner.free, Relaxed);
            inner.free = index;
        }
        inner.taken = inner.taken.wrapping_sub(1);
        and();
        // With the lock held: as soon as it is free, `wait_empty` may return, and all this go.
        self.freed.notify_all();
    }

    /// How many slots are taken, and how many there are.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            used: self.inner.lock().taken,
            max: self.slots.len() as u32,
        }
    }

    /// Waits until all slots are free. All objects have to be ending.
    pub(crate) fn wait_empty(&self, _: &Process<'_>) {
        let mut inner = self.inner.lock();
        while inner.taken > 0 {
            self.freed.wait(&mut inner);
        }
    }
}
