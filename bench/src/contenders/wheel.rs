// SPDX-License-Identifier: GPL-2.0
//! A hierarchical timing wheel in the program, and nothing else: who has it sleeps, and turns it.

use crate::{
    slots::{Armed, Slot, Slots},
    stopwatch::now_ns,
    Outcome,
};
use hierarchical_hash_wheel_timer::{
    wheels::{cancellable::QuadWheelWithOverflow, Skip},
    IdOnlyTimerEntry,
};
use std::{thread::sleep, time::Duration};

/// How long a tick is, in ns: a millisecond, as the wheel has it.
const TICK: u64 = 1_000_000;

/// Timers of one wheel.
pub struct Wheel {
    wheel: QuadWheelWithOverflow<IdOnlyTimerEntry<Slot>>,
    /// When the wheel was made, in ns, and how many ticks it has been turned since.
    start: u64,
    ticks: u64,
}

impl Wheel {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            wheel: QuadWheelWithOverflow::new(),
            start: now_ns(),
            ticks: 0,
        }
    }

    /// What has passed is due with the next tick.
    fn insert(&mut self, slot: Slot, time: u64) -> Outcome {
        let tick = time.saturating_sub(self.start).div_ceil(TICK);
        let delay = Duration::from_millis(tick.saturating_sub(self.ticks).max(1));
        let entry = IdOnlyTimerEntry { id: slot, delay };
        let inserted = self.wheel.insert(entry);
        inserted.map_err(|error| format!("{error:?}"))
    }

    /// Turns the wheel until now, and tells how many have expired.
    fn turn(&mut self) -> u64 {
        let now = (now_ns() - self.start) / TICK;
        let mut expired = 0;
        while self.ticks < now {
            let left = now - self.ticks;
            let step = match self.wheel.can_skip() {
                Skip::None => {
                    expired += self.wheel.tick().len() as u64;
                    self.ticks += 1;
                    continue;
                }
                Skip::Millis(ticks) => left.min(ticks.into()),
                Skip::Empty => left,
            };
            self.wheel.skip(step as u32);
            self.ticks += step;
        }
        expired
    }

    /// Sleeps until the wheel has to be turned.
    fn sleep(&self) {
        let ticks = match self.wheel.can_skip() {
            Skip::Millis(ticks) => ticks.into(),
            Skip::None | Skip::Empty => 0,
        };
        let time = self.start + (self.ticks + ticks + 1) * TICK;
        sleep(Duration::from_nanos(time.saturating_sub(now_ns())));
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}

impl Slots for Wheel {
    fn name(&self) -> String {
        "wheel: hierarchical_hash_wheel_timer".to_owned()
    }

    fn create(&mut self, _: &[Slot]) -> Outcome {
        Err("a timer is armed when it is made".to_owned())
    }

    fn create_armed(&mut self, armed: &[Armed]) -> Outcome {
        for &(slot, time) in armed {
            self.insert(slot, time)?;
        }
        Ok(())
    }

    /// There is no such thing: the timer goes, and another takes its place.
    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        for &(slot, time) in armed {
            self.cancel(&[slot])?;
            self.insert(slot, time)?;
        }
        Ok(())
    }

    fn cancel(&mut self, slots: &[Slot]) -> Outcome {
        for slot in slots {
            let cancelled = self.wheel.cancel(slot);
            cancelled.map_err(|error| format!("slot {slot}: {error:?}"))?;
        }
        Ok(())
    }

    fn destroy(&mut self, slots: &[Slot]) -> Outcome {
        self.cancel(slots)
    }

    fn close(&mut self) -> Outcome {
        *self = Self::new();
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        let mut expired = 0;
        loop {
            expired += self.turn();
            if expired >= expirations {
                return Ok(());
            }
            self.sleep();
        }
    }
}
