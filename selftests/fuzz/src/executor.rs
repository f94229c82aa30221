// SPDX-License-Identifier: GPL-2.0
//! Inputs as the fuzzing library runs them.

use crate::{features, klog::Log, protocol::Line, run::Runner};
use libafl::{
    executors::{Executor, ExitKind, HasObservers},
    inputs::BytesInput,
    observers::{CanTrack, ExplicitTracking, StdMapObserver},
    state::HasExecutions,
    Error,
};
use libafl_bolts::{
    tuples::{tuple_list, RefIndexable},
    AsSliceMut,
};
use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

/// What the library looks at: one byte for each feature.
pub type Map = ExplicitTracking<StdMapObserver<'static, u8, false>, true, false>;
/// The observers of a run.
pub type Observers = (Map, ());

/// Runs inputs on the device until the time is over, or the kernel complains.
pub struct DeviceExecutor {
    runner: Runner,
    log: Log,
    /// None for now.
    end: Option<Instant>,
    observers: Observers,
    complaint: Option<String>,
    /// Which features any input has had.
    seen: Vec<bool>,
}

impl DeviceExecutor {
    /// An executor that goes on until it has a time to end at.
    pub fn new(runner: Runner, log: Log) -> Self {
        let map = StdMapObserver::owned("features", vec![0; features::SIZE]);
        Self {
            runner,
            log,
            end: None,
            observers: tuple_list!(map.track_indices()),
            complaint: None,
            seen: vec![false; features::SIZE],
        }
    }

    /// Ends so long from now.
    pub fn end_in(&mut self, time: Duration) {
        self.end = Some(Instant::now() + time);
    }

    /// What the kernel has complained of.
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// How many features any input has had.
    pub fn seen(&self) -> usize {
        self.seen.iter().filter(|&&seen| seen).count()
    }

    /// The map of features.
    pub fn map(&self) -> &Map {
        &self.observers.0
    }
}

/// Tells the process that watches; it is dead if this fails, and then nothing matters.
pub fn tell(line: &Line) {
    let line = format!("{line}\n");
    let _ = io::stdout().write_all(line.as_bytes());
    let _ = io::stdout().flush();
}

impl<EM, S: HasExecutions, Z> Executor<EM, BytesInput, S, Z> for DeviceExecutor {
    fn run_target(
        &mut self,
        _: &mut Z,
        state: &mut S,
        _: &mut EM,
        input: &BytesInput,
    ) -> Result<ExitKind, Error> {
        let is_over = self.end.is_some_and(|end| Instant::now() >= end);
        if self.complaint.is_some() || is_over {
            return Err(Error::shutting_down());
        }
        *state.executions_mut() += 1;
        tell(&Line::Runs(input.as_ref().clone()));
        let features = self.runner.run(input.as_ref()).map_err(Error::unknown)?;
        self.complaint = self.log.complaint();
        let map = self.observers.0.as_mut().as_slice_mut();
        for &feature in features.numbers() {
            map[feature] = 1;
            self.seen[feature] = true;
        }
        Ok(ExitKind::Ok)
    }
}

impl HasObservers for DeviceExecutor {
    type Observers = Observers;

    fn observers(&self) -> RefIndexable<&Observers, Observers> {
        RefIndexable::from(&self.observers)
    }

    fn observers_mut(&mut self) -> RefIndexable<&mut Observers, Observers> {
        RefIndexable::from(&mut self.observers)
    }
}
