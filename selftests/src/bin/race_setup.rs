// SPDX-License-Identifier: GPL-2.0
//! Two calls set the same file up: one makes the map, and the other is told that there is one.

use fastrand::Rng;
use nix::errno::Errno;
use sleeptimer_selftests::{
    check_eq,
    race::{meet, pin, rounds, Tally, FIRST_CPU},
    raw::{device, request},
    tests, Outcome,
};
use sleeptimer_sys as sys;
use std::{os::fd::AsRawFd, process::ExitCode};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![two_setups_make_one_map])
}

fn set_up(device: &impl AsRawFd) -> Result<i32, Errno> {
    let mut setup = sys::sleeptimer_setup {
        max_timers: 1,
        max_programs: 1,
        max_events: 1,
        ..Default::default()
    };
    let address = &raw mut setup as usize;
    request(device, sys::SLEEPTIMER_IOC_SETUP, address)
}

fn two_setups_make_one_map() -> Outcome {
    pin(FIRST_CPU)?;
    let mut random = Rng::with_seed(1);
    let mut seen = Tally::default();
    while seen.total() < rounds() || (seen.sorts() < 2 && seen.total() < 20 * rounds()) {
        let device = device()?;
        let offset = random.i64(-50_000..50_000);
        let (first, second) = meet(offset, || set_up(&device), || set_up(&device))?;
        let won = if first.is_ok() { 1 } else { 2 };
        let (winner, loser) = if won == 1 {
            (first, second)
        } else {
            (second, first)
        };
        check_eq!((winner, loser), (Ok(0), Err(Errno::EBUSY)));
        seen.add(won);
    }
    println!("# the setup that has won: {seen}{}", seen.verdict());
    Ok(())
}
