// SPDX-License-Identifier: GPL-2.0
//! A timer from init to free: it fires where and when it should, once for each start.

use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags, PollTimeout},
};
use sleeptimer::{Clock, Context, Cpu, Expiry, Kind, Map, Sizes, Start, Step};
use sleeptimer_selftests::{
    bound_timer, bound_timer_of, check, check_eq, check_errno, events_within, expect_events,
    expect_silence, map, now, ok, settle, tests, Outcome, KINDS, TOLERANCE, TOLERANCE_MS,
};
use sleeptimer_sys as sys;
use std::{
    os::fd::AsFd,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(1000);
/// Long enough for what should not happen to happen.
const WHILE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        info_tells_the_object_size,
        softirq_timer_fires_in_softirq_after_its_delay,
        sleepable_timer_fires_in_a_worker_and_sleeps,
        absolute_times_follow_each_clock,
        a_time_in_the_past_fires_at_once,
        what_is_beyond_all_times_does_not_fire,
        a_start_while_armed_moves_the_expiry,
        the_callback_stays_bound_after_expiry,
        cancel_tells_whether_it_was_armed_and_drops_the_callback,
        cancel_wakes_a_sleeping_callback_and_waits_for_it,
        free_disarms,
        a_freed_handle_is_stale_also_when_its_slot_is_used_again,
        a_full_map_takes_a_timer_again_as_soon_as_one_is_freed,
        a_callback_can_be_replaced,
        a_full_ring_counts_and_loses_nothing,
        the_count_of_a_freed_timer_goes_with_it,
        poll_tells_of_events,
        a_read_waits_for_an_event,
    ])
}

fn info_tells_the_object_size() -> Outcome {
    let info = ok!(map()?.info());
    check_eq!(info.event_size, 48);
    // Lockdep enlarges the kernel's own structures.
    if !Path::new("/proc/lockdep_stats").exists() {
        check_eq!(info.timer_size, 104);
    }
    check!(info.resolution_ns > 0);
    let features = sys::SLEEPTIMER_FEATURE_SUBMIT
        | sys::SLEEPTIMER_FEATURE_QUERY
        | sys::SLEEPTIMER_FEATURE_MMAP
        | sys::SLEEPTIMER_FEATURE_EVENTFD
        | sys::SLEEPTIMER_FEATURE_FILES;
    check_eq!(info.features, u64::from(features));
    check_eq!(info.max_write, sys::SLEEPTIMER_MAX_WRITE);
    check_eq!(info.reserved, [0; 4]);
    Ok(())
}

fn softirq_timer_fires_in_softirq_after_its_delay() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 4711));
    ok!(map.set_callback(timer, program));
    let asked = now(libc::CLOCK_MONOTONIC) + SHORT;
    ok!(map.start(timer, SHORT));
    let events = expect_events(&map, 1)?;
    check_eq!(events[0].handle, timer.handle);
    check_eq!(events[0].user_data, 4711);
    check_eq!(events[0].count, 1);
    check_eq!(events[0].context, Context::Softirq);
    check!(
        u128::from(events[0].time_ns) >= asked.as_nanos(),
        "early: {events:?}, {asked:?}"
    );
    expect_silence(&map, WHILE)
}

fn sleepable_timer_fires_in_a_worker_and_sleeps() -> Outcome {
    let map = map()?;
    let steps = [Step::Event, Step::Sleep(SHORT), Step::Event];
    let timer = bound_timer(&map, Kind::SleepableTimer, &steps)?;
    ok!(map.start(timer, Duration::ZERO));
    let events = expect_events(&map, 2)?;
    check!(matches!(events[0].context, Context::Process(worker) if worker != 0));
    check_eq!(events[1].context, events[0].context);
    let slept = Duration::from_nanos(events[1].time_ns - events[0].time_ns);
    check!(slept >= SHORT, "slept only {slept:?}");
    Ok(())
}

fn absolute_times_follow_each_clock() -> Outcome {
    let clocks = [
        (Clock::Monotonic, libc::CLOCK_MONOTONIC),
        (Clock::Realtime, libc::CLOCK_REALTIME),
        (Clock::Boottime, libc::CLOCK_BOOTTIME),
        (Clock::Tai, libc::CLOCK_TAI),
    ];
    for (clock, id) in clocks {
        let map = map()?;
        let timer = ok!(bound_timer_of(&map, Kind::Timer, &[Step::Event], clock));
        let asked = now(id) + SHORT;
        ok!(map.start_at(timer, asked));
        expect_events(&map, 1)?;
        check!(now(id) >= asked, "{clock:?} fired early");
    }
    Ok(())
}

fn a_time_in_the_past_fires_at_once() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    ok!(map.start_at(timer, Duration::from_nanos(1)));
    expect_events(&map, 1)?;
    Ok(())
}

fn what_is_beyond_all_times_does_not_fire() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let other = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    for ns in [1 << 62, 1 << 63, u64::MAX] {
        let long = Duration::from_nanos(ns);
        for expiry in [Expiry::In(long), Expiry::At(long)] {
            // Where one expires, the kernel looks whether others may, too.
            for (timer, expiry) in [(timer, expiry), (other, Expiry::In(SHORT))] {
                let start = Start {
                    expiry,
                    cpu: Cpu::Number(0),
                    ..Start::default()
                };
                ok!(map.start_with(timer, &start));
            }
            check_eq!(expect_events(&map, 1)?[0].handle, other.handle);
            expect_silence(&map, WHILE)?;
        }
    }
    check_eq!(ok!(map.cancel(timer)), true);
    Ok(())
}

fn a_start_while_armed_moves_the_expiry() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    ok!(map.start(timer, LONG));
    ok!(map.start(timer, SHORT));
    expect_events(&map, 1)?;
    expect_silence(&map, WHILE)
}

fn the_callback_stays_bound_after_expiry() -> Outcome {
    let map = map()?;
    for kind in KINDS {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        for _ in 0..3 {
            ok!(map.start(timer, Duration::ZERO));
            expect_events(&map, 1)?;
        }
    }
    Ok(())
}

fn cancel_tells_whether_it_was_armed_and_drops_the_callback() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    check_eq!(ok!(map.cancel(timer)), false);
    ok!(map.set_callback(timer, program));
    check_eq!(ok!(map.cancel(timer)), false);
    check_errno!(map.start(timer, LONG), Errno::EINVAL);
    ok!(map.set_callback(timer, program));
    ok!(map.start(timer, LONG));
    check_eq!(ok!(map.cancel(timer)), true);
    check_eq!(ok!(map.cancel(timer)), false);
    check_errno!(map.start(timer, SHORT), Errno::EINVAL);
    expect_silence(&map, WHILE)
}

fn cancel_wakes_a_sleeping_callback_and_waits_for_it() -> Outcome {
    let map = map()?;
    let steps = [Step::Event, Step::Sleep(LONG), Step::Event];
    let timer = bound_timer(&map, Kind::SleepableTimer, &steps)?;
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    let before = Instant::now();
    check_eq!(ok!(map.cancel(timer)), false);
    check!(
        before.elapsed() < TOLERANCE,
        "cancel took {:?}",
        before.elapsed()
    );
    // The callback has returned, so what it did behind the sleep is there without waiting.
    check_eq!(events_within(&map, 2, Duration::from_millis(1))?.len(), 1);
    Ok(())
}

fn free_disarms() -> Outcome {
    let map = map()?;
    for kind in [Kind::Timer, Kind::SleepableTimer] {
        let steps: &[Step] = match kind {
            Kind::Timer => &[Step::Event],
            _ => &[Step::Sleep(LONG)],
        };
        let timer = bound_timer(&map, kind, steps)?;
        let delay = if kind == Kind::Timer {
            SHORT
        } else {
            Duration::ZERO
        };
        ok!(map.start(timer, delay));
        ok!(map.free(timer));
        expect_silence(&map, WHILE)?;
    }
    Ok(())
}

fn a_freed_handle_is_stale_also_when_its_slot_is_used_again() -> Outcome {
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 1,
        ..Sizes::default()
    }));
    let program = ok!(map.program(&[Step::Event]));
    let old = ok!(map.timer(Kind::Timer, Clock::Monotonic, 1));
    ok!(map.free(old));
    let new = ok!(map.timer(Kind::Timer, Clock::Monotonic, 2));
    check!(old != new);
    check_errno!(map.set_callback(old, program), Errno::ENOENT);
    check_errno!(map.start(old, SHORT), Errno::ENOENT);
    check_errno!(map.cancel(old), Errno::ENOENT);
    check_errno!(map.free(old), Errno::ENOENT);
    ok!(map.set_callback(new, program));
    ok!(map.start(new, Duration::ZERO));
    check_eq!(expect_events(&map, 1)?[0].user_data, 2);
    Ok(())
}

fn a_full_map_takes_a_timer_again_as_soon_as_one_is_freed() -> Outcome {
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 2,
        ..Sizes::default()
    }));
    let steps = [Step::Sleep(LONG)];
    let kept = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    for _ in 0..20 {
        let timer = bound_timer(&map, Kind::SleepableTimer, &steps)?;
        check_errno!(map.timer(Kind::Timer, Clock::Monotonic, 0), Errno::ENOSPC);
        ok!(map.start(timer, Duration::ZERO));
        ok!(map.free(timer));
    }
    ok!(map.free(kept));
    Ok(())
}

fn a_callback_can_be_replaced() -> Outcome {
    let map = map()?;
    let once = ok!(map.program(&[Step::Event]));
    let twice = ok!(map.program(&[Step::Event, Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    ok!(map.set_callback(timer, once));
    ok!(map.set_callback(timer, twice));
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 2)?;
    Ok(())
}

fn a_full_ring_counts_and_loses_nothing() -> Outcome {
    const TIMERS: u64 = 3;
    const EVENTS: usize = 10;
    let sizes = Sizes {
        events: 4,
        ..Sizes::default()
    };
    let map = ok!(Map::open_nonblocking(sizes));
    let program = ok!(map.program(&[Step::Event; EVENTS]));
    for user_data in 0..TIMERS {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, user_data));
        ok!(map.set_callback(timer, program));
        ok!(map.start(timer, Duration::ZERO));
        settle(&map, timer)?;
    }
    let events = events_within(&map, EVENTS * 3, WHILE)?;
    // The ring, and one record for the rest of each timer.
    check_eq!(events.len(), 4 + 3);
    for user_data in 0..TIMERS {
        let of_timer = events.iter().filter(|event| event.user_data == user_data);
        check_eq!(
            of_timer.map(|event| event.count).sum::<u64>(),
            EVENTS as u64
        );
    }
    Ok(())
}

fn the_count_of_a_freed_timer_goes_with_it() -> Outcome {
    let sizes = Sizes {
        timers: 1,
        events: 1,
        ..Sizes::default()
    };
    let map = ok!(Map::open_nonblocking(sizes));
    let old = bound_timer(&map, Kind::Timer, &[Step::Event; 4])?;
    ok!(map.start(old, Duration::ZERO));
    settle(&map, old)?;
    // One event is in the ring, and three are counted behind it.
    ok!(map.free(old));
    let new = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    ok!(map.start(new, Duration::ZERO));
    settle(&map, new)?;
    let events = expect_events(&map, 2)?;
    let seen = events.iter().map(|event| (event.handle, event.count));
    check!(seen.eq([(old.handle, 1), (new.handle, 1)]), "{events:?}");
    expect_silence(&map, SHORT)
}

fn poll_tells_of_events() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let mut files = [PollFd::new(map.as_fd(), PollFlags::POLLIN)];
    check_eq!(
        ok!(poll(&mut files, PollTimeout::ZERO).map_err(|e| e.desc())),
        0
    );
    ok!(map.start(timer, SHORT));
    check_eq!(ok!(poll(&mut files, TOLERANCE_MS).map_err(|e| e.desc())), 1);
    check_eq!(files[0].revents(), Some(PollFlags::POLLIN));
    expect_events(&map, 1)?;
    check_eq!(
        ok!(poll(&mut files, PollTimeout::ZERO).map_err(|e| e.desc())),
        0
    );
    check_errno!(map.read(1), Errno::EAGAIN);
    Ok(())
}

fn a_read_waits_for_an_event() -> Outcome {
    let map = ok!(Map::open(Sizes::default()));
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let asked = now(libc::CLOCK_MONOTONIC) + SHORT;
    ok!(map.start(timer, SHORT));
    check_eq!(ok!(map.read(16)).len(), 1);
    check!(now(libc::CLOCK_MONOTONIC) >= asked);
    Ok(())
}
