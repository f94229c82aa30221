// SPDX-License-Identifier: GPL-2.0
//! Programs, and the steps that they consist of.

use crate::start::nanoseconds;
use nix::errno::Errno;
use sleeptimer_sys as sys;
use std::{
    os::fd::{AsRawFd, BorrowedFd},
    time::Duration,
};

/// The most steps of a program.
pub(crate) const MAX_STEPS: usize = sys::SLEEPTIMER_MAX_STEPS as usize;

/// A step of a program. With any step but [`Step::Event`] and [`Step::EventFd`], the program is for
/// sleepable timers.
///
/// A program keeps its files open, and has a copy of the bytes.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Deliver an event.
    Event,
    /// Sleep.
    Sleep(Duration),
    /// Add 1 to an eventfd.
    EventFd(BorrowedFd<'a>),
    /// Write to a file, and never wait for room in a pipe, a socket or a device.
    Write {
        /// The file.
        fd: BorrowedFd<'a>,
        /// What is written.
        bytes: &'a [u8],
        /// Where, in a file that has positions; else 0.
        offset: u64,
    },
    /// Have all of a file reach the disk.
    Fsync(BorrowedFd<'a>),
    /// Have the data of a file reach the disk.
    Fdatasync(BorrowedFd<'a>),
}

/// How a step of a program has fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepStatus {
    /// How many of its runs have failed.
    pub failures: u64,
    /// Why the last of them has failed.
    pub last_error: Option<Errno>,
}

/// A program of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program(pub u32);

impl Step<'_> {
    pub(crate) fn raw(&self) -> sys::sleeptimer_step {
        let step = |op, fd: &BorrowedFd<'_>| sys::sleeptimer_step {
            op,
            fd: fd.as_raw_fd(),
            ..Default::default()
        };
        match self {
            Step::Event => sys::sleeptimer_step {
                op: sys::SLEEPTIMER_STEP_EVENT,
                ..Default::default()
            },
            Step::Sleep(duration) => sys::sleeptimer_step {
                op: sys::SLEEPTIMER_STEP_SLEEP,
                arg: nanoseconds(*duration),
                ..Default::default()
            },
            Step::EventFd(fd) => step(sys::SLEEPTIMER_STEP_EVENTFD, fd),
            Step::Write { fd, bytes, offset } => sys::sleeptimer_step {
                arg: bytes.as_ptr() as u64,
                // What is too long stays so.
                len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                offset: *offset,
                ..step(sys::SLEEPTIMER_STEP_WRITE, fd)
            },
            Step::Fsync(fd) => step(sys::SLEEPTIMER_STEP_FSYNC, fd),
            Step::Fdatasync(fd) => step(sys::SLEEPTIMER_STEP_FDATASYNC, fd),
        }
    }
}

impl StepStatus {
    pub(crate) fn from_raw(raw: &sys::sleeptimer_step_status) -> Self {
        Self {
            failures: raw.failures,
            last_error: (raw.last_error != 0).then(|| Errno::from_raw(raw.last_error as i32)),
        }
    }
}
