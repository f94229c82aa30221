// SPDX-License-Identifier: GPL-2.0

//! A map of one slot, its entry points as in `rust/map.rs`, and its callbacks.

use crate::{
    fault::Fault,
    flags::{Flags, Kind, Word},
    kernel::{lock, Atomic, Disarmed, Rcu, Reader, WaitQueue},
    programs::Programs,
    timer::Timer,
};
use loom::sync::{
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    Mutex,
};
// Not that of loom, which cannot be dropped after a panic.
use std::sync::Arc;

/// Readers, one a thread.
pub(crate) const MAIN: usize = 0;
pub(crate) const OTHER: usize = 1;
pub(crate) const CORE: usize = 2;

/// The handle of the first timer. Timers have the generation of their handle as identity.
pub(crate) const FIRST: u64 = 1;

pub(crate) struct Map {
    fault: Fault,
    kind: Kind,
    rcu: Rcu,
    pub(crate) timer: Timer,
    /// 0: free, or its timer ends.
    slot: Atomic,
    generation: AtomicU64,
    /// Whether the slot may be given away.
    place: Mutex<bool>,
    pub(crate) programs: Programs,
    pub(crate) sleepers: WaitQueue,
}

impl Map {
    /// A map with a timer that is bound to program 0.
    pub(crate) fn new(fault: Fault, kind: Kind) -> Arc<Self> {
        let map = Self {
            fault,
            kind,
            rcu: Rcu::new(3),
            timer: Timer::new(fault, kind, FIRST),
            slot: Atomic::new(1),
            generation: AtomicU64::new(FIRST),
            place: Mutex::new(false),
            programs: Programs::new(fault),
            sleepers: WaitQueue::new(),
        };
        {
            let rcu = map.rcu.read_lock(MAIN);
            assert!(map.programs.get(0, &rcu));
        }
        Arc::new(map)
    }

    /// `Table::find`
    fn find(&self, handle: u64, _: &Reader<'_>) -> Option<&Timer> {
        let early = self.generation.load(Relaxed);
        if self.slot.load() == 0 {
            return None;
        }
        let generation = if self.fault == Fault::GenerationBeforePointer {
            early
        } else {
            self.generation.load(Relaxed)
        };
        if generation != handle {
            return None;
        }
        self.timer.expect(handle);
        Some(&self.timer)
    }

    /// `Table::detach`
    fn detach(&self, handle: u64, rcu: &Reader<'_>) -> Option<&Timer> {
        let timer = self.find(handle, rcu)?;
        if self.fault == Fault::DetachByStore {
            self.slot.0.store(0, Release);
        } else {
            self.slot.cmpxchg(1, 0).ok()?;
        }
        Some(timer)
    }

    /// `Table::give_back`
    fn give_back(&self) {
        let mut place = lock(&self.place);
        self.generation
            .store(self.generation.load(Relaxed) + 1, Relaxed);
        *place = true;
    }

    /// Drops a reference to the timer, and gives its slot back after the last.
    fn put(&self, put: impl FnOnce(&Timer) -> bool) {
        if self.fault == Fault::SlotBackBeforeFree {
            self.give_back();
            put(&self.timer);
        } else if put(&self.timer) {
            self.give_back();
        }
    }

    /// `init`: fails if the slot is not free. Returns the handle.
    pub(crate) fn init(&self) -> Option<u64> {
        if !core::mem::replace(&mut *lock(&self.place), false) {
            return None;
        }
        let generation = self.generation.load(Relaxed);
        self.timer.create(self.kind, generation);
        self.slot.0.store(1, Release);
        Some(generation)
    }

    /// `start`
    pub(crate) fn start(&self, reader: usize, handle: u64, period: u64) -> bool {
        let rcu = self.rcu.read_lock(reader);
        self.find(handle, &rcu)
            .is_some_and(|timer| timer.start(10, period))
    }

    /// `set_callback`
    pub(crate) fn set_callback(&self, reader: usize, handle: u64, program: u32) -> bool {
        let rcu = self.rcu.read_lock(reader);
        let Some(timer) = self.find(handle, &rcu) else {
            return false;
        };
        if !self.programs.get(program, &rcu) {
            return false;
        }
        let (unused, is_bound) = match timer.update(|flags| flags.bind(program)) {
            Ok((old, _)) => (old.program(), true),
            Err(_) => (Some(program), false),
        };
        let last = self.programs.put(unused);
        drop(rcu);
        self.programs.end(last, &self.rcu);
        is_bound
    }

    /// `timer_cancel_async`
    pub(crate) fn cancel_async(&self, reader: usize, handle: u64) -> Option<Disarmed> {
        let rcu = self.rcu.read_lock(reader);
        let timer = self.find(handle, &rcu)?;
        timer.stop_period();
        Some(timer.engine.try_to_cancel())
    }

    /// `cancel`, which waits for the callback; or `timer_cancel`, which drops it as well.
    pub(crate) fn cancel(&self, reader: usize, handle: u64, drops: bool) -> Option<bool> {
        let has_reference = self.fault != Fault::CancelWithoutReference;
        let timer = {
            let rcu = self.rcu.read_lock(reader);
            let timer = self.find(handle, &rcu)?;
            if self.fault == Fault::WakeBeforeFlag {
                self.sleepers.wake_all();
            }
            if has_reference {
                timer.update(Flags::get).ok()?;
            }
            timer
        };
        let drops_first = self.fault == Fault::DropBeforeDisarm;
        if drops && drops_first {
            self.unbind(timer);
        }
        let mut was_armed = self.disarm_sync(timer);
        if drops && !drops_first {
            self.unbind(timer);
            was_armed |= self.disarm_sync(timer) || timer.tell_missed();
        }
        if has_reference {
            self.put(|timer| timer.finish(&mut was_armed));
        }
        Some(was_armed)
    }

    /// `BpfHrtimer::unbind`, and what is done with the program.
    fn unbind(&self, timer: &Timer) {
        let (old, _) = timer.update(|flags| Ok(flags.unbind())).unwrap();
        let last = self.programs.put(old.program());
        self.programs.end(last, &self.rcu);
    }

    /// `TimerRef::cancel`
    fn disarm_sync(&self, timer: &Timer) -> bool {
        timer.stop_period();
        if self.fault != Fault::WakeBeforeFlag {
            self.wake(timer.flags());
        }
        timer.disarm_sync()
    }

    /// `program_destroy`, of a program that has its name.
    pub(crate) fn program_destroy(&self, program: u32) {
        let last = self.programs.put(Some(program));
        self.programs.end(last, &self.rcu);
    }

    /// `free`, and what the reaper does after that.
    pub(crate) fn free(&self, reader: usize, handle: u64) -> bool {
        let last = {
            let rcu = self.rcu.read_lock(reader);
            let Some(timer) = self.detach(handle, &rcu) else {
                return false;
            };
            let last = if self.fault == Fault::ProgramPutBeforeUnbind {
                let last = self.programs.put(timer.flags().program());
                timer.update(Flags::kill).unwrap();
                last
            } else {
                let (old, _) = timer.update(Flags::kill).unwrap();
                self.wake(old);
                self.programs.put(old.program())
            };
            timer.hush_and_list();
            if self.fault == Fault::OwnerPutAtKill {
                self.put(Timer::put);
            }
            last
        };
        if self.fault != Fault::NoGracePeriod {
            self.rcu.synchronize();
        }
        self.put(Timer::end);
        self.programs.end(last, &self.rcu);
        true
    }

    /// The core lets the timer expire, or a worker comes to it, if it is armed. Returns which
    /// program ran.
    pub(crate) fn expire(&self) -> Option<u64> {
        let mut ran = None;
        self.timer.engine.expire(|expired| {
            ran = match self.kind {
                Kind::Timer => self.softirq(expired),
                _ => self.worker(|| {}),
            };
        });
        ran
    }

    /// A worker comes to the timer, whose program sleeps until it is woken.
    pub(crate) fn expire_and_sleep(&self) {
        self.timer.engine.expire(|_| {
            self.worker(|| self.sleep());
        });
    }

    /// A callback in softirq, which is a read-side critical section of RCU.
    fn softirq(&self, expired: u64) -> Option<u64> {
        let rcu = self.rcu.read_lock(CORE);
        let flags = self.timer.called(expired)?;
        let Some(index) = flags.program() else {
            self.mark(Flags::miss);
            return None;
        };
        self.programs.with(index, &rcu)
    }

    /// A callback in a worker.
    fn worker(&self, body: impl FnOnce()) -> Option<u64> {
        let early = self.timer.called(0)?;
        let index = {
            let rcu = self.rcu.read_lock(CORE);
            let flags = if self.fault == Fault::ProgramReadOutsideRcu {
                early
            } else {
                self.timer.flags()
            };
            let Some(index) = flags.program() else {
                self.mark(Flags::miss);
                return None;
            };
            if !self.programs.get(index, &rcu) {
                return None;
            }
            index
        };
        body();
        let ran = self.programs.run(index);
        let last = self.programs.put(Some(index));
        self.programs.end(last, &self.rcu);
        Some(ran)
    }

    /// `BpfHrtimer::wake`
    fn wake(&self, flags: Flags) {
        if flags.is_asleep() {
            self.sleepers.wake_all();
        }
    }

    /// `BpfHrtimer::mark`
    fn mark(&self, transition: fn(Flags) -> Flags) {
        self.timer.update(|flags| Ok(transition(flags))).unwrap();
    }

    /// `BpfHrtimer::sleep`
    fn sleep(&self) {
        if self.fault != Fault::NotMarkedAsleep {
            self.mark(Flags::fall_asleep);
        }
        self.sleep_in_queue();
        self.mark(Flags::wake_up);
    }

    /// `Sleepers::sleep`
    fn sleep_in_queue(&self) {
        let done = || self.timer.flags().hurry();
        if self.fault == Fault::LookBeforeQueueing {
            if !done() {
                self.sleepers.prepare();
                self.sleepers.schedule();
            }
        } else {
            loop {
                self.sleepers.prepare();
                if done() {
                    break;
                }
                self.sleepers.schedule();
            }
        }
        self.sleepers.finish();
    }

    /// At the end of a test: the timer was freed once, and its program is referenced by its name
    /// only.
    pub(crate) fn assert_freed(&self) {
        assert!(self.timer.is_free(), "the timer leaks");
        assert_eq!(self.slot.0.load(Acquire), 0);
        assert!(self.timer.engine.is_idle());
        assert_eq!(self.programs.references(0), 1, "program 0 leaks");
        assert_eq!(self.programs.references(1), 1, "program 1 leaks");
    }
}
