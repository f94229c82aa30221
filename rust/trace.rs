// SPDX-License-Identifier: GPL-2.0

//! The tracepoints, which `c/trace.h` defines. One that is off costs a no-op.
//!
//! They are called with no lock of ours held but RCU, so that whatever looks at them may look at all.

use crate::{
    bpf_hrtimer::{
        flags::{Clock, Kind},
        Arming, Expiry,
    },
    failure::Failure,
    map::Map,
    program::Runner,
    table::Handle,
    uapi,
};
use kernel::{ffi::c_int, prelude::*};

/// Declares tracepoints of C, as functions that do nothing while these are off.
macro_rules! tracepoints {
    ($($name:ident($($argument:ident: $type:ty),* $(,)?);)*) => { kernel::macros::paste! {
        // Whether it has members of no size depends on the configuration.
        #[cfg(CONFIG_TRACEPOINTS)]
        #[allow(improper_ctypes)]
        extern "C" {
            $(
                static mut [<__tracepoint_sleeptimer_ $name>]: kernel::bindings::tracepoint;
                fn [<rust_do_trace_sleeptimer_ $name>]($($argument: $type),*);
            )*
        }

        $(
            /// Whether anybody looks at the tracepoint.
            #[inline(always)]
            fn [<$name _is_on>]() -> bool {
                #[cfg(CONFIG_TRACEPOINTS)]
                // SAFETY: C has defined the tracepoint, and so its key.
                return unsafe {
                    kernel::jump_label::static_branch_unlikely!(
                        [<__tracepoint_sleeptimer_ $name>],
                        kernel::bindings::tracepoint,
                        key
                    )
                };
                #[cfg(not(CONFIG_TRACEPOINTS))]
                false
            }

            /// Calls the tracepoint. Any context.
            fn [<emit_ $name>]($($argument: $type),*) {
                #[cfg(CONFIG_TRACEPOINTS)]
                // SAFETY: A tracepoint may be called in any context, and these take integers.
                unsafe { [<rust_do_trace_sleeptimer_ $name>]($($argument),*) };
                #[cfg(not(CONFIG_TRACEPOINTS))]
                let _ = ($($argument),*);
            }
        )*
    } };
}

tracepoints! {
    init(map: u64, handle: u64, kind: u32, clock: u32);
    start(map: u64, handle: u64, expires: u64, absolute: bool, period: u64, result: c_int);
    expire(map: u64, handle: u64, context: u32, expirations: u64);
    cancel(map: u64, handle: u64, result: c_int);
    free(map: u64, handle: u64, result: c_int);
    step_failure(map: u64, handle: u64, step: u32, error: c_int);
}

/// What a call returns to user space.
fn number(result: Result<bool, Failure>) -> c_int {
    match result {
        Ok(value) => value.into(),
        Err(failure) => Error::from(failure).to_errno(),
    }
}

/// A timer was made. Any context.
#[inline(always)]
pub(crate) fn init(map: &Map, handle: Handle, kind: Kind, clock: Clock) {
    #[cold]
    fn emit(map: &Map, handle: Handle, kind: Kind, clock: Clock) {
        let kind = match kind {
            Kind::Timer => uapi::KIND_TIMER,
            Kind::SleepableTimer => uapi::KIND_SLEEPABLE_TIMER,
            Kind::Wq => uapi::KIND_WQ,
            Kind::DelayedWq => uapi::KIND_DELAYED_WQ,
            Kind::HighresDelayedWq => uapi::KIND_HIGHRES_DELAYED_WQ,
        };
        emit_init(map.number(), handle.into(), kind, clock.id() as u32);
    }
    if init_is_on() {
        emit(map, handle, kind, clock);
    }
}

/// A timer was started, or was not. Any context.
#[inline(always)]
pub(crate) fn start(map: &Map, handle: Handle, arming: &Arming, result: Result<bool, Failure>) {
    #[cold]
    fn emit(map: &Map, handle: Handle, arming: &Arming, result: Result<bool, Failure>) {
        let (expires, absolute) = match arming.expiry {
            Expiry::In(ns) => (ns, false),
            Expiry::At(ns) => (ns, true),
        };
        let result = number(result);
        let (map, handle) = (map.number(), handle.into());
        emit_start(map, handle, expires, absolute, arming.period, result);
    }
    if start_is_on() {
        emit(map, handle, arming, result);
    }
}

/// The callback of the timer in slot `index` begins. Softirq, or a worker.
#[inline(always)]
pub(crate) fn expire(map: &Map, index: u32, runner: &Runner<'_>, expirations: u64) {
    #[cold]
    fn emit(map: &Map, index: u32, runner: &Runner<'_>, expirations: u64) {
        let context = match runner {
            Runner::Softirq(_) => uapi::CONTEXT_SOFTIRQ,
            Runner::Worker(_) => uapi::CONTEXT_PROCESS,
        };
        if let Some((handle, _)) = map.table().describe(index) {
            emit_expire(map.number(), handle.into(), context, expirations);
        }
    }
    if expire_is_on() {
        emit(map, index, runner, expirations);
    }
}

/// A timer was cancelled, or was not. Any context.
#[inline(always)]
pub(crate) fn cancel(map: &Map, handle: Handle, result: Result<bool, Failure>) {
    if cancel_is_on() {
        emit_cancel(map.number(), handle.into(), number(result));
    }
}

/// A timer was freed, or was not. Any context.
#[inline(always)]
pub(crate) fn free(map: &Map, handle: Handle, result: Result<bool, Failure>) {
    if free_is_on() {
        emit_free(map.number(), handle.into(), number(result));
    }
}

/// Step `step` of the program that the timer in slot `index` runs has failed. Any context.
pub(crate) fn step_failure(map: &Map, index: u32, step: u32, error: Error) {
    if step_failure_is_on() {
        if let Some((handle, _)) = map.table().describe(index) {
            emit_step_failure(map.number(), handle.into(), step, error.to_errno());
        }
    }
}
