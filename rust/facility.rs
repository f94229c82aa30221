// SPDX-License-Identifier: GPL-2.0

//! What all maps share: limits, the memory of timers, and the workers that wait for callbacks to
//! end.

use crate::{
    bpf_hrtimer::{BpfHrtimer, Highres},
    limits::Limits,
    registry::Registry,
    schedules::Schedules,
    slab::KmemCache,
    users::Users,
    workqueue::Workqueue,
};
use kernel::{bindings, prelude::*};

/// Lives as long as the module. Fields are dropped in this order: the last works run, and only
/// then the memory goes.
#[pin_data(PinnedDrop)]
pub(crate) struct Facility {
    pub(crate) limits: Limits,
    #[pin]
    pub(crate) registry: Registry,
    #[pin]
    pub(crate) users: Users,
    /// By which periodic timers are throttled.
    pub(crate) schedules: Schedules,
    /// Runs the works of reapers only, so that a map's own callbacks cannot hold the end of a timer
    /// up.
    pub(crate) reaper: Workqueue,
    /// The slab cache of timers: `/proc/slabinfo` shows leaks by name.
    pub(crate) timers: KmemCache<BpfHrtimer>,
    /// The slab cache of high-resolution delayed_wqs, which are larger.
    pub(crate) highres: KmemCache<Highres>,
}

impl Facility {
    /// Creates the workers and the slab caches, which `/proc/slabinfo` shows by these names.
    pub(crate) fn new(timers: &'static CStr, highres: &'static CStr) -> impl PinInit<Self, Error> {
        const REAPER_ID: i32 = 0;
        const DEFAULT_WORKERS: u32 = 0;
        try_pin_init!(Self {
            limits: Limits::from_parameters(),
            registry <- Registry::new(),
            users <- Users::new(),
            schedules: Schedules::new()?,
            reaper: Workqueue::new(REAPER_ID, DEFAULT_WORKERS)?,
            timers: KmemCache::new(timers)?,
            highres: KmemCache::new(highres)?,
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Facility {
    fn drop(self: Pin<&mut Self>) {
        // The maps are gone, and with them all timers; but the RCU callback that freed the last
        // one may still be returning through our code. It may also have queued a work, which the
        // drop of `reaper` waits for.
        //
        // SAFETY: We are in process context, at module exit, and hold no lock.
        unsafe { bindings::rcu_barrier() };
    }
}
