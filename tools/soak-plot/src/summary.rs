// SPDX-License-Identifier: GPL-2.0

//! A soak in a few numbers.

use serde::Serialize;
use sleeptimer_selftests::soak::sample::{Activity, Lag, Memory, Objects, Phase, Sample};

/// A soak in a few numbers.
#[derive(Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How long the load ran, in seconds, without the warm-up.
    pub seconds: f64,
    /// Calls that were made meanwhile.
    pub operations: f64,
    /// Expirations meanwhile.
    pub expirations: f64,
    /// How late those in softirq were.
    pub softirq: LagSummary,
    /// How late those in workers were.
    pub worker: LagSummary,
    /// The longest grace period of RCU that was measured, in ns.
    pub longest_grace: u64,
    /// The memory when all was closed after the warm-up, in KiB.
    pub memory_before: Option<Memory>,
    /// The memory when all was closed at the end, in KiB.
    pub memory_after: Option<Memory>,
    /// The least memory that was available, in KiB.
    pub least_available: u64,
    /// The most memory in slab caches that cannot be reclaimed, in KiB.
    pub most_unreclaimable: u64,
    /// The objects when all was closed at the end.
    pub objects_after: Option<Objects>,
}

/// How late events were, in ns.
#[derive(Debug, PartialEq, Serialize)]
pub struct LagSummary {
    /// Of so many.
    pub count: u64,
    /// The median of the samples' medians.
    pub median: u64,
    /// The median of the samples' 99th percentiles.
    pub p99: u64,
    /// None was later.
    pub max: u64,
}

impl Summary {
    /// That of these samples.
    pub fn of(samples: &[Sample]) -> Self {
        let times: Vec<f64> = durations(samples);
        let soak: Vec<(&Sample, f64)> = samples
            .iter()
            .zip(times)
            .filter(|(sample, _)| sample.phase == Phase::Soak)
            .collect();
        let total = |rate: fn(&Activity) -> f64| {
            let of_each = soak
                .iter()
                .map(|(sample, time)| rate(&sample.activity) * time);
            of_each.sum::<f64>().round()
        };
        let lag = |lag: fn(&Activity) -> Lag| {
            let lags = soak.iter().map(|(sample, _)| lag(&sample.activity));
            LagSummary::of(lags.filter(|lag| lag.count > 0).collect())
        };
        let at = |phase| samples.iter().rfind(|sample| sample.phase == phase);
        let memory = || samples.iter().map(|sample| sample.memory);
        Self {
            seconds: soak.iter().map(|(_, time)| time).sum(),
            operations: total(|activity| activity.operations),
            expirations: total(|activity| activity.expirations),
            softirq: lag(|activity| activity.softirq),
            worker: lag(|activity| activity.worker),
            longest_grace: soak.iter().map(|(it, _)| it.grace).max().unwrap_or(0),
            memory_before: at(Phase::Before).map(|sample| sample.memory),
            memory_after: at(Phase::After).map(|sample| sample.memory),
            least_available: memory().map(|memory| memory.available).min().unwrap_or(0),
            most_unreclaimable: memory()
                .map(|memory| memory.unreclaimable)
                .max()
                .unwrap_or(0),
            objects_after: at(Phase::After).map(|sample| sample.objects),
        }
    }
}

impl LagSummary {
    fn of(lags: Vec<Lag>) -> Self {
        let median = |value: fn(&Lag) -> u64| Lag::of(lags.iter().map(value).collect()).median;
        Self {
            count: lags.iter().map(|lag| lag.count).sum(),
            median: median(|lag| lag.median),
            p99: median(|lag| lag.p99),
            max: lags.iter().map(|lag| lag.max).max().unwrap_or(0),
        }
    }
}

/// How long before each sample the one before it was.
fn durations(samples: &[Sample]) -> Vec<f64> {
    let mut last = 0.0;
    let time = |sample: &Sample| sample.seconds - std::mem::replace(&mut last, sample.seconds);
    samples.iter().map(time).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Samples of a soak, one a second.
    pub fn samples() -> Vec<Sample> {
        use Phase::{After, Before, Soak, WarmUp};
        let sample = |(phase, second): (Phase, u64)| Sample {
            seconds: second as f64,
            phase,
            memory: Memory {
                available: 1000 - second,
                unreclaimable: 100 + second,
                ..Memory::default()
            },
            objects: Objects {
                timers: second,
                ..Objects::default()
            },
            activity: Activity {
                operations: 10.0,
                expirations: 5.0,
                softirq: Lag {
                    count: 4,
                    median: 100 * second,
                    p99: 1000 * second,
                    max: 10_000 * second,
                },
                worker: Lag::default(),
            },
            grace: 7 * second,
        };
        [WarmUp, Before, Soak, Soak, Soak, After]
            .into_iter()
            .zip(1..)
            .map(sample)
            .collect()
    }

    #[test]
    fn only_the_soak_counts() {
        let summary = Summary::of(&samples());
        assert_eq!(
            (summary.seconds, summary.operations, summary.expirations),
            (3.0, 30.0, 15.0)
        );
        let lag = LagSummary {
            count: 12,
            median: 400,
            p99: 4000,
            max: 50_000,
        };
        assert_eq!(summary.softirq, lag);
        assert_eq!(summary.worker.max, 0);
        assert_eq!(summary.longest_grace, 35);
        assert_eq!(summary.memory_before.unwrap().available, 998);
        assert_eq!(summary.memory_after.unwrap().available, 994);
        assert_eq!(
            (summary.least_available, summary.most_unreclaimable),
            (994, 106)
        );
        assert_eq!(summary.objects_after.unwrap().timers, 6);
    }
}
