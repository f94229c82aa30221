// SPDX-License-Identifier: GPL-2.0
//! Maps, and the calls that work on them.

use crate::{
    error::in_call, program::MAX_STEPS, Batch, Clock, Event, Expiry, Kind, Program, Query, Result,
    Ring, Start, Step, StepStatus, Submitted, Timer,
};
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

/// The device.
pub const DEVICE: &str = "/dev/sleeptimer";

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
    pub fn program(&self, steps: &[Step<'_>]) -> Result<Program> {
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

    /// How the steps of a program have fared.
    pub fn program_query(&self, program: Program) -> Result<Vec<StepStatus>> {
        let mut statuses = [sys::sleeptimer_step_status::default(); MAX_STEPS];
        let mut request = sys::sleeptimer_program_query {
            status: statuses.as_mut_ptr() as u64,
            nr_status: statuses.len() as u32,
            program: program.0,
            ..Default::default()
        };
        // SAFETY: The file is the device; the structure and the array outlive the call.
        let result = unsafe { sys::program_query(self.as_raw_fd(), &mut request) };
        in_call("program_query", result)?;
        let statuses = statuses.iter().take(request.nr_steps as usize);
        Ok(statuses.map(StepStatus::from_raw).collect())
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
        let (call, function): (_, unsafe fn(_, *mut _) -> _) = match kind {
            Kind::Timer | Kind::SleepableTimer => ("timer_init", sys::timer_init),
            Kind::Wq => ("wq_init", sys::wq_init),
            Kind::DelayedWq | Kind::HighresDelayedWq => ("delayed_wq_init", sys::delayed_wq_init),
        };
        let mut request = sys::sleeptimer_init {
            clock: clock.id(),
            flags: kind.init_flags(),
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

    /// Looks at a timer, which may change meanwhile.
    pub fn query(&self, timer: Timer) -> Result<Query> {
        let mut request = sys::sleeptimer_query {
            handle: timer.handle,
            ..Default::default()
        };
        // SAFETY: The file is the device, and the structure outlives the call.
        let result = unsafe { sys::query(self.as_raw_fd(), &mut request) };
        in_call("query", result)?;
        in_call("query", Query::from_raw(&request).ok_or(Errno::EPROTO))
    }

    /// Makes the calls of a batch that have not been made yet, one after the other, and keeps
    /// their results in it. Fails only if none could be made.
    ///
    /// A signal, or the limit of [`Map::info`], ends it early: what [`Submitted::done`] does not
    /// count has not been done, and the next submit of the same batch goes on with it.
    pub fn submit(&self, batch: &mut Batch) -> Result<Submitted> {
        let cancelled = batch.cancel_linked();
        let rest = batch.rest();
        let mut request = sys::sleeptimer_submit {
            ops: rest.as_mut_ptr() as u64,
            nr_ops: rest.len().min(sys::SLEEPTIMER_MAX_OPS as usize) as u32,
            ..Default::default()
        };
        if !rest.is_empty() {
            // SAFETY: The file is the device; the structure and the ops outlive the call, and
            // whatever bytes the kernel writes to an op are valid ones.
            let result = unsafe { sys::submit(self.as_raw_fd(), &mut request) };
            in_call("submit", result)?;
            batch.advance(request.nr_done as usize);
        }
        Ok(Submitted {
            done: request.nr_done as usize + cancelled,
            failed: request.nr_failed as usize + cancelled,
        })
    }

    /// Maps the ring of events.
    pub fn ring(&self) -> Result<Ring> {
        Ring::new(self.as_fd())
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
