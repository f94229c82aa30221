// SPDX-License-Identifier: GPL-2.0
//! Threads that keep the module busy for a time, and what they have done and seen.

use super::sample::{Activity, Lag};
use crate::{check, Outcome};
use sleeptimer::{Context, Event, Kind};
use std::{
    mem::take,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Mutex, PoisonError,
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

/// A part of the load: it goes on for as long as the load does.
pub type Part = fn(&Load) -> Outcome;

/// A load that runs for a time.
pub struct Load {
    end: Instant,
    failed: AtomicBool,
    operations: AtomicU64,
    expirations: AtomicU64,
    softirq: Mutex<Vec<u64>>,
    worker: Mutex<Vec<u64>>,
}

impl Load {
    /// One that begins now.
    pub fn new(time: Duration) -> Self {
        Self {
            end: Instant::now() + time,
            failed: AtomicBool::new(false),
            operations: AtomicU64::new(0),
            expirations: AtomicU64::new(0),
            softirq: Mutex::default(),
            worker: Mutex::default(),
        }
    }

    /// Whether it goes on: its time is not over, and no part has failed.
    pub fn goes_on(&self) -> bool {
        Instant::now() < self.end && !self.failed.load(Ordering::Relaxed)
    }

    /// Counts calls.
    pub fn did(&self, operations: u64) {
        self.operations.fetch_add(operations, Ordering::Relaxed);
    }

    /// Counts the expirations of an event.
    pub fn told(&self, event: &Event) {
        self.expirations.fetch_add(event.count, Ordering::Relaxed);
    }

    /// Notes how late an event of a timer is, which tells when its callback began. It is never early,
    /// but in jiffies: while the CPU that counts them stands still, they are behind.
    pub fn was_due(&self, event: &Event, kind: Kind, due: u64) -> Outcome {
        let is_early = event.time_ns < due && kind != Kind::DelayedWq;
        check!(!is_early, "due at {due}, {event:?} came, of a {kind:?}");
        let lags = match event.context {
            Context::Softirq => &self.softirq,
            Context::Process(_) => &self.worker,
            Context::Unknown => return Ok(()),
        };
        let mut lags = lags.lock().unwrap_or_else(PoisonError::into_inner);
        lags.push(event.time_ns.saturating_sub(due));
        Ok(())
    }

    /// What has happened since this was asked last, so long ago.
    pub fn take_activity(&self, time: Duration) -> Activity {
        let rate = |number: &AtomicU64| {
            number.swap(0, Ordering::Relaxed) as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
        };
        let lag = |lags: &Mutex<Vec<u64>>| {
            Lag::of(take(
                &mut *lags.lock().unwrap_or_else(PoisonError::into_inner),
            ))
        };
        Activity {
            operations: rate(&self.operations),
            expirations: rate(&self.expirations),
            softirq: lag(&self.softirq),
            worker: lag(&self.worker),
        }
    }

    /// Runs all parts, and calls `look` at intervals meanwhile.
    pub fn run(
        &self,
        parts: &[(&str, Part)],
        interval: Duration,
        mut look: impl FnMut() -> Outcome,
    ) -> Outcome {
        thread::scope(|scope| {
            let threads: Vec<_> = parts
                .iter()
                .map(|&(name, part)| scope.spawn(move || self.run_part(name, part)))
                .collect();
            let mut outcomes = vec![self.look_at_intervals(interval, &mut look)];
            for thread in threads {
                outcomes.push(thread.join().unwrap_or(Err("a thread died".to_owned())));
            }
            let failures: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
            if failures.is_empty() {
                Ok(())
            } else {
                Err(failures.join("\n"))
            }
        })
    }

    fn run_part(&self, name: &str, part: Part) -> Outcome {
        let outcome = part(self).map_err(|why| format!("{name}: {why}"));
        self.stop_if_failed(outcome)
    }

    fn look_at_intervals(&self, interval: Duration, look: &mut impl FnMut() -> Outcome) -> Outcome {
        while self.goes_on() {
            sleep(interval.min(self.end.saturating_duration_since(Instant::now())));
            self.stop_if_failed(look())?;
        }
        Ok(())
    }

    fn stop_if_failed(&self, outcome: Outcome) -> Outcome {
        if outcome.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        outcome
    }
}
