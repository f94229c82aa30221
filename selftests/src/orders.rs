// SPDX-License-Identifier: GPL-2.0
//! What may come of two calls that race on one timer: what comes of them in one order or the other,
//! with the expiry before, between or after them, and nothing else.
//!
//! Each outcome accounts for every expiry: it is told by events, or a call that returned 1 has
//! prevented it.

use sleeptimer::Kind;
use std::collections::BTreeSet;

/// A call on a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Arms it, so that it expires soon.
    Start,
    /// Arms a delayed_wq anew, so that it expires soon.
    Modify,
    /// Waits, and drops the callback of a timer.
    Cancel,
    /// Waits, and keeps the callback.
    CancelNoDrop,
    /// Does not wait.
    CancelAsync,
    /// Binds the other program, which tells twice.
    SetCallback,
    /// Frees it.
    Free,
}

/// Whether a timer is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    /// It is not.
    No,
    /// For a time that no race lasts to.
    Far,
    /// For a time that comes before the race is over.
    Soon,
}

/// What has come of a race.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// What each call has returned: 0 or 1, or minus an error number; 0 for a call that is not made.
    pub results: [i32; 2],
    /// How many events have come.
    pub told: u64,
    /// Whether the timer is left armed.
    pub armed: bool,
}

#[derive(Clone, Copy)]
struct State {
    kind: Kind,
    calls: [Option<Call>; 2],
    exists: bool,
    /// How many events an expiry brings; 0 if nothing is bound.
    events: u64,
    armed: Armed,
    has_expired: bool,
    outcome: Outcome,
}

const ENOENT: i32 = -libc::ENOENT;
const EINVAL: i32 = -libc::EINVAL;
const EBUSY: i32 = -libc::EBUSY;
const EPERM: i32 = -libc::EPERM;

/// All outcomes that calls may have, on a timer of this kind which is bound to a program that tells
/// once.
pub fn outcomes(kind: Kind, armed: Armed, calls: [Option<Call>; 2]) -> BTreeSet<Outcome> {
    let mut outcomes = BTreeSet::new();
    let state = State {
        kind,
        calls,
        exists: true,
        events: 1,
        armed,
        has_expired: false,
        outcome: Outcome::default(),
    };
    state.explore(&mut outcomes);
    outcomes
}

impl State {
    fn explore(self, outcomes: &mut BTreeSet<Outcome>) {
        if self.armed == Armed::Soon {
            let mut next = self;
            next.armed = Armed::No;
            next.has_expired = true;
            next.outcome.told += self.events;
            next.explore(outcomes);
        } else if self.calls == [None; 2] {
            let armed = self.armed == Armed::Far;
            outcomes.insert(Outcome {
                armed,
                ..self.outcome
            });
        }
        for number in 0..2 {
            if let Some(call) = self.calls[number] {
                let mut next = self;
                next.calls[number] = None;
                let other = next.calls[1 - number];
                next.outcome.results[number] = next.call(call);
                next.explore(outcomes);
                for result in self.exceptions(call, other) {
                    let mut next = self;
                    next.calls[number] = None;
                    next.outcome.results[number] = result;
                    next.explore(outcomes);
                }
            }
        }
    }

    /// What a call may also say, and do nothing, because another is in the middle, or the callback is.
    fn exceptions(&self, call: Call, other: Option<Call>) -> Vec<i32> {
        let waits = matches!(other, Some(Call::Cancel | Call::CancelNoDrop));
        match call {
            Call::Start | Call::Modify if self.exists && waits => vec![EBUSY],
            Call::CancelAsync if self.exists && self.has_expired => vec![EPERM],
            // It was there when the call looked for it, and the free has disarmed it since.
            Call::Modify | Call::Cancel | Call::CancelNoDrop | Call::CancelAsync
                if !self.exists =>
            {
                vec![0]
            }
            _ => vec![],
        }
    }

    /// Makes a call, and returns its result.
    fn call(&mut self, call: Call) -> i32 {
        if !self.exists {
            return ENOENT;
        }
        match call {
            Call::Start | Call::Modify if self.events == 0 => EINVAL,
            Call::Start => {
                if self.kind == Kind::Timer || self.armed == Armed::No {
                    self.armed = Armed::Soon;
                }
                0
            }
            Call::Modify => {
                let was_armed = self.disarm();
                self.armed = Armed::Soon;
                was_armed
            }
            Call::Cancel => {
                if matches!(self.kind, Kind::Timer | Kind::SleepableTimer) {
                    self.events = 0;
                }
                self.disarm()
            }
            Call::CancelNoDrop | Call::CancelAsync => self.disarm(),
            Call::SetCallback => {
                self.events = 2;
                0
            }
            Call::Free => {
                self.exists = false;
                self.disarm();
                0
            }
        }
    }

    fn disarm(&mut self) -> i32 {
        let was_armed = self.armed != Armed::No;
        self.armed = Armed::No;
        was_armed.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(results: [i32; 2], told: u64) -> Outcome {
        Outcome {
            results,
            told,
            armed: false,
        }
    }

    #[test]
    fn an_expiry_is_told_or_counted() {
        let all = outcomes(Kind::Timer, Armed::Soon, [Some(Call::Cancel), None]);
        let wanted = [seen([0, 0], 1), seen([1, 0], 0)];
        assert_eq!(all, wanted.into());
    }

    #[test]
    fn one_of_two_cancels_counts() {
        let calls = [Some(Call::Cancel), Some(Call::Cancel)];
        let all = outcomes(Kind::Timer, Armed::Far, calls);
        let wanted = [seen([0, 1], 0), seen([1, 0], 0)];
        assert_eq!(all, wanted.into());
    }

    #[test]
    fn a_start_comes_before_a_free_or_fails() {
        let calls = [Some(Call::Start), Some(Call::Free)];
        let all = outcomes(Kind::Timer, Armed::No, calls);
        let wanted = [seen([0, 0], 0), seen([0, 0], 1), seen([ENOENT, 0], 0)];
        assert_eq!(all, wanted.into());
    }
}
