// SPDX-License-Identifier: GPL-2.0-only

//! Progress on stderr: a line a step, with the time it took.

use std::cell::Cell;
use std::io::{stderr, IsTerminal};
use std::time::{Duration, Instant};

use anyhow::Result;

/// How often a step shows that it is alive: on a terminal, where it is one line, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_secs(1);
const ELSEWHERE: Duration = Duration::from_secs(60);

/// Counts steps.
pub struct Progress {
    tool: &'static str,
    steps: u32,
    done: Cell<u32>,
}

impl Progress {
    /// The progress of `tool`, whose work is so many steps.
    pub fn start(tool: &'static str, steps: u32) -> Self {
        Self {
            tool,
            steps,
            done: Cell::new(0),
        }
    }

    /// Does one step.
    pub fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.long_step(what, |_| work())
    }

    /// Does one step that takes minutes, and reports what it does to [`Live::show`].
    pub fn long_step<T>(&self, what: &str, work: impl FnOnce(&mut Live) -> Result<T>) -> Result<T> {
        self.done.set(self.done.get() + 1);
        let title = format!("{}: [{}/{}] {what}", self.tool, self.done.get(), self.steps);
        eprint!("{title} ...");
        let mut live = Live::start(title);
        let result = work(&mut live);
        live.end(result.is_ok());
        result
    }
}

/// The line of a step that is being done.
pub struct Live {
    title: String,
    start: Instant,
    shown: Instant,
    on_terminal: bool,
    overwritten: bool,
}

impl Live {
    fn start(title: String) -> Self {
        let now = Instant::now();
        Self {
            title,
            start: now,
            shown: now,
            on_terminal: stderr().is_terminal(),
            overwritten: false,
        }
    }

    /// Shows what is being done, unless something was shown a moment ago.
    pub fn show(&mut self, what: impl FnOnce() -> String) {
        let pause = if self.on_terminal {
            ON_TERMINAL
        } else {
            ELSEWHERE
        };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        self.overwritten = true;
        self.begin_line();
        eprint!("{}: {}, {} s", self.title, what(), self.seconds());
    }

    fn end(mut self, well: bool) {
        if self.overwritten {
            self.begin_line();
            eprint!("{} ...", self.title);
        }
        let end = if well { "" } else { " (failed)" };
        eprintln!(" {} s{end}", self.seconds());
        self.overwritten = false;
    }

    fn begin_line(&self) {
        if self.on_terminal {
            eprint!("\r\x1b[K");
        } else {
            eprintln!();
        }
    }

    fn seconds(&self) -> u64 {
        self.start.elapsed().as_secs()
    }
}
