// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernel series that we build for.

use kernel::{bindings, error::Error, module_param::ModuleParamAccess};

#[cfg(not(kernel_before_7_3))]
pub(crate) use pin_init::raw_init;

/// Initialises pinned memory.
///
/// # Safety
///
/// `slot` is valid for writes, and what it holds never moves after this.
#[cfg(kernel_before_7_3)]
pub(crate) unsafe fn raw_init<T>(slot: *mut T, init: impl pin_init::PinInit<T>) {
    // SAFETY: By the safety requirements.
    match unsafe { init.__pinned_init(slot) } {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

#[cfg(kernel_before_7_3)]
pub(crate) const HRTIMER_NORESTART: bindings::hrtimer_restart =
    bindings::hrtimer_restart_HRTIMER_NORESTART;
#[cfg(not(kernel_before_7_3))]
pub(crate) const HRTIMER_NORESTART: bindings::hrtimer_restart =
    bindings::hrtimer_restart::HRTIMER_NORESTART;

/// Have `smp_call_function_single()` wait for the function.
#[cfg(kernel_before_7_3)]
pub(crate) const SMP_CALL_WAIT: kernel::ffi::c_int = 1;
#[cfg(not(kernel_before_7_3))]
pub(crate) const SMP_CALL_WAIT: bool = true;

/// The value of a parameter of the module.
pub(crate) fn parameter<T: Copy>(access: &ModuleParamAccess<T>) -> T {
    #[cfg(kernel_before_7_3)]
    return *access.value();
    #[cfg(not(kernel_before_7_3))]
    access.value()
}

/// The error of a number. `kernel::error` has names for all of them from 7.3 on.
pub(crate) fn error(number: u32) -> Error {
    Error::from_errno((number as kernel::ffi::c_int).wrapping_neg())
}

/// Too many symbolic links. `kernel::error` has it from 7.3 on.
pub(crate) fn eloop() -> Error {
    Error::from_errno(-(bindings::ELOOP as kernel::ffi::c_int))
}

/// Operation not supported. `kernel::error` has it from 7.3 on.
pub(crate) fn eopnotsupp() -> Error {
    Error::from_errno(-(bindings::EOPNOTSUPP as kernel::ffi::c_int))
}
