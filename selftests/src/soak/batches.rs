// SPDX-License-Identifier: GPL-2.0
//! Timers that are made, armed, cancelled and freed in batches.

use super::load::Load;
use crate::{check, check_eq, ok, race::now_ns, wait_for_events, Outcome, KINDS, TOLERANCE};
use fastrand::Rng;
use sleeptimer::{Batch, Clock, Event, Expiry, Kind, Map, Sizes, Step, Timer};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How many rounds a map is used for.
const ROUNDS: u64 = 50;
const TIMERS: u64 = 128;
/// Each round has one of its own.
const PROGRAMS: u32 = 2;
/// In ns.
const SOON: u64 = 30_000_000;

/// Map after map.
pub fn in_batches(load: &Load) -> Outcome {
    let mut random = Rng::new();
    while load.goes_on() {
        let map = ok!(Map::open(Sizes {
            timers: TIMERS as u32,
            programs: PROGRAMS,
            events: TIMERS as u32,
        }));
        for round in (0..ROUNDS).take_while(|_| load.goes_on()) {
            let numbers = round * TIMERS..(round + 1) * TIMERS;
            Round::start(&map, numbers, &mut random)?.finish(load, &map, &mut random)?;
        }
    }
    Ok(())
}

/// Timers that fire once, of which not all do.
struct Round {
    timers: Vec<Timer>,
    /// The kinds of those that have not told yet, and when they are due in ns of `CLOCK_MONOTONIC`, by
    /// the words that their events carry.
    dues: HashMap<u64, (Kind, u64)>,
    first: u64,
}

/// Makes the calls of a batch, and returns what they return.
fn submit(map: &Map, batch: &mut Batch) -> Result<Vec<u32>, String> {
    while batch.done() < batch.len() {
        ok!(map.submit(batch));
    }
    batch
        .results()
        .map(|result| result.map_err(|error| error.to_string()))
        .collect()
}

impl Round {
    fn start(map: &Map, numbers: std::ops::Range<u64>, random: &mut Rng) -> Result<Self, String> {
        let program = ok!(map.program(&[Step::Event]));
        let mut batch = Batch::new();
        let mut dues = HashMap::new();
        let first = numbers.start;
        for number in numbers {
            let kind = KINDS[random.usize(..KINDS.len())];
            let (now, delay) = (now_ns(), random.u64(..SOON));
            let nanoseconds = Duration::from_nanos;
            let (due, expiry) = match kind {
                Kind::SleepableTimer | Kind::Wq => (now, Expiry::default()),
                Kind::DelayedWq => (now + delay, Expiry::In(nanoseconds(delay))),
                Kind::Timer | Kind::HighresDelayedWq => {
                    (now + delay, Expiry::At(nanoseconds(now + delay)))
                }
            };
            batch
                .init(kind, Clock::Monotonic, number, Some(program))
                .link()
                .start(Timer::last(kind), expiry);
            dues.insert(number, (kind, due));
        }
        submit(map, &mut batch)?;
        // The timers keep it.
        ok!(map.destroy(program));
        let timers = (0..batch.len()).filter_map(|call| batch.timer(call));
        Ok(Self {
            timers: timers.collect(),
            dues,
            first,
        })
    }

    /// Cancels some, has the others tell, and frees all.
    fn finish(mut self, load: &Load, map: &Map, random: &mut Rng) -> Outcome {
        check_eq!(self.timers.len() as u64, TIMERS);
        load.did(2 * TIMERS + 2);
        wait_for_some(random);
        let mut batch = Batch::new();
        let mut cancelled: Vec<usize> = (0..self.timers.len()).collect();
        random.shuffle(&mut cancelled);
        cancelled.truncate(random.usize(1..cancelled.len()));
        for &number in &cancelled {
            batch.cancel(self.timers[number]);
        }
        let results = submit(map, &mut batch)?;
        load.did(results.len() as u64);
        for (number, was_armed) in cancelled.iter().zip(results) {
            if was_armed == 1 {
                self.dues.remove(&(self.first + *number as u64));
            }
        }
        let end = Instant::now() + TOLERANCE;
        while !self.dues.is_empty() {
            check!(Instant::now() < end, "lost: {:?}", self.dues);
            if ok!(wait_for_events(map, Duration::from_millis(100))) {
                for event in ok!(map.read(64)) {
                    self.take(load, &event)?;
                }
            }
        }
        let mut batch = Batch::new();
        for timer in self.timers {
            batch.free(timer);
        }
        submit(map, &mut batch)?;
        load.did(TIMERS);
        Ok(())
    }

    fn take(&mut self, load: &Load, event: &Event) -> Outcome {
        let due = self.dues.remove(&event.user_data);
        let (kind, due) = due.ok_or(format!("nobody waits for {event:?}"))?;
        check_eq!(event.count, 1);
        load.told(event);
        load.was_due(event, kind, due)
    }
}

/// So that some have expired, and some have not.
fn wait_for_some(random: &mut Rng) {
    std::thread::sleep(Duration::from_nanos(random.u64(..SOON)));
}
