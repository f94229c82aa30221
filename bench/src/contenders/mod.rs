// SPDX-License-Identifier: GPL-2.0
//! Those who are compared.

#[cfg(feature = "bpf")]
pub mod bpf;
pub mod delay_queue;
pub mod floor;
pub mod io_uring;
pub mod posix;
pub mod sleeptimer;
pub mod timerfd;
pub mod wheel;

/// A time, or a delay, of so many ns.
fn timespec(ns: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    }
}
