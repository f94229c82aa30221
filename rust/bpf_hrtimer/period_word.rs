// SPDX-License-Identifier: GPL-2.0

//! The word in a timer that holds its period.

#![deny(unsafe_code)]

use crate::throttle::Period;
use kernel::sync::atomic::{Atomic, Relaxed};

/// An atomic [`Period`]. The map's `periods` is held by who changes it, and orders the accesses.
#[repr(transparent)]
pub(super) struct PeriodWord(Atomic<u64>);

impl PeriodWord {
    pub(super) fn load(&self) -> Period {
        Period::from_bits(self.0.load(Relaxed))
    }

    pub(super) fn store(&self, period: Period) {
        self.0.store(period.bits(), Relaxed);
    }
}
