// SPDX-License-Identifier: GPL-2.0

//! The flags word as it lies in a timer: the transitions of [`super::flags`], made atomic.

#![deny(unsafe_code)]

use super::flags::{Flags, Refusal};
use kernel::sync::atomic::{Acquire, Atomic, Full};

/// A [`Flags`] that many may change at once.
#[repr(transparent)]
pub(super) struct FlagsWord(Atomic<u64>);

impl FlagsWord {
    pub(super) fn new(flags: Flags) -> Self {
        Self(Atomic::new(flags.bits()))
    }

    /// The value now. Acquire: pairs with [`Self::update`], so that whoever sees a bound program
    /// sees what it points to.
    pub(super) fn load(&self) -> Flags {
        Flags::from_bits(self.0.load(Acquire))
    }

    /// Makes one transition, and returns the values before and after it.
    ///
    /// Fully ordered: the last reference to go sees all that the others did before they went, and
    /// a callback that goes to sleep after a change of the word sees it (`Sleepers::sleep` reads
    /// the word after it is on the wait queue, `Sleepers::wake_all` comes after the change).
    pub(super) fn update(
        &self,
        transition: impl Fn(Flags) -> Result<Flags, Refusal>,
    ) -> Result<(Flags, Flags), Refusal> {
        let mut old = self.0.load(Acquire);
        loop {
            let new = transition(Flags::from_bits(old))?;
            match self.0.cmpxchg(old, new.bits(), Full) {
                Ok(_) => return Ok((Flags::from_bits(old), new)),
                Err(current) => old = current,
            }
        }
    }
}
