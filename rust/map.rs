// SPDX-License-Identifier: GPL-2.0

//! A map: what one open of the device owns, and its entry points.

use crate::{
    bpf_hrtimer::{
        flags::{Clock, Flags, Kind},
        Arming, BpfHrtimer, TimerRef,
    },
    context::{Process, RcuRead, Worker},
    events::Events,
    facility::Facility,
    failure::Failure,
    memcg::MemCgroup,
    opener::Opener,
    origin::Origin,
    program::{Program, Statuses},
    programs::Programs,
    reaper::Reaper,
    sleepers::Sleepers,
    spinlock_irqsave::{new_spinlock_irqsave, SpinLockIrqSave},
    table::{Handle, Table},
    timens, trace, uapi,
    users::Charge,
    workqueue::Workqueue,
};
use kernel::{
    current,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        rcu,
    },
};

/// Which timers an entry point is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Timer,
    SleepableTimer,
    /// Both kinds of timers.
    AnyTimer,
    Wq,
    DelayedWq,
}

impl Family {
    /// The family of a kind.
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Timer => Family::Timer,
            Kind::SleepableTimer => Family::SleepableTimer,
            Kind::Wq => Family::Wq,
            Kind::DelayedWq | Kind::HighresDelayedWq => Family::DelayedWq,
        }
    }

    fn has(self, kind: Kind) -> bool {
        let family = Family::of(kind);
        match self {
            Family::AnyTimer => matches!(family, Family::Timer | Family::SleepableTimer),
            _ => self == family,
        }
    }
}

/// Timers, programs and events, and the workers that run callbacks which may sleep.
///
/// Its end, by the last close of the file, cancels, waits for and frees all of it: nobody else is
/// in an entry point then, and the only users left are callbacks and timers that end.
#[pin_data(PinnedDrop)]
pub(crate) struct Map {
    facility: &'static Facility,
    opener: Opener,
    /// That of who has set the map up, which is charged for what steps allocate.
    memcg: MemCgroup,
    /// Its number, which no other map has.
    number: u64,
    origin: Origin,
    /// How many runs of steps have failed.
    step_failures: Atomic<u64>,
    #[pin]
    table: Table,
    #[pin]
    programs: Programs,
    #[pin]
    events: Events,
    #[pin]
    sleepers: Sleepers,
    /// Held while a timer that has a period, or is given one, is armed.
    #[pin]
    periods: SpinLockIrqSave<()>,
    #[pin]
    pub(crate) reaper: Reaper,
    workqueue: Workqueue,
    /// Given back last, when nothing of the map is left.
    charge: Charge,
}

// The parts that others need.
impl Map {
    /// Creates a map of the sizes that `setup` gives, which are within the limits, and charges
    /// `opener` for it.
    pub(crate) fn new(
        facility: &'static Facility,
        opener: Opener,
        setup: &uapi::Setup,
    ) -> Result<Pin<KBox<Self>>, Failure> {
        let charge = facility
            .users
            .charge(&facility.limits, opener.user(), setup.max_timers)?;
        let table = Table::new(setup.max_timers)?;
        let programs = Programs::new(setup.max_programs)?;
        let events = Events::new(setup.max_events, setup.max_timers)?;
        let workqueue = Workqueue::new(current!().pid(), facility.limits.map_workers)
            .map_err(|_| Failure::NoMemory)?;
        let map = KBox::pin_init(
            pin_init!(Self {
                facility,
                opener,
                memcg: MemCgroup::current(),
                number: facility.registry.new_number(),
                origin: Origin::current(),
                step_failures: Atomic::new(0),
                table <- table,
                programs <- programs,
                events <- events,
                sleepers <- Sleepers::new(),
                periods <- new_spinlock_irqsave!((), "sleeptimer_periods"),
                reaper <- Reaper::new(),
                workqueue,
                charge,
            }),
            GFP_KERNEL_ACCOUNT,
        )
        .map_err(|_| Failure::NoMemory)?;
        // SAFETY: The drop of the map removes it first.
        unsafe { facility.registry.add(&map)? };
        Ok(map)
    }

    /// A number that no other map has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Who has set the map up.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What its user is charged for it.
    pub(crate) fn charge(&self) -> &Charge {
        &self.charge
    }

    /// Notes that a step of the program that the timer in slot `index` runs has failed. Any context.
    pub(crate) fn step_failed(&self, index: u32, step: u32, error: Error) {
        self.step_failures.fetch_add(1, Relaxed);
        trace::step_failure(self, index, step, error);
    }

    /// How many steps of programs have failed.
    pub(crate) fn step_failures(&self) -> u64 {
        self.step_failures.load(Relaxed)
    }

    pub(crate) fn facility(&self) -> &'static Facility {
        self.facility
    }

    pub(crate) fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Has a worker act on files as who opened the device would, at the cost of who set it up.
    pub(crate) fn act<R>(&self, worker: &Worker<'_>, act: impl FnOnce() -> R) -> R {
        self.opener.act(worker, || self.memcg.charge(worker, act))
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    pub(crate) fn sleepers(&self) -> &Sleepers {
        &self.sleepers
    }

    pub(crate) fn periods(&self) -> &SpinLockIrqSave<()> {
        &self.periods
    }

    pub(crate) fn workqueue(&self) -> &Workqueue {
        &self.workqueue
    }

    /// The timer of a handle, which has to be of `family`.
    fn find<'r>(
        &self,
        handle: Handle,
        family: Family,
        rcu: &'r RcuRead,
    ) -> Result<&'r BpfHrtimer, Failure> {
        let timer = self.table.get(handle, rcu)?;
        // SAFETY: By the invariants of the table, the timer is valid while the token lives.
        let timer = unsafe { timer.as_ref() };
        if family.has(timer.kind()) {
            Ok(timer)
        } else {
            Err(Failure::WrongKind)
        }
    }

    /// The clock of a timer, which is the same for as long as the handle means a timer. Any context.
    pub(crate) fn clock(&self, handle: Handle) -> Result<Clock, Failure> {
        let rcu = rcu::read_lock();
        let timer = self.table.get(handle, &rcu)?;
        // SAFETY: By the invariants of the table, the timer is valid while the token lives.
        Ok(unsafe { timer.as_ref() }.flags(&rcu).clock())
    }

    /// Drops the reference of a timer to the program that it was bound to.
    fn put_program(&self, program: Option<u32>) {
        if let Some(index) = program {
            self.programs.put(index);
        }
    }
}

// The entry points, in the words of the kfuncs that they are to become.
impl Map {
    /// `timer_init`, `wq_init` and `delayed_wq_init`: a new timer, which has no callback yet.
    pub(crate) fn init(
        &self,
        kind: Kind,
        clock: Clock,
        user_data: u64,
        process: &Process<'_>,
    ) -> Result<Handle, Failure> {
        let index = self.table.reserve(process)?;
        // SAFETY: The drop of the map ends all timers that are in the table, and waits for those
        // that end already.
        match unsafe { BpfHrtimer::create(self, Flags::new(kind, clock, index)) } {
            Ok(timer) => {
                let handle = self.table.publish(index, timer, user_data)?;
                trace::init(self, handle, kind, clock);
                Ok(handle)
            }
            Err(failure) => {
                self.table.cancel_reservation(index);
                Err(failure)
            }
        }
    }

    /// `timer_set_callback`, `timer_set_sleepable_cb`, `wq_set_callback` and
    /// `delayed_wq_set_callback`, which differ in the family that they are for. Any context.
    pub(crate) fn set_callback(
        &self,
        handle: Handle,
        family: Family,
        program: u32,
    ) -> Result<(), Failure> {
        let rcu = rcu::read_lock();
        let timer = self.find(handle, family, &rcu)?;
        let suits = |program: &Program| {
            if program.is_sleepable() && !timer.kind().is_sleepable() {
                Err(Failure::ProgramSleeps)
            } else {
                Ok(())
            }
        };
        let index = self.programs.get_named(program, &rcu, suits)?;
        match timer.bind(&rcu, index) {
            Ok(old) => {
                self.put_program(old);
                Ok(())
            }
            Err(failure) => {
                self.programs.put(index);
                Err(failure)
            }
        }
    }

    /// `timer_start`, `wq_start` and `delayed_wq_start`. Any context.
    pub(crate) fn start(
        &self,
        handle: Handle,
        family: Family,
        arming: &Arming,
    ) -> Result<(), Failure> {
        let rcu = rcu::read_lock();
        let timer = self.find(handle, family, &rcu);
        let started = timer.and_then(|timer| timer.start(&rcu, self, arming));
        trace::start(self, handle, arming, started.map(|()| false));
        started
    }

    /// `timer_start` and `delayed_wq_start` on a CPU that is named.
    pub(crate) fn start_on(
        &self,
        handle: Handle,
        family: Family,
        arming: &Arming,
        cpu: u32,
        process: &Process<'_>,
    ) -> Result<(), Failure> {
        let rcu = rcu::read_lock();
        let timer = self.find(handle, family, &rcu);
        let started = timer.and_then(|timer| timer.start_on(&rcu, self, arming, cpu, process));
        trace::start(self, handle, arming, started.map(|()| false));
        started
    }

    /// `delayed_wq_mod`: returns whether it was armed. Any context.
    pub(crate) fn modify(&self, handle: Handle, arming: &Arming) -> Result<bool, Failure> {
        let rcu = rcu::read_lock();
        let timer = self.find(handle, Family::DelayedWq, &rcu);
        let modified = timer.and_then(|timer| timer.modify(&rcu, self, arming));
        trace::start(self, handle, arming, modified);
        modified
    }

    /// `timer_cancel`: waits for the callback, and drops it. Returns whether the timer was armed.
    pub(crate) fn timer_cancel(
        &self,
        handle: Handle,
        process: &Process<'_>,
    ) -> Result<bool, Failure> {
        let timer = self.reference(handle, Family::AnyTimer);
        let cancelled = timer.map(|timer| {
            let (was_armed, program) = timer.cancel_and_unbind(process);
            self.put_program(program);
            was_armed
        });
        trace::cancel(self, handle, cancelled);
        cancelled
    }

    /// `timer_cancel_no_drop`, `wq_cancel` and `delayed_wq_cancel`: waits for the callback, and
    /// keeps it. Returns whether the timer was armed.
    pub(crate) fn cancel(
        &self,
        handle: Handle,
        family: Family,
        process: &Process<'_>,
    ) -> Result<bool, Failure> {
        let timer = self.reference(handle, family);
        let cancelled = timer.map(|timer| timer.cancel(process));
        trace::cancel(self, handle, cancelled);
        cancelled
    }

    /// `timer_cancel_async`: does not wait, and keeps the callback. Returns whether the timer was
    /// armed. Any context.
    pub(crate) fn timer_cancel_async(&self, handle: Handle) -> Result<bool, Failure> {
        let rcu = rcu::read_lock();
        let timer = self.find(handle, Family::AnyTimer, &rcu);
        let cancelled = timer.and_then(|timer| match timer.cancel_async(&rcu, self) {
            disarmed if disarmed.was_armed => Ok(true),
            disarmed if disarmed.is_running => Err(Failure::Running),
            _ => Ok(false),
        });
        trace::cancel(self, handle, cancelled);
        cancelled
    }

    /// A look at a timer.
    pub(crate) fn query(&self, handle: Handle) -> Result<uapi::Query, Failure> {
        let rcu = rcu::read_lock();
        let timer = self.table.get(handle, &rcu)?;
        // SAFETY: By the invariants of the table, the timer is valid while the token lives.
        let timer = unsafe { timer.as_ref() };
        let flags = timer.flags(&rcu);
        let (handle, user_data) = self
            .table
            .describe(flags.index())
            .ok_or(Failure::NoSuchTimer)?;
        let seen = timer.observe();
        let mut state = 0;
        if seen.is_armed {
            state |= uapi::STATE_ARMED;
        }
        if seen.is_running {
            state |= uapi::STATE_RUNNING;
        }
        Ok(uapi::Query {
            handle: handle.into(),
            user_data,
            expires_ns: seen
                .expires
                .map_or(0, |ns| timens::from_host(flags.clock(), ns)),
            remaining_ns: seen.remaining(flags.clock()),
            period_ns: seen.period,
            backlog: self.events.backlog(&self.table, flags.index()),
            kind: flags.kind() as u32,
            clock: flags.clock().id() as u32,
            state,
            ..uapi::Query::default()
        })
    }

    /// Takes the name of a program away; timers that are bound to it keep it. Any context.
    pub(crate) fn program_destroy(&self, program: u32) -> Result<(), Failure> {
        self.programs.destroy(program, &rcu::read_lock())
    }

    /// How the steps of a program have fared, and how many there are. Any context.
    pub(crate) fn program_query(&self, program: u32) -> Result<(Statuses, u32), Failure> {
        self.programs
            .look_at(program, &rcu::read_lock(), Program::statuses)
    }

    /// `free`, or cancel_and_free, for every kind. Never waits. Any context.
    pub(crate) fn free(&self, handle: Handle) -> Result<(), Failure> {
        let freed = self.end(handle);
        trace::free(self, handle, freed.map(|()| false));
        freed
    }

    fn end(&self, handle: Handle) -> Result<(), Failure> {
        let rcu = rcu::read_lock();
        let timer = self.table.detach(handle, &rcu)?;
        // SAFETY: The timer was in the table, and the token keeps it.
        let this = unsafe { timer.as_ref() };
        let flags = this.kill()?;
        self.put_program(flags.program());
        this.hush();
        this.wake(&self.sleepers, flags);
        self.events.forget(&self.table, flags.index());
        // SAFETY: The table was the owner, and `detach` and `kill` made us the one to end it.
        unsafe { self.reaper.end(timer) };
        Ok(())
    }

    /// A reference to a timer, to wait for its callback.
    fn reference(&self, handle: Handle, family: Family) -> Result<TimerRef<'_>, Failure> {
        let rcu = rcu::read_lock();
        self.find(handle, family, &rcu)?.get(&rcu, self)
    }
}

#[pinned_drop]
impl PinnedDrop for Map {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Maps are dropped by the last close of their file, and by a setup that fails: both
        // are in process context, and hold no lock.
        let process = unsafe { Process::assume() };
        let this = self.into_ref();
        this.facility.registry.remove(&this);
        // All are marked as dying before the first is waited for, so that all sleepers wake at
        // once, and the waits are as long as the longest callback, not as their sum.
        for timer in this.table.occupants() {
            // SAFETY: Only `free` takes timers out of the table, and nobody is in there now.
            if let Ok(flags) = unsafe { timer.as_ref() }.kill() {
                this.put_program(flags.program());
            }
        }
        this.sleepers.wake_all();
        for timer in this.table.detach_all() {
            // SAFETY: The table was the owner. `kill` has succeeded above, and nobody is in an
            // entry point that could have found the timer.
            unsafe { BpfHrtimer::end_sync(timer, &this, &process) };
        }
        this.reaper.wait_idle(&process);
        this.table.wait_empty(&process);
        this.programs.close(&process);
    }
}
