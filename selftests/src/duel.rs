// SPDX-License-Identifier: GPL-2.0
//! Races of two calls, or of a call and the expiry, on one timer, whose outcome is accounted for.

use crate::{
    check, errno_of, ok,
    orders::{self, Armed, Call, Outcome},
    race::{appoint_expiry, meet, now_ns, pin, rounds, spin_until, Tally, FIRST_CPU},
    TOLERANCE,
};
use fastrand::Rng;
use nix::errno::Errno;
use sleeptimer::{Clock, Expiry, Kind, Map, Program, Sizes, Start, Step, Timer};
use std::{
    collections::BTreeSet,
    thread::sleep,
    time::{Duration, Instant},
};

/// A time that no race lasts to.
const FAR: Duration = Duration::from_secs(1000);
/// How soon a timer expires that a call of a race starts.
const SOON: Duration = Duration::from_micros(30);

/// What races against the first call.
#[derive(Clone, Copy, Debug)]
pub enum Second {
    /// A call, of a timer that is armed like this before.
    Call(Armed, Call),
    /// The expiry, on this CPU.
    Expiry(u32),
}

/// A race.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The kind of the timer.
    pub kind: Kind,
    /// The call that is made first, if there is no offset.
    pub first: Call,
    /// What races against it.
    pub second: Second,
}

impl Pair {
    /// What may come of it.
    pub fn outcomes(&self) -> BTreeSet<Outcome> {
        let (armed, second) = match self.second {
            Second::Call(armed, call) => (armed, Some(call)),
            Second::Expiry(_) => (Armed::Soon, None),
        };
        orders::outcomes(self.kind, armed, [Some(self.first), second])
    }
}

/// Has a call race at random moments.
pub fn race(kind: Kind, first: Call, second: Second) -> Result<(), String> {
    let pair = Pair {
        kind,
        first,
        second,
    };
    Duel::new(pair)?.random_rounds()
}

/// Where a race takes place again and again.
pub struct Duel {
    pair: Pair,
    allowed: BTreeSet<Outcome>,
    map: Map,
    twice: Program,
    timer: Timer,
    /// How long the first call took, in ns, in the last round.
    pub took: u64,
    /// What has come.
    pub seen: Tally<Outcome>,
}

impl Duel {
    /// Prepares a race. The calling thread stays on its CPU.
    pub fn new(pair: Pair) -> Result<Self, String> {
        pin(FIRST_CPU)?;
        // One timer: so the init of the next waits until the one before has ended.
        let sizes = Sizes {
            timers: 1,
            programs: 256,
            events: 64,
        };
        let map = ok!(Map::open_nonblocking(sizes));
        let twice = ok!(map.program(&[Step::Event, Step::Event]));
        let timer = ok!(map.timer(pair.kind, Clock::Monotonic, 0));
        Ok(Self {
            pair,
            allowed: pair.outcomes(),
            map,
            twice,
            timer,
            took: 0,
            seen: Tally::default(),
        })
    }

    /// Runs the race once, and checks what comes of it. What races against the first call does so
    /// `offset` ns after it begins.
    pub fn round(&mut self, offset: i64) -> Result<Outcome, String> {
        let once = ok!(self.map.program(&[Step::Event]));
        ok!(self.map.set_callback(self.timer, once));
        // The timer has the only reference.
        ok!(self.map.destroy(once));
        let results = match self.pair.second {
            Second::Call(armed, call) => {
                if armed == Armed::Far {
                    ok!(self.map.start(self.timer, FAR));
                }
                let ((first, took), second) =
                    meet(offset, || self.timed(self.pair.first), || self.call(call))?;
                self.took = took;
                [first, second]
            }
            Second::Expiry(cpu) => {
                spin_until(appoint_expiry(&self.map, self.timer, cpu, offset)?);
                let (first, took) = self.timed(self.pair.first);
                self.took = took;
                [first, 0]
            }
        };
        let armed = self.end()?;
        let told = self.drain()?;
        let outcome = Outcome {
            results,
            told,
            armed,
        };
        check!(
            self.allowed.contains(&outcome),
            "{:?}, offset {offset}: {outcome:?} is none of {:?}",
            self.pair,
            self.allowed
        );
        self.seen.add(outcome);
        Ok(outcome)
    }

    /// Makes a call, and returns how long it took, too.
    fn timed(&self, call: Call) -> (i32, u64) {
        let begin = now_ns();
        let result = self.call(call);
        (result, now_ns() - begin)
    }

    /// Makes a call, and returns what it does, or minus the error number.
    fn call(&self, call: Call) -> i32 {
        let (map, timer) = (&self.map, self.timer);
        let result = match call {
            Call::Start => map.start(timer, self.soon()).map(|()| false),
            Call::Modify => map.modify(
                timer,
                &Start {
                    expiry: Expiry::In(self.soon()),
                    ..Start::default()
                },
            ),
            Call::Cancel => map.cancel(timer),
            Call::CancelNoDrop => map.cancel_no_drop(timer),
            Call::CancelAsync => map.cancel_async(timer),
            Call::SetCallback => map.set_callback(timer, self.twice).map(|()| false),
            Call::Free => map.free(timer).map(|()| false),
        };
        match errno_of(result) {
            Ok(result) => result.into(),
            Err(errno) => -(errno as i32),
        }
    }

    fn soon(&self) -> Duration {
        match self.pair.kind {
            Kind::SleepableTimer | Kind::Wq | Kind::DelayedWq => Duration::ZERO,
            Kind::Timer | Kind::HighresDelayedWq => SOON,
        }
    }

    /// Waits for what is due, and for the callback; returns whether the timer was left armed. Then
    /// there is a timer that is not.
    fn end(&mut self) -> Result<bool, String> {
        let end = Instant::now() + TOLERANCE;
        loop {
            match self.map.query(self.timer) {
                Err(error) if error.errno == Errno::ENOENT => {
                    // This waits until it has ended.
                    self.timer = ok!(self.map.timer(self.pair.kind, Clock::Monotonic, 0));
                    return Ok(false);
                }
                query => {
                    let query = ok!(query);
                    if !query.state.armed || query.remaining > FAR / 2 {
                        // This waits for the callback.
                        return Ok(ok!(self.map.cancel(self.timer)));
                    }
                }
            }
            check!(Instant::now() < end, "it does not expire");
            sleep(Duration::from_micros(50));
        }
    }

    /// How many events have come.
    fn drain(&self) -> Result<u64, String> {
        match self.map.read(64) {
            Ok(events) => Ok(events.iter().map(|event| event.count).sum()),
            Err(error) if error.errno == Errno::EAGAIN => Ok(0),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Runs the race at random offsets: as often as asked, and more often until more than one
    /// outcome was seen.
    pub fn random_rounds(&mut self) -> Result<(), String> {
        let rounds = rounds();
        let mut random = Rng::with_seed(1);
        while self.seen.total() < rounds
            || (self.seen.sorts() < 2 && self.seen.total() < 20 * rounds)
        {
            self.round(random.i64(-150_000..150_000))?;
        }
        println!("# {:?}: {}{}", self.pair, self.seen, self.seen.verdict());
        Ok(())
    }
}
