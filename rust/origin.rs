// SPDX-License-Identifier: GPL-2.0

//! Who has set a map up.

use kernel::{current, str::BStr, task::Task};

/// The task that has set a map up, as it was then.
pub(crate) struct Origin {
    /// Its number in the initial PID namespace.
    pub(crate) pid: i32,
    /// Its name, which ends with the first 0.
    name: [u8; 16],
}

impl Origin {
    /// The current task. Process context.
    pub(crate) fn current() -> Self {
        // SAFETY: The current task is valid.
        let name = unsafe { &raw const (*Task::current_raw()).comm };
        Self {
            pid: current!().pid(),
            // SAFETY: As above. Somebody may be changing the name, and all bytes are valid.
            name: unsafe { name.read_volatile() },
        }
    }

    /// The name of the task, to be shown.
    pub(crate) fn name(&self) -> &BStr {
        BStr::from_bytes(self.name.split(|&byte| byte == 0).next().unwrap_or(&[]))
    }
}
