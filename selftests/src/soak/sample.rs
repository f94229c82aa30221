// SPDX-License-Identifier: GPL-2.0
//! A sample of a soak: a line of its output, which `tools/soak-plot` reads.

use serde::{Deserialize, Serialize};

/// What such a line begins with: to KTAP it is a comment.
const PREFIX: &str = "# sample ";

/// What the machine and the load were like at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Since the soak began.
    pub seconds: f64,
    /// What went on.
    pub phase: Phase,
    /// The memory of the machine.
    pub memory: Memory,
    /// What there was of the module's.
    pub objects: Objects,
    /// What has happened since the sample before.
    pub activity: Activity,
    /// How long a grace period of RCU took, which a close waits for, in ns.
    pub grace: u64,
}

/// What goes on in a soak, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The load runs, so that caches fill and workers come.
    WarmUp,
    /// Everything is closed: what the end is compared with.
    Before,
    /// The load runs.
    Soak,
    /// Everything is closed again.
    After,
}

/// Memory, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What programs could still have.
    pub available: u64,
    /// Slab caches.
    pub slab: u64,
    /// That part of them which the kernel cannot reclaim.
    pub unreclaimable: u64,
    /// Of each CPU.
    pub percpu: u64,
    /// Virtually contiguous: rings, tables, stacks.
    pub vmalloc: u64,
}

/// Numbers of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// Maps that are open.
    pub maps: u64,
    /// Users who have some.
    pub users: u64,
    /// Timers in them.
    pub timers: u64,
    /// Programs in them.
    pub programs: u64,
    /// Events that wait to be read.
    pub events: u64,
    /// Objects in the slab cache of timers, with those that the allocator keeps at hand.
    pub timer_objects: u64,
    /// Likewise, of high-resolution delayed_wqs.
    pub highres_objects: u64,
    /// Workers that run a callback.
    pub workers: u64,
}

/// What has happened in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Calls a second.
    pub operations: f64,
    /// Expirations a second.
    pub expirations: f64,
    /// How late those in softirq were.
    pub softirq: Lag,
    /// How late those in workers were.
    pub worker: Lag,
}

/// How late events were, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Of so many.
    pub count: u64,
    /// Half of them were no later.
    pub median: u64,
    /// 99 of 100 were no later.
    pub p99: u64,
    /// None was later.
    pub max: u64,
}

impl Lag {
    /// That of these.
    pub fn of(mut lags: Vec<u64>) -> Self {
        lags.sort_unstable();
        let Some(&max) = lags.last() else {
            return Self::default();
        };
        let at = |percent| lags[(lags.len() - 1) * percent / 100];
        Self {
            count: lags.len() as u64,
            median: at(50),
            p99: at(99),
            max,
        }
    }
}

impl Sample {
    /// The line.
    pub fn to_line(&self) -> Result<String, String> {
        let json = serde_json::to_string(self).map_err(|error| error.to_string())?;
        Ok(format!("{PREFIX}{json}"))
    }

    /// The sample of a line, which may be indented; none if it is another sort of line.
    pub fn from_line(line: &str) -> Option<serde_json::Result<Self>> {
        Some(serde_json::from_str(line.trim().strip_prefix(PREFIX)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives() {
        let sample = Sample {
            seconds: 1.5,
            phase: Phase::WarmUp,
            memory: Memory {
                available: 7,
                ..Memory::default()
            },
            objects: Objects::default(),
            activity: Activity::default(),
            grace: 5,
        };
        let line = format!("  {}\n", sample.to_line().unwrap());
        assert_eq!(Sample::from_line(&line).unwrap().unwrap(), sample);
        assert!(Sample::from_line("  # a comment").is_none());
        assert!(Sample::from_line("# sample {\"seconds\":1")
            .unwrap()
            .is_err());
    }

    #[test]
    fn a_lag_has_its_place_among_the_others() {
        let lag = Lag::of((1..=1000).rev().collect());
        assert_eq!(
            (lag.count, lag.median, lag.p99, lag.max),
            (1000, 500, 990, 1000)
        );
        assert_eq!(Lag::of(vec![3]).p99, 3);
        assert_eq!(Lag::of(vec![]), Lag::default());
    }
}
