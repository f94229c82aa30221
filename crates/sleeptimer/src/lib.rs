// SPDX-License-Identifier: GPL-2.0
//! Timers whose callbacks may sleep: a safe client of `/dev/sleeptimer`.
//!
//! ```no_run
//! use sleeptimer::{Clock, Kind, Map, Sizes, Step};
//! use std::time::Duration;
//!
//! let map = Map::open(Sizes::default())?;
//! let program = map.program(&[Step::Event, Step::Sleep(Duration::from_millis(5)), Step::Event])?;
//! let timer = map.timer(Kind::Sleepable, Clock::Monotonic, 42)?;
//! map.set_callback(timer, Kind::Sleepable, program)?;
//! map.start(timer, Duration::ZERO)?;
//! for event in map.read(16)? {
//!     println!("timer {} fired {} time(s)", event.user_data, event.count);
//! }
//! # Ok::<(), sleeptimer::Error>(())
//! ```

mod event;

use nix::{
    errno::Errno,
    fcntl::{open, OFlag},
    sys::stat::Mode,
    unistd::read,
};
use sleeptimer_sys as sys;
use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    time::Duration,
};

pub use event::{Context, Event};

/// The device.
pub const DEVICE: &str = "/dev/sleeptimer";

/// A call that failed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {}", errno.desc())]
pub struct Error {
    /// The call, by the name of its entry point.
    pub call: &'static str,
    /// What the kernel answered.
    pub errno: Errno,
}

impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        error.errno
    }
}

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Gives an error the name of the call that it came from.
fn in_call<T>(call: &'static str, result: nix::Result<T>) -> Result<T> {
    result.map_err(|errno| Error { call, errno })
}

/// How much a map holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Timers at a time.
    pub timers: u32,
    /// Programs.
    pub programs: u32,
    /// Undelivered events that are kept one by one; beyond them they are counted per timer.
    pub events: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            timers: 1024,
            programs: 64,
            events: 4096,
        }
    }
}

/// Where a timer's callback runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In softirq, after a delay or at a time.
    Softirq,
    /// In a worker, at once, and it may sleep.
    Sleepable,
}

/// The clock that a timer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Since boot, without suspend.
    Monotonic,
    /// The time of day.
    Realtime,
    /// Since boot, with suspend.
    Boottime,
    /// International atomic time.
    Tai,
}

impl Clock {
    fn id(self) -> u32 {
        match self {
            Clock::Realtime => 0,
            Clock::Monotonic => 1,
            Clock::Boottime => 7,
            Clock::Tai => 11,
        }
    }
}

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

/// A timer of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer(pub u64);

/// A duration in ns; one that is too long is the longest.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A map: timers, programs and events, which go when it is closed.
#[derive(Debug)]
pub struct Map {
    file: OwnedFd,
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Map {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.file.as_raw_fd()
    }
}

impl Map {
    /// Opens the device and makes a map of these sizes. Reads wait for events.
    pub fn open(sizes: Sizes) -> Result<Self> {
        Self::open_with(sizes, OFlag::empty())
    }

    /// Like [`Map::open`], but reads do not wait: they fail with `EAGAIN`.
    pub fn open_nonblocking(sizes: Sizes) -> Result<Self> {
        Self::open_with(sizes, OFlag::O_NONBLOCK)
    }

    fn open_with(sizes: Sizes, flags: OFlag) -> Result<Self> {
        let flags = flags | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let file = in_call("open", open(DEVICE, flags, Mode::empty()))?;
        let setup = sys::sleeptimer_setup {
            max_timers: sizes.timers,
            max_programs: sizes.programs,
            max_events: sizes.events,
            ..Default::default()
        };
        // SAFETY: The file is the device, and the structure outlives the call.
        in_call("setup", unsafe { sys::setup(file.as_raw_fd(), &setup) })?;
        Ok(Self { file })
    }

    /// What this kernel offers.
    pub fn info(&self) -> Result<sys::sleeptimer_info> {
        let mut info = sys::sleeptimer_info::default();
        // SAFETY: The file is the device, and the structure outlives the call.
        in_call("get_info", unsafe {
            sys::get_info(self.as_raw_fd(), &mut info)
        })?;
        Ok(info)
    }

    /// Adds a program.
    pub fn program(&self, steps: &[Step]) -> Result<Program> {
        let steps: Vec<sys::sleeptimer_step> = steps.iter().map(Step::raw).collect();
        let mut request = sys::sleeptimer_program_create {
            steps: steps.as_ptr() as u64,
            nr_steps: steps.len() as u32,
            ..Default::default()
        };
        // SAFETY: The file is the device; the structure and the steps outlive the call.
        let result = unsafe { sys::program_create(self.as_raw_fd(), &mut request) };
        in_call("program_create", result)?;
        Ok(Program(request.program))
    }

    /// Adds a timer, whose events will carry `user_data`.
    pub fn timer(&self, kind: Kind, clock: Clock, user_data: u64) -> Result<Timer> {
        let mut request = sys::sleeptimer_timer_init {
            clock: clock.id(),
            flags: match kind {
                Kind::Softirq => 0,
                Kind::Sleepable => sys::SLEEPTIMER_TIMER_SLEEPABLE,
            },
            user_data,
            ..Default::default()
        };
        // SAFETY: The file is the device, and the structure outlives the call.
        let result = unsafe { sys::timer_init(self.as_raw_fd(), &mut request) };
        in_call("timer_init", result)?;
        Ok(Timer(request.handle))
    }

    /// Binds a program to a timer, which has to be of this kind.
    pub fn set_callback(&self, timer: Timer, kind: Kind, program: Program) -> Result<()> {
        let request = sys::sleeptimer_set_callback {
            handle: timer.0,
            program: program.0,
            flags: 0,
        };
        let file = self.as_raw_fd();
        match kind {
            Kind::Softirq => {
                // SAFETY: The file is the device, and the structure outlives the call.
                let result = unsafe { sys::timer_set_callback(file, &request) };
                in_call("timer_set_callback", result)?;
            }
            Kind::Sleepable => {
                // SAFETY: The file is the device, and the structure outlives the call.
                let result = unsafe { sys::timer_set_sleepable_cb(file, &request) };
                in_call("timer_set_sleepable_cb", result)?;
            }
        }
        Ok(())
    }

    /// Arms a timer to fire after a delay, which is zero for a sleepable timer.
    pub fn start(&self, timer: Timer, delay: Duration) -> Result<()> {
        self.start_raw(timer, nanoseconds(delay), 0)
    }

    /// Arms a softirq timer to fire at a time of its clock.
    pub fn start_at(&self, timer: Timer, time: Duration) -> Result<()> {
        self.start_raw(timer, nanoseconds(time), sys::SLEEPTIMER_START_ABS)
    }

    fn start_raw(&self, timer: Timer, expires_ns: u64, flags: u32) -> Result<()> {
        let request = sys::sleeptimer_timer_start {
            handle: timer.0,
            expires_ns,
            flags,
            ..Default::default()
        };
        // SAFETY: The file is the device, and the structure outlives the call.
        in_call("timer_start", unsafe {
            sys::timer_start(self.as_raw_fd(), &request)
        })?;
        Ok(())
    }

    /// Disarms a timer, waits for its callback, drops it, and returns whether the timer was armed.
    pub fn cancel(&self, timer: Timer) -> Result<bool> {
        let request = timer.raw();
        // SAFETY: The file is the device, and the structure outlives the call.
        let result = unsafe { sys::timer_cancel(self.as_raw_fd(), &request) };
        Ok(in_call("timer_cancel", result)? == 1)
    }

    /// Frees a timer, without waiting for its callback.
    pub fn free(&self, timer: Timer) -> Result<()> {
        let request = timer.raw();
        // SAFETY: The file is the device, and the structure outlives the call.
        in_call("free", unsafe { sys::free(self.as_raw_fd(), &request) })?;
        Ok(())
    }

    /// Reads up to `most` events, at least one.
    pub fn read(&self, most: usize) -> Result<Vec<Event>> {
        let mut bytes = vec![0; most.saturating_mul(Event::SIZE)];
        let length = in_call("read", read(&self.file, &mut bytes))?;
        let records = bytes[..length].chunks_exact(Event::SIZE);
        Ok(records.map(Event::from_bytes).collect())
    }
}

impl Step {
    fn raw(&self) -> sys::sleeptimer_step {
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

impl Timer {
    fn raw(self) -> sys::sleeptimer_timer_ref {
        sys::sleeptimer_timer_ref {
            handle: self.0,
            ..Default::default()
        }
    }
}
