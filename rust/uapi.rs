// SPDX-License-Identifier: GPL-2.0

//! The ABI, from `include/uapi/linux/sleeptimer.h`, and which of its types may cross the border.

#[path = "../crates/sleeptimer-sys/src/bindings.rs"]
#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    unreachable_pub,
    clippy::all
)]
mod bindings;

use kernel::transmute::{AsBytes, FromBytes};

pub(crate) use bindings::{
    sleeptimer_event as Event,
    sleeptimer_info as Info,
    sleeptimer_init as Init,
    sleeptimer_program_create as ProgramCreate,
    sleeptimer_program_ref as ProgramRef,
    sleeptimer_ref as Ref,
    sleeptimer_set_callback as SetCallback,
    sleeptimer_setup as Setup,
    sleeptimer_start as Start,
    sleeptimer_step as Step,
    SLEEPTIMER_CONTEXT_PROCESS as CONTEXT_PROCESS,
    SLEEPTIMER_CONTEXT_SOFTIRQ as CONTEXT_SOFTIRQ,
    SLEEPTIMER_DELAYED_WQ_HIGHRES as DELAYED_WQ_HIGHRES,
    SLEEPTIMER_IOC_DELAYED_WQ_CANCEL as IOC_DELAYED_WQ_CANCEL,
    SLEEPTIMER_IOC_DELAYED_WQ_INIT as IOC_DELAYED_WQ_INIT,
    SLEEPTIMER_IOC_DELAYED_WQ_MOD as IOC_DELAYED_WQ_MOD,
    SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK as IOC_DELAYED_WQ_SET_CALLBACK,
    SLEEPTIMER_IOC_DELAYED_WQ_START as IOC_DELAYED_WQ_START,
    SLEEPTIMER_IOC_FREE as IOC_FREE,
    SLEEPTIMER_IOC_GET_INFO as IOC_GET_INFO,
    SLEEPTIMER_IOC_PROGRAM_CREATE as IOC_PROGRAM_CREATE,
    SLEEPTIMER_IOC_PROGRAM_DESTROY as IOC_PROGRAM_DESTROY,
    SLEEPTIMER_IOC_SETUP as IOC_SETUP,
    SLEEPTIMER_IOC_TIMER_CANCEL as IOC_TIMER_CANCEL,
    SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC as IOC_TIMER_CANCEL_ASYNC,
    SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP as IOC_TIMER_CANCEL_NO_DROP,
    SLEEPTIMER_IOC_TIMER_INIT as IOC_TIMER_INIT,
    SLEEPTIMER_IOC_TIMER_SET_CALLBACK as IOC_TIMER_SET_CALLBACK,
    SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB as IOC_TIMER_SET_SLEEPABLE_CB,
    SLEEPTIMER_IOC_TIMER_START as IOC_TIMER_START,
    SLEEPTIMER_IOC_WQ_CANCEL as IOC_WQ_CANCEL,
    SLEEPTIMER_IOC_WQ_INIT as IOC_WQ_INIT,
    SLEEPTIMER_IOC_WQ_SET_CALLBACK as IOC_WQ_SET_CALLBACK,
    SLEEPTIMER_IOC_WQ_START as IOC_WQ_START,
    SLEEPTIMER_MAX_EVENTS as MAX_EVENTS,
    SLEEPTIMER_MAX_PROGRAMS as MAX_PROGRAMS,
    SLEEPTIMER_MAX_STEPS as MAX_STEPS,
    SLEEPTIMER_MAX_TIMERS as MAX_TIMERS,
    SLEEPTIMER_START_ABS as START_ABS,
    SLEEPTIMER_START_CPU as START_CPU,
    SLEEPTIMER_START_CPU_PIN as START_CPU_PIN,
    SLEEPTIMER_STEP_EVENT as STEP_EVENT,
    SLEEPTIMER_STEP_SLEEP as STEP_SLEEP,
    SLEEPTIMER_TIMER_SLEEPABLE as TIMER_SLEEPABLE, //
};

/// Declares that a structure of the ABI is plain bytes.
macro_rules! plain {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: A structure of integers has no invalid bit patterns.
        unsafe impl FromBytes for $type {}
        // SAFETY: The structure has no padding: tools/check-style has the compiler check that.
        unsafe impl AsBytes for $type {}
    )*};
}

plain!(
    Event,
    Info,
    Init,
    ProgramCreate,
    ProgramRef,
    Ref,
    SetCallback,
    Setup,
    Start,
    Step,
);
