// SPDX-License-Identifier: GPL-2.0
//! Time, less what it takes to read the clock.

use crate::Outcome;

/// The time of `CLOCK_MONOTONIC`, in ns.
pub fn now_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: The call writes to the structure only.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Adds up what is measured.
pub struct Stopwatch {
    overhead: u64,
    total: u64,
    count: u64,
}

impl Stopwatch {
    /// One that shows nothing. `clock` is what it will be read by.
    pub fn new(clock: impl Fn() -> u64) -> Self {
        let overhead = (0..16).map(|_| {
            let begin = clock();
            clock() - begin
        });
        Self {
            overhead: overhead.min().unwrap_or(0),
            total: 0,
            count: 0,
        }
    }

    /// Adds what was done from one time to another, to so many.
    pub fn add(&mut self, begin: u64, end: u64, count: usize) {
        self.total += (end - begin).saturating_sub(self.overhead);
        self.count += count as u64;
    }

    /// How many it has measured.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean of one, in ns.
    pub fn mean(&self) -> Outcome<f64> {
        if self.count == 0 {
            return Err("nothing was measured".to_owned());
        }
        Ok(self.total as f64 / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_clock_itself_does_not_count() {
        let time = Cell::new(0);
        let clock = || time.replace(time.get() + 7);
        let mut watch = Stopwatch::new(clock);
        assert!(watch.mean().is_err());
        watch.add(100, 107 + 30, 3);
        watch.add(200, 207 + 10, 1);
        assert_eq!((watch.mean(), watch.count()), (Ok(10.0), 4));
    }
}
