// SPDX-License-Identifier: GPL-2.0

//! Who opened the device: whoever has a map act on files acts with that one's credentials, as with
//! any open file.
//!
//! C header: [`include/linux/cred.h`](srctree/include/linux/cred.h)

use crate::context::Worker;
use kernel::{bindings, cred::Credential, fs::LocalFile, sync::aref::ARef, task::Kuid};

// In c/helpers.c: the kernel has them as inline functions only. Without lockdep, the
// structures have fields without a size, which are C's own affair.
#[allow(improper_ctypes)]
extern "C" {
    fn sleeptimer_override_creds(cred: *const bindings::cred) -> *const bindings::cred;
    fn sleeptimer_revert_creds(cred: *const bindings::cred) -> *const bindings::cred;
}

/// What a map remembers of the file that it belongs to.
#[derive(Clone)]
pub(crate) struct Opener {
    credentials: ARef<Credential>,
    /// The address of the device's file operations; not for access.
    operations: usize,
}

/// The address of the operations of a file, which never change once it is open.
fn operations(file: &LocalFile) -> usize {
    // SAFETY: The file is valid.
    unsafe { (*file.as_ptr()).f_op }.addr()
}

impl Opener {
    /// Remembers the opener of `file`, a file of the device.
    pub(crate) fn of(file: &LocalFile) -> Self {
        Self {
            credentials: file.cred().into(),
            operations: operations(file),
        }
    }

    /// The calling task, which has opened no file, in place of an opener.
    #[cfg(CONFIG_KUNIT)]
    pub(crate) fn current() -> Self {
        // SAFETY: The current task is valid, and nobody else changes its credentials.
        let credentials = unsafe { (*kernel::current!().as_ptr()).cred };
        Self {
            // SAFETY: A task has credentials, and no others come before this returns.
            credentials: unsafe { Credential::from_ptr(credentials) }.into(),
            operations: 0,
        }
    }

    /// The user who is charged for what the map takes.
    pub(crate) fn user(&self) -> Kuid {
        self.credentials.euid()
    }

    /// Whether `file` is of the device, too.
    pub(crate) fn shares_device(&self, file: &LocalFile) -> bool {
        operations(file) == self.operations
    }

    /// Acts with the credentials of the opener. What else belongs to a task stays the worker's: it
    /// has no limits (RLIMIT_FSIZE), ignores signals (SIGPIPE), and has no terminal.
    pub(crate) fn act<R>(&self, _: &Worker<'_>, act: impl FnOnce() -> R) -> R {
        // SAFETY: The credentials stay valid until they are reverted, as `self` has a reference.
        let own = unsafe { sleeptimer_override_creds(self.credentials.as_ptr()) };
        let result = act();
        // SAFETY: These are the worker's own, which nobody has changed: it is us who it runs.
        unsafe { sleeptimer_revert_creds(own) };
        result
    }
}
