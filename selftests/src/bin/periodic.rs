// SPDX-License-Identifier: GPL-2.0
//! Periodic timers: every expiration counts, on time or late.

use nix::errno::Errno;
use sleeptimer::{Clock, Expiry, Kind, Map, Sizes, Start, Step, Timer};
use sleeptimer_selftests::{
    bound_timer, bound_timer_of, check, check_eq, check_errno, events_within, expect_events,
    expect_silence, map, now, ok, settle, tests, Outcome, TOLERANCE,
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

const PERIODIC: [Kind; 2] = [Kind::Timer, Kind::HighresDelayedWq];

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        expirations_are_counted_exactly,
        a_late_callback_counts_what_it_missed,
        what_was_missed_is_counted_when_the_ring_is_full,
        cancel_stops_the_period,
        a_start_replaces_the_period,
        cancel_async_stops_the_period,
        free_and_close_stop_the_period,
        too_short_a_period_is_refused,
        the_longest_period_does_not_end,
    ])
}

fn every(period: Duration) -> Start {
    Start {
        expiry: Expiry::In(period),
        period,
        ..Start::default()
    }
}

/// A map with a periodic timer that was started at the time that is told.
fn periodic(kind: Kind, period: Duration) -> Result<(Map, Timer, Duration), String> {
    let map = map()?;
    let timer = bound_timer(&map, kind, &[Step::Event])?;
    let start = now(libc::CLOCK_MONOTONIC);
    ok!(map.start_with(timer, &every(period)));
    Ok((map, timer, start))
}

/// How many expirations came within `time`.
fn count(map: &Map, time: Duration) -> Result<u64, String> {
    let events = events_within(map, usize::MAX >> 8, time)?;
    Ok(events.iter().map(|event| event.count).sum())
}

/// Waits until so many expirations were told, and returns how many were.
fn wait_for(map: &Map, least: u64) -> Result<u64, String> {
    let mut seen = 0;
    while seen < least {
        let events = events_within(map, 1, TOLERANCE)?;
        check_eq!(events.len(), 1);
        seen += events[0].count;
    }
    Ok(seen)
}

/// The sum of counts is what the clock says: one for each whole period.
fn expirations_are_counted_exactly() -> Outcome {
    for kind in PERIODIC {
        let period = Duration::from_millis(3);
        let periods = |time: Duration| (time.as_nanos() / period.as_nanos()) as u64;
        // The timer's own clock begins between two looks at ours.
        let (map, timer, start) = periodic(kind, period)?;
        let armed = now(libc::CLOCK_MONOTONIC);
        let mut seen = count(&map, Duration::from_millis(200))?;
        // All that is due by now is told, however late.
        let due = periods(now(libc::CLOCK_MONOTONIC) - armed);
        seen += wait_for(&map, due.saturating_sub(seen))?;
        ok!(map.cancel(timer));
        let most = periods(now(libc::CLOCK_MONOTONIC) - start);
        seen += count(&map, Duration::from_millis(10))?;
        check!(seen <= most, "{kind:?}: {seen} of at most {most}");
    }
    Ok(())
}

/// Has a timer expire that is due for long, and looks that the next event of its map tells of all that
/// it has missed; not before `before` has been called.
fn late(map: &Map, kind: Kind, before: impl FnOnce(Timer) -> Outcome) -> Outcome {
    let timer = ok!(bound_timer_of(map, kind, &[Step::Event], Clock::Realtime));
    // Due since many periods: the first expiration stands for these, and itself.
    let period = Duration::from_secs(10);
    let due = now(libc::CLOCK_REALTIME);
    let start = Start {
        expiry: Expiry::At(Duration::from_nanos(1)),
        period,
        ..Start::default()
    };
    ok!(map.start_with(timer, &start));
    before(timer)?;
    let events = events_within(map, 1, TOLERANCE)?;
    check_eq!(events.len(), 1);
    let missed = due.as_nanos() / period.as_nanos();
    let count = u128::from(events[0].count);
    check!(
        count == missed + 1 || count == missed + 2,
        "{kind:?}: {count}, and {missed} were missed"
    );
    Ok(())
}

fn a_late_callback_counts_what_it_missed() -> Outcome {
    for kind in PERIODIC {
        late(&map()?, kind, |_| Ok(()))?;
    }
    Ok(())
}

fn what_was_missed_is_counted_when_the_ring_is_full() -> Outcome {
    for kind in PERIODIC {
        let map = ok!(Map::open_nonblocking(Sizes {
            events: 1,
            ..Sizes::default()
        }));
        let first = bound_timer(&map, Kind::Timer, &[Step::Event])?;
        ok!(map.start(first, Duration::ZERO));
        settle(&map, first)?;
        late(&map, kind, |timer| {
            let end = Instant::now() + TOLERANCE;
            while ok!(map.query(timer)).backlog == 0 {
                check!(Instant::now() < end, "{kind:?}");
                std::thread::sleep(Duration::from_millis(1));
            }
            check_eq!(expect_events(&map, 1)?[0].handle, first.handle);
            Ok(())
        })?;
    }
    Ok(())
}

fn cancel_stops_the_period() -> Outcome {
    for kind in PERIODIC {
        let (map, timer, _) = periodic(kind, Duration::from_millis(1))?;
        wait_for(&map, 1)?;
        ok!(map.cancel(timer));
        count(&map, Duration::from_millis(100))?;
        expect_silence(&map, Duration::from_millis(100))?;
    }
    Ok(())
}

fn cancel_async_stops_the_period() -> Outcome {
    let (map, timer, _) = periodic(Kind::Timer, Duration::from_micros(100))?;
    for _ in 0..20 {
        match map.cancel_async(timer).map_err(Errno::from) {
            Ok(_) | Err(Errno::EPERM) => {}
            Err(errno) => return Err(errno.to_string()),
        }
        count(&map, Duration::from_millis(2))?;
        expect_silence(&map, Duration::from_millis(10))?;
        ok!(map.start_with(timer, &every(Duration::from_micros(100))));
    }
    Ok(())
}

fn a_start_replaces_the_period() -> Outcome {
    for kind in PERIODIC {
        let (map, timer, _) = periodic(kind, Duration::from_millis(1))?;
        wait_for(&map, 1)?;
        let once = Start {
            period: Duration::ZERO,
            ..every(Duration::from_millis(1))
        };
        if kind == Kind::Timer {
            ok!(map.start_with(timer, &once));
        } else {
            ok!(map.modify(timer, &once));
        }
        count(&map, Duration::from_millis(100))?;
        expect_silence(&map, Duration::from_millis(100))?;
        ok!(map.start_with(timer, &every(Duration::from_millis(1))));
        wait_for(&map, 2)?;
    }
    Ok(())
}

fn free_and_close_stop_the_period() -> Outcome {
    for kind in PERIODIC {
        for _ in 0..10 {
            let (map, timer, _) = periodic(kind, Duration::from_micros(50))?;
            std::thread::sleep(Duration::from_millis(2));
            ok!(map.free(timer));
            // A callback that runs finishes, whenever its worker is let.
            count(&map, Duration::from_millis(50))?;
            expect_silence(&map, Duration::from_millis(5))?;
            drop(periodic(kind, Duration::from_micros(50))?);
        }
    }
    Ok(())
}

fn too_short_a_period_is_refused() -> Outcome {
    let map = map()?;
    for kind in PERIODIC {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        for period in [1, 9_999].map(Duration::from_nanos) {
            check_errno!(map.start_with(timer, &every(period)), Errno::EINVAL);
        }
    }
    expect_silence(&map, Duration::from_millis(20))
}

fn the_longest_period_does_not_end() -> Outcome {
    let map = map()?;
    for kind in PERIODIC {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        let start = Start {
            expiry: Expiry::In(Duration::ZERO),
            period: Duration::from_nanos(u64::MAX),
            ..Start::default()
        };
        ok!(map.start_with(timer, &start));
        check_eq!(expect_events(&map, 1)?[0].count, 1);
        expect_silence(&map, Duration::from_millis(100))?;
        let query = ok!(map.query(timer));
        check!(query.state.armed, "{query:?}");
        // 292 years, which is as far as the kernel's clocks go.
        check_eq!(query.period, Duration::from_nanos(i64::MAX as u64));
    }
    Ok(())
}
