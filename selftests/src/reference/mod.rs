// SPDX-License-Identifier: GPL-2.0
//! What the device is to do, in as few words as possible: a model that is run beside it, by the
//! same calls, and has to say the same.
//!
//! Nothing is left to chance. A timer is started for a moment that has come, and then all is looked at
//! when the device has come to rest, or for one that no run lasts to. A program that sleeps does so
//! until a cancel, a free or the close wakes it. What the model cannot predict, because it depends on
//! who comes first, it says it cannot, and no such call is made.

pub mod calls;
pub mod device;
mod map;
mod requests;
pub mod sequences;
mod timer;

pub use map::{Answer, Numbers, Reference, Reply, Told};
pub use timer::{Look, Moment, Record, Span, CLOCKS};
