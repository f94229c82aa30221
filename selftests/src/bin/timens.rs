// SPDX-License-Identifier: GPL-2.0
//! Time namespaces: absolute times are those of the caller's, and events show those of the task that
//! has set the map up.

use nix::errno::Errno;
use sleeptimer::{Clock, Event, Expiry, Kind, Map, Start, Step};
use sleeptimer_selftests::{
    bound_timer_of, check, check_eq, check_errno, child::in_child, expect_events, expect_silence,
    map, now, ok, tests, Outcome, TOLERANCE,
};
use std::{fs, process::ExitCode, time::Duration};

/// By how much the clocks of the namespace are ahead.
const MONOTONIC: u64 = 100_000;
const BOOTTIME: u64 = 200_000;
const DELAY: Duration = Duration::from_millis(50);
/// Both kinds that take an absolute time.
const KINDS: [Kind; 2] = [Kind::Timer, Kind::HighresDelayedWq];

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        absolute_times_are_those_of_the_namespace,
        a_time_before_the_namespace_is_over,
        a_freed_timer_is_enoent,
        other_clocks_are_the_same_everywhere,
        the_caller_gives_times_and_the_setup_shows_them,
    ])
}

/// Runs a part of a test in a new time namespace.
fn in_namespace(part: impl FnOnce() -> Outcome) -> Outcome {
    in_child(|| {
        // SAFETY: This changes nothing in memory.
        let result = unsafe { libc::unshare(libc::CLONE_NEWTIME) };
        check_eq!(result, 0);
        let offsets = format!("monotonic {MONOTONIC} 0\nboottime {BOOTTIME} 0\n");
        ok!(fs::write("/proc/self/timens_offsets", offsets));
        // The children of this process are in the namespace.
        in_child(part)
    })
}

/// The number of a clock.
fn id(clock: Clock) -> libc::clockid_t {
    match clock {
        Clock::Monotonic => libc::CLOCK_MONOTONIC,
        Clock::Realtime => libc::CLOCK_REALTIME,
        Clock::Boottime => libc::CLOCK_BOOTTIME,
        Clock::Tai => libc::CLOCK_TAI,
    }
}

/// Fails unless the event came when it should, by the clock that is seen here.
fn check_time(event: &Event, due: Duration) -> Outcome {
    let time = Duration::from_nanos(event.time_ns);
    check!(
        time >= due && time <= due + TOLERANCE,
        "{time:?} is not soon after {due:?}"
    );
    Ok(())
}

/// Starts a timer at a time that the clock will show soon, and waits for its event.
fn fires_on_time(map: &Map, kind: Kind, clock: Clock, shift: Duration) -> Outcome {
    let timer = ok!(bound_timer_of(map, kind, &[Step::Event], clock));
    let start = now(libc::CLOCK_MONOTONIC);
    ok!(map.start_at(timer, now(id(clock)) + DELAY));
    let events = expect_events(map, 1)?;
    check_time(&events[0], start + DELAY - shift)
}

fn absolute_times_are_those_of_the_namespace() -> Outcome {
    let host = now(libc::CLOCK_MONOTONIC);
    in_namespace(|| {
        check!(now(libc::CLOCK_MONOTONIC) >= host + Duration::from_secs(MONOTONIC));
        let map = map()?;
        for kind in KINDS {
            for clock in [Clock::Monotonic, Clock::Boottime] {
                fires_on_time(&map, kind, clock, Duration::ZERO)?;
            }
        }
        // Also the other call that takes a time.
        let timer = ok!(bound_timer_of(
            &map,
            Kind::HighresDelayedWq,
            &[Step::Event],
            Clock::Boottime
        ));
        let start = Start {
            expiry: Expiry::At(now(libc::CLOCK_BOOTTIME) + DELAY),
            ..Start::default()
        };
        let due = now(libc::CLOCK_MONOTONIC) + DELAY;
        ok!(map.modify(timer, &start));
        check_time(&expect_events(&map, 1)?[0], due)
    })
}

/// Before the host was booted, as this namespace has it.
fn a_time_before_the_namespace_is_over() -> Outcome {
    in_namespace(|| {
        let map = map()?;
        let steps = [Step::Event];
        let timer = ok!(bound_timer_of(&map, Kind::Timer, &steps, Clock::Monotonic));
        ok!(map.start_at(timer, Duration::from_nanos(1)));
        expect_events(&map, 1)?;
        // The end of all time is the end of time here.
        ok!(map.start_at(timer, Duration::from_nanos(u64::MAX)));
        expect_silence(&map, Duration::from_millis(100))
    })
}

/// Also where its clock is needed to know what a time means.
fn a_freed_timer_is_enoent() -> Outcome {
    in_namespace(|| {
        let map = map()?;
        let steps = [Step::Event];
        let timer = ok!(bound_timer_of(&map, Kind::Timer, &steps, Clock::Boottime));
        ok!(map.free(timer));
        let soon = now(libc::CLOCK_BOOTTIME) + DELAY;
        check_errno!(map.start_at(timer, soon), Errno::ENOENT);
        Ok(())
    })
}

fn other_clocks_are_the_same_everywhere() -> Outcome {
    in_namespace(|| {
        let map = map()?;
        for clock in [Clock::Realtime, Clock::Tai] {
            fires_on_time(&map, Kind::Timer, clock, Duration::ZERO)?;
        }
        Ok(())
    })
}

fn the_caller_gives_times_and_the_setup_shows_them() -> Outcome {
    let map = map()?;
    fires_on_time(&map, Kind::Timer, Clock::Monotonic, Duration::ZERO)?;
    in_namespace(|| {
        let ahead = Duration::from_secs(MONOTONIC);
        fires_on_time(&map, Kind::Timer, Clock::Monotonic, ahead)?;
        fires_on_time(&map, Kind::Timer, Clock::Boottime, ahead)
    })
}
