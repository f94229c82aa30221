// SPDX-License-Identifier: GPL-2.0

//! The raw calls: setting an engine up, starting, stopping and waiting for it, and its callbacks.
//!
//! Everything here dispatches on the kind, which is what says which arm of the union is live.

use super::{
    flags::{Clock, Flags, Kind},
    layout::{BpfHrtimer, Engine, WithMap},
};
use crate::{
    compat,
    context::{Process, Softirq},
    map::Map,
    program::Runner,
};
use kernel::{bindings, container_of, prelude::*};

/// The resolution of hrtimers, in nanoseconds.
pub(crate) fn resolution_ns() -> u64 {
    // SAFETY: The kernel writes this once, when it switches to high resolution at boot.
    u64::from(unsafe { bindings::hrtimer_resolution })
}

/// When a timer expires, in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) enum Expiry {
    /// So long from now.
    In(u64),
    /// At this time of the timer's clock.
    At(u64),
}

impl Clock {
    fn id(self) -> bindings::clockid_t {
        let id = match self {
            Clock::Monotonic => bindings::CLOCK_MONOTONIC,
            Clock::Realtime => bindings::CLOCK_REALTIME,
            Clock::Boottime => bindings::CLOCK_BOOTTIME,
            Clock::Tai => bindings::CLOCK_TAI,
        };
        id as bindings::clockid_t
    }
}

/// Sets up the arm of `engine` that belongs to the kind.
///
/// # Safety
///
/// `engine` is valid for writes and pinned. `map` outlives the timer.
pub(super) unsafe fn setup(engine: *mut Engine, flags: Flags, map: *const Map) {
    match flags.kind() {
        Kind::Softirq => {
            // SAFETY: `engine` is valid for writes.
            unsafe { (&raw mut (*engine).timer.map).write(map) };
            // SAFETY: As above. REALTIME with a relative mode would become MONOTONIC here, so the
            // mode is absolute; each start gives its own.
            unsafe {
                bindings::hrtimer_setup(
                    &raw mut (*engine).timer.engine,
                    Some(hrtimer_callback),
                    flags.clock().id(),
                    bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT,
                )
            };
        }
        Kind::Sleepable => {
            // SAFETY: `engine` is valid for writes.
            unsafe { (&raw mut (*engine).work.map).write(map) };
            // SAFETY: As above. The name and the key are static, and the key is of this field.
            unsafe {
                bindings::init_work_with_key(
                    &raw mut (*engine).work.engine,
                    Some(work_callback),
                    false,
                    c"sleeptimer_work".as_char_ptr(),
                    kernel::static_lock_class!().as_ptr(),
                )
            };
        }
    }
}

impl BpfHrtimer {
    /// The hrtimer. Only of a softirq timer.
    fn timer(&self) -> *mut bindings::hrtimer {
        // SAFETY: This computes an address within the union, and reads nothing.
        unsafe { &raw mut (*self.engine.get()).timer.engine }
    }

    /// The work item. Only of a sleepable timer.
    fn work(&self) -> *mut bindings::work_struct {
        // SAFETY: This computes an address within the union, and reads nothing.
        unsafe { &raw mut (*self.engine.get()).work.engine }
    }

    /// Arms the timer, or arms it again. Any context.
    ///
    /// The caller holds off the end of the timer: it has seen under RCU that the timer is not
    /// dying, and is still in that read-side critical section.
    pub(super) fn arm(&self, map: &Map, expiry: Expiry) {
        match self.flags.load().kind() {
            Kind::Softirq => {
                let (ns, mode) = match expiry {
                    Expiry::In(ns) => (ns, bindings::hrtimer_mode_HRTIMER_MODE_REL_SOFT),
                    Expiry::At(ns) => (ns, bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT),
                };
                let time = i64::try_from(ns).unwrap_or(i64::MAX);
                // SAFETY: By the type invariants, the hrtimer is set up, and its arm is live.
                unsafe { bindings::hrtimer_start_range_ns(self.timer(), time, 0, mode) };
            }
            Kind::Sleepable => {
                // SAFETY: By the type invariants, the work is initialised, and its arm is live.
                // The timer and the map stay until the work has run or was cancelled.
                unsafe { map.workqueue().queue(self.work()) };
            }
        }
    }

    /// Disarms the timer without waiting: `Some(was_armed)`, or `None` when the callback may be
    /// running. Any context.
    pub(super) fn try_disarm(&self) -> Option<bool> {
        match self.flags.load().kind() {
            // SAFETY: By the type invariants, the hrtimer is set up, and its arm is live.
            Kind::Softirq => match unsafe { bindings::hrtimer_try_to_cancel(self.timer()) } {
                result if result < 0 => None,
                result => Some(result != 0),
            },
            Kind::Sleepable => {
                // SAFETY: By the type invariants, the work is initialised, and its arm is live.
                unsafe { bindings::cancel_work(self.work()) };
                None
            }
        }
    }

    /// Disarms the timer, waits for a running callback, and returns whether it was armed.
    pub(super) fn disarm_sync(&self, _: &Process<'_>) -> bool {
        match self.flags.load().kind() {
            // SAFETY: By the type invariants, the hrtimer is set up, and its arm is live. We are in
            // process context, so not in its callback.
            Kind::Softirq => unsafe { bindings::hrtimer_cancel(self.timer()) != 0 },
            // SAFETY: By the type invariants, the work is initialised, and its arm is live. No
            // callback of ours comes here, so we are not waiting for ourselves.
            Kind::Sleepable => unsafe { bindings::cancel_work_sync(self.work()) },
        }
    }
}

/// Runs a softirq timer.
///
/// # Safety
///
/// Called by the hrtimer core, in softirq, with the hrtimer of a [`BpfHrtimer`].
unsafe extern "C" fn hrtimer_callback(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
    // SAFETY: Set up as the `timer` arm of an `Engine`, whose own beginning it is.
    let arm = unsafe { container_of!(timer, WithMap<bindings::hrtimer>, engine) };
    // SAFETY: The engine is the first field of a timer, which stays valid while its callback runs:
    // it is freed only after `try_disarm` or `disarm_sync` found the callback not running.
    let timer = unsafe { &*arm.cast::<BpfHrtimer>() };
    // SAFETY: `map` was written at setup, and the map outlives its timers.
    let map = unsafe { &*(*arm).map };
    // SAFETY: The timer is in a soft mode, so this is the hrtimer softirq.
    let softirq = unsafe { Softirq::assume() };
    map.run(timer.flags.load(), timer, &Runner::Softirq(softirq));
    compat::HRTIMER_NORESTART
}

/// Runs a sleepable timer.
///
/// # Safety
///
/// Called by a worker, with the work item of a [`BpfHrtimer`].
unsafe extern "C" fn work_callback(work: *mut bindings::work_struct) {
    // SAFETY: Initialised as the `work` arm of an `Engine`, whose own beginning it is.
    let arm = unsafe { container_of!(work, WithMap<bindings::work_struct>, engine) };
    // SAFETY: The engine is the first field of a timer, which stays valid while its callback runs:
    // it is freed only after `disarm_sync`.
    let timer = unsafe { &*arm.cast::<BpfHrtimer>() };
    // SAFETY: `map` was written at setup, and the map outlives its timers.
    let map = unsafe { &*(*arm).map };
    // SAFETY: A worker of an unbound workqueue is a task, and holds no lock here.
    let process = unsafe { Process::assume() };
    map.run(timer.flags.load(), timer, &Runner::Process(process));
}
