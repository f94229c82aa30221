// SPDX-License-Identifier: GPL-2.0
//! Programs, and the steps that they consist of.

use crate::start::nanoseconds;
use sleeptimer_sys as sys;
use std::time::Duration;

/// A step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Deliver an event.
    Event,
    /// Sleep: the program is for sleepable timers then.
    Sleep(Duration),
}

/// A program of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program(pub u32);

impl Step {
    pub(crate) fn raw(&self) -> sys::sleeptimer_step {
        let (op, arg) = match self {
            Step::Event => (sys::SLEEPTIMER_STEP_EVENT, 0),
            Step::Sleep(duration) => (sys::SLEEPTIMER_STEP_SLEEP, nanoseconds(*duration)),
        };
        sys::sleeptimer_step {
            op,
            arg,
            ..Default::default()
        }
    }
}
