// SPDX-License-Identifier: GPL-2.0
//! The last close of a map, which meets the expiry. What expires is counted by an eventfd: nothing
//! does after the close has returned.

use crate::{
    bound_timer, check, check_eq, ok,
    race::{appoint_expiry, spin_until},
};
use nix::sys::eventfd::{EfdFlags, EventFd};
use sleeptimer::{Kind, Map, Sizes, Step, Timer};
use std::{os::fd::AsFd, thread::sleep, time::Duration};

/// A map with a timer that counts, and the counter.
pub fn counting(kind: Kind) -> Result<(Map, Timer, EventFd), String> {
    let counter = ok!(EventFd::from_flags(EfdFlags::EFD_NONBLOCK));
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 4,
        programs: 4,
        events: 4,
    }));
    let timer = bound_timer(&map, kind, &[Step::EventFd(counter.as_fd())])?;
    Ok((map, timer, counter))
}

/// How often a timer has expired, at most once, whose map is closed: it does not any more.
pub fn counted(counter: &EventFd) -> Result<u64, String> {
    let counted = counter.read().unwrap_or(0);
    sleep(Duration::from_micros(200));
    check_eq!(counter.read().unwrap_or(0), 0);
    check!(counted <= 1, "it has expired {counted} times");
    Ok(counted)
}

/// Closes a map of which a timer expires on a CPU, `offset` ns after the close begins; returns how often
/// it has expired. The calling thread stays on [`FIRST_CPU`](crate::race::FIRST_CPU).
pub fn close_and_expire(kind: Kind, cpu: u32, offset: i64) -> Result<u64, String> {
    let (map, timer, counter) = counting(kind)?;
    spin_until(appoint_expiry(&map, timer, cpu, offset)?);
    drop(map);
    counted(&counter)
}
