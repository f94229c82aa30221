// SPDX-License-Identifier: GPL-2.0

//! The memory of a timer: which arm of which union is live when.
//!
//! | kind                  | `engine`                | `reclaim` until it dies | while it ends |
//! |-----------------------|-------------------------|-------------------------|---------------|
//! | timer                 | `timer` and its period  | `map`                   | `link`        |
//! | sleepable timer, wq   | `work`                  | `map`                   | `link`        |
//! | delayed_wq            | `delayed_work`          | `map`                   | `link`        |
//! | delayed_wq, highres   | `timer` and its period, | `map`                   | `link`        |
//! |                       | and `Highres::work`     |                         |               |
//!
//! The arm of `engine` follows from the kind in the flags word, for the whole life of the timer.
//!
//! `reclaim` follows from the dying bit: who sets it may write `link` after that, and links the
//! timer into the list of its map's reaper. A callback that starts then reads `reclaim` first and
//! the flags word second: if it sees the timer alive, what it read before is the map.
//!
//! The `rcu_head` and the `sync_work` that end a timer are the map's, one each for all its timers:
//! see [`crate::reaper`]. So a timer needs no more than a link of its own, and 104 bytes.

#![deny(unsafe_code)]

use super::flags_word::FlagsWord;
use core::mem::offset_of;
use kernel::{
    bindings, ffi::c_void, prelude::*, static_assert, sync::atomic::Atomic, types::Opaque,
};

/// What makes the callback run.
#[repr(C)]
pub(super) union Engine {
    pub(super) timer: HrtimerEngine,
    pub(super) work: bindings::work_struct,
    pub(super) delayed_work: bindings::delayed_work,
}

/// An hrtimer and how often it fires.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct HrtimerEngine {
    pub(super) timer: bindings::hrtimer,
    /// A `PeriodWord`.
    pub(super) period: u64,
}

/// A timer: see the [module documentation](super).
///
/// # Invariants
///
/// - The arm of `engine` that belongs to the kind is initialised, and is the only one in use.
/// - A timer of the kind `HighresDelayedWq` is the field `timer` of a [`Highres`], whose work is
///   initialised.
/// - `reclaim` points to the map of the timer, which outlives it, until the timer is dying.
#[repr(C)]
#[pin_data]
pub(crate) struct BpfHrtimer {
    #[pin]
    pub(super) engine: Opaque<Engine>,
    /// The `Map` that the timer belongs to, or the next dying `BpfHrtimer`: see the table above.
    /// Atomic, as callbacks look at it while somebody writes it.
    pub(super) reclaim: Atomic<*mut c_void>,
    pub(super) flags: FlagsWord,
}

/// A high-resolution delayed_wq: a timer, and the work that it queues when it fires.
#[repr(C)]
#[pin_data]
pub(crate) struct Highres {
    #[pin]
    pub(super) timer: BpfHrtimer,
    #[pin]
    pub(super) work: Opaque<bindings::work_struct>,
    /// Expirations that no run of the work has taken yet.
    pub(super) expirations: Atomic<u64>,
}

static_assert!(offset_of!(BpfHrtimer, engine) == 0);
static_assert!(offset_of!(HrtimerEngine, timer) == 0);
static_assert!(offset_of!(Highres, timer) == 0);
// Lockdep and debug objects enlarge the kernel's own structures.
#[cfg(not(any(CONFIG_LOCKDEP, CONFIG_DEBUG_OBJECTS_TIMERS, CONFIG_DEBUG_OBJECTS_WORK)))]
mod sizes {
    use super::*;

    static_assert!(size_of::<bindings::hrtimer>() == 80);
    static_assert!(size_of::<bindings::work_struct>() == 32);
    static_assert!(size_of::<bindings::delayed_work>() == 88);
    static_assert!(offset_of!(HrtimerEngine, period) == 80);
    static_assert!(size_of::<Engine>() == 88);
    static_assert!(offset_of!(BpfHrtimer, reclaim) == 88);
    static_assert!(offset_of!(BpfHrtimer, flags) == 96);
    static_assert!(size_of::<BpfHrtimer>() == 104);
    static_assert!(align_of::<BpfHrtimer>() == 8);
    static_assert!(offset_of!(Highres, work) == 104);
    static_assert!(offset_of!(Highres, expirations) == 136);
    static_assert!(size_of::<Highres>() == 144);
}
