// SPDX-License-Identifier: GPL-2.0

//! The sleepable timer object: `BpfHrtimer`, as the review of April 2024 sketched it.
//!
//! One object holds, by unions, what any kind of timer needs to run and to end, and a flags word
//! (see [`layout`] and [`flags`]).
//!
//! # Vocabulary
//!
//! - *arm*: make the callback run later (timer, delayed_wq) or soon (sleepable timer, wq);
//! - *disarm*: undo that; the callback may be running and is waited for, or not;
//! - *end*: free the timer, in steps that never wait for anything in the caller's context.
//!
//! # States
//!
//! ```text
//!            arm                 expires
//!   Idle ----------> Armed ------------------> Running ----.
//!    ^  ^             |  ^                      |   | arm  |
//!    |  '-------------'  '-------.              |   v      |
//!    |      disarm               |              |  Running and armed
//!    '---------------------------+--------------'   |
//!           returns              '------------------'
//!                                      returns
//!   any --- free, close ---> Dying: no new arm, bind or reference
//!             1. a grace period passes: nobody who found the timer in the table still uses it
//!             2. the engine is disarmed; if the callback may run, a worker waits for it
//!             3. the owner's reference is dropped; the last one to go frees the memory
//! ```
//!
//! Idle, Armed and Running are the engine's own knowledge; Dying is a bit of the flags word.
//!
//! # Who may call what
//!
//! | call                     | process | softirq, interrupts off | own callback                |
//! |--------------------------|---------|-------------------------|-----------------------------|
//! | `start`, `modify`        | yes     | yes                     | yes                         |
//! | `bind`                   | yes     | yes                     | yes                         |
//! | `cancel_async`           | yes     | yes                     | yes: it says running        |
//! | `cancel`                 | yes     | no: demands [`Process`] | no: a callback is no        |
//! |                          |         |                         | [`Process`], but a `Worker` |
//! | `kill`, then the reaper  | yes     | yes                     | yes                         |
//! | `end_sync`               | yes     | no: demands [`Process`] | no                          |
//!
//! A callback that waited for a callback, be it its own or one that waits for it, would hang for
//! ever: upstream returns EDEADLK. Here that does not compile.
//!
//! # Why the cancel comes after the grace period
//!
//! Whoever starts a timer has found it in the table under RCU, and seen that it is not dying. A
//! cancel *before* the grace period can miss such a start, which then arms freed memory. After it,
//! every start has either happened, and the cancel undoes it, or sees the dying bit. So the hot
//! path of start needs no reference and no atomic operation of its own.

mod callback;
mod engine;
pub(crate) mod flags;
mod flags_word;
mod layout;
mod observe;
mod period_word;
mod reclaim;

pub(crate) use self::{
    engine::{resolution_ns, Arming, Disarmed, Expiry},
    layout::{BpfHrtimer, Highres},
    reclaim::List,
};

use self::{
    flags::{Flags, Kind, Refusal},
    flags_word::FlagsWord,
};
use crate::{
    compat,
    context::{Process, RcuRead, Worker},
    failure::Failure,
    map::Map,
    sleepers::Sleepers,
    throttle::{self, Period},
    workqueue::init_work,
};
use core::{mem::ManuallyDrop, ptr::NonNull};
use kernel::{prelude::*, sync::atomic::Atomic, types::Opaque};

/// The shortest period, in ns.
pub(crate) const MIN_PERIOD_NS: u64 = throttle::INTERVAL_NS;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Dying => Failure::NoSuchTimer,
            Refusal::TooManyWaiters => Failure::TooManyWaiters,
        }
    }
}

impl BpfHrtimer {
    /// Allocates and sets up a timer of `map`, whose owner the caller becomes.
    ///
    /// # Safety
    ///
    /// The timer ends before the map does: see [`Self::kill`] and [`Self::end_sync`].
    pub(crate) unsafe fn create(map: &Map, flags: Flags) -> Result<NonNull<Self>, Failure> {
        if flags.kind() == Kind::HighresDelayedWq {
            let highres = map.facility().highres.alloc()?.cast::<Highres>();
            // SAFETY: The memory was just allocated for this type, and never moves.
            unsafe { compat::raw_init(highres.as_ptr(), Self::init_highres(map, flags)) };
            Ok(highres.cast())
        } else {
            let timer = map.facility().timers.alloc()?.cast::<Self>();
            // SAFETY: The memory was just allocated for this type, and never moves.
            unsafe { compat::raw_init(timer.as_ptr(), Self::init(map, flags)) };
            Ok(timer)
        }
    }

    fn init(map: &Map, flags: Flags) -> impl PinInit<Self> {
        let map = core::ptr::from_ref(map).cast_mut().cast();
        pin_init!(Self {
            // SAFETY: The slot is valid and pinned.
            engine <- Opaque::ffi_init(move |engine| unsafe { engine::setup(engine, flags) }),
            reclaim: Atomic::new(map),
            flags: FlagsWord::new(flags),
        })
    }

    fn init_highres(map: &Map, flags: Flags) -> impl PinInit<Highres> {
        let timer = Self::init(map, flags);
        pin_init!(Highres {
            timer <- timer,
            work <- Opaque::ffi_init(|work| {
                let class = kernel::static_lock_class!();
                // SAFETY: The slot is valid and pinned; the callback is for this field.
                unsafe { init_work(work, callback::highres_work, c"sleeptimer_highres", class) };
            }),
            expirations: Atomic::new(0),
        })
    }

    /// The kind of the timer.
    pub(crate) fn kind(&self) -> Kind {
        self.flags.load().kind()
    }

    /// The flags. The program that they name is, while the token lives, either still the one that
    /// was bound or gone.
    pub(crate) fn flags(&self, _: &RcuRead) -> Flags {
        self.flags.load()
    }

    /// Has the callback of this timer sleep for `ns`, or until somebody waits for it or ends it.
    pub(crate) fn sleep(&self, sleepers: &Sleepers, worker: &Worker<'_>, ns: u64) {
        // Whoever changes the word after this sees that there is somebody to wake. Whoever did so
        // before is seen by the first look at the word.
        self.mark(Flags::fall_asleep);
        sleepers.sleep(worker, self.address(), ns, || self.flags.load().hurry());
        self.mark(Flags::wake_up);
    }

    /// Makes a transition that is legal in every state.
    fn mark(&self, transition: fn(Flags) -> Flags) {
        let marked = self.flags.update(|flags| Ok(transition(flags)));
        debug_assert!(marked.is_ok());
    }

    /// Notes that the timer has expired, and that its callback was just dropped. Any context.
    pub(crate) fn miss(&self) {
        self.mark(Flags::miss);
    }

    /// The flags, which say whether the timer has expired without its callback. Of all who ask, one is
    /// told so. Any context.
    fn take_missed(&self, transition: fn(Flags) -> Flags) -> Flags {
        // Nearly always, so that a cancel pays for no more than a load.
        let flags = self.flags.load();
        if !flags.has_missed() {
            return flags;
        }
        let taken = self.flags.update(|flags| Ok(transition(flags)));
        taken.map_or(flags, |(old, _)| old)
    }

    /// What this timer's callback sleeps by.
    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Wakes the callback, if `flags`, which is what a change of the word has found, say so.
    pub(crate) fn wake(&self, sleepers: &Sleepers, flags: Flags) {
        if flags.is_asleep() {
            sleepers.wake(self.address());
        }
    }

    /// Binds program `number` of the map, and returns the one before. The reference to the former
    /// goes to the timer, that to the latter to the caller. Any context.
    pub(crate) fn bind(&self, _: &RcuRead, number: u32) -> Result<Option<u32>, Failure> {
        let (old, _) = self.flags.update(|flags| flags.bind(number))?;
        Ok(old.program())
    }

    /// Drops the callback, and returns its program, whose reference goes to the caller.
    pub(crate) fn unbind(&self) -> Option<u32> {
        let (old, _) = self.flags.update(|flags| Ok(flags.unbind())).ok()?;
        old.program()
    }

    /// Whether the timer may be armed like this now.
    fn check_start(&self, arming: &Arming) -> Result<(), Failure> {
        let flags = self.flags.load();
        if flags.dying() {
            return Err(Failure::NoSuchTimer);
        }
        let is_possible = match flags.kind() {
            Kind::Timer | Kind::HighresDelayedWq => {
                arming.period == 0 || arming.period >= MIN_PERIOD_NS
            }
            Kind::SleepableTimer | Kind::Wq => arming.is_now(),
            Kind::DelayedWq => arming.is_plain(),
        };
        if !is_possible {
            return Err(Failure::BadStart);
        }
        if flags.is_waited_for() {
            // Who starts a timer again and again does not keep them waiting.
            return Err(Failure::BeingCancelled);
        }
        flags.program().map(|_| ()).ok_or(Failure::NoCallback)
    }

    /// Undoes a start if the callback was dropped meanwhile: a cancel that came between the check
    /// and the arming has found nothing armed. If somebody still waits, it is up to them to disarm the
    /// timer and to tell, and the start has succeeded; so it has if the timer is being freed.
    ///
    /// After the cancel, a timer that expires has no callback to run, as the cancel has waited for the
    /// others: unless the cancel has told of it, the start does. What neither is armed then nor expires, and
    /// has missed no callback, has run or was disarmed: the start came first.
    fn check_started(&self, map: &Map) -> Result<(), Failure> {
        let flags = self.flags.load();
        if flags.program().is_some() || flags.dying() || self.leave_to_waiters() {
            return Ok(());
        }
        // What expires now would arm itself again.
        self.stop_period(map);
        let disarmed = self.try_disarm();
        let flags = self.take_missed(Flags::take_missed);
        let expires_untold = disarmed.is_running && !flags.is_told();
        if disarmed.was_armed || flags.has_missed() || expires_untold {
            return Err(Failure::NoCallback);
        }
        Ok(())
    }

    /// Has those who wait disarm the timer once more, and returns whether anybody does.
    fn leave_to_waiters(&self) -> bool {
        let left = self.flags.update(|flags| Ok(flags.leave()));
        left.is_ok_and(|(old, _)| old.is_waited_for())
    }

    /// Arms the timer, or arms it again: a timer is armed anew, a wq or delayed_wq that is armed
    /// already stays as it is. Any context.
    pub(crate) fn start(&self, _: &RcuRead, map: &Map, arming: &Arming) -> Result<(), Failure> {
        self.check_start(arming)?;
        // The token holds off the end of the timer, as `arm` demands.
        self.arm(map, arming);
        self.check_started(map)
    }

    /// Arms the timer on CPU `cpu`, where it stays.
    ///
    /// Demands a [`Process`]: with interrupts off, waiting for another CPU can deadlock.
    pub(crate) fn start_on(
        &self,
        _: &RcuRead,
        map: &Map,
        arming: &Arming,
        cpu: u32,
        _: &Process<'_>,
    ) -> Result<(), Failure> {
        self.check_start(arming)?;
        if !self.kind().has_hrtimer() {
            return Err(Failure::BadStart);
        }
        // As in `start`.
        self.arm_on(map, arming, cpu)?;
        self.check_started(map)
    }

    /// Arms a delayed_wq anew, and returns whether it was armed. Any context.
    pub(crate) fn modify(&self, _: &RcuRead, map: &Map, arming: &Arming) -> Result<bool, Failure> {
        self.check_start(arming)?;
        // As in `start`.
        let was_armed = match self.kind() {
            Kind::HighresDelayedWq => self.rearm_highres(map, arming),
            _ => self.rearm_delayed(map, arming),
        };
        self.check_started(map)?;
        Ok(was_armed)
    }

    /// Keeps the callback of a periodic timer from arming it again. Any context.
    fn stop_period(&self, map: &Map) {
        if self.kind().has_hrtimer() && !self.period().load().is_once() {
            let _periods = map.periods().lock();
            self.period().store(Period::ONCE);
        }
    }

    /// Disarms the timer, without waiting. Any context.
    pub(crate) fn cancel_async(&self, _: &RcuRead, map: &Map) -> Disarmed {
        self.stop_period(map);
        self.try_disarm()
    }

    /// Takes a reference that outlasts the RCU read-side critical section.
    pub(crate) fn get<'m>(&self, _: &RcuRead, map: &'m Map) -> Result<TimerRef<'m>, Failure> {
        self.flags.update(Flags::get)?;
        // INVARIANT: The reference was just taken.
        Ok(TimerRef {
            timer: NonNull::from(self),
            map,
        })
    }
}

/// A counted reference to a timer.
///
/// # Invariants
///
/// `timer` is valid, and one of its references is this one. It belongs to `map`.
pub(crate) struct TimerRef<'m> {
    timer: NonNull<BpfHrtimer>,
    map: &'m Map,
}

impl TimerRef<'_> {
    pub(crate) fn timer(&self) -> &BpfHrtimer {
        // SAFETY: By the type invariants, the timer is valid.
        unsafe { self.timer.as_ref() }
    }

    /// Disarms the timer and waits for a running callback, whose sleeps end early. Returns whether
    /// the timer was armed.
    pub(crate) fn cancel(self, process: &Process<'_>) -> bool {
        let was_armed = self.disarm(process);
        self.finish(process) || was_armed
    }

    /// As [`Self::cancel`], and drops the callback: returns its program too, whose reference goes to
    /// the caller.
    ///
    /// The callback goes when the timer is disarmed: one that expires meanwhile runs it, and does
    /// not expire for nothing. A start that came before our reference may arm the timer between the
    /// two, and then it is disarmed again, or has expired without its callback, which is the same to
    /// who started it; one that comes later is refused.
    pub(crate) fn cancel_and_unbind(self, process: &Process<'_>) -> (bool, Option<u32>) {
        let was_armed = self.disarm(process);
        let program = self.timer().unbind();
        let was_started = self.disarm_missed(process);
        (self.finish(process) || was_armed || was_started, program)
    }

    fn disarm(&self, process: &Process<'_>) -> bool {
        let timer = self.timer();
        timer.stop_period(self.map);
        // Read after the reference was taken.
        let flags = timer.flags.load();
        // A run that is queued behind the callback must not begin because that wakes up.
        let was_armed = flags.is_asleep() && timer.try_disarm().was_armed;
        timer.wake(self.map.sleepers(), flags);
        timer.disarm_sync(process) || was_armed
    }

    /// Disarms the timer, and returns whether it was armed, or has expired without its callback.
    fn disarm_missed(&self, process: &Process<'_>) -> bool {
        self.disarm(process) || self.timer().take_missed(Flags::tell_missed).has_missed()
    }

    /// Drops the reference, when nothing is left to whoever waits; returns whether anything was.
    fn finish(self, process: &Process<'_>) -> bool {
        let this = ManuallyDrop::new(self);
        let mut was_armed = false;
        // SAFETY: By the type invariants, this reference is ours to drop; once it is gone, it is not used.
        while !unsafe { BpfHrtimer::put_or_take(this.timer, this.map) } {
            was_armed |= this.disarm_missed(process);
        }
        was_armed
    }
}

impl Drop for TimerRef<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, this reference is ours to drop.
        unsafe { BpfHrtimer::put(self.timer, self.map) };
    }
}
