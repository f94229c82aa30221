// SPDX-License-Identifier: GPL-2.0

//! How a timer ends: see the steps in the [module documentation](super).

use super::{
    flags::{Flags, Kind},
    layout::{BpfHrtimer, Highres},
};
use crate::{context::Process, failure::Failure, map::Map};
use core::ptr::{null_mut, NonNull};
use kernel::{prelude::*, sync::atomic::Relaxed};

/// A list of dying timers, linked through their own memory.
///
/// # Invariants
///
/// The timers are valid, dying, and in no other list. The list has the owner's reference to each.
pub(crate) struct List {
    first: *mut BpfHrtimer,
}

// SAFETY: Timers may be ended from any thread.
unsafe impl Send for List {}

impl List {
    pub(crate) const fn new() -> Self {
        // INVARIANT: There are none.
        Self { first: null_mut() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// Adds a timer.
    ///
    /// # Safety
    ///
    /// The caller has made [`BpfHrtimer::kill`] succeed, or has the timer from another list, and
    /// gives the owner's reference up.
    pub(crate) unsafe fn push(&mut self, timer: NonNull<BpfHrtimer>) {
        // SAFETY: The owner's reference keeps the timer valid. It is dying, so this field is ours
        // to write: a callback that reads it sees the dying bit after that.
        let reclaim = unsafe { &timer.as_ref().reclaim };
        reclaim.store(self.first.cast(), Relaxed);
        // INVARIANT: By the safety requirements.
        self.first = timer.as_ptr();
    }

    /// Takes a timer off the list, and its owner's reference with it.
    pub(crate) fn pop(&mut self) -> Option<NonNull<BpfHrtimer>> {
        let timer = NonNull::new(self.first)?;
        // SAFETY: By the type invariants, the timer is valid, and this field links it.
        let reclaim = unsafe { &timer.as_ref().reclaim };
        self.first = reclaim.load(Relaxed).cast();
        Some(timer)
    }

    /// Takes all timers off the list.
    pub(crate) fn take(&mut self) -> Self {
        core::mem::replace(self, Self::new())
    }
}

impl BpfHrtimer {
    /// Marks the timer as dying, and returns the flags before that. The one call that succeeds has
    /// to end the timer, and owns the reference to the program that was bound.
    pub(crate) fn kill(&self) -> Result<Flags, Failure> {
        let (old, _) = self.flags.update(Flags::kill)?;
        Ok(old)
    }

    /// Disarms a dying timer as far as that takes no waiting, so that it need not fire again just
    /// because a grace period is long. What this misses, the disarm after it does. Any context.
    pub(crate) fn hush(&self) {
        self.try_disarm();
    }

    /// Ends a timer if that takes no waiting, and returns it if it does. Any context.
    ///
    /// # Safety
    ///
    /// The caller has the owner's reference of a dying timer, and gives it up if this returns
    /// nothing. Since the timer left the table, a grace period has passed.
    pub(crate) unsafe fn try_end(timer: NonNull<Self>, map: &Map) -> Option<NonNull<Self>> {
        // SAFETY: The owner's reference keeps the timer valid.
        let this = unsafe { timer.as_ref() };
        // What the workqueue tells of a running work without waiting is no more than a hint.
        if this.kind() != Kind::Timer || this.try_disarm().is_running {
            return Some(timer);
        }
        // SAFETY: The reference is the caller's. Nobody can arm the timer any more, and it is
        // neither armed nor running.
        unsafe { Self::put(timer, map) };
        None
    }

    /// Ends a timer and waits for its callback.
    ///
    /// # Safety
    ///
    /// The caller has the owner's reference of a dying timer, and gives it up. A grace period has
    /// passed since the timer left the table, or nobody was looking at the table then.
    pub(crate) unsafe fn end_sync(timer: NonNull<Self>, map: &Map, process: &Process<'_>) {
        // SAFETY: The owner's reference keeps the timer valid.
        unsafe { timer.as_ref() }.disarm_sync(process);
        // SAFETY: The reference is the caller's, and the engine is idle for good.
        unsafe { Self::put(timer, map) };
    }

    /// Drops a reference; the last one frees the timer. Any context.
    ///
    /// # Safety
    ///
    /// The reference is the caller's, who does not use the timer after this. The owner's is
    /// dropped only when the engine is idle for good.
    pub(super) unsafe fn put(timer: NonNull<Self>, map: &Map) {
        // SAFETY: By the safety requirements.
        unsafe { Self::put_by(timer, map, Flags::put) };
    }

    /// Drops a reference, as [`Self::put`] does, unless something was left to the caller, who has taken
    /// that then. Returns whether the reference is gone. Any context.
    ///
    /// # Safety
    ///
    /// As for [`Self::put`], if this returns true.
    pub(super) unsafe fn put_or_take(timer: NonNull<Self>, map: &Map) -> bool {
        // SAFETY: By the safety requirements.
        let old = unsafe { Self::put_by(timer, map, Flags::put_or_take) };
        !old.is_some_and(Flags::is_left)
    }

    /// # Safety
    ///
    /// The caller's reference may be dropped by the transition.
    unsafe fn put_by(
        timer: NonNull<Self>,
        map: &Map,
        transition: fn(Flags) -> Flags,
    ) -> Option<Flags> {
        // SAFETY: The caller's reference keeps the timer valid.
        let flags = unsafe { &timer.as_ref().flags };
        let (old, new) = flags.update(|flags| Ok(transition(flags))).ok()?;
        if new.unreferenced() {
            // SAFETY: No reference is left. The owner's went after a grace period and with the
            // engine idle, so neither a reader nor a callback uses the timer.
            unsafe { Self::free_memory(timer, map, new) };
        }
        Some(old)
    }

    /// # Safety
    ///
    /// Nobody uses the timer any more. It is of `map`, and its flags are `flags`.
    unsafe fn free_memory(timer: NonNull<Self>, map: &Map, flags: Flags) {
        let facility = map.facility();
        match flags.kind() {
            // SAFETY: By the safety requirements; that kind is of this type and cache.
            Kind::HighresDelayedWq => unsafe { facility.highres.free(timer.cast::<Highres>()) },
            // SAFETY: By the safety requirements; the other kinds are of this type and cache.
            _ => unsafe { facility.timers.free(timer) },
        }
        map.events().forget(map.table(), flags.index());
        // This comes last: the map may be gone once its last slot is free.
        map.table().give_back(flags.index());
    }
}
