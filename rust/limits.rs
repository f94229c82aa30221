// SPDX-License-Identifier: GPL-2.0

//! What a map and a user may take: the parameters of the module, which are fixed when it is loaded.

#![deny(unsafe_code)]

use crate::{bpf_hrtimer::flags::Flags, compat, module_parameters};
use kernel::bindings;

/// The limits that maps and users are held to.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// The most timers of one map.
    pub(crate) map_timers: u32,
    /// How many callbacks of one map run in workers at a time.
    pub(crate) map_workers: u32,
    /// The most timers of all maps that one user has opened.
    pub(crate) user_timers: u32,
    /// The most workers that may run callbacks of all maps that one user has opened.
    pub(crate) user_workers: u32,
    /// The most maps that one user has opened.
    pub(crate) user_maps: u32,
}

impl Limits {
    /// What the parameters say, within what the module can do.
    pub(crate) fn from_parameters() -> Self {
        // The workqueue would complain of more in the kernel log.
        const MAX_WORKERS: u32 = bindings::wq_consts_WQ_MAX_ACTIVE;
        Self {
            map_timers: compat::parameter(&module_parameters::max_timers)
                .clamp(1, Flags::MAX_TIMERS),
            map_workers: compat::parameter(&module_parameters::max_workers).clamp(1, MAX_WORKERS),
            user_timers: compat::parameter(&module_parameters::user_timers),
            user_workers: compat::parameter(&module_parameters::user_workers),
            user_maps: compat::parameter(&module_parameters::user_maps),
        }
    }
}
