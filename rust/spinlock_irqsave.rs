// SPDX-License-Identifier: GPL-2.0

//! A spinlock that may be taken in any context, and gives interrupts back as it found them.
//!
//! `kernel::sync::SpinLockIrq`, from 7.3 on, wants a proof that interrupts are off instead.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use kernel::{
    bindings,
    ffi::{c_char, c_ulong},
    sync::lock::{Backend, Lock},
};

// In c/helpers.c: the kernel has them as macros only.
extern "C" {
    fn sleeptimer_spin_lock_irqsave(lock: *mut bindings::spinlock_t) -> c_ulong;
    fn sleeptimer_spin_trylock_irqsave(
        lock: *mut bindings::spinlock_t,
        flags: *mut c_ulong,
    ) -> bool;
    fn sleeptimer_spin_unlock_irqrestore(lock: *mut bindings::spinlock_t, flags: c_ulong);
}

/// A lock that is taken with `spin_lock_irqsave()`.
pub(crate) type SpinLockIrqSave<T> = Lock<T, SpinLockIrqSaveBackend>;

/// The [`Backend`] of [`SpinLockIrqSave`].
pub(crate) struct SpinLockIrqSaveBackend;

/// Creates a [`SpinLockIrqSave`] initialiser with a newly-created lock class.
macro_rules! new_spinlock_irqsave {
    ($inner:expr, $name:literal) => {
        $crate::spinlock_irqsave::SpinLockIrqSave::new(
            $inner,
            kernel::c_str!($name),
            kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_spinlock_irqsave;

// SAFETY: The functions below are the kernel's own spinlock operations: one owner at a time, and
// the default `relock` is `lock` again.
unsafe impl Backend for SpinLockIrqSaveBackend {
    type State = bindings::spinlock_t;
    /// How interrupts were.
    type GuardState = c_ulong;

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: The safety requirements ensure that `ptr` is valid for writes, and that `name`
        // and `key` are valid for read indefinitely.
        unsafe { bindings::__spin_lock_init(ptr, name, key) }
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: The safety requirements ensure that the lock has been initialised.
        unsafe { sleeptimer_spin_lock_irqsave(ptr) }
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        let mut flags = 0;
        // SAFETY: The safety requirements ensure that the lock has been initialised, and `flags` is
        // valid for writes.
        unsafe { sleeptimer_spin_trylock_irqsave(ptr, &mut flags) }.then_some(flags)
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, guard_state: &Self::GuardState) {
        // SAFETY: The safety requirements ensure that the caller owns the lock; the state is that
        // of its `lock`.
        unsafe { sleeptimer_spin_unlock_irqrestore(ptr, *guard_state) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: The safety requirements ensure that the lock has been initialised.
        unsafe { bindings::spin_assert_is_held(ptr) }
    }
}
