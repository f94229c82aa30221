// SPDX-License-Identifier: GPL-2.0
//! When and how timers are armed.

use sleeptimer_sys as sys;
use std::time::Duration;

/// When and how a timer is armed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// When it fires.
    pub expiry: Expiry,
    /// How much later it may fire.
    pub slack: Duration,
    /// How far apart it fires again and again; zero for once.
    pub period: Duration,
    /// Where it fires.
    pub cpu: Cpu,
}

/// When a timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// After a delay.
    In(Duration),
    /// At a time of its clock.
    At(Duration),
}

impl Default for Expiry {
    fn default() -> Self {
        Expiry::In(Duration::ZERO)
    }
}

/// The CPU that a timer fires on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cpu {
    /// Any.
    #[default]
    Any,
    /// The one that makes the call.
    Current,
    /// This one.
    Number(u32),
}

impl Start {
    pub(crate) fn raw(&self, handle: u64) -> sys::sleeptimer_start {
        let (time, at) = match self.expiry {
            Expiry::In(delay) => (delay, 0),
            Expiry::At(time) => (time, sys::SLEEPTIMER_START_ABS),
        };
        let (cpu, pin) = match self.cpu {
            Cpu::Any => (0, 0),
            Cpu::Current => (0, sys::SLEEPTIMER_START_CPU_PIN),
            Cpu::Number(cpu) => (cpu, sys::SLEEPTIMER_START_CPU),
        };
        sys::sleeptimer_start {
            handle,
            expires_ns: nanoseconds(time),
            flags: at | pin,
            cpu,
            slack_ns: nanoseconds(self.slack),
            period_ns: nanoseconds(self.period),
            reserved: 0,
        }
    }
}

/// A duration in ns; one that is too long is the longest.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
