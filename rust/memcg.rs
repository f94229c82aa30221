// SPDX-License-Identifier: GPL-2.0

//! Memory cgroups, for workers: what a worker allocates is charged to the root cgroup, unless it
//! says to which one.
//!
//! C header: [`include/linux/memcontrol.h`](srctree/include/linux/memcontrol.h)

use crate::context::Worker;
use kernel::bindings;

// In c/helpers.c: the kernel has them as inline functions, or not at all without memory cgroups.
// Without lockdep, the structure has fields without a size, which are C's own affair.
#[allow(improper_ctypes)]
extern "C" {
    fn sleeptimer_get_memcg() -> *mut bindings::mem_cgroup;
    fn sleeptimer_put_memcg(memcg: *mut bindings::mem_cgroup);
    fn sleeptimer_set_active_memcg(memcg: *mut bindings::mem_cgroup) -> *mut bindings::mem_cgroup;
}

/// A counted reference to a memory cgroup.
///
/// # Invariants
///
/// `memcg` is valid and one of its references is this one; or null, which stands for the root.
pub(crate) struct MemCgroup {
    memcg: *mut bindings::mem_cgroup,
}

// SAFETY: A reference may be used and dropped by any thread.
unsafe impl Send for MemCgroup {}
// SAFETY: As above.
unsafe impl Sync for MemCgroup {}

impl MemCgroup {
    /// That of the current task. Process context.
    pub(crate) fn current() -> Self {
        Self {
            // INVARIANT: The call has taken a reference, which is ours.
            //
            // SAFETY: A task calls this.
            memcg: unsafe { sleeptimer_get_memcg() },
        }
    }

    /// Has this cgroup charged for what the worker allocates in `act`.
    pub(crate) fn charge<R>(&self, _: &Worker<'_>, act: impl FnOnce() -> R) -> R {
        // SAFETY: By the type invariants, as `self` has a reference until this returns.
        let own = unsafe { sleeptimer_set_active_memcg(self.memcg) };
        let result = act();
        // SAFETY: This is what there was before.
        unsafe { sleeptimer_set_active_memcg(own) };
        result
    }
}

impl Drop for MemCgroup {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the reference is ours.
        unsafe { sleeptimer_put_memcg(self.memcg) };
    }
}
