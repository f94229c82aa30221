// SPDX-License-Identifier: GPL-2.0

//! The memory of a timer: which arm of which union is live when.
//!
//! | kind      | engine           | from init until the grace period  | while it ends            |
//! |-----------|------------------|-----------------------------------|--------------------------|
//! | softirq   | `hrtimer` + map  | reclaim is unused                 | `rcu_head`, `sync_work`  |
//! | sleepable | `work` + map     | reclaim is unused                 | `rcu_head`, `sync_work`  |
//!
//! The arm of `engine` follows from the kind in the flags word, for the whole life of the timer.
//! `reclaim` is first the `rcu_head` that waits for those who found the timer in the table, and
//! once that has been called, and only if the callback may still run, the `sync_work` that waits
//! for the callback: one after the other, in the same bytes.
//!
//! `delayed_work` is in the union already, because it sets its size: the delayed_wq family is on
//! its way.

use super::flags_word::FlagsWord;
use crate::map::Map;
use core::mem::offset_of;
use kernel::{bindings, prelude::*, static_assert, types::Opaque};

/// What makes the callback run.
#[repr(C)]
pub(super) union Engine {
    pub(super) timer: WithMap<bindings::hrtimer>,
    pub(super) work: WithMap<bindings::work_struct>,
    _delayed_work: bindings::delayed_work,
}

/// An engine, and behind it the map that its callback needs.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct WithMap<T> {
    pub(super) engine: T,
    pub(super) map: *const Map,
}

/// How the timer ends.
#[repr(C)]
pub(super) union Reclaim {
    pub(super) rcu: bindings::callback_head,
    pub(super) sync_work: bindings::work_struct,
}

/// A timer: see the [module documentation](super).
#[repr(C)]
#[pin_data]
pub(crate) struct BpfHrtimer {
    #[pin]
    pub(super) engine: Opaque<Engine>,
    #[pin]
    pub(super) reclaim: Opaque<Reclaim>,
    pub(super) flags: FlagsWord,
}

static_assert!(offset_of!(BpfHrtimer, engine) == 0);
// Lockdep and debug objects enlarge the kernel's own structures.
#[cfg(not(any(CONFIG_LOCKDEP, CONFIG_DEBUG_OBJECTS_TIMERS, CONFIG_DEBUG_OBJECTS_WORK)))]
mod sizes {
    use super::*;

    static_assert!(size_of::<bindings::hrtimer>() == 80);
    static_assert!(size_of::<bindings::work_struct>() == 32);
    static_assert!(size_of::<bindings::delayed_work>() == 88);
    static_assert!(size_of::<Engine>() == 88);
    static_assert!(size_of::<Reclaim>() == 32);
    static_assert!(offset_of!(BpfHrtimer, reclaim) == 88);
    static_assert!(offset_of!(BpfHrtimer, flags) == 120);
    static_assert!(size_of::<BpfHrtimer>() == 128);
    static_assert!(align_of::<BpfHrtimer>() == 8);
}
