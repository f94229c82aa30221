// SPDX-License-Identifier: GPL-2.0

//! Programs: what a timer runs, a short list of steps that is validated whole before it is used.

#![deny(unsafe_code)]

use crate::{
    context::{Softirq, Worker},
    failure::Failure,
    uapi,
};
use kernel::prelude::*;

/// The longest sleep of one step, in ns: an hour.
pub(crate) const MAX_SLEEP_NS: u64 = 3600 * 1_000_000_000;

/// One step.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Deliver an event. May run in softirq.
    Event,
    /// Sleep for so many nanoseconds.
    Sleep(u64),
}

impl Step {
    fn sleeps(self) -> bool {
        matches!(self, Step::Sleep(_))
    }
}

impl TryFrom<&uapi::Step> for Step {
    type Error = Failure;

    fn try_from(raw: &uapi::Step) -> Result<Self, Failure> {
        if raw.flags != 0 || raw.len != 0 || raw.fd != 0 || raw.offset != 0 {
            return Err(Failure::BadArgument);
        }
        match (raw.op, raw.arg) {
            (uapi::STEP_EVENT, 0) => Ok(Step::Event),
            (uapi::STEP_SLEEP, 0..=MAX_SLEEP_NS) => Ok(Step::Sleep(raw.arg)),
            _ => Err(Failure::BadArgument),
        }
    }
}

/// A valid program.
pub(crate) struct Program {
    steps: KVec<Step>,
    sleepable: bool,
}

impl Program {
    /// Makes a program of what user space gave. The number of steps was checked.
    pub(crate) fn new(raw: &[uapi::Step]) -> Result<Self, Failure> {
        let mut steps = KVec::with_capacity(raw.len(), GFP_KERNEL_ACCOUNT)?;
        for step in raw {
            steps.push_within_capacity(Step::try_from(step)?)?;
        }
        let sleepable = steps.iter().any(|step| step.sleeps());
        Ok(Self { steps, sleepable })
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the program may run in process context only.
    pub(crate) fn is_sleepable(&self) -> bool {
        self.sleepable
    }
}

/// The context that runs a program.
pub(crate) enum Runner<'a> {
    /// The timer softirq: no step that sleeps.
    Softirq(Softirq<'a>),
    /// A worker.
    Worker(Worker<'a>),
}
