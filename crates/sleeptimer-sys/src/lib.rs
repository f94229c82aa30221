// SPDX-License-Identifier: GPL-2.0
//! The ABI of `/dev/sleeptimer`: the structures and constants of `linux/sleeptimer.h`, generated
//! from it, and one function for each request.
//!
//! Every function here is `unsafe` as `ioctl(2)` is: the file descriptor has to be an open
//! `/dev/sleeptimer`, and pointers inside of structures have to be good. Errors are the kernel's.

#[allow(missing_docs, non_camel_case_types, clippy::all)]
mod bindings;

pub use bindings::*;

/// Declares the function of a request, which has the type and the direction that the header gives.
macro_rules! requests {
    ($($(#[$doc:meta])* $macro:ident $name:ident($number:ident, $type:ty);)*) => {$(
        nix::$macro!($(#[$doc])* $name, $number, $type);
    )*};
}

requests! {
    /// Asks what this kernel offers.
    ioctl_read_bad get_info(SLEEPTIMER_IOC_GET_INFO, sleeptimer_info);
    /// Makes the map of this open file, of fixed sizes.
    ioctl_write_ptr_bad setup(SLEEPTIMER_IOC_SETUP, sleeptimer_setup);
    /// Adds a program to the map.
    ioctl_readwrite_bad program_create(SLEEPTIMER_IOC_PROGRAM_CREATE, sleeptimer_program_create);
    /// Adds a timer to the map.
    ioctl_readwrite_bad timer_init(SLEEPTIMER_IOC_TIMER_INIT, sleeptimer_timer_init);
    /// Binds a program to a softirq timer.
    ioctl_write_ptr_bad timer_set_callback(SLEEPTIMER_IOC_TIMER_SET_CALLBACK, sleeptimer_set_callback);
    /// Binds a program to a sleepable timer.
    ioctl_write_ptr_bad timer_set_sleepable_cb(SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB, sleeptimer_set_callback);
    /// Arms a timer.
    ioctl_write_ptr_bad timer_start(SLEEPTIMER_IOC_TIMER_START, sleeptimer_timer_start);
    /// Disarms a timer, waits for its callback and drops it: 1 if it was armed, else 0.
    ioctl_write_ptr_bad timer_cancel(SLEEPTIMER_IOC_TIMER_CANCEL, sleeptimer_timer_ref);
    /// Frees a timer, without waiting for its callback.
    ioctl_write_ptr_bad free(SLEEPTIMER_IOC_FREE, sleeptimer_timer_ref);
}
