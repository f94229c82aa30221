// SPDX-License-Identifier: GPL-2.0-only

//! Progress on stderr: a line a step, with the time it took.

use std::cell::Cell;
use std::time::Instant;

use anyhow::Result;

/// Counts steps.
pub struct Progress {
    steps: u32,
    done: Cell<u32>,
}

impl Progress {
    /// The progress of work in that many steps.
    pub fn start(steps: u32) -> Self {
        Self {
            steps,
            done: Cell::new(0),
        }
    }

    /// Does one step.
    pub fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.done.set(self.done.get() + 1);
        eprint!(
            "rust-headers: [{}/{}] {what} ...",
            self.done.get(),
            self.steps
        );
        let start = Instant::now();
        let result = work();
        let end = if result.is_ok() { "" } else { " (failed)" };
        eprintln!(" {} s{end}", start.elapsed().as_secs());
        result
    }
}
