// SPDX-License-Identifier: GPL-2.0

//! A spinlock that keeps softirqs of its CPU out, for data that they share with processes.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use kernel::{
    bindings,
    ffi::{c_char, c_int},
    sync::lock::{Backend, Lock},
};

// In c/helpers.c: the kernel has them as inline functions only.
extern "C" {
    fn sleeptimer_spin_lock_bh(lock: *mut bindings::spinlock_t);
    fn sleeptimer_spin_trylock_bh(lock: *mut bindings::spinlock_t) -> c_int;
    fn sleeptimer_spin_unlock_bh(lock: *mut bindings::spinlock_t);
}

/// A lock that is taken with `spin_lock_bh()`, in process or softirq context.
pub(crate) type SpinLockBh<T> = Lock<T, SpinLockBhBackend>;

/// The [`Backend`] of [`SpinLockBh`].
pub(crate) struct SpinLockBhBackend;

/// Creates a [`SpinLockBh`] initialiser with a newly-created lock class.
macro_rules! new_spinlock_bh {
    ($inner:expr, $name:literal) => {
        $crate::spinlock_bh::SpinLockBh::new(
            $inner,
            kernel::c_str!($name),
            kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_spinlock_bh;

// SAFETY: The functions below are the kernel's own spinlock operations: one owner at a time, and
// the default `relock` is `lock` again.
unsafe impl Backend for SpinLockBhBackend {
    type State = bindings::spinlock_t;
    type GuardState = ();

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: The safety requirements ensure that `ptr` is valid for writes, and that `name`
        // and `key` are valid for read indefinitely.
        unsafe { bindings::__spin_lock_init(ptr, name, key) }
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: The safety requirements ensure that the lock has been initialised.
        unsafe { sleeptimer_spin_lock_bh(ptr) }
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        // SAFETY: The safety requirements ensure that the lock has been initialised.
        (unsafe { sleeptimer_spin_trylock_bh(ptr) } != 0).then_some(())
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, _guard_state: &Self::GuardState) {
        // SAFETY: The safety requirements ensure that the caller owns the lock.
        unsafe { sleeptimer_spin_unlock_bh(ptr) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: The safety requirements ensure that the lock has been initialised.
        unsafe { bindings::spin_assert_is_held(ptr) }
    }
}
