// SPDX-License-Identifier: GPL-2.0

//! Sleepable timers: timers whose callbacks may sleep, beside ones that run in softirq.
//!
//! User space reaches them through `/dev/sleeptimer`; see `include/uapi/linux/sleeptimer.h` and
//! [`bpf_hrtimer`], the object that it is all about.

#![deny(unsafe_op_in_unsafe_fn)]

use kernel::prelude::*;

mod backlog;
mod batches;
mod bpf_hrtimer;
mod compat;
mod context;
mod debugfs;
mod decode;
mod device;
mod eventfd;
mod events;
mod facility;
mod failure;
mod ioctl;
#[cfg(CONFIG_KUNIT)]
mod kunit;
mod large;
mod limits;
mod map;
mod memcg;
mod numbers;
mod opener;
mod origin;
mod places;
mod program;
mod programs;
mod reaper;
mod registry;
mod ring;
mod run;
mod schedules;
mod slab;
mod sleepers;
mod spinlock_irqsave;
mod step_file;
mod submit;
mod table;
mod throttle;
mod timens;
mod trace;
mod uapi;
mod users;
mod workqueue;

module! {
    type: SleepTimer,
    name: "sleeptimer",
    authors: ["The Sleepable Timers project"],
    description: "Sleepable timers",
    license: "GPL",
    params: {
        max_timers: u32 {
            default: 1048576,
            description: "Most timers of one map",
        },
        max_workers: u32 {
            default: 32,
            description: "Most callbacks of one map that run in workers at a time",
        },
        user_timers: u32 {
            default: 131072,
            description: "Most timers of all maps of one user, unless with CAP_SYS_RESOURCE",
        },
        user_workers: u32 {
            default: 4096,
            description: "Most workers for all maps of one user, unless with CAP_SYS_RESOURCE",
        },
        user_maps: u32 {
            default: 128,
            description: "Most maps of one user, unless with CAP_SYS_RESOURCE",
        },
    },
}

#[pin_data]
struct SleepTimer {
    #[pin]
    device: device::Device,
}

impl kernel::InPlaceModule for SleepTimer {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            device <- device::Device::register(module),
        })
    }
}
