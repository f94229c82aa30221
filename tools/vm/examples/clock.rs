// SPDX-License-Identifier: GPL-2.0

//! Prints how long some work takes, in nanoseconds: on one processor, and with a second thread.
//!
//! Under `vm run --mode icount` the numbers are the same at every boot.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

fn main() {
    let start = Instant::now();
    let bytes: usize = (0..100)
        .filter_map(|_| fs::read("/proc/self/stat").ok())
        .map(|bytes| bytes.len())
        .sum();
    assert!(bytes > 0);
    let alone = start.elapsed();

    let start = Instant::now();
    let (ping, pings) = mpsc::channel();
    let (pong, pongs) = mpsc::channel();
    let thread = thread::spawn(move || pings.iter().try_for_each(|n: u32| pong.send(n)));
    let echoed = (0..100).filter(|n| ping.send(*n).is_ok() && pongs.recv() == Ok(*n));
    assert_eq!(echoed.count(), 100);
    drop(ping);
    assert!(thread.join().is_ok());
    let together = start.elapsed();

    println!("{} {}", alone.as_nanos(), together.as_nanos());
}
