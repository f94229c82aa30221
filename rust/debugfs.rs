// SPDX-License-Identifier: GPL-2.0

//! The files of debugfs.
//!
//! Those of [`kernel::debugfs`] have no owner: the module could be unloaded while one is open, whose
//! close would then use operations that are gone. So `c/debugfs.c` makes ours.

use crate::{facility::Facility, numbers};
use core::ptr::NonNull;
use kernel::{bindings, ffi::c_void, fmt, seq_file::SeqFile, seq_print};

// In c/debugfs.c. Without lockdep, the structures have fields without a size, which are C's own
// affair.
#[allow(improper_ctypes)]
extern "C" {
    fn sleeptimer_debugfs_create(facility: *mut c_void) -> *mut bindings::dentry;
    fn sleeptimer_debugfs_remove(directory: *mut bindings::dentry);
}

/// The directory of the module, until this is dropped.
///
/// # Invariants
///
/// `directory` is what `sleeptimer_debugfs_create` has returned, and was not removed.
pub(crate) struct Directory {
    directory: *mut bindings::dentry,
}

// SAFETY: A directory may be removed by any thread, and nothing else is done with it.
unsafe impl Send for Directory {}
// SAFETY: As above.
unsafe impl Sync for Directory {}

impl Directory {
    /// Makes the directory and the files that show `facility`. If that fails there are none.
    ///
    /// # Safety
    ///
    /// The facility is valid for longer than what this returns.
    pub(crate) unsafe fn new(facility: NonNull<Facility>) -> Self {
        Self {
            // INVARIANT: It was just made.
            //
            // SAFETY: By the safety requirements, the facility is valid while there are files, and
            // the functions below are what it is given to.
            directory: unsafe { sleeptimer_debugfs_create(facility.as_ptr().cast()) },
        }
    }
}

impl Drop for Directory {
    /// Waits for those who read.
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { sleeptimer_debugfs_remove(self.directory) };
    }
}

/// What a file shows.
struct Shown<'a> {
    facility: &'a Facility,
    show: fn(&Facility, &mut fmt::Formatter<'_>) -> fmt::Result,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.show)(self.facility, f)
    }
}

/// # Safety
///
/// Called with a file that nobody else shows something in now, and a facility that stays meanwhile.
#[no_mangle]
unsafe extern "C" fn sleeptimer_show_maps(to: *mut bindings::seq_file, facility: *mut c_void) {
    let shown = Shown {
        // SAFETY: By the safety requirements.
        facility: unsafe { &*facility.cast() },
        show: numbers::show_maps,
    };
    // SAFETY: By the safety requirements.
    seq_print!(unsafe { SeqFile::from_raw(to) }, "{}", shown);
}

/// # Safety
///
/// As for [`sleeptimer_show_maps`].
#[no_mangle]
unsafe extern "C" fn sleeptimer_show_totals(to: *mut bindings::seq_file, facility: *mut c_void) {
    let shown = Shown {
        // SAFETY: By the safety requirements.
        facility: unsafe { &*facility.cast() },
        show: numbers::show_totals,
    };
    // SAFETY: By the safety requirements.
    seq_print!(unsafe { SeqFile::from_raw(to) }, "{}", shown);
}
