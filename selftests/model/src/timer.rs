// SPDX-License-Identifier: GPL-2.0

//! One timer: its flags, its engine and its period, as `rust/bpf_hrtimer` has them.

use crate::{
    fault::Fault,
    flags::{self, Clock, Flags, Kind, Refusal, Word},
    kernel::{lock, Atomic, Disarmed, Engine, Memory},
};
use loom::sync::{
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
    Mutex,
};

/// What `reclaim` holds while the timer lives.
const MAP: u64 = 1;
/// What it holds in a list of the reaper.
const LINK: u64 = 2;

/// A place for timers: where one is freed, the next may come.
pub(crate) struct Timer {
    pub(crate) fault: Fault,
    memory: Memory,
    flags: Atomic,
    pub(crate) engine: Engine,
    period: AtomicU64,
    /// The lock of the map that periods are changed under.
    periods: Mutex<()>,
    reclaim: AtomicU64,
}

impl Timer {
    /// A timer that is bound to program 0, whose reference it gets.
    pub(crate) fn new(fault: Fault, kind: Kind, identity: u64) -> Self {
        let flags = Flags::new(kind, Clock::Monotonic, 0).bind(0).unwrap();
        Self {
            fault,
            memory: Memory::with(identity),
            flags: Atomic::new(flags.bits()),
            engine: match kind {
                Kind::Timer => Engine::hrtimer(),
                _ => Engine::work(),
            },
            period: AtomicU64::new(0),
            periods: Mutex::new(()),
            reclaim: AtomicU64::new(MAP),
        }
    }

    /// Makes another timer of the memory, without a program.
    pub(crate) fn create(&self, kind: Kind, identity: u64) {
        self.memory.allocate(identity);
        let flags = Flags::new(kind, Clock::Monotonic, 0);
        self.flags.0.store(flags.bits(), Relaxed);
        self.period.store(0, Relaxed);
        self.reclaim.store(MAP, Relaxed);
    }

    pub(crate) fn is_free(&self) -> bool {
        self.memory.is_free()
    }

    /// Uses the timer, which is to be this one.
    pub(crate) fn expect(&self, identity: u64) {
        assert_eq!(self.memory.touch(), identity, "a stale handle acts");
    }

    pub(crate) fn flags(&self) -> Flags {
        self.memory.touch();
        Flags::from_bits(self.flags.load())
    }

    pub(crate) fn update(
        &self,
        transition: impl Fn(Flags) -> Result<Flags, Refusal>,
    ) -> Result<(Flags, Flags), Refusal> {
        self.memory.touch();
        if self.fault == Fault::StoreInsteadOfSwap {
            let old = self.flags();
            let new = transition(old)?;
            self.flags.0.store(new.bits(), Relaxed);
            return Ok((old, new));
        }
        flags::update(&self.flags, transition)
    }

    /// `check_start`
    fn check_start(&self) -> bool {
        let flags = self.flags();
        !flags.dying() && !flags.is_waited_for() && flags.program().is_some()
    }

    /// `BpfHrtimer::start`
    pub(crate) fn start(&self, expiry: u64, period: u64) -> bool {
        self.check_start() && {
            self.arm(expiry, period);
            // The second look of a start would hide the cancel that comes too early, too.
            let looks_once = [Fault::StartLooksOnce, Fault::CancelBeforeGracePeriod];
            looks_once.contains(&self.fault) || self.check_started()
        }
    }

    /// `BpfHrtimer::check_started`
    fn check_started(&self) -> bool {
        let flags = self.flags();
        if flags.program().is_some() || flags.dying() || self.leave_to_waiters() {
            return true;
        }
        if self.fault != Fault::StartLeavesPeriod {
            self.stop_period();
        }
        let disarmed = self.engine.try_to_cancel();
        let flags = self.take_missed(Flags::take_missed);
        let expires_untold = disarmed == Disarmed::Running
            && !flags.is_told()
            && self.fault != Fault::StartTrustsExpiry;
        !(disarmed == Disarmed::Armed || flags.has_missed() || expires_untold)
    }

    /// `BpfHrtimer::leave_to_waiters`
    fn leave_to_waiters(&self) -> bool {
        if self.fault == Fault::StartLeavesNothing {
            return self.flags().is_waited_for();
        }
        let (old, _) = self.update(|flags| Ok(flags.leave())).unwrap();
        old.is_waited_for()
    }

    /// `BpfHrtimer::take_missed`
    fn take_missed(&self, transition: fn(Flags) -> Flags) -> Flags {
        self.update(|flags| Ok(transition(flags))).unwrap().0
    }

    /// `TimerRef::disarm_missed`, after the disarm: whether the timer has expired without its callback.
    pub(crate) fn tell_missed(&self) -> bool {
        let transition = match self.fault {
            Fault::CancelTellsWithoutNote => Flags::take_missed,
            _ => Flags::tell_missed,
        };
        self.take_missed(transition).has_missed() && self.fault != Fault::MissedIsLost
    }

    /// `arm_hrtimer`
    fn arm(&self, expiry: u64, period: u64) {
        self.memory.touch();
        if period == 0 && self.period.load(Relaxed) == 0 {
            self.engine.start(expiry);
            if self.fault == Fault::StartTrustsPeriod || self.period.load(Relaxed) == 0 {
                return;
            }
        }
        let _periods = lock(&self.periods);
        self.period.store(period, Relaxed);
        self.engine.start(expiry);
    }

    /// `BpfHrtimer::start_on`
    pub(crate) fn start_on(&self, expiry: u64, period: u64) {
        if self.fault == Fault::StartOnWithoutLock {
            {
                let _periods = lock(&self.periods);
                self.period.store(period, Relaxed);
            }
            self.engine.start(expiry);
        } else {
            self.arm(expiry, period);
        }
    }

    /// `rearm_periodic`, for a timer that was due at `expired`.
    fn rearm(&self, expired: u64) {
        if self.period.load(Relaxed) == 0 {
            return;
        }
        let _periods = (self.fault != Fault::RearmWithoutLock).then(|| lock(&self.periods));
        let period = self.period.load(Relaxed);
        if period != 0 && !self.engine.is_queued() {
            self.engine.start(expired + period);
        }
    }

    pub(crate) fn period(&self) -> u64 {
        self.period.load(Relaxed)
    }

    /// `stop_period`
    pub(crate) fn stop_period(&self) {
        self.memory.touch();
        if self.period.load(Relaxed) != 0 {
            let _periods = lock(&self.periods);
            self.period.store(0, Relaxed);
        }
    }

    /// `disarm_sync`
    pub(crate) fn disarm_sync(&self) -> bool {
        self.memory.touch();
        let was_armed = self.engine.cancel_sync();
        self.memory.touch();
        was_armed
    }

    /// What a callback does first: `live`, then `rearm_periodic`. Returns the flags it has read.
    pub(crate) fn called(&self, expired: u64) -> Option<Flags> {
        self.memory.touch();
        let early = self.flags();
        let map = self.reclaim.load(Acquire);
        let flags = if self.fault == Fault::FlagsBeforeMap {
            early
        } else {
            self.flags()
        };
        if flags.dying() {
            return None;
        }
        assert_eq!(map, MAP, "the callback takes a link for its map");
        self.rearm(expired);
        Some(flags)
    }

    /// What `free` does with a timer that it has killed: `hush`, then a push into a list.
    pub(crate) fn hush_and_list(&self) {
        self.memory.touch();
        self.engine.try_to_cancel();
        self.reclaim.store(LINK, Relaxed);
    }

    /// `try_end`, and `end_sync` if that fails. Returns whether the memory was freed.
    pub(crate) fn end(&self) -> bool {
        match self.fault {
            Fault::CancelBeforeGracePeriod => {}
            Fault::EndIgnoresRunning => {
                self.engine.try_to_cancel();
            }
            _ => {
                let is_hrtimer = self.flags().kind() == Kind::Timer;
                if !is_hrtimer || self.engine.try_to_cancel() == Disarmed::Running {
                    self.disarm_sync();
                }
            }
        }
        self.fault != Fault::OwnerPutAtKill && self.put()
    }

    /// `put`: returns whether the memory was freed.
    pub(crate) fn put(&self) -> bool {
        self.put_by(Flags::put).1
    }

    /// `TimerRef::finish`: notes whether an armed timer was left to the caller, and returns whether the
    /// memory was freed.
    pub(crate) fn finish(&self, was_armed: &mut bool) -> bool {
        loop {
            let (old, is_freed) = self.put_by(Flags::put_or_take);
            if !old.is_left() {
                return is_freed;
            }
            *was_armed |= self.disarm_sync() || self.tell_missed();
        }
    }

    /// `put_by`
    fn put_by(&self, transition: fn(Flags) -> Flags) -> (Flags, bool) {
        let (old, new) = self.update(|flags| Ok(transition(flags))).unwrap();
        if new.unreferenced() {
            assert!(self.engine.is_idle(), "freed while armed or running");
            self.memory.free();
        }
        (old, new.unreferenced())
    }
}
