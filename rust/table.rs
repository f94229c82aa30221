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
    numbers::Usage,
    places::{Name, Places, Slot},
};
use core::ptr::{null_mut, NonNull};
use kernel::{
    prelude::*,
    static_assert,
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

/// What a slot holds of a timer.
pub(crate) struct Entry {
    /// Null: free, or its timer ends.
    timer: Atomic<*mut BpfHrtimer>,
    user_data: Atomic<u64>,
}

/// A place for a timer. Its word counts events that found the ring full, see [`crate::backlog`].
type Place = Slot<Entry>;

// What a timer costs beside its object: people keep a million of them.
static_assert!(size_of::<Place>() == 24);

/// The timers of a map.
///
/// # Invariants
///
/// A slot's timer is either null or valid, and stays valid for an RCU grace period after it was
/// made null.
#[pin_data]
pub(crate) struct Table {
    #[pin]
    places: Places<Entry>,
}

impl Table {
    pub(crate) fn new(max_timers: u32) -> Result<impl PinInit<Self>, Failure> {
        let places = Places::new(max_timers, u32::MAX, || Entry {
            timer: Atomic::new(null_mut()),
            user_data: Atomic::new(0),
        })?;
        Ok(pin_init!(Self { places <- places }))
    }

    /// Takes a free slot, and waits for one if the table is full only because timers are ending.
    pub(crate) fn reserve(&self, process: &Process<'_>) -> Result<u32, Failure> {
        self.places.take(process).map(|(index, _)| index)
    }

    /// Puts a timer into a slot that was reserved for it, and names it.
    pub(crate) fn publish(
        &self,
        index: u32,
        timer: NonNull<BpfHrtimer>,
        user_data: u64,
    ) -> Result<Handle, Failure> {
        let slot = self.places.get(index).ok_or(Failure::NoSuchTimer)?;
        let generation = slot.generation();
        slot.value.user_data.store(user_data, Relaxed);
        // Release: whoever finds the timer sees it set up, and sees the generation and the user
        // data of its slot. Pairs with `find`.
        slot.value.timer.store(timer.as_ptr(), Release);
        Ok(Handle(Name { index, generation }))
    }

    /// The slot of a handle and the timer in it.
    fn find(&self, Handle(name): Handle) -> Result<(&Place, NonNull<BpfHrtimer>), Failure> {
        let slot = self.places.get(name.index).ok_or(Failure::NoSuchTimer)?;
        // Acquire: the generation is read after the timer, so that a timer that came later is not
        // taken for the one that the handle means. Pairs with `publish`.
        let timer = NonNull::new(slot.value.timer.load(Acquire)).ok_or(Failure::NoSuchTimer)?;
        if slot.generation() != name.generation {
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
        self.places.note_ending();
        // The token keeps the timer allocated, so an equal address is the same timer.
        let detached = slot.value.timer.cmpxchg(timer.as_ptr(), null_mut(), Full);
        if detached.is_err() {
            self.places.cancel_ending();
            return Err(Failure::NoSuchTimer);
        }
        Ok(timer)
    }

    /// All timers that are in the table, of which nobody creates or frees any meanwhile.
    pub(crate) fn occupants(&self) -> impl Iterator<Item = NonNull<BpfHrtimer>> + '_ {
        let places = self.places.ever_taken();
        places.filter_map(|(_, slot)| NonNull::new(slot.value.timer.load(Acquire)))
    }

    /// Takes all timers out of the table one by one, like [`Self::detach`].
    pub(crate) fn detach_all(&self) -> impl Iterator<Item = NonNull<BpfHrtimer>> + '_ {
        let places = self.places.ever_taken();
        places.filter_map(|(_, slot)| {
            let timer = NonNull::new(slot.value.timer.xchg(null_mut(), Full))?;
            self.places.note_ending();
            Some(timer)
        })
    }

    /// Gives back the slot of a timer that was taken out of the table, and has ended. Any context.
    pub(crate) fn give_back(&self, index: u32) {
        self.places.give_back(index);
    }

    /// Gives back a slot that was reserved, and never held a timer.
    pub(crate) fn cancel_reservation(&self, index: u32) {
        self.places.untake(index);
    }

    /// The handle and the user data of the timer in a slot that is taken.
    pub(crate) fn describe(&self, index: u32) -> Option<(Handle, u64)> {
        let slot = self.places.get(index)?;
        let generation = slot.generation();
        let handle = Handle(Name { index, generation });
        Some((handle, slot.value.user_data.load(Relaxed)))
    }

    /// How many slots are taken, and how many there are.
    pub(crate) fn usage(&self) -> Usage {
        self.places.usage()
    }

    /// A word that belongs to the timer in a slot that is taken, 0 at first.
    pub(crate) fn word(&self, index: u32) -> Option<&Atomic<u32>> {
        self.places.get(index).map(Slot::word)
    }

    /// Waits until the memory of all timers is freed. All of them have to be ending.
    pub(crate) fn wait_empty(&self, process: &Process<'_>) {
        self.places.wait_empty(process);
    }
}
