// SPDX-License-Identifier: GPL-2.0
//! Timeouts, as a server has them: most are put off again and again, some expire, and some are
//! cancelled. Timers of all kinds, one call at a time, and `poll` and `read`.
//!
//! Nothing is left to chance in what has to come: a timeout is far away, and none of the calls on it
//! meets its expiry; or it is soon, and a call that meets its expiry says who has won.

use super::{load::Load, scripts::Scripts};
use crate::{check, check_eq, now, ok, race::now_ns, wait_for_events, Outcome, KINDS, TOLERANCE};
use fastrand::Rng;
use nix::errno::Errno;
use sleeptimer::{Clock, Cpu, Event, Expiry, Kind, Map, Sizes, Start, Timer};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long a map is used.
const SESSION: Duration = Duration::from_secs(3);
/// How many timers it has at a time.
const TIMERS: u32 = 48;
/// A time that no session lasts to.
const FAR: Duration = Duration::from_secs(1000);
/// In ns.
const SOON: u64 = 20_000_000;

/// Map after map, in which there is room for all events.
pub fn in_large_rings(load: &Load) -> Outcome {
    in_maps(load, 256)
}

/// Map after map, whose rings overflow.
pub fn in_small_rings(load: &Load) -> Outcome {
    in_maps(load, 8)
}

fn in_maps(load: &Load, events: u32) -> Outcome {
    let mut random = Rng::new();
    while load.goes_on() {
        let end = Instant::now() + SESSION;
        let mut session = Session::open(events)?;
        while load.goes_on() && Instant::now() < end {
            session.turn(load, &mut random)?;
        }
        session.close(load, random.u8(..4) == 0)?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// It is not armed.
    Idle,
    /// It is armed for a time that does not come.
    Far,
    /// It has expired, or will.
    Soon,
}

#[derive(Debug)]
struct Timeout {
    timer: Timer,
    clock: Clock,
    script: usize,
    state: State,
    /// When its last run is due, in ns of `CLOCK_MONOTONIC`, if that was not cancelled.
    due: Option<u64>,
    /// How often it has expired, or will.
    runs: u64,
    /// How many events have told of that.
    told: u64,
}

struct Session {
    map: Map,
    scripts: Scripts,
    /// By the words that their events carry.
    timeouts: HashMap<u64, Timeout>,
    next: u64,
}

/// What a clock has to be asked for.
fn id_of(clock: Clock) -> libc::clockid_t {
    match clock {
        Clock::Monotonic => libc::CLOCK_MONOTONIC,
        Clock::Realtime => libc::CLOCK_REALTIME,
        Clock::Boottime => libc::CLOCK_BOOTTIME,
        Clock::Tai => libc::CLOCK_TAI,
    }
}

fn is_at_once(kind: Kind) -> bool {
    matches!(kind, Kind::SleepableTimer | Kind::Wq)
}

fn is_delayed(kind: Kind) -> bool {
    matches!(kind, Kind::DelayedWq | Kind::HighresDelayedWq)
}

impl Timeout {
    /// Events that have to come yet.
    fn missing(&self, scripts: &Scripts) -> u64 {
        self.runs * scripts.all[self.script].events - self.told
    }
}

impl Session {
    fn open(events: u32) -> Result<Self, String> {
        let map = ok!(Map::open_nonblocking(Sizes {
            timers: TIMERS,
            programs: 16,
            events,
        }));
        let scripts = Scripts::new(&map)?;
        Ok(Self {
            map,
            scripts,
            timeouts: HashMap::new(),
            next: 0,
        })
    }

    /// Makes some calls, and takes what has come.
    fn turn(&mut self, load: &Load, random: &mut Rng) -> Outcome {
        if self.timeouts.len() < TIMERS as usize {
            self.add(random)?;
            load.did(2);
        }
        let numbers: Vec<u64> = self.timeouts.keys().copied().collect();
        for _ in 0..8 {
            let number = numbers[random.usize(..numbers.len())];
            if let Some(timeout) = self.timeouts.remove(&number) {
                if let Some(timeout) = self.act(timeout, random)? {
                    self.timeouts.insert(number, timeout);
                }
                load.did(1);
            }
        }
        self.take_events(load, Duration::from_millis(random.u64(..4)))
    }

    fn add(&mut self, random: &mut Rng) -> Outcome {
        let kind = KINDS[random.usize(..KINDS.len())];
        let clock = match kind {
            Kind::Timer | Kind::HighresDelayedWq => {
                let clocks = [
                    Clock::Monotonic,
                    Clock::Realtime,
                    Clock::Boottime,
                    Clock::Tai,
                ];
                clocks[random.usize(..clocks.len())]
            }
            _ => Clock::Monotonic,
        };
        let fit = |&script: &usize| kind != Kind::Timer || !self.scripts.all[script].sleeps;
        let scripts: Vec<usize> = (0..self.scripts.all.len()).filter(fit).collect();
        let script = scripts[random.usize(..scripts.len())];
        let timer = ok!(self.map.timer(kind, clock, self.next));
        let timeout = Timeout {
            timer,
            clock,
            script,
            state: State::Idle,
            due: None,
            runs: 0,
            told: 0,
        };
        self.bind(&timeout)?;
        self.timeouts.insert(self.next, timeout);
        self.next += 1;
        Ok(())
    }

    fn bind(&self, timeout: &Timeout) -> Outcome {
        let program = self.scripts.all[timeout.script].program;
        ok!(self.map.set_callback(timeout.timer, program));
        Ok(())
    }

    /// Makes a call on a timeout; none is left if that frees it.
    fn act(&mut self, mut timeout: Timeout, random: &mut Rng) -> Result<Option<Timeout>, String> {
        if timeout.missing(&self.scripts) == 0 && timeout.state == State::Soon {
            timeout.state = State::Idle;
        }
        let can_be_far = !is_at_once(timeout.timer.kind);
        match (timeout.state, random.u8(..12)) {
            (State::Idle | State::Far, 0) => {
                self.free(&timeout)?;
                return Ok(None);
            }
            (State::Idle | State::Far, 1..=7) if can_be_far => {
                self.put_off(&mut timeout, random)?
            }
            (State::Far, 8) => self.cancel(&mut timeout, random)?,
            (State::Idle | State::Far, _) => self.start_soon(&mut timeout, random)?,
            (State::Soon, 0) => self.cancel(&mut timeout, random)?,
            (State::Soon, 1) if self.may_be_put_off(&timeout) => {
                self.start_soon(&mut timeout, random)?;
            }
            (State::Soon, 2) => drop(ok!(self.map.query(timeout.timer))),
            (State::Soon, _) => {
                let late = timeout.due.map_or(0, |due| now_ns().saturating_sub(due));
                check!(late < TOLERANCE.as_nanos() as u64, "lost: {timeout:?}");
            }
        }
        Ok(Some(timeout))
    }

    /// Whether it can be armed anew though it may be expiring. A high-resolution delayed_wq expires once
    /// more then, and may make one run of both: files that count runs have no use for it.
    fn may_be_put_off(&self, timeout: &Timeout) -> bool {
        match timeout.timer.kind {
            Kind::DelayedWq => true,
            Kind::HighresDelayedWq => !self.scripts.all[timeout.script].leaves_traces(),
            _ => false,
        }
    }

    /// Arms a timeout that is armed for a time that does not come, or not armed, for such a time.
    fn put_off(&mut self, timeout: &mut Timeout, random: &mut Rng) -> Outcome {
        let start = Start {
            expiry: Expiry::In(FAR + Duration::from_millis(random.u64(..100_000))),
            ..Start::default()
        };
        self.arm(timeout, &start, timeout.state == State::Far)?;
        timeout.state = State::Far;
        Ok(())
    }

    /// Arms a timeout for a time that comes.
    fn start_soon(&mut self, timeout: &mut Timeout, random: &mut Rng) -> Outcome {
        let kind = timeout.timer.kind;
        let delay = if is_at_once(kind) {
            Duration::ZERO
        } else {
            Duration::from_nanos(random.u64(..SOON))
        };
        timeout.due = Some(now_ns() + delay.as_nanos() as u64);
        let mut start = Start {
            expiry: Expiry::In(delay),
            ..Start::default()
        };
        if matches!(kind, Kind::Timer | Kind::HighresDelayedWq) {
            start.expiry = Expiry::At(now(id_of(timeout.clock)) + delay);
            start.cpu = [Cpu::Any, Cpu::Current][random.usize(..2)];
        }
        let replaces = timeout.state != State::Idle && is_delayed(kind);
        let was_far = timeout.state == State::Far;
        let replaced = if replaces {
            let was_armed = ok!(self.map.modify(timeout.timer, &start));
            check!(was_armed || !was_far, "{timeout:?} was not armed");
            was_armed && !was_far
        } else {
            ok!(self.map.start_with(timeout.timer, &start));
            false
        };
        timeout.runs += u64::from(!replaced);
        timeout.state = State::Soon;
        Ok(())
    }

    /// Arms a timeout that does not expire now, of which it is known whether it is armed.
    fn arm(&self, timeout: &Timeout, start: &Start, is_armed: bool) -> Outcome {
        if is_delayed(timeout.timer.kind) {
            check_eq!(ok!(self.map.modify(timeout.timer, start)), is_armed);
        } else {
            ok!(self.map.start_with(timeout.timer, start));
        }
        Ok(())
    }

    /// Cancels a timeout. If it was to expire soon, this tells whether it has.
    fn cancel(&mut self, timeout: &mut Timeout, random: &mut Rng) -> Outcome {
        let timer = timeout.timer;
        let is_far = timeout.state == State::Far;
        let can_keep = matches!(timer.kind, Kind::Timer | Kind::SleepableTimer);
        let was_armed = match random.u8(..3) {
            0 if can_keep => ok!(self.map.cancel_no_drop(timer)),
            1 if can_keep && is_far => match self.map.cancel_async(timer) {
                // The callback is about to return, of which the events have come.
                Err(error) if error.errno == Errno::EPERM => {
                    ok!(self.map.cancel_no_drop(timer))
                }
                result => ok!(result),
            },
            _ => {
                let was_armed = ok!(self.map.cancel(timer));
                self.bind(timeout)?;
                was_armed
            }
        };
        if is_far {
            check!(was_armed, "{timeout:?} was not armed");
            timeout.state = State::Idle;
        } else {
            let missing = timeout.missing(&self.scripts);
            check!(
                !was_armed || missing > 0,
                "{timeout:?}, of which all has come, was armed"
            );
            if was_armed {
                timeout.runs -= 1;
                timeout.due = None;
            }
        }
        Ok(())
    }

    /// Frees a timeout of which nothing has to come any more.
    fn free(&mut self, timeout: &Timeout) -> Outcome {
        ok!(self.map.free(timeout.timer));
        self.scripts.has_run(timeout.script, timeout.runs);
        Ok(())
    }

    /// Takes the events that come within a time.
    fn take_events(&mut self, load: &Load, time: Duration) -> Outcome {
        while self.scripts.make_room()? {}
        ok!(wait_for_events(&self.map, time));
        loop {
            match self.map.read(64) {
                Ok(events) => events.iter().try_for_each(|event| self.take(load, event))?,
                Err(error) if error.errno == Errno::EAGAIN => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn take(&mut self, load: &Load, event: &Event) -> Outcome {
        let timeout = self.timeouts.get_mut(&event.user_data);
        let timeout = timeout.ok_or(format!("nobody has asked for {event:?}"))?;
        let script = &self.scripts.all[timeout.script];
        let missing = timeout.missing(&self.scripts);
        check!(
            event.count <= missing,
            "{event:?} is too much for {timeout:?}"
        );
        // The last run is the one that is due.
        if script.leads && missing == script.events && !event.accumulated {
            let (due, kind) = (timeout.due, timeout.timer.kind);
            due.map_or(Ok(()), |due| load.was_due(event, kind, due))?;
        }
        timeout.told += event.count;
        load.told(event);
        Ok(())
    }

    /// Closes the map: in the middle of it all, or when all has come that has to.
    fn close(mut self, load: &Load, in_the_middle: bool) -> Outcome {
        if !in_the_middle {
            let mut random = Rng::new();
            let mut timeouts = std::mem::take(&mut self.timeouts);
            for timeout in timeouts.values_mut().filter(|it| it.state == State::Far) {
                self.cancel(timeout, &mut random)?;
            }
            self.timeouts = timeouts;
            self.take_the_rest(load)?;
            self.scripts.check_steps(&self.map)?;
        }
        for timeout in self.timeouts.values() {
            self.scripts.has_run(timeout.script, timeout.runs);
        }
        drop(self.map);
        self.scripts.check_closed(in_the_middle)
    }

    /// Takes events until none is missing.
    fn take_the_rest(&mut self, load: &Load) -> Outcome {
        let end = Instant::now() + TOLERANCE;
        let is_missed = |session: &Self| {
            let timeouts = &mut session.timeouts.values();
            timeouts.any(|timeout| timeout.missing(&session.scripts) > 0)
        };
        while is_missed(self) {
            check!(Instant::now() < end, "lost: {:?}", self.timeouts);
            self.take_events(load, Duration::from_millis(100))?;
        }
        self.take_events(load, Duration::ZERO)
    }
}
