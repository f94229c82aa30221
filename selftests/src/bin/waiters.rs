// SPDX-License-Identifier: GPL-2.0
//! As many calls as can wait for a timer at a time, and more. Kernels with checkers take too long to
//! make so many threads.

use nix::errno::Errno;
use sleeptimer::Kind;
use sleeptimer_selftests::{
    busy::{stuck, Busy},
    check, check_eq, map, ok, tests, Outcome, TOLERANCE,
};
use std::{
    process::ExitCode,
    sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        Arc,
    },
    thread,
    time::{Duration, Instant},
};

/// How many calls may wait for a timer at a time.
const MOST_WAITERS: usize = 4094;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![more_waiters_than_can_be_counted_are_eagain])
}

fn more_waiters_than_can_be_counted_are_eagain() -> Outcome {
    const TOO_MANY: usize = 10;
    // In a small machine, fewer threads are the default.
    ok!(std::fs::write("/proc/sys/kernel/threads-max", "16384"));
    let busy = Busy::new()?;
    let map = Arc::new(map()?);
    let timer = stuck(&map, Kind::Wq, &busy)?;
    let refused = Arc::new(AtomicUsize::new(0));
    let mut waiters = Vec::new();
    for _ in 0..MOST_WAITERS + TOO_MANY {
        let (map, refused) = (map.clone(), refused.clone());
        let waiter = thread::Builder::new().stack_size(64 << 10).spawn(move || {
            let result = map.cancel(timer);
            if result.is_err_and(|error| error.errno == Errno::EAGAIN) {
                refused.fetch_add(1, SeqCst);
            }
        });
        waiters.push(ok!(waiter));
    }
    let end = Instant::now() + TOLERANCE;
    while refused.load(SeqCst) < TOO_MANY {
        check!(Instant::now() < end, "{} refused", refused.load(SeqCst));
        thread::sleep(Duration::from_millis(10));
    }
    busy.let_go()?;
    for waiter in waiters {
        waiter.join().map_err(|_| "a waiter died")?;
    }
    check_eq!(refused.load(SeqCst), TOO_MANY);
    Ok(())
}
