// SPDX-License-Identifier: GPL-2.0

//! The counter of an eventfd, which can be added to in any context.
//!
//! C header: [`include/linux/eventfd.h`](srctree/include/linux/eventfd.h)

use crate::failure::Failure;
use core::ptr::NonNull;
use kernel::{bindings, error::from_err_ptr, prelude::*};

/// A counted reference to what is behind an eventfd, whose files may all be closed meanwhile.
///
/// # Invariants
///
/// `context` is valid, and one of its references is this one.
pub(crate) struct EventFd {
    context: NonNull<bindings::eventfd_ctx>,
}

// SAFETY: A reference may be dropped by any thread.
unsafe impl Send for EventFd {}
// SAFETY: The counter has a lock of its own.
unsafe impl Sync for EventFd {}

impl EventFd {
    /// The eventfd that the calling process has open as `fd`.
    pub(crate) fn from_fd(fd: i32) -> Result<Self, Failure> {
        // SAFETY: Any number may be given.
        let context = from_err_ptr(unsafe { bindings::eventfd_ctx_fdget(fd) });
        match context.map(NonNull::new) {
            // INVARIANT: The call has taken a reference, which is ours.
            Ok(Some(context)) => Ok(Self { context }),
            Err(EBADF) => Err(Failure::BadFile),
            _ => Err(Failure::NotAnEventFd),
        }
    }

    /// Adds 1 to the counter, unless it is at its end, and wakes who waits for that. Any context
    /// but a wake-up function of an eventfd, which nothing of ours is called by.
    pub(crate) fn signal(&self) {
        // SAFETY: By the type invariants, the context is valid.
        unsafe { bindings::eventfd_signal_mask(self.context.as_ptr(), 0) };
    }
}

impl Drop for EventFd {
    /// Any context.
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the reference is ours.
        unsafe { bindings::eventfd_ctx_put(self.context.as_ptr()) };
    }
}
