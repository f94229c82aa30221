// SPDX-License-Identifier: GPL-2.0
//! Ours.

use crate::{
    ok,
    slots::{Armed, Room, Slot, Slots},
    Outcome,
};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use sleeptimer::{
    Batch, Clock, Event, Expiry, Kind, Map, Program, Ring, Sizes, Start, Step, Timer,
};
use std::{os::fd::AsFd, time::Duration};

/// Places of timers that are freed are used again after a grace period of RCU: an init waits for one if
/// there is no other place. Others do not, so here are more than are freed in that time.
const FREED: u32 = 16_384;

/// Events of one read.
const READ: usize = 128;

/// How calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// One ioctl each.
    Single,
    /// Many in one.
    Batches,
}

/// How events are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// By `read`.
    Read,
    /// From the mapped ring.
    Ring,
}

/// Timers of one map.
pub struct Sleeptimer {
    kind: Kind,
    calls: Calls,
    events: Events,
    open: Option<Open>,
    timers: Vec<Option<Timer>>,
    batch: Batch,
}

/// The map.
struct Open {
    map: Map,
    ring: Option<Ring>,
    program: Program,
}

impl Open {
    fn new(sizes: Sizes, events: Events) -> Outcome<Self> {
        let map = ok!(Map::open(sizes));
        let ring = match events {
            Events::Read => None,
            Events::Ring => Some(ok!(map.ring())),
        };
        Ok(Self {
            program: ok!(map.program(&[Step::Event])),
            ring,
            map,
        })
    }
}

impl Sleeptimer {
    /// A map with this room.
    pub fn new(kind: Kind, calls: Calls, events: Events, room: Room) -> Outcome<Self> {
        let freed = if room.has_frees { FREED } else { 0 };
        let sizes = Sizes {
            timers: room.slots + freed,
            programs: 1,
            events: room.expirations,
        };
        Ok(Self {
            kind,
            calls,
            events,
            open: Some(Open::new(sizes, events)?),
            timers: vec![None; room.slots as usize],
            batch: Batch::new(),
        })
    }

    fn open(&self) -> Outcome<&Open> {
        self.open.as_ref().ok_or_else(|| "it is closed".to_owned())
    }

    fn timer(&self, slot: Slot) -> Outcome<Timer> {
        self.timers[slot as usize].ok_or_else(|| format!("slot {slot} is empty"))
    }

    /// Makes the calls of the batch. All have to succeed.
    fn submit(&mut self) -> Outcome {
        let open = self.open.as_ref().ok_or("it is closed")?;
        while self.batch.done() < self.batch.len() {
            let submitted = ok!(open.map.submit(&mut self.batch));
            if submitted.failed > 0 {
                let results: Result<Vec<u32>, _> = self.batch.results().collect();
                return Err(format!("{:?}", results.err()));
            }
        }
        Ok(())
    }

    fn arm_at(&mut self, slots: impl Iterator<Item = (Slot, Expiry)>) -> Outcome {
        match self.calls {
            Calls::Single => {
                let open = self.open()?;
                for (slot, expiry) in slots {
                    let start = Start {
                        expiry,
                        ..Start::default()
                    };
                    let timer = self.timer(slot)?;
                    if self.kind == Kind::Timer {
                        ok!(open.map.start_with(timer, &start));
                    } else {
                        ok!(open.map.modify(timer, &start));
                    }
                }
                Ok(())
            }
            Calls::Batches => {
                self.batch.clear();
                for (slot, expiry) in slots {
                    let timer = self.timer(slot)?;
                    if self.kind == Kind::Timer {
                        self.batch.start(timer, expiry);
                    } else {
                        // A start of one that is armed does nothing.
                        self.batch.modify(timer, expiry);
                    }
                }
                self.submit()
            }
        }
    }

    /// Makes calls on timers, by either of two functions.
    fn each(
        &mut self,
        slots: &[Slot],
        single: fn(&Map, Timer) -> sleeptimer::Result<()>,
        append: fn(&mut Batch, Timer),
    ) -> Outcome {
        match self.calls {
            Calls::Single => {
                let open = self.open()?;
                for &slot in slots {
                    ok!(single(&open.map, self.timer(slot)?));
                }
                Ok(())
            }
            Calls::Batches => {
                self.batch.clear();
                for &slot in slots {
                    let timer = self.timer(slot)?;
                    append(&mut self.batch, timer);
                }
                self.submit()
            }
        }
    }
}

impl Slots for Sleeptimer {
    fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Timer => "timer",
            Kind::SleepableTimer => "sleepable timer",
            Kind::Wq => "wq",
            Kind::DelayedWq => "delayed_wq",
            Kind::HighresDelayedWq => "highres delayed_wq",
        };
        let calls = match self.calls {
            Calls::Single => "ioctl",
            Calls::Batches => "SUBMIT",
        };
        let events = match self.events {
            Events::Read => "read",
            Events::Ring => "mmap",
        };
        format!("sleeptimer {kind}, {calls}, {events}")
    }

    fn create(&mut self, slots: &[Slot]) -> Outcome {
        match self.calls {
            Calls::Single => {
                for &slot in slots {
                    let open = self.open()?;
                    let timer = ok!(open.map.timer(self.kind, Clock::Monotonic, slot.into()));
                    ok!(open.map.set_callback(timer, open.program));
                    self.timers[slot as usize] = Some(timer);
                }
                Ok(())
            }
            Calls::Batches => {
                let program = Some(self.open()?.program);
                self.batch.clear();
                for &slot in slots {
                    let user_data = slot.into();
                    self.batch
                        .init(self.kind, Clock::Monotonic, user_data, program);
                }
                self.submit()?;
                for (number, &slot) in slots.iter().enumerate() {
                    self.timers[slot as usize] = self.batch.timer(number);
                }
                Ok(())
            }
        }
    }

    fn create_armed(&mut self, armed: &[Armed]) -> Outcome {
        if self.calls == Calls::Single {
            let slots: Vec<Slot> = armed.iter().map(|&(slot, _)| slot).collect();
            self.create(&slots)?;
            return self.arm(armed);
        }
        let program = Some(self.open()?.program);
        self.batch.clear();
        for &(slot, time) in armed {
            self.batch
                .init(self.kind, Clock::Monotonic, slot.into(), program)
                .link()
                .start(Timer::last(self.kind), at(time));
        }
        self.submit()?;
        for (number, &(slot, _)) in armed.iter().enumerate() {
            self.timers[slot as usize] = self.batch.timer(2 * number);
        }
        Ok(())
    }

    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        self.arm_at(armed.iter().map(|&(slot, time)| (slot, at(time))))
    }

    fn arm_in(&mut self, slots: &[Slot], delay: u64) -> Outcome {
        let expiry = Expiry::In(Duration::from_nanos(delay));
        self.arm_at(slots.iter().map(|&slot| (slot, expiry)))
    }

    fn start(&mut self, count: u32) -> Outcome {
        self.batch.clear();
        for slot in 0..count {
            let timer = self.timer(slot)?;
            self.batch.start(timer, Expiry::default());
        }
        self.submit()
    }

    fn cancel(&mut self, slots: &[Slot]) -> Outcome {
        if self.kind == Kind::Timer {
            self.each(
                slots,
                |map, timer| map.cancel_no_drop(timer).map(|_| ()),
                |batch, timer| {
                    batch.cancel_no_drop(timer);
                },
            )
        } else {
            self.each(
                slots,
                |map, timer| map.cancel(timer).map(|_| ()),
                |batch, timer| {
                    batch.cancel(timer);
                },
            )
        }
    }

    fn destroy(&mut self, slots: &[Slot]) -> Outcome {
        self.each(slots, Map::free, |batch, timer| {
            batch.free(timer);
        })?;
        for &slot in slots {
            self.timers[slot as usize] = None;
        }
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        self.open = None;
        self.timers.fill(None);
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        let open = self.open.as_mut().ok_or("it is closed")?;
        let mut left = expirations;
        loop {
            let mut count = |event: Event| left = left.saturating_sub(event.count);
            match &mut open.ring {
                Some(ring) => {
                    ring.drain(&mut count);
                }
                None => ok!(open.map.read(READ)).into_iter().for_each(&mut count),
            }
            if left == 0 {
                return Ok(());
            }
            if let Some(ring) = &open.ring {
                if ring.is_empty() {
                    let events = PollFd::new(open.map.as_fd(), PollFlags::POLLIN);
                    ok!(poll(&mut [events], PollTimeout::NONE));
                }
            }
        }
    }

    fn arm_periodic(&mut self, slot: Slot, period: u64) -> Outcome<bool> {
        // A start of a delayed_wq that is armed does nothing.
        self.cancel(&[slot])?;
        let start = Start {
            expiry: Expiry::In(Duration::from_nanos(period)),
            period: Duration::from_nanos(period),
            ..Start::default()
        };
        ok!(self.open()?.map.start_with(self.timer(slot)?, &start));
        Ok(true)
    }
}

fn at(time: u64) -> Expiry {
    Expiry::At(Duration::from_nanos(time))
}
