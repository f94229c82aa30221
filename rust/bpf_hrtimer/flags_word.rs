// SPDX-License-Identifier: GPL-2.0

//! The flags word as it lies in a timer: the transitions of [`super::flags`], made atomic.

#![deny(unsafe_code)]

use super::flags::{self, Flags, Refusal, Word};
use kernel::sync::atomic::{Acquire, Atomic, Full};

/// A [`Flags`] that many may change at once.
#[repr(transparent)]
pub(super) struct FlagsWord(Atomic<u64>);

impl Word for Atomic<u64> {
    fn load(&self) -> u64 {
        self.load(Acquire)
    }

    fn replace(&self, old: u64, new: u64) -> Result<(), u64> {
        self.cmpxchg(old, new, Full).map(|_| ())
    }
}

impl FlagsWord {
    pub(super) fn new(flags: Flags) -> Self {
        Self(Atomic::new(flags.bits()))
    }

    /// The value now, as [`Word::load`] reads it.
    pub(super) fn load(&self) -> Flags {
        Flags::from_bits(Word::load(&self.0))
    }

    /// Makes one transition, as [`flags::update`] does.
    pub(super) fn update(
        &self,
        transition: impl Fn(Flags) -> Result<Flags, Refusal>,
    ) -> Result<(Flags, Flags), Refusal> {
        flags::update(&self.0, transition)
    }
}
