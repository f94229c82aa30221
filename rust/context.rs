// SPDX-License-Identifier: GPL-2.0

//! Contexts as types: a function that may sleep demands a token that only a context where sleeping
//! is allowed can give.
//!
//! | token          | proves                                     | made by                           |
//! |----------------|--------------------------------------------|-----------------------------------|
//! | [`Process`]    | a task runs us and may sleep               | file operations, workers, exit    |
//! | [`Softirq`]    | we run in softirq, or as if, with BH off   | the hrtimer and RCU callbacks     |
//! | [`RcuRead`]    | objects found in a table stay allocated    | `rcu::read_lock()`, in any context |

use core::marker::PhantomData;
use kernel::{task::might_sleep, types::NotThreadSafe};

pub(crate) use kernel::sync::rcu::Guard as RcuRead;

/// Proof that the caller runs in process context and may sleep.
pub(crate) struct Process<'a>(PhantomData<&'a ()>, NotThreadSafe);

impl Process<'_> {
    /// Declares that the caller may sleep. A debug kernel checks it.
    ///
    /// # Safety
    ///
    /// The caller must be in process context, with preemption and interrupts on and no spinlock
    /// held, for as long as the token lives.
    pub(crate) unsafe fn assume() -> Self {
        might_sleep();
        Self(PhantomData, NotThreadSafe)
    }
}

/// Proof that the caller runs in softirq context, where nothing may sleep.
pub(crate) struct Softirq<'a>(PhantomData<&'a ()>, NotThreadSafe);

impl Softirq<'_> {
    /// Declares that bottom halves are disabled.
    ///
    /// # Safety
    ///
    /// The caller must run in softirq context for as long as the token lives.
    pub(crate) unsafe fn assume() -> Self {
        Self(PhantomData, NotThreadSafe)
    }
}
