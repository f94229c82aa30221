// SPDX-License-Identifier: GPL-2.0

//! An owned workqueue, for work items that live inside unions.
//!
//! [`kernel::workqueue`] wraps the system's queues only, and its `Work` must be a field of its own.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::{pin::Pin, ptr::NonNull};
use kernel::{bindings, ffi::c_int, prelude::*, sync::LockClassKey};

/// Initialises a work item that is to run `function`.
///
/// # Safety
///
/// `work` is valid for writes, and does not move after this. `function` may be called with it.
pub(crate) unsafe fn init_work(
    work: *mut bindings::work_struct,
    function: unsafe extern "C" fn(*mut bindings::work_struct),
    name: &'static CStr,
    key: Pin<&'static LockClassKey>,
) {
    // SAFETY: By the safety requirements; the name and the key are static.
    unsafe {
        bindings::init_work_with_key(
            work,
            Some(function),
            false,
            name.as_char_ptr(),
            key.as_ptr(),
        )
    };
}

/// An unbound workqueue: its workers run on any CPU, and any number of them may sleep without
/// delaying another queue's.
///
/// # Invariants
///
/// `queue` is a valid workqueue.
pub(crate) struct Workqueue {
    queue: NonNull<bindings::workqueue_struct>,
}

// SAFETY: A workqueue may be used from any thread.
unsafe impl Send for Workqueue {}
// SAFETY: The functions of a workqueue may run concurrently.
unsafe impl Sync for Workqueue {}

impl Workqueue {
    /// Creates a queue which workers show in their names as `sleeptimer/<id>`, and which runs up to
    /// `max_workers` works at a time; 0 leaves that to the kernel. May sleep.
    pub(crate) fn new(id: i32, max_workers: u32) -> Result<Self> {
        let max_active = c_int::try_from(max_workers)?;
        // SAFETY: The format takes one `int`, which follows.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"sleeptimer/%d".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND,
                max_active,
                id,
            )
        };
        // INVARIANT: The queue was just created.
        Ok(Self {
            queue: NonNull::new(queue).ok_or(ENOMEM)?,
        })
    }

    /// Queues `work`, unless it is pending already, and returns whether it was not. Any context.
    ///
    /// # Safety
    ///
    /// `work` is an initialised work item, and stays valid until it has run or was cancelled, and
    /// the queue until then too.
    pub(crate) unsafe fn queue(&self, work: *mut bindings::work_struct) -> bool {
        // SAFETY: By the type invariants and the safety requirements, both are valid.
        unsafe {
            bindings::queue_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                self.queue.as_ptr(),
                work,
            )
        }
    }

    /// Queues `work` in `delay` jiffies, unless it is pending already, and returns whether it was
    /// not. Any context.
    ///
    /// # Safety
    ///
    /// As for [`Self::queue`].
    pub(crate) unsafe fn queue_delayed(
        &self,
        work: *mut bindings::delayed_work,
        delay: usize,
    ) -> bool {
        // SAFETY: By the type invariants and the safety requirements, both are valid.
        unsafe {
            bindings::queue_delayed_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                self.queue.as_ptr(),
                work,
                delay,
            )
        }
    }

    /// Queues `work` in `delay` jiffies, pending or not, and returns whether it was. Any context.
    ///
    /// # Safety
    ///
    /// As for [`Self::queue`].
    pub(crate) unsafe fn modify_delayed(
        &self,
        work: *mut bindings::delayed_work,
        delay: usize,
    ) -> bool {
        // SAFETY: By the type invariants and the safety requirements, both are valid.
        unsafe {
            bindings::mod_delayed_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                self.queue.as_ptr(),
                work,
                delay,
            )
        }
    }
}

impl Drop for Workqueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the queue is valid. This waits for its work items, and
        // whoever queues one keeps the queue alive until it has run.
        unsafe { bindings::destroy_workqueue(self.queue.as_ptr()) };
    }
}
