// SPDX-License-Identifier: GPL-2.0

//! Sleeping for a while, unless woken.
//!
//! [`kernel::sync::CondVar`] has timeouts in jiffies only; these are in nanoseconds.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use crate::context::Process;
use kernel::{
    bindings,
    ffi::c_int,
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
    /// after each [`Self::wake_all`].
    pub(crate) fn sleep(&self, _: &Process<'_>, ns: u64, done: impl Fn() -> bool) {
        let now = <Monotonic as ClockSource>::ktime_get();
        let mut expires = now.saturating_add_unsigned(ns);
        let wait = Opaque::<bindings::wait_queue_entry>::uninit();
        // SAFETY: `wait` is valid for writes, and leaves this stack frame's queue below.
        unsafe { bindings::init_wait(wait.get()) };
        let mut expired = false;
        loop {
            // SAFETY: The queue is initialised and pinned, and so is `wait`, which is ours.
            unsafe { bindings::prepare_to_wait(self.queue.get(), wait.get(), TASK_IDLE) };
            if expired || done() {
                break;
            }
            // SAFETY: We are in process context by the token, and `expires` is valid.
            expired = unsafe {
                bindings::schedule_hrtimeout_range(
                    &mut expires,
                    0,
                    bindings::hrtimer_mode_HRTIMER_MODE_ABS,
                )
            } == 0;
        }
        // SAFETY: As above. This makes the task runnable and takes `wait` off the queue.
        unsafe { bindings::finish_wait(self.queue.get(), wait.get()) };
    }

    /// Makes every sleeper look at its condition. Any context.
    pub(crate) fn wake_all(&self) {
        // SAFETY: The queue is initialised.
        unsafe {
            bindings::__wake_up(
                self.queue.get(),
                bindings::TASK_NORMAL,
                0,
                core::ptr::null_mut(),
            )
        };
    }
}
