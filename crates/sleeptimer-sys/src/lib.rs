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
    /// Takes the name of a program away; timers that are bound to it keep it.
    ioctl_write_ptr_bad program_destroy(SLEEPTIMER_IOC_PROGRAM_DESTROY, sleeptimer_program_ref);
    /// Makes a batch of calls.
    ioctl_readwrite_bad submit(SLEEPTIMER_IOC_SUBMIT, sleeptimer_submit);
    /// Looks at a timer.
    ioctl_readwrite_bad query(SLEEPTIMER_IOC_QUERY, sleeptimer_query);
    /// Asks how the steps of a program have fared.
    ioctl_readwrite_bad program_query(SLEEPTIMER_IOC_PROGRAM_QUERY, sleeptimer_program_query);
    /// Adds a timer to the map.
    ioctl_readwrite_bad timer_init(SLEEPTIMER_IOC_TIMER_INIT, sleeptimer_init);
    /// Binds a program to a softirq timer.
    ioctl_write_ptr_bad timer_set_callback(SLEEPTIMER_IOC_TIMER_SET_CALLBACK, sleeptimer_set_callback);
    /// Binds a program to a sleepable timer.
    ioctl_write_ptr_bad timer_set_sleepable_cb(SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB, sleeptimer_set_callback);
    /// Arms a timer.
    ioctl_write_ptr_bad timer_start(SLEEPTIMER_IOC_TIMER_START, sleeptimer_start);
    /// Disarms a timer, waits for its callback and drops it: 1 if it was armed, else 0.
    ioctl_write_ptr_bad timer_cancel(SLEEPTIMER_IOC_TIMER_CANCEL, sleeptimer_ref);
    /// Disarms a timer and waits for its callback, which stays bound: 1 if it was armed, else 0.
    ioctl_write_ptr_bad timer_cancel_no_drop(SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP, sleeptimer_ref);
    /// Disarms a timer without waiting: 1 if it was armed, 0 if not; fails if its callback runs.
    ioctl_write_ptr_bad timer_cancel_async(SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC, sleeptimer_ref);
    /// Adds a wq to the map.
    ioctl_readwrite_bad wq_init(SLEEPTIMER_IOC_WQ_INIT, sleeptimer_init);
    /// Binds a program to a wq.
    ioctl_write_ptr_bad wq_set_callback(SLEEPTIMER_IOC_WQ_SET_CALLBACK, sleeptimer_set_callback);
    /// Queues a wq.
    ioctl_write_ptr_bad wq_start(SLEEPTIMER_IOC_WQ_START, sleeptimer_start);
    /// Takes a wq off the queue and waits for its callback: 1 if it was queued, else 0.
    ioctl_write_ptr_bad wq_cancel(SLEEPTIMER_IOC_WQ_CANCEL, sleeptimer_ref);
    /// Adds a delayed_wq to the map.
    ioctl_readwrite_bad delayed_wq_init(SLEEPTIMER_IOC_DELAYED_WQ_INIT, sleeptimer_init);
    /// Binds a program to a delayed_wq.
    ioctl_write_ptr_bad delayed_wq_set_callback(SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK, sleeptimer_set_callback);
    /// Arms a delayed_wq, unless it is armed.
    ioctl_write_ptr_bad delayed_wq_start(SLEEPTIMER_IOC_DELAYED_WQ_START, sleeptimer_start);
    /// Arms a delayed_wq anew: 1 if it was armed, else 0.
    ioctl_write_ptr_bad delayed_wq_mod(SLEEPTIMER_IOC_DELAYED_WQ_MOD, sleeptimer_start);
    /// Disarms a delayed_wq and waits for its callback: 1 if it was armed, else 0.
    ioctl_write_ptr_bad delayed_wq_cancel(SLEEPTIMER_IOC_DELAYED_WQ_CANCEL, sleeptimer_ref);
    /// Frees a timer, wq or delayed_wq, without waiting for its callback.
    ioctl_write_ptr_bad free(SLEEPTIMER_IOC_FREE, sleeptimer_ref);
}
