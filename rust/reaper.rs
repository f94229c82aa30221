// SPDX-License-Identifier: GPL-2.0

//! Ends the timers of a map that were freed one by one, from any context and without waiting there.
//!
//! ```text
//!   free --> waiting --> [grace period] --> batch --> ended, if the engine is idle
//!                                             '-----> late --> [worker] --> ended
//! ```
//!
//! Timers that are freed while a grace period runs wait for the next one: all of them share it.
//! One `rcu_head` and one work item serve all timers of the map, which so need neither.
//!
//! Lock order: `Reaper::state` nests in nothing, and nothing is taken with it held.

use crate::{
    batches::{Batch, Batches},
    bpf_hrtimer::{BpfHrtimer, List},
    context::Process,
    map::Map,
    spinlock_irqsave::{new_spinlock_irqsave, SpinLockIrqSave},
    workqueue::init_work,
};
use core::ptr::NonNull;
use kernel::{bindings, container_of, new_condvar, prelude::*, sync::CondVar, types::Opaque};

/// How many timers the RCU callback ends at most: it runs in softirq, and holds a CPU up.
const SOFTIRQ_BATCH: u32 = 64;

impl Batch for List {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn take(&mut self) -> Self {
        self.take()
    }
}

/// See the [module documentation](self).
#[pin_data]
pub(crate) struct Reaper {
    #[pin]
    state: SpinLockIrqSave<Batches<List>>,
    /// Signalled when `rcu` or `work` becomes unused.
    #[pin]
    idle: CondVar,
    #[pin]
    rcu: Opaque<bindings::callback_head>,
    #[pin]
    work: Opaque<bindings::work_struct>,
}

// SAFETY: RCU callbacks and work items may be used from any thread.
unsafe impl Send for Reaper {}
// SAFETY: What changes is behind a lock; `rcu` and `work` are used by whoever set the flag in it.
unsafe impl Sync for Reaper {}

impl Reaper {
    pub(crate) fn new() -> impl PinInit<Self> {
        let state = Batches::new(List::new(), List::new(), List::new());
        pin_init!(Self {
            state <- new_spinlock_irqsave!(state, "sleeptimer_reaper"),
            idle <- new_condvar!("sleeptimer_reaper_idle"),
            rcu: Opaque::uninit(),
            work <- Opaque::ffi_init(|work| {
                let class = kernel::static_lock_class!();
                // SAFETY: The slot is valid and pinned; the function is for this field.
                unsafe { init_work(work, end_late, c"sleeptimer_reaper", class) };
            }),
        })
    }

    /// Ends a timer some time. Any context.
    ///
    /// # Safety
    ///
    /// The caller has made `kill` succeed on a timer of the map that this reaper is of, has it out
    /// of the table, and gives the owner's reference up.
    pub(crate) unsafe fn end(&self, timer: NonNull<BpfHrtimer>) {
        let mut state = self.state.lock();
        // SAFETY: By the safety requirements.
        unsafe { state.waiting.push(timer) };
        if state.begin_grace_period() {
            self.call_rcu();
        }
    }

    /// Has RCU call us after a grace period. The caller was told to begin one, with the lock held.
    fn call_rcu(&self) {
        // SAFETY: Nobody else uses the head, as `Batches` says. The map stays until it is unused:
        // see `wait_idle`.
        unsafe { bindings::call_rcu(self.rcu.get(), Some(after_grace_period)) };
    }

    /// The map that this reaper is of.
    fn map(&self) -> &Map {
        // SAFETY: A reaper is always this field of a map.
        unsafe { &*container_of!(core::ptr::from_ref(self), Map, reaper) }
    }

    /// Hands a timer to the worker.
    fn defer(&self, timer: NonNull<BpfHrtimer>) {
        let mut state = self.state.lock();
        // SAFETY: The timer comes from our batch.
        unsafe { state.late.push(timer) };
        if state.begin_work() {
            // SAFETY: The work is initialised. The map stays until it is unused: see `wait_idle`;
            // the module's own queue outlives all maps.
            unsafe { self.map().facility().reaper.queue(self.work.get()) };
        }
    }

    /// Waits until nothing of the reaper is in use. Nobody frees timers any more.
    pub(crate) fn wait_idle(&self, _: &Process<'_>) {
        let mut state = self.state.lock();
        while !state.is_idle() {
            self.idle.wait(&mut state);
        }
    }
}

/// # Safety
///
/// Called by RCU, with the `rcu` of a reaper.
unsafe extern "C" fn after_grace_period(head: *mut bindings::callback_head) {
    let head = head.cast::<Opaque<bindings::callback_head>>();
    // SAFETY: By the safety requirements; the reaper stays while the head is in use.
    let reaper = unsafe { &*container_of!(head, Reaper, rcu) };
    let mut batch = reaper.state.lock().take_batch();
    let mut ended = 0u32;
    while let Some(timer) = batch.pop() {
        ended = ended.saturating_add(1);
        if ended > SOFTIRQ_BATCH {
            reaper.defer(timer);
        // SAFETY: The list had the owner's reference. The timer was in the list before the grace
        // period began, and out of the table before that.
        } else if let Some(timer) = unsafe { BpfHrtimer::try_end(timer, reaper.map()) } {
            reaper.defer(timer);
        }
    }
    let mut state = reaper.state.lock();
    if state.grace_period_done() {
        reaper.call_rcu();
    } else {
        // With the lock held: as soon as it is free, the map may go.
        reaper.idle.notify_all();
    }
}

/// # Safety
///
/// Called by a worker of the module's own queue, with the `work` of a reaper.
unsafe extern "C" fn end_late(work: *mut bindings::work_struct) {
    let work = work.cast::<Opaque<bindings::work_struct>>();
    // SAFETY: By the safety requirements; the reaper stays while the work is in use.
    let reaper = unsafe { &*container_of!(work, Reaper, work) };
    // SAFETY: A worker is a task, and holds no lock here. This is no callback of a timer.
    let process = unsafe { Process::assume() };
    loop {
        let mut late = {
            let mut state = reaper.state.lock();
            let Some(late) = state.take_late() else {
                // With the lock held: as soon as it is free, the map may go.
                reaper.idle.notify_all();
                return;
            };
            late
        };
        while let Some(timer) = late.pop() {
            // SAFETY: The list had the owner's reference. A grace period has passed since the
            // timer left the table.
            unsafe { BpfHrtimer::end_sync(timer, reaper.map(), &process) };
        }
    }
}
