// SPDX-License-Identifier: GPL-2.0

//! The table of a map: timers by handle, in a flat array.
//!
//! A handle is the index of a slot and the slot's generation, which changes when the slot is given
//! to another timer: a stale handle finds nothing. Look-ups take no lock: RCU keeps what they find.

#![deny(unsafe_code)]

use crate::{
    bpf_hrtimer::BpfHrtimer,
    context::{Process, RcuRead},
    failure::Failure,
    spinlock_bh::{new_spinlock_bh, SpinLockBh},
};
use core::ptr::NonNull;
use kernel::{
    new_condvar,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed, Release},
        CondVar,
    },
};

/// What user space calls a timer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle {
    index: u32,
    generation: u32,
}

impl From<u64> for Handle {
    fn from(raw: u64) -> Self {
        Self {
            index: raw as u32,
            generation: (raw >> 32) as u32,
        }
    }
}

impl From<Handle> for u64 {
    fn from(handle: Handle) -> Self {
        u64::from(handle.generation) << 32 | u64::from(handle.index)
    }
}

/// A place for a timer.
pub(crate) struct Slot {
    /// Null: free, or its timer ends.
    timer: Atomic<*mut BpfHrtimer>,
    /// Changes before the slot is given away again, and is never 0.
    generation: Atomic<u32>,
    user_data: Atomic<u64>,
}

/// Which slots are free. A slot is taken from before its timer exists until its memory is freed.
struct Places {
    /// Slots that were in use once, and are free again.
    free: KVVec<u32>,
    /// Slots from here on were never in use.
    fresh: u32,
    /// How many slots are taken.
    taken: u32,
}

impl Places {
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

/// The timers of a map.
///
/// # Invariants
///
/// A slot's timer is either null or valid, and stays valid for an RCU grace period after it was
/// made null.
#[pin_data]
pub(crate) struct Table {
    slots: KVVec<Slot>,
    #[pin]
    places: SpinLockBh<Places>,
    /// Signalled whenever a slot becomes free.
    #[pin]
    freed: CondVar,
    /// How many timers have left the table, and still take their slot because they end.
    ending: Atomic<u32>,
}

impl Table {
    pub(crate) fn new(max_timers: u32) -> Result<impl PinInit<Self>, Failure> {
        let mut slots = KVVec::with_capacity(max_timers as usize, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..max_timers {
            let slot = Slot {
                timer: Atomic::new(core::ptr::null_mut()),
                generation: Atomic::new(1),
                user_data: Atomic::new(0),
            };
            slots.push_within_capacity(slot)?;
        }
        // All the room that giving slots back will ever take: that may not allocate.
        let free = KVVec::with_capacity(max_timers as usize, GFP_KERNEL_ACCOUNT)?;
        let places = Places {
            free,
            fresh: 0,
            taken: 0,
        };
        Ok(pin_init!(Self {
            slots,
            places <- new_spinlock_bh!(places, "sleeptimer_places"),
            freed <- new_condvar!("sleeptimer_slot_freed"),
            ending: Atomic::new(0),
        }))
    }

    /// Takes a free slot, and waits for one if the table is full only because timers are ending.
    pub(crate) fn reserve(&self, _: &Process<'_>) -> Result<u32, Failure> {
        let max = self.slots.len() as u32;
        let mut places = self.places.lock();
        loop {
            if let Some(index) = places.take(max) {
                return Ok(index);
            }
            if self.ending.load(Relaxed) == 0 {
                return Err(Failure::MapFull);
            }
            if self.freed.wait_interruptible(&mut places) {
                return Err(Failure::Interrupted);
            }
        }
    }

    /// Puts a timer into a slot that was reserved for it, and names it.
    pub(crate) fn publish(&self, index: u32, timer: NonNull<BpfHrtimer>, user_data: u64) -> Handle {
        let generation = match self.slots.get(index as usize) {
            Some(slot) => {
                slot.user_data.store(user_data, Relaxed);
                // Release: whoever finds the timer sees it set up, and sees the generation and
                // the user data of its slot. Pairs with `find` and `detach`.
                slot.timer.store(timer.as_ptr(), Release);
                slot.generation.load(Relaxed)
            }
            None => 0,
        };
        Handle { index, generation }
    }

    /// The slot of a handle and the timer in it.
    fn find(&self, handle: Handle) -> Result<(&Slot, NonNull<BpfHrtimer>), Failure> {
        let slot = self.slots.get(handle.index as usize);
        let slot = slot.ok_or(Failure::NoSuchTimer)?;
        // Acquire: the generation is read after the timer, so that a timer that came later is not
        // taken for the one that the handle means. Pairs with `publish`.
        let timer = NonNull::new(slot.timer.load(Acquire)).ok_or(Failure::NoSuchTimer)?;
        if slot.generation.load(Relaxed) != handle.generation {
            return Err(Failure::NoSuchTimer);
        }
        Ok((slot, timer))
    }

    /// The timer of a handle, which stays valid while the token lives.
    pub(crate) fn get(&self, handle: Handle, _: &RcuRead) -> Result<NonNull<BpfHrtimer>, Failure> {
        self.find(handle).map(|(_, timer)| timer)
    }

    /// Takes a timer out of the table; of many callers at once, one gets it, and has to end it.
    /// Its slot stays taken until [`Self::give_back`].
    pub(crate) fn detach(
        &self,
        handle: Handle,
        _: &RcuRead,
    ) -> Result<NonNull<BpfHrtimer>, Failure> {
        let (slot, timer) = self.find(handle)?;
        // The token keeps the timer allocated, so an equal address is the same timer.
        slot.timer
            .cmpxchg(timer.as_ptr(), core::ptr::null_mut(), Full)
            .map_err(|_| Failure::NoSuchTimer)?;
        self.ending.fetch_add(1, Relaxed);
        Ok(timer)
    }

    /// The timer in slot `index`.
    pub(crate) fn occupant(&self, index: u32) -> Option<NonNull<BpfHrtimer>> {
        NonNull::new(self.slots.get(index as usize)?.timer.load(Acquire))
    }

    /// Takes any timer out of slot `index`, with nobody else at the table.
    pub(crate) fn detach_slot(&self, index: u32, rcu: &RcuRead) -> Option<NonNull<BpfHrtimer>> {
        let generation = self.slots.get(index as usize)?.generation.load(Relaxed);
        self.detach(Handle { index, generation }, rcu).ok()
    }

    /// Gives back the slot of a timer that was taken out of the table, and has ended. Process or
    /// softirq context.
    pub(crate) fn give_back(&self, index: u32) {
        self.release(index, || {
            self.ending.fetch_sub(1, Relaxed);
        });
    }

    /// Gives back a slot that was reserved, and never held a timer.
    pub(crate) fn cancel_reservation(&self, index: u32) {
        self.release(index, || {});
    }

    /// Makes a slot free, and calls `and` in the same critical section.
    fn release(&self, index: u32, and: impl FnOnce()) {
        let Some(slot) = self.slots.get(index as usize) else {
            return;
        };
        let mut places = self.places.lock();
        // A slot whose generations are used up is never given away again.
        if let Some(next) = slot.generation.load(Relaxed).checked_add(1) {
            slot.generation.store(next, Relaxed);
            // There is room for all slots, so this does not fail.
            let _ = places.free.push_within_capacity(index);
        }
        places.taken = places.taken.wrapping_sub(1);
        and();
        // With the lock held: as soon as it is free, `wait_empty` may return, and the table go.
        self.freed.notify_all();
    }

    /// The handle and the user data of the timer in a slot that is taken.
    pub(crate) fn describe(&self, index: u32) -> Option<(Handle, u64)> {
        let slot = self.slots.get(index as usize)?;
        let generation = slot.generation.load(Relaxed);
        Some((Handle { index, generation }, slot.user_data.load(Relaxed)))
    }

    /// Slots from here on were never in use.
    pub(crate) fn ever_used(&self) -> u32 {
        self.places.lock().fresh
    }

    /// Waits until the memory of all timers is freed. All of them have to be ending.
    pub(crate) fn wait_empty(&self, _: &Process<'_>) {
        let mut places = self.places.lock();
        while places.taken > 0 {
            self.freed.wait(&mut places);
        }
    }
}
