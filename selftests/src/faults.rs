// SPDX-License-Identifier: GPL-2.0
//! The kernel's fault injection, as `Documentation/fault-injection/fault-injection.rst` of the
//! kernel has it: the n-th allocation or copy that a system call makes fails.

use crate::Outcome;
use std::{
    fs::{self, File, OpenOptions},
    os::fd::AsRawFd,
    path::Path,
};

/// What says of a thread which of its allocations and copies is to fail.
const FAIL_NTH: &str = "/proc/thread-self/fail-nth";

/// What is set of each kind of fault: all allocations count, and the kernel's log stays clean.
const SETTINGS: &[(&str, &str)] = &[
    ("failslab/ignore-gfp-wait", "N"),
    ("failslab/cache-filter", "N"),
    ("failslab/verbose", "0"),
    ("fail_page_alloc/ignore-gfp-wait", "N"),
    ("fail_page_alloc/ignore-gfp-highmem", "N"),
    ("fail_page_alloc/min-order", "0"),
    ("fail_page_alloc/verbose", "0"),
    ("fail_usercopy/verbose", "0"),
];

/// Whether this kernel can inject faults.
pub fn can_be_injected() -> bool {
    Path::new(FAIL_NTH).exists()
}

/// Has all that a call can allocate or copy count.
pub fn set_up() -> Outcome {
    for (name, value) in SETTINGS {
        let file = format!("/sys/kernel/debug/{name}");
        fs::write(&file, value).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}

/// Injects faults into the calls of the thread that made this.
pub struct Faults(File);

impl Faults {
    /// The faults of this thread.
    pub fn new() -> Result<Self, String> {
        let file = OpenOptions::new().read(true).write(true).open(FAIL_NTH);
        file.map(Self)
            .map_err(|error| format!("{FAIL_NTH}: {error}"))
    }

    /// Makes a call whose `nth` allocation or copy fails, and returns whether it has had so many.
    ///
    /// The call should be a system call and no more: what user space does in it counts, too.
    pub fn inject<R>(&self, nth: u32, call: impl FnOnce() -> R) -> Result<(R, bool), String> {
        self.write(format!("{nth}\n").as_bytes())?;
        let result = call();
        let mut left = [0; 16];
        // SAFETY: The buffer is as long as said.
        let read =
            unsafe { libc::pread(self.0.as_raw_fd(), left.as_mut_ptr().cast(), left.len(), 0) };
        // If this very read has failed, the fault was still to come.
        let injected = read > 0 && left.starts_with(b"0\n");
        // The write has a copy to make, too, which may meet the fault.
        let _ = self.write(b"0\n");
        self.write(b"0\n")?;
        Ok((result, injected))
    }

    fn write(&self, text: &[u8]) -> Outcome {
        // SAFETY: The buffer is as long as said.
        let written =
            unsafe { libc::pwrite(self.0.as_raw_fd(), text.as_ptr().cast(), text.len(), 0) };
        if written == text.len() as isize {
            Ok(())
        } else {
            let error = std::io::Error::last_os_error();
            Err(format!("{FAIL_NTH}: {error}"))
        }
    }
}
