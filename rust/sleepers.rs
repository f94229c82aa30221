// SPDX-License-Identifier: GPL-2.0

//! Sleeping for a while, unless woken.
//!
//! [`kernel::sync::CondVar`] has timeouts in jiffies only, and cannot wake one sleeper of many;
//! these are in nanoseconds, and each sleeps by a key.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use crate::context::Worker;
use core::ptr::null_mut;
use kernel::{
    bindings, container_of,
    ffi::{c_int, c_uint, c_void},
    prelude::*,
    time::{ClockSource, Monotonic},
    types::Opaque,
};

/// A set of tasks that sleep, each until its own time or until its own condition holds.
#[pin_data]
pub(crate) struct Sleepers {
    #[pin]
    queue: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A wait queue may be used from any thread.
unsafe impl Send for Sleepers {}
// SAFETY: A wait queue has a lock of its own.
unsafe impl Sync for Sleepers {}

/// Sleeps neither count as load nor as a hung task.
const TASK_IDLE: c_int = (bindings::TASK_UNINTERRUPTIBLE | bindings::TASK_NOLOAD) as c_int;

/// A sleeper, on the stack of its task.
struct Sleeper {
    entry: Opaque<bindings::wait_queue_entry>,
    /// What wakes it.
    key: usize,
}

impl Sleepers {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: `slot` is valid for writes and pinned; the name and the key are static.
            queue <- Opaque::ffi_init(|slot| unsafe {
                bindings::__init_waitqueue_head(
                    slot,
                    c"sleeptimer_sleepers".as_char_ptr(),
                    kernel::static_lock_class!().as_ptr(),
                )
            }),
        })
    }

    /// Sleeps for `ns` nanoseconds, or until `done` holds, which is looked at before sleeping and
    /// after each [`Self::wake`] with this `key`.
    pub(crate) fn sleep(&self, _: &Worker<'_>, key: usize, ns: u64, done: impl Fn() -> bool) {
        let now = <Monotonic as ClockSource>::ktime_get();
        let mut expires = now.saturating_add_unsigned(ns);
        let sleeper = Sleeper {
            entry: Opaque::uninit(),
            key,
        };
        let entry = sleeper.entry.get();
        // SAFETY: The entry is valid for writes, does not move, and is off the queue below.
        unsafe { bindings::init_wait(entry) };
        // SAFETY: The entry is ours until it is on the queue.
        unsafe { (*entry).func = Some(wake_by_key) };
        let mut expired = false;
        loop {
            // SAFETY: The queue is initialised and pinned, and so is the entry, which is ours.
            unsafe { bindings::prepare_to_wait(self.queue.get(), entry, TASK_IDLE) };
            if expired || done() {
                break;
            }
            // SAFETY: A worker may sleep, and `expires` is valid.
            expired = unsafe {
                bindings::schedule_hrtimeout_range(
                    &mut expires,
                    0,
                    bindings::hrtimer_mode_HRTIMER_MODE_ABS,
                )
            } == 0;
        }
        // SAFETY: As above. This makes the task runnable and takes the entry off the queue.
        unsafe { bindings::finish_wait(self.queue.get(), entry) };
    }

    /// Makes the sleepers with this key look at their condition. Any context.
    pub(crate) fn wake(&self, key: usize) {
        self.wake_matching(key as *mut c_void);
    }

    /// Makes every sleeper look at its condition. Any context.
    pub(crate) fn wake_all(&self) {
        self.wake_matching(null_mut());
    }

    fn wake_matching(&self, key: *mut c_void) {
        // SAFETY: The queue is initialised. The key is not followed as a pointer.
        unsafe { bindings::__wake_up(self.queue.get(), bindings::TASK_NORMAL, 0, key) };
    }
}

/// Wakes a sleeper if the key is its own, or null.
///
/// # Safety
///
/// Called by `__wake_up()`, with the entry of a [`Sleeper`] that is on its queue.
unsafe extern "C" fn wake_by_key(
    entry: *mut bindings::wait_queue_entry,
    mode: c_uint,
    flags: c_int,
    key: *mut c_void,
) -> c_int {
    let opaque = entry.cast::<Opaque<bindings::wait_queue_entry>>();
    // SAFETY: By the safety requirements; the sleeper is there while its entry is on the queue.
    let own = unsafe { (*container_of!(opaque, Sleeper, entry)).key };
    if !key.is_null() && key.addr() != own {
        return 0;
    }
    // SAFETY: By the safety requirements; `init_wait` has made the entry for this function.
    unsafe { bindings::autoremove_wake_function(entry, mode, flags, key) }
}
