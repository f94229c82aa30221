// SPDX-License-Identifier: GPL-2.0

//! The flags word of a timer: what it packs, and every transition it makes.
//!
//! This file is pure: no bindings, no kernel crate and no `unsafe`, so that host tests can include
//! it and check it exhaustively.
//!
//! ```text
//!  63    40 39     28 27        16 15     10   9    8    7      6      5     4..3   2..0
//! |  index | program | references | reserved |told|left|missed|asleep|dying | clock | kind |
//! ```
//!
//! - *kind* and *clock* are set at init and never change: every entry point checks them.
//! - *dying* is set once, by `free` or by the close of the map. Nothing that could arm the timer is
//!   allowed any more, and only references that exist already may be dropped.
//! - *asleep* is set while the callback is in a step that sleeps: only then it has to be woken.
//! - *missed* is set by a timer that has expired when its callback had just been dropped. Whoever
//!   clears it tells: a cancel, that the timer was armed, or a start, that it found no callback.
//! - *told* is set by a cancel that has told so, until the callback is bound or dropped again.
//! - *left* is set by a start that has found the callback dropped while somebody waits: it is left to
//!   whoever waits to disarm the timer once more, and to tell.
//! - *references*: one is the owner's (the map's table); it is dropped when the engine is idle for
//!   good. The others are held by callers that wait for a running callback, who must not lose the
//!   memory they wait on. Whoever drops the last one frees the timer. More than one therefore also
//!   says: somebody waits, so a callback that sleeps should wake up.
//! - *program* is the bound program's number plus one, 0 for none. Whoever changes it owns the
//!   reference to the program that was bound before.
//! - *index* is the timer's place in the table of its map, from which the rest of it is found.
//!
//! The word itself is whatever [`Word`] is implemented for: an atomic of the kernel, or one of a
//! model checker that tries every order in which [`update`]s and loads can happen.
//!
//! Whether the timer is armed or its callback runs is not here: the hrtimer or the work knows it,
//! and a copy would cost an atomic operation at each start and each expiry.

#![deny(unsafe_code)]

/// What a timer is: its family, and what makes its callback run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `timer`: from an hrtimer, in softirq.
    Timer = 1,
    /// `timer` with the sleepable flag: from a work item, in a worker, at once.
    SleepableTimer = 2,
    /// `wq`: from a work item, in a worker, at once.
    Wq = 3,
    /// `delayed_wq`: from a delayed work item, in a worker, after a delay in jiffies.
    DelayedWq = 4,
    /// `delayed_wq` with the high-resolution flag: from an hrtimer that queues a work item.
    HighresDelayedWq = 5,
}

impl Kind {
    /// Whether the callback may sleep.
    pub(crate) const fn is_sleepable(self) -> bool {
        !matches!(self, Kind::Timer)
    }

    /// Whether an hrtimer measures the time.
    pub(crate) const fn has_hrtimer(self) -> bool {
        matches!(self, Kind::Timer | Kind::HighresDelayedWq)
    }
}

/// The clock that a timer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// `CLOCK_MONOTONIC`
    Monotonic = 0,
    /// `CLOCK_REALTIME`
    Realtime = 1,
    /// `CLOCK_BOOTTIME`
    Boottime = 2,
    /// `CLOCK_TAI`
    Tai = 3,
}

/// Why a transition does not take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The timer is being freed.
    Dying,
    /// As many callers as the word can count wait for this timer already.
    TooManyWaiters,
}

/// A value of the flags word.
///
/// # Invariants
///
/// The kind field holds a value of [`Kind`]. The reference count is at least 1 until the last
/// reference is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u64);

const KIND_MASK: u64 = 0x7;
const CLOCK_SHIFT: u32 = 3;
const CLOCK_MASK: u64 = 0x3;
const DYING: u64 = 1 << 5;
const ASLEEP: u64 = 1 << 6;
const MISSED: u64 = 1 << 7;
const LEFT: u64 = 1 << 8;
const TOLD: u64 = 1 << 9;
const REF_SHIFT: u32 = 16;
const REF_ONE: u64 = 1 << REF_SHIFT;
const REF_MASK: u64 = 0xfff;
const PROGRAM_SHIFT: u32 = 28;
const PROGRAM_MASK: u64 = 0xfff;
const INDEX_SHIFT: u32 = 40;
const INDEX_MASK: u64 = 0xff_ffff;

impl Flags {
    /// The largest number of timers that the index can tell apart.
    pub(crate) const MAX_TIMERS: u32 = 1 << 24;
    /// The largest number of programs that the word can name.
    pub(crate) const MAX_PROGRAMS: u32 = 0xfff;

    /// The word of a new timer: alive, without a program, referenced by its owner.
    ///
    /// An `index` of [`Self::MAX_TIMERS`] or more does not fit and loses its upper bits.
    pub(crate) const fn new(kind: Kind, clock: Clock, index: u32) -> Self {
        // INVARIANT: `kind` is a value of `Kind` and there is one reference.
        Self(
            kind as u64
                | ((clock as u64) << CLOCK_SHIFT)
                | REF_ONE
                | ((index as u64 & INDEX_MASK) << INDEX_SHIFT),
        )
    }

    /// The value as it is stored.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// A value that was stored by [`Self::bits`].
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn kind(self) -> Kind {
        match self.0 & KIND_MASK {
            1 => Kind::Timer,
            2 => Kind::SleepableTimer,
            3 => Kind::Wq,
            4 => Kind::DelayedWq,
            // By the type invariants, nothing else is left.
            _ => Kind::HighresDelayedWq,
        }
    }

    pub(crate) const fn clock(self) -> Clock {
        match (self.0 >> CLOCK_SHIFT) & CLOCK_MASK {
            0 => Clock::Monotonic,
            1 => Clock::Realtime,
            2 => Clock::Boottime,
            _ => Clock::Tai,
        }
    }

    pub(crate) const fn index(self) -> u32 {
        (self.0 >> INDEX_SHIFT) as u32
    }

    /// The number of the bound program.
    pub(crate) const fn program(self) -> Option<u32> {
        (((self.0 >> PROGRAM_SHIFT) & PROGRAM_MASK) as u32).checked_sub(1)
    }

    pub(crate) const fn dying(self) -> bool {
        self.0 & DYING != 0
    }

    const fn references(self) -> u64 {
        (self.0 >> REF_SHIFT) & REF_MASK
    }

    /// Whether somebody waits for the callback.
    pub(crate) const fn is_waited_for(self) -> bool {
        self.references() > 1
    }

    /// Whether a callback that sleeps should wake up: its timer is being cancelled or freed.
    pub(crate) const fn hurry(self) -> bool {
        self.dying() || self.is_waited_for()
    }

    /// Whether the callback is in a step that sleeps.
    pub(crate) const fn is_asleep(self) -> bool {
        self.0 & ASLEEP != 0
    }

    /// The callback goes to sleep. Legal in every state.
    pub(crate) const fn fall_asleep(self) -> Self {
        Self(self.0 | ASLEEP)
    }

    /// The callback is awake again. Legal in every state.
    pub(crate) const fn wake_up(self) -> Self {
        Self(self.0 & !ASLEEP)
    }

    /// Binds `program`, which is below [`Self::MAX_PROGRAMS`].
    pub(crate) const fn bind(self, program: u32) -> Result<Self, Refusal> {
        if self.dying() {
            return Err(Refusal::Dying);
        }
        let number = (program as u64).wrapping_add(1) & PROGRAM_MASK;
        Ok(Self(self.unbind().0 | (number << PROGRAM_SHIFT)))
    }

    /// Drops the callback, and begins to watch for an expiration that misses it. Legal in every state.
    pub(crate) const fn unbind(self) -> Self {
        Self(self.0 & !((PROGRAM_MASK << PROGRAM_SHIFT) | MISSED | TOLD))
    }

    /// Whether the timer has expired without a callback, and nobody has told.
    pub(crate) const fn has_missed(self) -> bool {
        self.0 & MISSED != 0
    }

    /// The timer expires without a callback. Legal in every state.
    pub(crate) const fn miss(self) -> Self {
        Self(self.0 | MISSED)
    }

    /// A start tells that, if it is so. Legal in every state.
    pub(crate) const fn take_missed(self) -> Self {
        Self(self.0 & !MISSED)
    }

    /// A cancel tells that, if it is so. Legal in every state.
    pub(crate) const fn tell_missed(self) -> Self {
        if self.has_missed() {
            Self(self.take_missed().0 | TOLD)
        } else {
            self
        }
    }

    /// Whether a cancel has told that.
    pub(crate) const fn is_told(self) -> bool {
        self.0 & TOLD != 0
    }

    /// Takes a reference, to wait for the callback.
    pub(crate) const fn get(self) -> Result<Self, Refusal> {
        if self.dying() {
            Err(Refusal::Dying)
        } else if self.references() == REF_MASK {
            Err(Refusal::TooManyWaiters)
        } else {
            Ok(Self(self.0.wrapping_add(REF_ONE)))
        }
    }

    /// Leaves a timer that was just armed to those who wait, if anybody does. Legal in every state.
    pub(crate) const fn leave(self) -> Self {
        if self.is_waited_for() {
            Self(self.0 | LEFT)
        } else {
            self
        }
    }

    /// Whether that is left to those who wait.
    pub(crate) const fn is_left(self) -> bool {
        self.0 & LEFT != 0
    }

    /// Drops a reference; unless there is something left to the caller, who takes that, and waits again.
    pub(crate) const fn put_or_take(self) -> Self {
        if self.is_left() {
            Self(self.0 & !LEFT)
        } else {
            self.put()
        }
    }

    /// Drops a reference.
    pub(crate) const fn put(self) -> Self {
        Self(self.0.wrapping_sub(REF_ONE))
    }

    /// Whether no reference is left: whoever made this value with [`Self::put`] frees the timer.
    pub(crate) const fn unreferenced(self) -> bool {
        self.references() == 0
    }

    /// Ends the timer's life: no start, no new program and no new reference from here on.
    pub(crate) const fn kill(self) -> Result<Self, Refusal> {
        if self.dying() {
            return Err(Refusal::Dying);
        }
        Ok(Self(self.unbind().0 | DYING))
    }
}

/// A place in memory for [`Flags`], which many may change at once.
pub(crate) trait Word {
    /// The value now. Acquire: pairs with [`Self::replace`], so that whoever sees a bound program
    /// sees what it points to.
    fn load(&self) -> u64;

    /// Replaces `old` by `new`, or returns what is there instead.
    ///
    /// Fully ordered: the last reference to go sees all that the others did before they went, and
    /// a callback that goes to sleep after a change of the word sees it (`Sleepers::sleep` reads
    /// the word after it is on the wait queue, `Sleepers::wake_all` comes after the change).
    fn replace(&self, old: u64, new: u64) -> Result<(), u64>;
}

/// Makes one transition, and returns the values before and after it.
pub(crate) fn update(
    word: &impl Word,
    transition: impl Fn(Flags) -> Result<Flags, Refusal>,
) -> Result<(Flags, Flags), Refusal> {
    let mut old = word.load();
    loop {
        let new = transition(Flags::from_bits(old))?;
        match word.replace(old, new.bits()) {
            Ok(()) => return Ok((Flags::from_bits(old), new)),
            Err(current) => old = current,
        }
    }
}
