// SPDX-License-Identifier: GPL-2.0
//! What a query tells of a timer in each state, and that it changes nothing.

use nix::errno::Errno;
use sleeptimer::{Clock, Expiry, Kind, Map, Query, Sizes, Start, State, Step, Timer};
use sleeptimer_selftests::{
    bound_timer, bound_timer_of, check, check_eq, check_errno, expect_events, map, now, ok,
    pages::Pages,
    raw::{bytes, request},
    tests, Outcome, KINDS, TOLERANCE,
};
use sleeptimer_sys as sys;
use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(1000);
const SHORT: Duration = Duration::from_millis(20);
/// Those whose expiry is told.
const TIMED: [Kind; 3] = [Kind::Timer, Kind::DelayedWq, Kind::HighresDelayedWq];

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_new_timer_is_idle,
        the_expiry_of_an_armed_timer_is_told,
        the_remaining_time_falls,
        a_time_is_told_as_it_was_given,
        periods_are_told,
        a_running_callback_is_seen,
        a_cancel_is_seen,
        a_freed_timer_is_enoent,
        the_backlog_is_told,
        a_place_that_is_used_again_has_no_backlog,
        a_start_in_between_is_seen_or_not,
        requests_are_checked,
        an_answer_that_cannot_be_written_is_efault,
    ])
}

/// Asks until the timer is as wanted.
fn query_until(map: &Map, timer: Timer, wanted: fn(&Query) -> bool) -> Result<Query, String> {
    let end = Instant::now() + TOLERANCE;
    loop {
        let query = ok!(map.query(timer));
        if wanted(&query) {
            return Ok(query);
        }
        check!(Instant::now() < end, "{query:?}");
        sleep(Duration::from_millis(1));
    }
}

/// Arms a timer anew, which a start of a delayed_wq that is armed does not do.
fn rearm(map: &Map, timer: Timer, expiry: Expiry) -> sleeptimer::Result<()> {
    let start = Start {
        expiry,
        ..Start::default()
    };
    match timer.kind {
        Kind::DelayedWq | Kind::HighresDelayedWq => map.modify(timer, &start).map(|_| ()),
        _ => map.start_with(timer, &start),
    }
}

fn a_new_timer_is_idle() -> Outcome {
    let map = map()?;
    for (user_data, kind) in (7..).zip(KINDS) {
        let timer = ok!(map.timer(kind, Clock::Monotonic, user_data));
        let idle = Query {
            kind,
            clock: Clock::Monotonic,
            user_data,
            state: State::default(),
            expiry: None,
            remaining: Duration::ZERO,
            period: Duration::ZERO,
            backlog: 0,
        };
        check_eq!(ok!(map.query(timer)), idle);
        check_eq!(ok!(map.query(timer)), idle);
    }
    for clock in [Clock::Realtime, Clock::Boottime, Clock::Tai] {
        let timer = ok!(map.timer(Kind::Timer, clock, 0));
        check_eq!(ok!(map.query(timer)).clock, clock);
    }
    Ok(())
}

fn the_expiry_of_an_armed_timer_is_told() -> Outcome {
    let map = map()?;
    for kind in TIMED {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        let before = now(libc::CLOCK_MONOTONIC);
        ok!(map.start(timer, LONG));
        let query = ok!(map.query(timer));
        let after = now(libc::CLOCK_MONOTONIC);
        check!(query.state.armed && !query.state.running, "{query:?}");
        let expiry = query.expiry.unwrap_or_default();
        // A jiffy is at most 10 ms long, and is rounded twice.
        let jiffies = Duration::from_millis(20);
        check!(expiry + jiffies >= before + LONG, "{kind:?}: {query:?}");
        check!(expiry <= after + LONG + jiffies, "{kind:?}: {query:?}");
        check!(query.remaining <= LONG + jiffies, "{kind:?}: {query:?}");
        check!(
            query.remaining + (after - before) + jiffies >= LONG,
            "{kind:?}: {query:?}"
        );
    }
    Ok(())
}

fn the_remaining_time_falls() -> Outcome {
    let map = map()?;
    for kind in TIMED {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        ok!(map.start(timer, LONG));
        let first = ok!(map.query(timer)).remaining;
        sleep(4 * SHORT);
        let second = ok!(map.query(timer)).remaining;
        check!(
            second + 3 * SHORT <= first,
            "{kind:?}: {first:?}, {second:?}"
        );
    }
    Ok(())
}

fn a_time_is_told_as_it_was_given() -> Outcome {
    let map = map()?;
    for (clock, id) in [
        (Clock::Monotonic, libc::CLOCK_MONOTONIC),
        (Clock::Realtime, libc::CLOCK_REALTIME),
        (Clock::Boottime, libc::CLOCK_BOOTTIME),
        (Clock::Tai, libc::CLOCK_TAI),
    ] {
        for kind in [Kind::Timer, Kind::HighresDelayedWq] {
            let timer = ok!(bound_timer_of(&map, kind, &[Step::Event], clock));
            let time = now(id) + LONG;
            ok!(map.start_at(timer, time));
            let query = ok!(map.query(timer));
            check_eq!(query.expiry, Some(time));
            check!(query.remaining <= LONG && query.remaining + TOLERANCE > LONG);
            // One that is long ago has fired, and is told no more.
            ok!(rearm(&map, timer, Expiry::At(Duration::from_nanos(1))));
            check_eq!(query_until(&map, timer, |q| !q.state.armed)?.expiry, None);
        }
    }
    Ok(())
}

fn periods_are_told() -> Outcome {
    let map = map()?;
    for kind in [Kind::Timer, Kind::HighresDelayedWq] {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        let start = Start {
            expiry: Expiry::In(LONG),
            period: SHORT,
            ..Start::default()
        };
        ok!(map.start_with(timer, &start));
        check_eq!(ok!(map.query(timer)).period, SHORT);
        ok!(rearm(&map, timer, Expiry::In(LONG)));
        check_eq!(ok!(map.query(timer)).period, Duration::ZERO);
    }
    Ok(())
}

fn a_running_callback_is_seen() -> Outcome {
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Timer) {
        let map = map()?;
        let timer = bound_timer(&map, kind, &[Step::Event, Step::Sleep(LONG)])?;
        ok!(map.start(timer, Duration::ZERO));
        expect_events(&map, 1)?;
        let query = ok!(map.query(timer));
        check!(query.state.running && !query.state.armed, "{query:?}");
        check_eq!((query.expiry, query.remaining), (None, Duration::ZERO));
        // One more run waits for this one: for the worker, so that no time can be told.
        ok!(map.start(timer, Duration::ZERO));
        let query = query_until(&map, timer, |q| q.state.armed && q.expiry.is_none())?;
        check!(query.state.running, "{query:?}");
        ok!(map.cancel(timer));
        check_eq!(ok!(map.query(timer)).state, State::default());
    }
    Ok(())
}

fn a_cancel_is_seen() -> Outcome {
    let map = map()?;
    for kind in TIMED {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        ok!(map.start(timer, LONG));
        check!(ok!(map.cancel(timer)));
        let query = ok!(map.query(timer));
        check_eq!(query.state, State::default());
        check_eq!((query.expiry, query.remaining), (None, Duration::ZERO));
    }
    Ok(())
}

fn a_freed_timer_is_enoent() -> Outcome {
    let (map, other) = (map()?, map()?);
    for kind in KINDS {
        let timer = ok!(map.timer(kind, Clock::Monotonic, 0));
        check_errno!(other.query(timer), Errno::ENOENT);
        ok!(map.free(timer));
        check_errno!(map.query(timer), Errno::ENOENT);
    }
    for handle in [0, 1, u64::MAX] {
        let kind = Kind::Timer;
        check_errno!(map.query(Timer { handle, kind }), Errno::ENOENT);
    }
    Ok(())
}

fn the_backlog_is_told() -> Outcome {
    let map = ok!(Map::open_nonblocking(Sizes {
        events: 1,
        ..Sizes::default()
    }));
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let other = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    for backlog in [0, 1, 2] {
        ok!(map.start(timer, Duration::ZERO));
        query_until(&map, timer, |q| q.state == State::default())?;
        check_eq!(ok!(map.query(timer)).backlog, backlog);
    }
    check_eq!(ok!(map.query(other)).backlog, 0);
    check_eq!(expect_events(&map, 1)?[0].count, 1);
    check_eq!(expect_events(&map, 1)?[0].count, 2);
    check_eq!(ok!(map.query(timer)).backlog, 0);
    Ok(())
}

fn a_place_that_is_used_again_has_no_backlog() -> Outcome {
    let map = ok!(Map::open(Sizes {
        timers: 2,
        ..Sizes::default()
    }));
    let timers = [0, 1].map(|data| map.timer(Kind::Timer, Clock::Monotonic, data));
    for timer in timers {
        ok!(map.free(ok!(timer)));
    }
    for _ in 0..2 {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
        check_eq!(ok!(map.query(timer)).backlog, 0);
    }
    Ok(())
}

fn a_start_in_between_is_seen_or_not() -> Outcome {
    const WHILE: Duration = Duration::from_millis(500);
    let map = map()?;
    for kind in TIMED {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        let begin = now(libc::CLOCK_MONOTONIC);
        let times = [begin + LONG, begin + 5 * LONG];
        let over = AtomicBool::new(false);
        let outcome = scope(|threads| {
            let starter = threads.spawn(|| {
                for time in times.into_iter().cycle() {
                    if over.load(Relaxed) {
                        break;
                    }
                    let expiry = match kind {
                        // In jiffies, it takes a delay only.
                        Kind::DelayedWq => Expiry::In(time - begin),
                        _ => Expiry::At(time),
                    };
                    rearm(&map, timer, expiry)?;
                }
                Ok::<_, sleeptimer::Error>(())
            });
            let result = queried_for(&map, timer, WHILE, |query| {
                let Some(expiry) = query.expiry else {
                    // It is not armed while it is started anew.
                    return true;
                };
                match kind {
                    Kind::DelayedWq => expiry > begin && expiry < times[1] + TOLERANCE,
                    _ => times.contains(&expiry),
                }
            });
            over.store(true, Relaxed);
            let started = starter.join().map_err(|_| "the thread panicked")?;
            ok!(started);
            result
        });
        outcome?;
    }
    Ok(())
}

/// Asks again and again, for a while.
fn queried_for(
    map: &Map,
    timer: Timer,
    time: Duration,
    is_good: impl Fn(&Query) -> bool,
) -> Outcome {
    let end = Instant::now() + time;
    while Instant::now() < end {
        let query = ok!(map.query(timer));
        check!(is_good(&query), "{query:?}");
    }
    Ok(())
}

fn requests_are_checked() -> Outcome {
    let map = map()?;
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let good = sys::sleeptimer_query {
        handle: timer.handle,
        kind: 77,
        ..Default::default()
    };
    let bad = [
        sys::sleeptimer_query { flags: 1, ..good },
        sys::sleeptimer_query {
            flags: 1 << 31,
            ..good
        },
        sys::sleeptimer_query {
            reserved: 1,
            ..good
        },
    ];
    for query in bad {
        let mut given = query;
        let address = &raw mut given as usize;
        check_errno!(
            request(&map, sys::SLEEPTIMER_IOC_QUERY, address),
            Errno::EINVAL
        );
        check_eq!(bytes(&given), bytes(&query));
    }
    let mut given = good;
    let address = &raw mut given as usize;
    ok!(request(&map, sys::SLEEPTIMER_IOC_QUERY, address));
    check_eq!((given.handle, given.kind, given.pad), (timer.handle, 1, 0));
    Ok(())
}

fn an_answer_that_cannot_be_written_is_efault() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let pages = Pages::new(1)?;
    let query = sys::sleeptimer_query {
        handle: timer.handle,
        ..Default::default()
    };
    pages.put(pages.page(0), query);
    pages.protect(0, libc::PROT_READ);
    check_errno!(
        request(&map, sys::SLEEPTIMER_IOC_QUERY, pages.page(0)),
        Errno::EFAULT
    );
    let after: sys::sleeptimer_query = pages.get(pages.page(0));
    check_eq!(bytes(&after), bytes(&query));
    Ok(())
}
