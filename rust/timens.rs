// SPDX-License-Identifier: GPL-2.0

//! Time namespaces: what the clocks of the current task show, against those of the host.
//!
//! C header: [`include/linux/time_namespace.h`](srctree/include/linux/time_namespace.h)

use crate::bpf_hrtimer::flags::Clock;
use kernel::bindings;

// In c/helpers.c: the kernel has them as inline functions only.
extern "C" {
    fn sleeptimer_in_time_namespace() -> bool;
    fn sleeptimer_timens_ktime_to_host(
        clock: bindings::clockid_t,
        time: bindings::ktime_t,
    ) -> bindings::ktime_t;
    fn sleeptimer_timens_offset(clock: bindings::clockid_t) -> i64;
}

/// Whether the current task is in another time namespace than the host's. Process context.
pub(crate) fn is_other() -> bool {
    // SAFETY: A task calls this, and has namespaces.
    unsafe { sleeptimer_in_time_namespace() }
}

/// The time of the host's clock at which that of the current task shows `ns`. Process context.
pub(crate) fn to_host(clock: Clock, ns: u64) -> u64 {
    let time = i64::try_from(ns).unwrap_or(i64::MAX);
    // SAFETY: A task calls this, and has namespaces.
    let time = unsafe { sleeptimer_timens_ktime_to_host(clock.id(), time) };
    time.max(0).unsigned_abs()
}

/// What a clock of the current task shows when that of the host shows `ns`. Process context.
pub(crate) fn from_host(clock: Clock, ns: i64) -> u64 {
    ns.saturating_add(offset(clock)).max(0).unsigned_abs()
}

/// By how much a clock of the current task is ahead of the host's, in ns. Process context.
pub(crate) fn offset(clock: Clock) -> i64 {
    // SAFETY: A task calls this, and has namespaces.
    unsafe { sleeptimer_timens_offset(clock.id()) }
}
