// SPDX-License-Identifier: GPL-2.0

//! How a timer ends: see the steps in the [module documentation](super).

use super::{
    flags::{Flags, Kind},
    layout::{BpfHrtimer, Reclaim},
};
use crate::{context::Process, failure::Failure, map::Map};
use core::ptr::NonNull;
use kernel::{bindings, container_of, prelude::*, types::Opaque};

impl BpfHrtimer {
    /// Marks the timer as dying. The one call that succeeds has to end it.
    pub(crate) fn kill(&self) -> Result<(), Failure> {
        self.flags.update(Flags::kill)?;
        Ok(())
    }

    /// Ends a timer without waiting. Any context.
    ///
    /// # Safety
    ///
    /// The caller is the owner, has made [`Self::kill`] succeed, and gives its reference up.
    pub(crate) unsafe fn end(timer: NonNull<Self>) {
        // SAFETY: The owner's reference keeps the timer valid.
        let this = unsafe { timer.as_ref() };
        // It need not fire again just because the grace period is long. What this misses, the
        // disarm after the grace period does.
        this.try_disarm();
        // SAFETY: The timer stays valid until the owner's reference is dropped, after the callback
        // is called. Nobody else uses `reclaim`: it is touched by `end` alone, once.
        unsafe { bindings::call_rcu(&raw mut (*this.reclaim.get()).rcu, Some(after_grace_period)) };
    }

    /// Ends a timer and waits for its callback.
    ///
    /// # Safety
    ///
    /// As for [`Self::end`]; and nobody can find the timer in a table any more.
    pub(crate) unsafe fn end_sync(timer: NonNull<Self>, map: &Map, process: &Process<'_>) {
        // SAFETY: The owner's reference keeps the timer valid.
        unsafe { timer.as_ref() }.disarm_sync(process);
        // SAFETY: The owner's reference is the caller's to give up, and the engine is idle.
        unsafe { put(timer, map) };
    }

    /// The map that the engine's callback uses.
    fn map(&self) -> *const Map {
        let engine = self.engine.get();
        match self.flags.load().kind() {
            // SAFETY: By the type invariants, this arm is live, and `map` was written at setup.
            Kind::Softirq => unsafe { (*engine).timer.map },
            // SAFETY: As above.
            Kind::Sleepable => unsafe { (*engine).work.map },
        }
    }
}

/// Drops a reference; the last one frees the timer.
///
/// # Safety
///
/// The reference is the caller's, who does not use the timer after this. The owner's is dropped
/// only when the engine is idle for good.
pub(super) unsafe fn put(timer: NonNull<BpfHrtimer>, map: &Map) {
    // SAFETY: The caller's reference keeps the timer valid.
    let flags = unsafe { timer.as_ref() }
        .flags
        .update(|flags| Ok(flags.put()));
    if let Ok(flags) = flags {
        if flags.unreferenced() {
            // SAFETY: No reference is left. The owner's went after a grace period and with the
            // engine idle, so neither a reader nor a callback uses the timer.
            unsafe { map.free_memory(timer, flags.index()) };
        }
    }
}

/// # Safety
///
/// Called by RCU with the `reclaim` of a timer that [`BpfHrtimer::end`] ends.
unsafe extern "C" fn after_grace_period(head: *mut bindings::callback_head) {
    // SAFETY: By the safety requirements.
    let timer = unsafe { timer_of(head.cast()) };
    // SAFETY: The owner's reference, which is now ours, keeps the timer valid.
    let this = unsafe { timer.as_ref() };
    // SAFETY: The map outlives its timers.
    let map = unsafe { &*this.map() };
    if this.try_disarm().is_some() {
        // SAFETY: The reference is ours. Since the grace period nobody can arm the timer, and now
        // it is neither armed nor running.
        return unsafe { put(timer, map) };
    }
    // SAFETY: RCU is done with its head, so these bytes are ours to use as a work item.
    let work = unsafe { &raw mut (*this.reclaim.get()).sync_work }.cast();
    // SAFETY: `work` is valid for writes and pinned. The name and the key are static, and the key
    // is of this field.
    unsafe {
        bindings::init_work_with_key(
            work,
            Some(wait_for_callback),
            false,
            c"sleeptimer_sync_work".as_char_ptr(),
            kernel::static_lock_class!().as_ptr(),
        )
    };
    // SAFETY: The work was just initialised. The timer stays valid until it has run, by the
    // owner's reference, and the module's own queue outlives all maps.
    unsafe { map.facility().reaper.queue(work) };
}

/// # Safety
///
/// Called by a worker with the `sync_work` of a timer that [`BpfHrtimer::end`] ends.
unsafe extern "C" fn wait_for_callback(work: *mut bindings::work_struct) {
    // SAFETY: By the safety requirements.
    let timer = unsafe { timer_of(work.cast()) };
    // SAFETY: The owner's reference, which is now ours, keeps the timer valid.
    let this = unsafe { timer.as_ref() };
    // SAFETY: The map outlives its timers.
    let map = unsafe { &*this.map() };
    // SAFETY: A worker is a task, and holds no lock here.
    let process = unsafe { Process::assume() };
    // SAFETY: The reference is ours. A grace period has passed since the timer left the table. The
    // work item that runs may be freed by its own function.
    unsafe { BpfHrtimer::end_sync(timer, map, &process) };
}

/// The timer whose `reclaim` this is.
///
/// # Safety
///
/// `reclaim` is that field of a valid timer.
unsafe fn timer_of(reclaim: *mut Reclaim) -> NonNull<BpfHrtimer> {
    let reclaim = reclaim.cast::<Opaque<Reclaim>>();
    // SAFETY: By the safety requirements, this stays within the timer, so it is not null.
    unsafe { NonNull::new_unchecked(container_of!(reclaim, BpfHrtimer, reclaim)) }
}
