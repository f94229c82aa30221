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
    places::{Generation, Name, Places},
};
use core::ptr::{null_mut, NonNull};
use kernel::{
    prelude::*,
    sync::atomic::{Acquire, Atomic, Full, Relaxed, Release},
};

/// What user space calls a timer.
#[derive(Clone, Copy)]
pub(crate) struct Handle(Name);

impl From<u64> for Handle {
    fn from(raw: u64) -> Self {
        Self(Name {
            index: raw as u32,
            generation: (raw >> 32) as u32,
        })
    }
}

impl From<Handle> for u64 {
    fn from(handle: Handle) -> Self {
        u64::from(handle.0.generation) << 32 | u64::from(handle.0.index)
    }
}

/// A place for a timer.
struct Slot {
    /// Null: free, or its timer ends.
    timer: Atomic<*mut BpfHrtimer>,
    /// Changes before the slot is given away again.
    generation: Generation,
    user_data: Atomic<u64>,
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
    places: Places,
}

impl Table {
    pub(crate) fn new(max_timers: u32) -> Result<impl PinInit<Self>, Failure> {
        let mut slots = KVVec::with_capacity(max_timers as usize, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..max_timers {
            let slot = Slot {
                timer: Atomic::new(null_mut()),
                generation: Generation::new(),
                user_data: Atomic::new(0),
            };
            slots.push_within_capacity(slot)?;
        }
        let places = Places::new(max_timers, u32::MAX)?;
        Ok(pin_init!(Self {
            slots,
            places <- places,
        }))
    }

    /// Takes a free slot, and waits for one if the table is full only because timers are ending.
    pub(crate) fn reserve(&self, process: &Process<'_>) -> Result<u32, Failure> {
        self.places.take(process)
    }

    /// Puts a timer into a slot that was reserved for it, and names it.
    pub(crate) fn publish(
        &self,
        index: u32,
        timer: NonNull<BpfHrtimer>,
        user_data: u64,
    ) -> Result<Handle, Failure> {
        let slot = self.slots.get(index as usize).ok_or(Failure::NoSuchTimer)?;
        let generation = slot.generation.get();
        slot.user_data.store(user_data, Relaxed);
        // Release: whoever finds the timer sees it set up, and sees the generation and the user
        // data of its slot. Pairs with `find`.
        slot.timer.store(timer.as_ptr(), Release);
        Ok(Handle(Name { index, generation }))
    }

    /// The slot of a handle and the timer in it.
    fn find(&self, Handle(name): Handle) -> Result<(&Slot, NonNull<BpfHrtimer>), Failure> {
        let slot = self.slots.get(name.index as usize);
        let slot = slot.ok_or(Failure::NoSuchTimer)?;
        // Acquire: the generation is read after the timer, so that a timer that came later is not
        // taken for the one that the handle means. Pairs with `publish`.
        let timer = NonNull::new(slot.timer.load(Acquire)).ok_or(Failure::NoSuchTimer)?;
        if slot.generation.get() != name.generation {
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
            .cmpxchg(timer.as_ptr(), null_mut(), Full)
            .map_err(|_| Failure::NoSuchTimer)?;
        self.places.note_ending();
        Ok(timer)
    }

    /// The timer in slot `index`.
    pub(crate) fn occupant(&self, index: u32) -> Option<NonNull<BpfHrtimer>> {
        NonNull::new(self.slots.get(index as usize)?.timer.load(Acquire))
    }

    /// Takes any timer out of slot `index`, like [`Self::detach`].
    pub(crate) fn detach_slot(&self, index: u32) -> Option<NonNull<BpfHrtimer>> {
        let slot = self.slots.get(index as usize)?;
        let timer = NonNull::new(slot.timer.xchg(null_mut(), Full))?;
        self.places.note_ending();
        Some(timer)
    }

    /// Gives back the slot of a timer that was taken out of the table, and has ended. Any context.
    pub(crate) fn give_back(&self, index: u32) {
        if let Some(slot) = self.slots.get(index as usize) {
            self.places.give_back(index, &slot.generation);
        }
    }

    /// Gives back a slot that was reserved, and never held a timer.
    pub(crate) fn cancel_reservation(&self, index: u32) {
        if let Some(slot) = self.slots.get(index as usize) {
            self.places.untake(index, &slot.generation);
        }
    }

    /// The handle and the user data of the timer in a slot that is taken.
    pub(crate) fn describe(&self, index: u32) -> Option<(Handle, u64)> {
        let slot = self.slots.get(index as usize)?;
        let generation = slot.generation.get();
        let handle = Handle(Name { index, generation });
        Some((handle, slot.user_data.load(Relaxed)))
    }

    /// Slots from here on were never in use.
    pub(crate) fn ever_used(&self) -> u32 {
        self.places.ever_taken()
    }

    /// Waits until the memory of all timers is freed. All of them have to be ending.
    pub(crate) fn wait_empty(&self, process: &Process<'_>) {
        self.places.wait_empty(process);
    }
}
