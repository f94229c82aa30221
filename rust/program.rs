// SPDX-License-Identifier: GPL-2.0

//! Programs: what a timer runs, a short list of steps that is validated whole before it is used.

#![deny(unsafe_code)]

use crate::{
    context::{Process, Softirq, Worker},
    eventfd::EventFd,
    failure::Failure,
    map::Map,
    step_file::FileStep,
    uapi,
    users::FileCharge,
};
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// The longest sleep of one step, in ns: an hour.
pub(crate) const MAX_SLEEP_NS: u64 = 3600 * 1_000_000_000;

/// What a step does.
pub(crate) enum Action {
    /// Deliver an event. May run in softirq.
    Event,
    /// Add 1 to an eventfd. May run in softirq.
    EventFd(EventFd),
    /// Sleep for so many nanoseconds.
    Sleep(u64),
    /// Use a file, which may sleep.
    File(FileStep),
}

impl Action {
    /// Decodes a step that the calling process gave. Nothing is kept if it fails.
    fn new(raw: &uapi::Step, map: &Map, process: &Process<'_>) -> Result<Self, Failure> {
        use Action::{Event, File, Sleep};

        let opener = map.opener();
        let sync = |fd, data_only| FileStep::sync(fd, data_only, opener, process);
        // What a step does not take has to be zero.
        match (raw.op, raw.flags, raw.arg, raw.len, raw.fd, raw.offset) {
            (uapi::STEP_EVENT, 0, 0, 0, 0, 0) => Ok(Event),
            (uapi::STEP_SLEEP, 0, ns @ 0..=MAX_SLEEP_NS, 0, 0, 0) => Ok(Sleep(ns)),
            (uapi::STEP_EVENTFD, 0, 0, 0, fd, 0) => EventFd::from_fd(fd).map(Action::EventFd),
            (uapi::STEP_WRITE, 0, address, len @ 1..=uapi::MAX_WRITE, fd, offset) => {
                FileStep::write(fd, address, len, offset, opener, process).map(File)
            }
            (uapi::STEP_FSYNC, 0, 0, 0, fd, 0) => sync(fd, false).map(File),
            (uapi::STEP_FDATASYNC, 0, 0, 0, fd, 0) => sync(fd, true).map(File),
            _ => Err(Failure::BadArgument),
        }
    }

    fn sleeps(&self) -> bool {
        match self {
            Action::Event | Action::EventFd(_) => false,
            Action::Sleep(_) | Action::File(_) => true,
        }
    }

    /// Whether it keeps a file, or what is behind one.
    fn keeps_file(&self) -> bool {
        matches!(self, Action::EventFd(_) | Action::File(_))
    }
}

/// A step, and how its runs have failed.
pub(crate) struct Step {
    action: Action,
    /// For the file, if there is one.
    _charge: Option<FileCharge>,
    failures: Atomic<u64>,
    last_error: Atomic<u32>,
}

impl Step {
    fn new(raw: &uapi::Step, map: &Map, process: &Process<'_>) -> Result<Self, Failure> {
        let action = Action::new(raw, map, process)?;
        let charge = if action.keeps_file() {
            Some(map.charge().file(process)?)
        } else {
            None
        };
        Ok(Self {
            action,
            _charge: charge,
            failures: Atomic::new(0),
            last_error: Atomic::new(0),
        })
    }

    pub(crate) fn action(&self) -> &Action {
        &self.action
    }

    /// Counts a run that has failed. Any context.
    pub(crate) fn count_failure(&self, error: Error) {
        let number = error.to_errno().unsigned_abs();
        self.last_error.store(number, Relaxed);
        self.failures.fetch_add(1, Relaxed);
    }

    fn status(&self) -> uapi::StepStatus {
        uapi::StepStatus {
            failures: self.failures.load(Relaxed),
            last_error: self.last_error.load(Relaxed),
            pad: 0,
        }
    }
}

/// How the steps of a program have fared; of places behind the last step, nothing.
pub(crate) type Statuses = [uapi::StepStatus; uapi::MAX_STEPS as usize];

/// A valid program. May be dropped in any context.
pub(crate) struct Program {
    steps: KVec<Step>,
    sleepable: bool,
}

impl Program {
    /// Makes a program of `map`, of what the calling process gave. The number of steps was checked.
    pub(crate) fn new(
        raw: &[uapi::Step],
        map: &Map,
        process: &Process<'_>,
    ) -> Result<Self, Failure> {
        let mut steps = KVec::with_capacity(raw.len(), GFP_KERNEL_ACCOUNT)?;
        for step in raw {
            steps.push_within_capacity(Step::new(step, map, process)?)?;
        }
        let sleepable = steps.iter().any(|step: &Step| step.action.sleeps());
        Ok(Self { steps, sleepable })
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the program may run in process context only.
    pub(crate) fn is_sleepable(&self) -> bool {
        self.sleepable
    }

    /// How the steps have fared, and how many there are. Any context.
    pub(crate) fn statuses(&self) -> (Statuses, u32) {
        let mut statuses = Statuses::default();
        for (status, step) in statuses.iter_mut().zip(&self.steps) {
            *status = step.status();
        }
        (statuses, self.steps.len() as u32)
    }
}

/// The context that runs a program.
pub(crate) enum Runner<'a> {
    /// The timer softirq: no step that sleeps.
    Softirq(Softirq<'a>),
    /// A worker.
    Worker(Worker<'a>),
}
