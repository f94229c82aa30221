// SPDX-License-Identifier: GPL-2.0

//! A map: what one open of the device owns, and its entry points.

use crate::{
    bpf_hrtimer::{
        flags::{Clock, Flags, Kind},
        BpfHrtimer, Expiry,
    },
    context::{Process, RcuRead},
    events::Events,
    facility::Facility,
    failure::Failure,
    program::{Program, Runner, Step},
    sleepers::Sleepers,
    table::{Handle, Table},
    uapi,
    workqueue::Workqueue,
};
use core::ptr::NonNull;
use kernel::{
    cpu::CpuId,
    current, new_mutex,
    prelude::*,
    sync::{rcu, Mutex, SetOnce},
    time::{ClockSource, Monotonic},
};

/// Timers, programs and events, and the workers that run callbacks which may sleep.
///
/// Its end, by the last close of the file, cancels, waits for and frees all of it: nobody else is
/// in an entry point then, and the only users left are callbacks and timers that end.
#[pin_data(PinnedDrop)]
pub(crate) struct Map {
    facility: &'static Facility,
    #[pin]
    table: Table,
    programs: KVVec<SetOnce<Program>>,
    /// How many programs there are: the next one's number.
    #[pin]
    nr_programs: Mutex<u32>,
    #[pin]
    events: Events,
    #[pin]
    sleepers: Sleepers,
    workqueue: Workqueue,
}

impl Map {
    /// Creates a map of the sizes that `setup` gives, which are within the limits.
    pub(crate) fn new(
        facility: &'static Facility,
        setup: &uapi::Setup,
    ) -> Result<Pin<KBox<Self>>, Failure> {
        let mut programs = KVVec::with_capacity(setup.max_programs as usize, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..setup.max_programs {
            programs.push_within_capacity(SetOnce::new())?;
        }
        let table = Table::new(setup.max_timers)?;
        let events = Events::new(setup.max_events, setup.max_timers)?;
        let workqueue = Workqueue::new(current!().pid()).map_err(|_| Failure::NoMemory)?;
        KBox::pin_init(
            pin_init!(Self {
                facility,
                table <- table,
                programs,
                nr_programs <- new_mutex!(0, "sleeptimer_programs"),
                events <- events,
                sleepers <- Sleepers::new(),
                workqueue,
            }),
            GFP_KERNEL_ACCOUNT,
        )
        .map_err(|_| Failure::NoMemory)
    }

    pub(crate) fn facility(&self) -> &'static Facility {
        self.facility
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    pub(crate) fn sleepers(&self) -> &Sleepers {
        &self.sleepers
    }

    pub(crate) fn workqueue(&self) -> &Workqueue {
        &self.workqueue
    }

    /// Adds a program, if `announce` succeeds in telling its number.
    pub(crate) fn program_create(
        &self,
        program: Program,
        announce: impl FnOnce(u32) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut nr_programs = self.nr_programs.lock();
        let number = *nr_programs;
        let place = self.programs.get(number as usize).ok_or(Failure::MapFull)?;
        announce(number)?;
        place.populate(program);
        *nr_programs = number.wrapping_add(1);
        Ok(())
    }

    fn program(&self, number: u32) -> Option<&Program> {
        self.programs.get(number as usize)?.as_ref()
    }

    /// The entry point `timer_init`: a new timer, which has no callback yet.
    pub(crate) fn timer_init(
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
            Ok(timer) => Ok(self.table.publish(index, timer, user_data)),
            Err(failure) => {
                self.table.cancel_reservation(index);
                Err(failure)
            }
        }
    }

    /// The entry points `timer_set_callback` and `timer_set_sleepable_cb`, which differ in the
    /// kind that they are for. Any context.
    pub(crate) fn set_callback(
        &self,
        handle: Handle,
        kind: Kind,
        number: u32,
    ) -> Result<(), Failure> {
        let rcu = rcu::read_lock();
        let timer = self.find(handle, &rcu)?;
        let program = self.program(number).ok_or(Failure::NoSuchProgram)?;
        timer.bind(&rcu, kind, number, program)
    }

    /// The entry point `timer_start`. Any context.
    pub(crate) fn timer_start(&self, handle: Handle, expiry: Expiry) -> Result<(), Failure> {
        let rcu = rcu::read_lock();
        self.find(handle, &rcu)?.start(&rcu, self, expiry)
    }

    /// The entry point `timer_cancel`: waits for the callback, and drops it. Returns whether the
    /// timer was armed.
    pub(crate) fn timer_cancel(
        &self,
        handle: Handle,
        process: &Process<'_>,
    ) -> Result<bool, Failure> {
        let timer = {
            let rcu = rcu::read_lock();
            self.find(handle, &rcu)?.get(&rcu, self)?
        };
        Ok(timer.cancel(process))
    }

    /// The entry point `free`, or cancel_and_free. Never waits. Any context.
    pub(crate) fn free(&self, handle: Handle) -> Result<(), Failure> {
        let rcu = rcu::read_lock();
        let timer = self.table.detach(handle, &rcu)?;
        // SAFETY: The timer was in the table, and the token keeps it.
        unsafe { timer.as_ref() }.kill()?;
        self.sleepers.wake_all();
        // SAFETY: The table was the owner, and `detach` and `kill` made us the one to end it.
        unsafe { BpfHrtimer::end(timer) };
        Ok(())
    }

    fn find<'r>(&self, handle: Handle, rcu: &'r RcuRead) -> Result<&'r BpfHrtimer, Failure> {
        let timer = self.table.get(handle, rcu)?;
        // SAFETY: By the invariants of the table, the timer is valid while the token lives.
        Ok(unsafe { timer.as_ref() })
    }

    /// Runs the program of a timer whose callback it is time for.
    pub(crate) fn run(&self, flags: Flags, timer: &BpfHrtimer, runner: &Runner<'_>) {
        let Some(program) = flags.program().and_then(|number| self.program(number)) else {
            return;
        };
        for step in program.steps() {
            match (step, runner) {
                (Step::Event, runner) => self.deliver(flags.index(), runner),
                (Step::Sleep(ns), Runner::Process(process)) => {
                    self.sleepers.sleep(process, *ns, || timer.hurry());
                }
                // `bind` does not let a program that sleeps come to softirq.
                (Step::Sleep(_), Runner::Softirq(_)) => {}
            }
        }
    }

    /// The step EVENT.
    fn deliver(&self, index: u32, runner: &Runner<'_>) {
        let Some((handle, user_data)) = self.table.describe(index) else {
            return;
        };
        let (context, worker) = match runner {
            Runner::Softirq(_) => (uapi::CONTEXT_SOFTIRQ, 0),
            Runner::Process(_) => (uapi::CONTEXT_PROCESS, current!().pid() as u32),
        };
        self.events.push(
            index,
            uapi::Event {
                handle: handle.into(),
                user_data,
                count: 1,
                time_ns: <Monotonic as ClockSource>::ktime_get() as u64,
                context,
                cpu: CpuId::current().as_u32(),
                worker,
                pad: 0,
            },
        );
    }

    /// Frees the memory of a timer that nobody uses any more. Process or softirq context.
    ///
    /// # Safety
    ///
    /// The timer is of this map and has slot `index`; the caller dropped its last reference.
    pub(crate) unsafe fn free_memory(&self, timer: NonNull<BpfHrtimer>, index: u32) {
        // SAFETY: By the safety requirements; timers come from this cache.
        unsafe { self.facility.timers.free(timer) };
        // This comes last: the map may be gone once its last slot is free.
        self.table.give_back(index);
    }
}

#[pinned_drop]
impl PinnedDrop for Map {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Maps are dropped by the last close of their file, and by a setup that fails: both
        // are in process context, and hold no lock.
        let process = unsafe { Process::assume() };
        let this = self.into_ref();
        let used = this.table.ever_used();
        // All are marked as dying before the first is waited for, so that all sleepers wake at
        // once, and the waits are as long as the longest callback, not as their sum.
        for index in 0..used {
            if let Some(timer) = this.table.occupant(index) {
                // SAFETY: Only `free` takes timers out of the table, and nobody is in there now.
                let _ = unsafe { timer.as_ref() }.kill();
            }
        }
        this.sleepers.wake_all();
        for index in 0..used {
            let timer = this.table.detach_slot(index, &rcu::read_lock());
            if let Some(timer) = timer {
                // SAFETY: The table was the owner. `kill` has succeeded above, and nobody is in an
                // entry point that could have found the timer.
                unsafe { BpfHrtimer::end_sync(timer, &this, &process) };
            }
        }
        this.table.wait_empty(&process);
    }
}
