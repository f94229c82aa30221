// SPDX-License-Identifier: GPL-2.0

//! Throttling by itself: how often timers expire in all, and that none loses its phase or a count.

use crate::throttle::{arrive, next, Cost, Period, BURST_NS, INTERVAL_NS};
use proptest::prelude::*;
use std::{cmp::Reverse, collections::BinaryHeap};

/// A time that is somewhere in the life of a clock.
const START: u64 = 1 << 50;

/// A periodic timer: when it was due first, and what it has counted.
struct Timer {
    first: u64,
    due: u64,
    period: Period,
    counted: u64,
}

impl Timer {
    fn new(first: u64, period: u64) -> Self {
        Self {
            first,
            due: first,
            period: Period::new(period),
            counted: 0,
        }
    }

    /// Expires at `now`, and has to keep quiet then.
    fn expire(&mut self, now: u64, quiet: u64) {
        let period = self.period.ns();
        let next = next(self.due, now, self.period, quiet);
        assert!(next.expirations > 0);
        self.counted += next.expirations;
        assert_eq!(self.counted, (now - self.first) / period + 1);
        assert!(next.expires > now);
        assert_eq!((next.expires - self.first) % period, 0);
        assert_eq!(next.period.ns(), period);
        // Neither sooner than it may nor later than it has to.
        assert!(next.expires >= now + quiet);
        assert!(next.expires < now + quiet.max(1) + period);
        self.due = next.expires;
        self.period = next.period;
    }
}

proptest! {
    /// However many timers there are and whatever their periods: in the long run they expire no
    /// more often than one timer of the shortest period.
    #[test]
    fn the_rate_is_bounded(
        periods in prop::collection::vec(INTERVAL_NS..INTERVAL_NS * 300, 1..300),
        lateness in prop::collection::vec(0..50_000u64, 1..20),
    ) {
        const END: u64 = START + 100_000_000;
        let mut timers: Vec<_> = periods.iter().map(|&ns| Timer::new(START, ns)).collect();
        let mut due: BinaryHeap<_> = (0..timers.len()).map(|n| Reverse((START, n))).collect();
        let (mut scheduled, mut now, mut arrivals) = (0, START, 0u64);
        while let Some(Reverse((time, number))) = due.pop() {
            now = now.max(time + lateness[arrivals as usize % lateness.len()]);
            if now >= END {
                break;
            }
            arrivals += 1;
            let quiet;
            (scheduled, quiet) = arrive(scheduled, now, timers.len() as u64, INTERVAL_NS);
            timers[number].expire(now, quiet);
            due.push(Reverse((timers[number].due, number)));
        }
        let most = (END - START + BURST_NS) / INTERVAL_NS + 2 * periods.len() as u64 + 1;
        prop_assert!(arrivals <= most, "{} arrivals of at most {}", arrivals, most);
    }

    /// However long it takes to serve them, if that is longer than their period even: a CPU has time for
    /// other things, once it has served each of them twice.
    #[test]
    fn the_share_is_bounded(
        number in 1..300usize,
        costs in prop::collection::vec(1..200_000u64, 1..20),
    ) {
        const TIME: u64 = 10_000_000_000;
        let mut timers: Vec<_> = (0..number).map(|_| Timer::new(START, INTERVAL_NS)).collect();
        let mut due: BinaryHeap<_> = (0..number).map(|n| Reverse((START, n))).collect();
        let (mut scheduled, mut now, mut cost) = (0, START, Cost::default());
        let (mut arrivals, mut busy) = (0, 0);
        while let Some(Reverse((time, number))) = due.pop() {
            now = now.max(time);
            if now >= START + TIME {
                break;
            }
            let quiet;
            (scheduled, quiet) = arrive(scheduled, now, timers.len() as u64, cost.interval());
            timers[number].expire(now, quiet);
            due.push(Reverse((timers[number].due, number)));
            let took = costs[arrivals % costs.len()];
            arrivals += 1;
            now += took;
            busy += took;
            cost = cost.with(took);
        }
        let most = TIME * 4 / 10 + 2 * number as u64 * 200_000;
        prop_assert!(busy <= most, "{} ns of at most {}", busy, most);
    }

    /// Whoever starts a few timers anew again and again, faster than they are served, does not hold
    /// others up for longer than these few take.
    #[test]
    fn starts_do_not_hold_others_up(timers in 1..1000u64, starts in 1000..100_000u64) {
        let mut scheduled = 0;
        for _ in 0..starts {
            (scheduled, _) = arrive(scheduled, START, timers, INTERVAL_NS);
        }
        let (_, quiet) = arrive(scheduled, START, timers, INTERVAL_NS);
        prop_assert!(quiet <= timers * INTERVAL_NS + BURST_NS, "{} ns", quiet);
    }

    /// One timer is never throttled, however late its expiries are served.
    #[test]
    fn one_timer_is_left_alone(
        period in INTERVAL_NS..INTERVAL_NS * 2,
        lateness in prop::collection::vec(0..3 * BURST_NS, 1..1000),
    ) {
        let mut timer = Timer::new(START, period);
        let (mut scheduled, mut now) = (0, START);
        for late in lateness {
            now = now.max(timer.due + late);
            let quiet;
            (scheduled, quiet) = arrive(scheduled, now, 1, INTERVAL_NS);
            prop_assert_eq!(quiet, 0);
            timer.expire(now, quiet);
        }
    }

    /// Whatever a timer is told to do: it keeps its phase, and counts all its periods.
    #[test]
    fn phase_and_count_are_kept(
        first in 0..START,
        period in prop_oneof![INTERVAL_NS..INTERVAL_NS * 10, INTERVAL_NS..1 << 37],
        steps in prop::collection::vec((0..1u64 << 36, 0..100_000_000_000u64), 1..100),
    ) {
        let mut timer = Timer::new(first, period);
        for (late, quiet) in steps {
            timer.expire(timer.due + late, quiet);
        }
    }

    #[test]
    fn a_period_is_what_it_was(ns in any::<u64>()) {
        prop_assert_eq!(Period::new(ns).ns(), ns.min(u64::MAX >> 1));
        prop_assert_eq!(Period::new(ns).is_once(), Period::new(ns) == Period::ONCE);
        prop_assert_eq!(Period::from_bits(Period::new(ns).bits()), Period::new(ns));
    }

    /// What cannot be kept is not passed over: the timer then expires before it should.
    #[test]
    fn a_long_period_passes_nothing_over(period in 1u64 << 38..1 << 50, quiet in 0..1u64 << 60) {
        let next = next(START, START, Period::new(period), quiet);
        prop_assert_eq!(next.expires, START + period);
        prop_assert_eq!(next.period, Period::new(period));
    }

    #[test]
    fn nothing_overflows(
        expired in any::<u64>(),
        now in any::<u64>(),
        bits in any::<u64>(),
        quiet in any::<u64>(),
        interval in any::<u64>(),
    ) {
        let next = next(expired, now, Period::from_bits(bits), quiet);
        prop_assert!(next.expirations > 0);
        let (scheduled, quiet) = arrive(expired, now, 1, interval);
        prop_assert!(scheduled >= now && quiet <= scheduled);
        let cost = Cost::from_bits(expired).with(now);
        prop_assert!(cost.interval() >= INTERVAL_NS);
        prop_assert_eq!(Cost::from_bits(cost.bits()), cost);
    }
}
