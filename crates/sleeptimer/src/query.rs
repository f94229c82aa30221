// SPDX-License-Identifier: GPL-2.0
//! What the kernel tells of a timer.

use crate::{Clock, Kind};
use sleeptimer_sys as sys;
use std::time::Duration;

/// A look at a timer, which may have changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// What the timer is.
    pub kind: Kind,
    /// The clock that it follows.
    pub clock: Clock,
    /// The word that it was given.
    pub user_data: u64,
    /// What it does.
    pub state: State,
    /// The time of its clock when it fires next. None if it is not armed, or fires as soon as there
    /// is a worker.
    pub expiry: Option<Duration>,
    /// How long that is from now.
    pub remaining: Duration,
    /// How far apart it fires again and again; zero for once.
    pub period: Duration,
    /// Expirations that found the ring of events full, and have not been delivered yet.
    pub backlog: u64,
}

/// What a timer does. It may be armed and run at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Its callback will run.
    pub armed: bool,
    /// Its callback runs.
    pub running: bool,
}

impl Query {
    /// None if the kernel knows kinds or clocks that this crate does not.
    pub(crate) fn from_raw(raw: &sys::sleeptimer_query) -> Option<Self> {
        let has = |flag| raw.state & flag != 0;
        Some(Self {
            kind: Kind::from_raw(raw.kind)?,
            clock: Clock::from_id(raw.clock)?,
            user_data: raw.user_data,
            state: State {
                armed: has(sys::SLEEPTIMER_STATE_ARMED),
                running: has(sys::SLEEPTIMER_STATE_RUNNING),
            },
            expiry: (raw.expires_ns != 0).then(|| Duration::from_nanos(raw.expires_ns)),
            remaining: Duration::from_nanos(raw.remaining_ns),
            period: Duration::from_nanos(raw.period_ns),
            backlog: raw.backlog,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_decoded_field_by_field() {
        let mut raw = sys::sleeptimer_query {
            user_data: 1,
            expires_ns: 2,
            remaining_ns: 3,
            period_ns: 4,
            backlog: 5,
            kind: sys::SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ,
            clock: 11,
            state: sys::SLEEPTIMER_STATE_RUNNING,
            ..Default::default()
        };
        let query = Query {
            kind: Kind::HighresDelayedWq,
            clock: Clock::Tai,
            user_data: 1,
            state: State {
                armed: false,
                running: true,
            },
            expiry: Some(Duration::from_nanos(2)),
            remaining: Duration::from_nanos(3),
            period: Duration::from_nanos(4),
            backlog: 5,
        };
        assert_eq!(Query::from_raw(&raw), Some(query));
        raw.kind = 6;
        assert_eq!(Query::from_raw(&raw), None);
    }
}
