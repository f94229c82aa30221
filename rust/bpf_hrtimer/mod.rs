// SPDX-License-Identifier: GPL-2.0

//! The sleepable timer object: `BpfHrtimer`, as the review of April 2024 sketched it.
//!
//! One object of 128 bytes holds, by unions, what any kind of timer needs to run and to end, and a
//! flags word (see [`layout`] and [`flags`]).
//!
//! # Vocabulary
//!
//! - *arm*: make the callback run later (softirq) or soon (sleepable);
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
//! | call            | process | softirq, interrupts off | own callback                  |
//! |-----------------|---------|-------------------------|-------------------------------|
//! | `start`         | yes     | yes                     | yes                           |
//! | `bind`          | yes     | yes                     | yes                           |
//! | `cancel`        | yes     | no: demands [`Process`] | no: it would wait for itself  |
//! | `end`           | yes     | yes                     | yes                           |
//! | `end_sync`      | yes     | no: demands [`Process`] | no                            |
//!
//! # Why the cancel comes after the grace period
//!
//! Whoever starts a timer has found it in the table under RCU, and seen that it is not dying. A
//! cancel *before* the grace period can miss such a start, which then arms freed memory. After it,
//! every start has either happened, and the cancel undoes it, or sees the dying bit. So the hot
//! path of start needs no reference and no atomic operation of its own.

mod engine;
pub(crate) mod flags;
mod flags_word;
mod layout;
mod reclaim;

pub(crate) use self::{
    engine::{resolution_ns, Expiry},
    layout::BpfHrtimer,
};

use self::{
    flags::{Flags, Kind, Refusal},
    flags_word::FlagsWord,
};
use crate::{
    compat,
    context::{Process, RcuRead},
    failure::Failure,
    map::Map,
    program::Program,
};
use core::ptr::NonNull;
use kernel::{prelude::*, types::Opaque};

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
    /// The timer ends before the map does: see [`Self::end`] and [`Self::end_sync`].
    pub(crate) unsafe fn create(map: &Map, flags: Flags) -> Result<NonNull<Self>, Failure> {
        let timer = map.facility().timers.alloc()?.cast::<Self>();
        let map: *const Map = map;
        let init = pin_init!(Self {
            // SAFETY: The slot is valid and pinned, and the map outlives the timer.
            engine <- Opaque::ffi_init(|engine| unsafe { engine::setup(engine, flags, map) }),
            reclaim: Opaque::uninit(),
            flags: FlagsWord::new(flags),
        });
        // SAFETY: The memory was just allocated for a timer, which never moves.
        unsafe { compat::raw_init(timer.as_ptr(), init) };
        Ok(timer)
    }

    /// Refuses an entry point of another kind of timer.
    fn expect(&self, kind: Kind) -> Result<(), Failure> {
        if self.flags.load().kind() == kind {
            Ok(())
        } else {
            Err(Failure::WrongKind)
        }
    }

    /// Whether a callback that sleeps should wake up.
    pub(crate) fn hurry(&self) -> bool {
        self.flags.load().hurry()
    }

    /// Binds program `number` of the map, in place of the one before. Any context.
    pub(crate) fn bind(
        &self,
        _: &RcuRead,
        kind: Kind,
        number: u32,
        program: &Program,
    ) -> Result<(), Failure> {
        self.expect(kind)?;
        if kind == Kind::Softirq && program.is_sleepable() {
            return Err(Failure::ProgramSleeps);
        }
        self.flags.update(|flags| flags.bind(number))?;
        Ok(())
    }

    /// Arms the timer, or arms it again when it is armed already. Any context.
    ///
    /// A sleepable timer takes a delay of zero only.
    pub(crate) fn start(&self, _: &RcuRead, map: &Map, expiry: Expiry) -> Result<(), Failure> {
        let flags = self.flags.load();
        if flags.dying() {
            return Err(Failure::NoSuchTimer);
        }
        if flags.kind() == Kind::Sleepable && !matches!(expiry, Expiry::In(0)) {
            return Err(Failure::DelayOfSleepable);
        }
        if flags.program().is_none() {
            return Err(Failure::NoCallback);
        }
        // The token holds off the end of the timer, as `arm` demands.
        self.arm(map, expiry);
        Ok(())
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
    /// Drops the callback, disarms the timer and waits for a running callback, whose sleeps end
    /// early. Returns whether the timer was armed.
    pub(crate) fn cancel(self, process: &Process<'_>) -> bool {
        // SAFETY: By the type invariants, the timer is valid.
        let timer = unsafe { self.timer.as_ref() };
        // The callback goes first: a start that comes while we wait is refused.
        let dropped = timer.flags.update(|flags| Ok(flags.unbind()));
        debug_assert!(dropped.is_ok());
        self.map.sleepers().wake_all();
        timer.disarm_sync(process)
    }
}

impl Drop for TimerRef<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, this reference is ours to drop.
        unsafe { reclaim::put(self.timer, self.map) };
    }
}
