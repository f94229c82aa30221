// SPDX-License-Identifier: GPL-2.0
//! A timer of the model, and what time it is.

use sleeptimer::Kind;
use std::ops::RangeInclusive;

/// The clocks that timers may be on.
pub const CLOCKS: [u32; 4] = [
    libc::CLOCK_MONOTONIC as u32,
    libc::CLOCK_REALTIME as u32,
    libc::CLOCK_BOOTTIME as u32,
    libc::CLOCK_TAI as u32,
];

/// A time that is known to lie between two others, in ns.
pub type Span = RangeInclusive<u64>;

/// When a call is made, and where.
#[derive(Clone, Debug)]
pub struct Moment {
    /// On each clock, by its place in [`CLOCKS`].
    pub times: [Span; CLOCKS.len()],
    /// The CPU.
    pub cpu: u32,
}

impl Moment {
    /// When nobody asks.
    pub const NEVER: Self = Self {
        times: [const { 0..=0 }; CLOCKS.len()],
        cpu: 0,
    };

    /// The time on a clock, which is one of [`CLOCKS`].
    pub fn on(&self, clock: u32) -> &Span {
        let place = CLOCKS.iter().position(|&other| other == clock);
        &self.times[place.unwrap_or(0)]
    }
}

/// A delay that no run lasts for, in ns.
pub(super) const FAR: u64 = 3600 * 1_000_000_000;
/// What is shorter is over in a moment, and has been on any clock, in ns.
pub(super) const SOON: u64 = 1_000_000;
/// More than any clock shows, in ns.
pub(super) const AGE: u64 = 1 << 61;
/// The latest time that there is, in ns.
pub(super) const END_OF_TIME: u64 = i64::MAX as u64;

/// The same, so much later.
pub(super) fn later(span: &Span, by: u64) -> Span {
    let add = |time: u64| time.saturating_add(by).min(END_OF_TIME);
    add(*span.start())..=add(*span.end())
}

/// A callback that sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The program that it runs.
    pub program: usize,
    /// The step after that which sleeps.
    pub next: usize,
}

/// A timer, as it is when the device has come to rest.
#[derive(Clone, Debug)]
pub(super) struct Timer {
    /// Which timer of the map it is, in the order in which they were made.
    pub id: usize,
    pub kind: Kind,
    pub clock: u32,
    pub user_data: u64,
    /// What is bound to it.
    pub program: Option<usize>,
    /// When it expires, if it is armed for a time.
    pub expiry: Option<Span>,
    /// Whether it has expired, and waits for the run before.
    pub waits: bool,
    /// 0: none.
    pub period: u64,
    /// The run that sleeps.
    pub run: Option<Run>,
    /// What is counted because the ring is full.
    pub backlog: u64,
}

impl Timer {
    pub fn new(id: usize, kind: Kind, clock: u32, user_data: u64) -> Self {
        Self {
            id,
            kind,
            clock,
            user_data,
            program: None,
            expiry: None,
            waits: false,
            period: 0,
            run: None,
            backlog: 0,
        }
    }

    /// Whether its time is measured by an hrtimer.
    pub fn has_hrtimer(&self) -> bool {
        matches!(self.kind, Kind::Timer | Kind::HighresDelayedWq)
    }

    pub fn is_armed(&self) -> bool {
        self.expiry.is_some() || self.waits
    }

    /// Disarms it, and returns whether it was armed.
    pub fn disarm(&mut self) -> bool {
        let was_armed = self.is_armed();
        self.expiry = None;
        self.waits = false;
        self.period = 0;
        was_armed
    }

    pub fn look(&self) -> Look {
        Look {
            user_data: self.user_data,
            expiry: self.expiry.clone(),
            period: self.period,
            backlog: self.backlog,
            kind: self.kind,
            clock: self.clock,
            is_armed: self.is_armed(),
            is_running: self.run.is_some(),
        }
    }
}

/// What a `QUERY` has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Look {
    pub user_data: u64,
    /// None is told as 0.
    pub expiry: Option<Span>,
    pub period: u64,
    pub backlog: u64,
    pub kind: Kind,
    pub clock: u32,
    pub is_armed: bool,
    pub is_running: bool,
}

/// What an event has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The number of the timer.
    pub timer: usize,
    /// The word of the timer.
    pub user_data: u64,
    /// How many expirations.
    pub count: u64,
    /// Whether these were counted while the ring was full, and the rest is not told.
    pub is_accumulated: bool,
    /// Whether it ran in softirq.
    pub is_softirq: bool,
    /// Where it ran, if that is known.
    pub cpu: Option<u32>,
    /// It is no earlier, in ns of `CLOCK_MONOTONIC`.
    pub after: u64,
}
