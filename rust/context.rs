// SPDX-License-Identifier: GPL-2.0

//! Contexts as types: a function that may sleep demands a token that only a context where sleeping
//! is allowed can give.
//!
//! | token          | proves                                     | made by                           |
//! |----------------|--------------------------------------------|-----------------------------------|
//! | [`Process`]    | a task runs us, and may wait for callbacks | file operations, the reaper, exit |
//! | [`Worker`]     | a worker runs a callback, and may sleep    | the work callbacks                |
//! | [`Softirq`]    | we run in softirq                          | the hrtimer callbacks             |
//! | [`RcuRead`]    | objects found in a table stay allocated    | `rcu::read_lock()`, in any context |

use core::marker::PhantomData;
use kernel::{task::might_sleep, types::NotThreadSafe};

pub(crate) use kernel::sync::rcu::Guard as RcuRead;

/// Proof that the caller runs in process context, and not in a callback of ours: it may sleep, and
/// it may wait for callbacks.
pub(crate) struct Process<'a>(PhantomData<&'a ()>, NotThreadSafe);

impl Process<'_> {
    /// Declares that the caller may sleep. A debug kernel checks it.
    ///
    /// # Safety
    ///
    /// The caller must be in process context, with preemption and interrupts on and no spinlock
    /// held, and not in a callback of a timer, for as long as the token lives.
    pub(crate) unsafe fn assume() -> Self {
        might_sleep();
        Self(PhantomData, NotThreadSafe)
    }
}

/// Proof that the caller is a callback that a worker runs: it may sleep, and it may not wait for
/// callbacks, one of which it is itself.
pub(crate) struct Worker<'a>(PhantomData<&'a ()>, NotThreadSafe);

impl Worker<'_> {
    /// Declares that the caller may sleep. A debug kernel checks it.
    ///
    /// # Safety
    ///
    /// The caller must be a work function that holds no spinlock, for as long as the token lives.
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
