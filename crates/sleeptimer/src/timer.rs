// SPDX-License-Identifier: GPL-2.0
//! Timers, and what they are.

use sleeptimer_sys as sys;

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

impl Kind {
    /// The kind that the kernel gives this number.
    pub(crate) fn from_raw(number: u32) -> Option<Self> {
        Some(match number {
            sys::SLEEPTIMER_KIND_TIMER => Kind::Timer,
            sys::SLEEPTIMER_KIND_SLEEPABLE_TIMER => Kind::SleepableTimer,
            sys::SLEEPTIMER_KIND_WQ => Kind::Wq,
            sys::SLEEPTIMER_KIND_DELAYED_WQ => Kind::DelayedWq,
            sys::SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ => Kind::HighresDelayedWq,
            _ => return None,
        })
    }

    /// The flags of the init call for it.
    pub(crate) fn init_flags(self) -> u32 {
        match self {
            Kind::Timer | Kind::Wq | Kind::DelayedWq => 0,
            Kind::SleepableTimer => sys::SLEEPTIMER_TIMER_SLEEPABLE,
            Kind::HighresDelayedWq => sys::SLEEPTIMER_DELAYED_WQ_HIGHRES,
        }
    }
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
    pub(crate) fn id(self) -> u32 {
        match self {
            Clock::Realtime => 0,
            Clock::Monotonic => 1,
            Clock::Boottime => 7,
            Clock::Tai => 11,
        }
    }

    pub(crate) fn from_id(id: u32) -> Option<Self> {
        [
            Clock::Realtime,
            Clock::Monotonic,
            Clock::Boottime,
            Clock::Tai,
        ]
        .into_iter()
        .find(|clock| clock.id() == id)
    }
}

/// A timer, wq or delayed_wq of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer {
    /// Its name in the map.
    pub handle: u64,
    /// What it is: this chooses the entry points that are called for it.
    pub kind: Kind,
}

impl Timer {
    /// In a [`Batch`](crate::Batch): what the last init before has made, which is of this kind.
    pub fn last(kind: Kind) -> Self {
        let handle = sys::SLEEPTIMER_HANDLE_LAST.into();
        Self { handle, kind }
    }

    pub(crate) fn raw(self) -> sys::sleeptimer_ref {
        sys::sleeptimer_ref {
            handle: self.handle,
            ..Default::default()
        }
    }
}
