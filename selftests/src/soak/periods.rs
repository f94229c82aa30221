// SPDX-License-Identifier: GPL-2.0
//! Periodic timers, whose events come by the mapped ring.
//!
//! An event says for how many expirations it stands, and when it was made: by then, so many periods
//! were over, and all of them are counted, or all but those that came since the callback began. So
//! now and then nothing is missing; if that is so no more, an expiration was lost.

use super::load::Load;
use crate::{check, ok, race::now_ns, wait_for_events, Outcome, TOLERANCE};
use fastrand::Rng;
use sleeptimer::{Clock, Event, Expiry, Kind, Map, Program, Ring, Sizes, Start, Step, Timer};
use std::time::{Duration, Instant};

/// How long a map is used.
const SESSION: Duration = Duration::from_secs(4);
const TIMERS: u64 = 12;
/// In ns.
const SHORTEST: u64 = 2_000_000;
const LONGEST: u64 = 100_000_000;
/// Workers are not as quick.
const SHORTEST_OF_WORKERS: u64 = 20_000_000;

/// Map after map.
pub fn by_the_mapped_ring(load: &Load) -> Outcome {
    let mut random = Rng::new();
    while load.goes_on() {
        let end = Instant::now() + SESSION;
        let mut session = Session::open(&mut random)?;
        load.did(3 * TIMERS);
        while load.goes_on() && Instant::now() < end {
            session.take_events(load)?;
        }
        session.close(load)?;
    }
    Ok(())
}

/// A periodic timer, and what it has told.
#[derive(Debug)]
struct Beat {
    timer: Timer,
    /// In ns of `CLOCK_MONOTONIC`.
    first: u64,
    period: u64,
    told: u64,
    /// At the last event nothing was missing.
    is_complete: bool,
    is_over: bool,
}

struct Session {
    map: Map,
    ring: Ring,
    beats: Vec<Beat>,
}

impl Session {
    fn open(random: &mut Rng) -> Result<Self, String> {
        // Small enough to overflow when we do not run for a while.
        let map = ok!(Map::open(Sizes {
            timers: TIMERS as u32,
            programs: 2,
            events: 128,
        }));
        let tell = ok!(map.program(&[Step::Event]));
        let nap = ok!(map.program(&[Step::Event, Step::Sleep(Duration::from_micros(200))]));
        let mut session = Self {
            ring: ok!(map.ring()),
            map,
            beats: Vec::new(),
        };
        for number in 0..TIMERS {
            let beat = match number % 3 {
                0 => session.start(Kind::HighresDelayedWq, nap, SHORTEST_OF_WORKERS, random)?,
                _ => session.start(Kind::Timer, tell, SHORTEST, random)?,
            };
            session.beats.push(beat);
        }
        Ok(session)
    }

    fn start(
        &self,
        kind: Kind,
        program: Program,
        shortest: u64,
        random: &mut Rng,
    ) -> Result<Beat, String> {
        let timer = ok!(self
            .map
            .timer(kind, Clock::Monotonic, self.beats.len() as u64));
        ok!(self.map.set_callback(timer, program));
        let period = random.u64(shortest..LONGEST);
        let first = now_ns() + random.u64(..period);
        let start = Start {
            expiry: Expiry::At(Duration::from_nanos(first)),
            period: Duration::from_nanos(period),
            ..Start::default()
        };
        ok!(self.map.start_with(timer, &start));
        Ok(Beat {
            timer,
            first,
            period,
            told: 0,
            is_complete: false,
            is_over: false,
        })
    }

    fn take_events(&mut self, load: &Load) -> Outcome {
        // This also has what the ring had no room for move there.
        ok!(wait_for_events(&self.map, Duration::from_millis(20)));
        load.did(1);
        let mut outcome = Ok(());
        let beats = &mut self.beats;
        self.ring.drain(|event| {
            let beat = beats.get_mut(event.user_data as usize);
            let beat = beat.ok_or(format!("nobody has asked for {event:?}"));
            let taken = beat.and_then(|beat| beat.take(load, &event));
            outcome = std::mem::replace(&mut outcome, Ok(())).and(taken);
        });
        outcome
    }

    /// Stops each timer when nothing is missing, and closes the map.
    fn close(mut self, load: &Load) -> Outcome {
        let end = Instant::now() + TOLERANCE;
        while self.beats.iter().any(|beat| !beat.is_over) {
            let late = Instant::now() >= end;
            check!(!late, "expirations are missing: {:?}", self.beats);
            for beat in self.beats.iter_mut().filter(|beat| beat.is_complete) {
                // What has expired since is told, or discarded by this.
                ok!(self.map.cancel(beat.timer));
                beat.is_over = true;
            }
            self.take_events(load)?;
        }
        Ok(())
    }
}

impl Beat {
    fn take(&mut self, load: &Load, event: &Event) -> Outcome {
        check!(event.time_ns >= self.first, "{event:?} is early: {self:?}");
        let due = (event.time_ns - self.first) / self.period + 1;
        self.told += event.count;
        check!(self.told <= due, "{event:?} is too much: {self:?}");
        self.is_complete = self.told == due;
        load.told(event);
        if event.accumulated {
            return Ok(());
        }
        let due = self.first + (self.told - 1) * self.period;
        load.was_due(event, self.timer.kind, due)
    }
}
