// SPDX-License-Identifier: GPL-2.0

//! How often periodic timers may expire: arithmetic only.
//!
//! The softirq of hrtimers goes on for as long as a timer is due, and periodic timers become due
//! again and again: enough of them would leave a CPU nothing else to do. So each of their
//! expirations is an arrival of a *virtual schedule* of its CPU, which has one arrival an interval:
//! the interval that one timer of the shortest period asks for, or what [`Cost`] makes of it if
//! serving a timer takes long. As long as the arrivals are less than a burst ahead of the schedule,
//! nothing happens. Beyond that, a timer expires again only when the schedule has caught up (this is
//! the generic cell rate algorithm). It keeps its phase, and [`Period`] keeps how many expirations
//! were passed over, for the next event to count.
//!
//! A timer that keeps quiet has one arrival ahead of the schedule, so all of them are no further ahead
//! than there are timers. Whoever starts the same timers again and again would get beyond that, and
//! hold all others up for as long: so there is an end to it.

#![deny(unsafe_code)]

/// How far apart the schedule has arrivals at least, in ns: the shortest period.
pub(crate) const INTERVAL_NS: u64 = 10_000;

/// How far ahead of the schedule arrivals may be, in ns.
pub(crate) const BURST_NS: u64 = 1_000_000;

/// How long it takes to serve a periodic timer: the moving average of the last ones.
///
/// A callback of many steps, or a kernel with checkers on a slow machine, takes longer than the shortest
/// period. Then the timers are further apart, so that a CPU has time for other things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// [`Self::WEIGHT`] times the average, in ns.
    sum: u64,
}

impl Cost {
    /// How many of the last ones count.
    const WEIGHT: u64 = 16;
    /// How many times as far apart as this the arrivals are. What the kernel does before it calls us
    /// is not in the cost: with it, half the time may be gone.
    const SPACING: u64 = 3;
    /// Ten milliseconds: no serving takes as long, unless the machine stood still, for which the timers that
    /// come next are not held back.
    const MAX_NS: u64 = 10_000_000;

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { sum: bits }
    }

    pub(crate) const fn bits(self) -> u64 {
        self.sum
    }

    /// With one more, which took so many ns.
    pub(crate) fn with(self, took: u64) -> Self {
        let rest = self.sum.saturating_sub(self.sum / Self::WEIGHT);
        Self {
            sum: rest.saturating_add(took.min(Self::MAX_NS)),
        }
    }

    /// How far apart the arrivals have to be, in ns.
    pub(crate) fn interval(self) -> u64 {
        INTERVAL_NS.max((self.sum / Self::WEIGHT).saturating_mul(Self::SPACING))
    }
}

/// Enters an arrival into a schedule with arrivals `interval` apart.
///
/// `scheduled` is the time of the next arrival on the schedule, and `now` the time of this one, both
/// on the same clock, in ns; `timers` is how many there may be at most. Returns the new time of the
/// next arrival, and for how many ns the timer has to keep quiet.
pub(crate) fn arrive(scheduled: u64, now: u64, timers: u64, interval: u64) -> (u64, u64) {
    let furthest = timers.saturating_mul(interval).saturating_add(BURST_NS);
    let next = scheduled.max(now).saturating_add(interval);
    let next = next.min(now.saturating_add(furthest));
    let ahead = next.saturating_sub(now);
    if ahead > BURST_NS {
        (next, ahead)
    } else {
        (next, 0)
    }
}

/// The period of a timer, and how many of its expirations were passed over since the last event.
///
/// One word, which is 0 for a timer that fires once. Long periods, with which nobody makes a storm,
/// pass nothing over.
///
/// ```text
///  63    62            38 37       0
/// | 1 | passed over      | period   |   short periods, with some passed over
/// | 0 | period                      |   any other
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period(u64);

impl Period {
    const PASSED: u64 = 1 << 63;
    const PERIOD_BITS: u32 = 38;
    const MAX_SHORT: u64 = (1 << Self::PERIOD_BITS) - 1;
    const MAX_PASSED: u64 = (1 << (63 - Self::PERIOD_BITS)) - 1;

    /// A period in ns, 0 for a timer that fires once; 292 years if it is longer.
    pub(crate) const fn new(ns: u64) -> Self {
        if ns < Self::PASSED {
            Self(ns)
        } else {
            Self(Self::PASSED - 1)
        }
    }

    /// A timer that fires once.
    pub(crate) const ONCE: Self = Self(0);

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Whether the timer fires once.
    pub(crate) const fn is_once(self) -> bool {
        self.0 == 0
    }

    /// In ns.
    pub(crate) const fn ns(self) -> u64 {
        if self.0 & Self::PASSED == 0 {
            self.0
        } else {
            self.0 & Self::MAX_SHORT
        }
    }

    const fn passed_over(self) -> u64 {
        if self.0 & Self::PASSED == 0 {
            0
        } else {
            (self.0 >> Self::PERIOD_BITS) & Self::MAX_PASSED
        }
    }

    /// The same period, with so many expirations passed over: as many as can be kept.
    fn passing_over(self, number: u64) -> Self {
        let ns = self.ns();
        let number = number.min(Self::MAX_PASSED);
        if number == 0 || ns > Self::MAX_SHORT {
            Self(ns)
        } else {
            Self(Self::PASSED | (number << Self::PERIOD_BITS) | ns)
        }
    }
}

/// What comes after an expiry of a periodic timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    /// For how many expirations this expiry stands: at least one.
    pub(crate) expirations: u64,
    /// When the timer expires next, in ns of its own clock.
    pub(crate) expires: u64,
    /// The period, with what is passed over until then.
    pub(crate) period: Period,
}

/// The next expiry of a timer of `period`, which was due at `expired` and runs at `now`, and has to
/// keep quiet for `quiet` ns; times in ns of the timer's clock.
pub(crate) fn next(expired: u64, now: u64, period: Period, quiet: u64) -> Next {
    let ns = period.ns();
    let late = now.saturating_sub(expired);
    let elapsed = late.checked_div(ns).unwrap_or(0).saturating_add(1);
    let expires = expired.saturating_add(elapsed.saturating_mul(ns));
    let wait = now.saturating_add(quiet).saturating_sub(expires);
    let waits = wait.saturating_add(ns.saturating_sub(1)).checked_div(ns);
    let waiting = period.passing_over(waits.unwrap_or(0));
    Next {
        expirations: elapsed.saturating_add(period.passed_over()),
        expires: expires.saturating_add(waiting.passed_over().saturating_mul(ns)),
        period: waiting,
    }
}
