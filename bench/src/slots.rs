// SPDX-License-Identifier: GPL-2.0
//! A contender: timers in numbered slots, and what can be done to them.

use crate::{stopwatch::now_ns, Outcome};

/// The number of a slot: from 0, without gaps.
pub type Slot = u32;

/// A slot, and the time of `CLOCK_MONOTONIC` for which its timer is armed, in ns.
pub type Armed = (Slot, u64);

/// Timers, each in a slot. All calls are for slots that differ.
pub trait Slots {
    /// What it is called in the table.
    fn name(&self) -> String;

    /// Makes timers that are not armed, in slots that are empty.
    fn create(&mut self, slots: &[Slot]) -> Outcome;

    /// Arms timers that exist.
    fn arm(&mut self, armed: &[Armed]) -> Outcome;

    /// Arms timers that exist for so many ns from now.
    fn arm_in(&mut self, slots: &[Slot], delay: u64) -> Outcome {
        let time = now_ns() + delay;
        let armed: Vec<Armed> = slots.iter().map(|&slot| (slot, time)).collect();
        self.arm(&armed)
    }

    /// Has all in the first so many slots be due at once, of a contender that has no time.
    fn start(&mut self, _count: u32) -> Outcome {
        Err("it has a time".to_owned())
    }

    /// Makes timers and arms them, in slots that are empty.
    fn create_armed(&mut self, armed: &[Armed]) -> Outcome {
        let slots: Vec<Slot> = armed.iter().map(|&(slot, _)| slot).collect();
        self.create(&slots)?;
        self.arm(armed)
    }

    /// Disarms timers that are armed.
    fn cancel(&mut self, slots: &[Slot]) -> Outcome;

    /// Destroys timers, and leaves their slots empty.
    fn destroy(&mut self, slots: &[Slot]) -> Outcome;

    /// Destroys all timers at once, and leaves all slots empty.
    fn close(&mut self) -> Outcome;

    /// Waits until this many timers have expired, and takes that they have.
    fn take(&mut self, expirations: u64) -> Outcome;

    /// Has a timer that exists expire again and again, so many ns apart, until it is cancelled. Returns
    /// false if there is no such thing.
    fn arm_periodic(&mut self, _slot: Slot, _period: u64) -> Outcome<bool> {
        Ok(false)
    }

    /// The clock that the operations are measured by, in ns: of a contender in the kernel, one that
    /// advances only while it is at work.
    fn clock(&self) -> u64 {
        now_ns()
    }
}

/// What a contender has to have room for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// So many slots.
    pub slots: u32,
    /// So many expirations that nobody has taken yet, if each takes room.
    pub expirations: u32,
    /// Timers that are freed may linger.
    pub has_frees: bool,
}

impl Room {
    /// For all that the driver measures.
    pub fn for_all(slots: u32) -> Self {
        Self {
            slots,
            expirations: slots,
            has_frees: true,
        }
    }
}

/// In what a contender differs from others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// It has nothing between creation and arming.
    pub arms_when_created: bool,
    /// What it does at an expiry may sleep.
    pub is_sleepable: bool,
    /// It rounds times to milliseconds, or more. That it is late is no cost.
    pub is_coarse: bool,
    /// What is started is due at once: it is not armed, re-armed or cancelled.
    pub has_no_time: bool,
    /// Measure no more operations than this: each takes far longer than one of others.
    pub operations: Option<u64>,
}
