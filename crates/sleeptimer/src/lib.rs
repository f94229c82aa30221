// SPDX-License-Identifier: GPL-2.0
//! Timers whose callbacks may sleep: a safe client of `/dev/sleeptimer`.
//!
//! ```no_run
//! use sleeptimer::{Clock, Kind, Map, Sizes, Step};
//! use std::time::Duration;
//!
//! let map = Map::open(Sizes::default())?;
//! let program = map.program(&[Step::Event, Step::Sleep(Duration::from_millis(5)), Step::Event])?;
//! let timer = map.timer(Kind::SleepableTimer, Clock::Monotonic, 42)?;
//! map.set_callback(timer, program)?;
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
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
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

/// What a timer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Runs in softirq, after a delay or at a time, once or periodically.
    Timer,
    /// Runs in a worker, at once, and may sleep.
    SleepableTimer,
    /// Runs in a worker, at once, and may sleep; a cancel never drops its callback.
    Wq,
    /// Runs in a worker, after a delay in jiffies, and may sleep.
    DelayedWq,
    /// Runs in a worker, like a [`Kind::Timer`] in time, and may sleep.
    HighresDelayedWq,
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

/// A timer, wq or delayed_wq of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer {
    /// Its name in the map.
    pub handle: u64,
    /// What it is: this chooses the entry points that are called for it.
    pub kind: Kind,
}

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
    fn raw(&self, handle: u64) -> sys::sleeptimer_start {
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
    fn as_raw_fd(&self) -> RawFd {
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

    /// Takes the name of a program away; timers that are bound to it keep it.
    pub fn destroy(&self, program: Program) -> Result<()> {
        let request = sys::sleeptimer_program_ref {
            program: program.0,
            flags: 0,
        };
        self.call("program_destroy", sys::program_destroy, &request)?;
        Ok(())
    }

    /// Adds a timer, whose events will carry `user_data`.
    pub fn timer(&self, kind: Kind, clock: Clock, user_data: u64) -> Result<Timer> {
        let (call, function, flags): (_, unsafe fn(_, *mut _) -> _, _) = match kind {
            Kind::Timer => ("timer_init", sys::timer_init, 0),
            Kind::SleepableTimer => {
                let flags = sys::SLEEPTIMER_TIMER_SLEEPABLE;
                ("timer_init", sys::timer_init, flags)
            }
            Kind::Wq => ("wq_init", sys::wq_init, 0),
            Kind::DelayedWq => ("delayed_wq_init", sys::delayed_wq_init, 0),
            Kind::HighresDelayedWq => {
                let flags = sys::SLEEPTIMER_DELAYED_WQ_HIGHRES;
                ("delayed_wq_init", sys::delayed_wq_init, flags)
            }
        };
        let mut request = sys::sleeptimer_init {
            clock: clock.id(),
            flags,
            user_data,
            ..Default::default()
        };
        // SAFETY: The file is the device, and the structure outlives the call.
        in_call(call, unsafe { function(self.as_raw_fd(), &mut request) })?;
        let handle = request.handle;
        Ok(Timer { handle, kind })
    }

    /// Binds a program to a timer, in place of the one before.
    pub fn set_callback(&self, timer: Timer, program: Program) -> Result<()> {
        let (call, function): (_, unsafe fn(_, *const _) -> _) = match timer.kind {
            Kind::Timer => ("timer_set_callback", sys::timer_set_callback),
            Kind::SleepableTimer => ("timer_set_sleepable_cb", sys::timer_set_sleepable_cb),
            Kind::Wq => ("wq_set_callback", sys::wq_set_callback),
            Kind::DelayedWq | Kind::HighresDelayedWq => {
                ("delayed_wq_set_callback", sys::delayed_wq_set_callback)
            }
        };
        let request = sys::sleeptimer_set_callback {
            handle: timer.handle,
            program: program.0,
            flags: 0,
        };
        self.call(call, function, &request)?;
        Ok(())
    }

    /// Arms a timer to fire after a delay, which is zero for a sleepable timer and a wq.
    pub fn start(&self, timer: Timer, delay: Duration) -> Result<()> {
        let expiry = Expiry::In(delay);
        self.start_with(
            timer,
            &Start {
                expiry,
                ..Start::default()
            },
        )
    }

    /// Arms a timer to fire at a time of its clock.
    pub fn start_at(&self, timer: Timer, time: Duration) -> Result<()> {
        let expiry = Expiry::At(time);
        self.start_with(
            timer,
            &Start {
                expiry,
                ..Start::default()
            },
        )
    }

    /// Arms a timer.
    pub fn start_with(&self, timer: Timer, start: &Start) -> Result<()> {
        let (call, function): (_, unsafe fn(_, *const _) -> _) = match timer.kind {
            Kind::Timer | Kind::SleepableTimer => ("timer_start", sys::timer_start),
            Kind::Wq => ("wq_start", sys::wq_start),
            Kind::DelayedWq | Kind::HighresDelayedWq => ("delayed_wq_start", sys::delayed_wq_start),
        };
        self.call(call, function, &start.raw(timer.handle))?;
        Ok(())
    }

    /// Arms a delayed_wq anew, and returns whether it was armed.
    pub fn modify(&self, timer: Timer, start: &Start) -> Result<bool> {
        let request = start.raw(timer.handle);
        Ok(self.call("delayed_wq_mod", sys::delayed_wq_mod, &request)? == 1)
    }

    /// Disarms a timer, waits for its callback, and returns whether the timer was armed. Drops the
    /// callback of a timer or a sleepable timer, not that of a wq or a delayed_wq.
    pub fn cancel(&self, timer: Timer) -> Result<bool> {
        let (call, function): (_, unsafe fn(_, *const _) -> _) = match timer.kind {
            Kind::Timer | Kind::SleepableTimer => ("timer_cancel", sys::timer_cancel),
            Kind::Wq => ("wq_cancel", sys::wq_cancel),
            Kind::DelayedWq | Kind::HighresDelayedWq => {
                ("delayed_wq_cancel", sys::delayed_wq_cancel)
            }
        };
        Ok(self.call(call, function, &timer.raw())? == 1)
    }

    /// Like [`Map::cancel`], for timers and sleepable timers, and keeps the callback.
    pub fn cancel_no_drop(&self, timer: Timer) -> Result<bool> {
        let call = "timer_cancel_no_drop";
        Ok(self.call(call, sys::timer_cancel_no_drop, &timer.raw())? == 1)
    }

    /// Like [`Map::cancel_no_drop`], without waiting: fails with `EPERM` while the callback runs.
    pub fn cancel_async(&self, timer: Timer) -> Result<bool> {
        Ok(self.call("timer_cancel_async", sys::timer_cancel_async, &timer.raw())? == 1)
    }

    /// Frees a timer, without waiting for its callback.
    pub fn free(&self, timer: Timer) -> Result<()> {
        self.call("free", sys::free, &timer.raw())?;
        Ok(())
    }

    /// Makes a call that only reads its argument.
    fn call<T>(
        &self,
        call: &'static str,
        function: unsafe fn(RawFd, *const T) -> nix::Result<i32>,
        argument: &T,
    ) -> Result<i32> {
        // SAFETY: The file is the device, and the structure outlives the call.
        in_call(call, unsafe { function(self.as_raw_fd(), argument) })
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
    fn raw(self) -> sys::sleeptimer_ref {
        sys::sleeptimer_ref {
            handle: self.handle,
            ..Default::default()
        }
    }
}
