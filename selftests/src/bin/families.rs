// SPDX-License-Identifier: GPL-2.0
//! What each family adds: where and when callbacks run, what a second start does, and what each
//! cancel keeps.

use nix::errno::Errno;
use sleeptimer::{Clock, Context, Cpu, Expiry, Kind, Map, Sizes, Start, Step};
use sleeptimer_selftests::{
    blocked::wait_asleep,
    bound_timer, bound_timer_of,
    busy::{stuck, Busy},
    check, check_eq, check_errno, events_within, expect_events, expect_silence, map, now, ok,
    tests, Outcome, KINDS, TOLERANCE,
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(1000);
/// Long enough for what should not happen to happen.
const WHILE: Duration = Duration::from_millis(100);
const DELAYED: [Kind; 2] = [Kind::DelayedWq, Kind::HighresDelayedWq];

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        all_but_timers_run_in_workers,
        delays_are_kept_by_all_that_take_one,
        a_delayed_wq_on_a_clock_follows_it,
        starts_of_a_wq_coalesce,
        a_start_while_running_is_one_more_run,
        a_start_of_an_armed_delayed_wq_changes_nothing,
        modify_moves_the_expiry,
        cancel_keeps_the_callback_of_a_wq,
        cancel_no_drop_keeps_the_callback_of_a_timer,
        cancel_async_does_not_wait,
        cancel_async_tells_of_a_queued_run,
        cancels_wake_sleeping_callbacks,
        a_cancel_lets_no_queued_run_begin,
        free_ends_every_kind_in_every_state,
        free_wakes_sleeping_callbacks,
        timers_fire_on_the_cpu_that_is_asked_for,
        slack_delays_by_no_more,
    ])
}

fn after(delay: Duration) -> Start {
    Start {
        expiry: Expiry::In(delay),
        ..Start::default()
    }
}

fn all_but_timers_run_in_workers() -> Outcome {
    for kind in KINDS {
        let map = map()?;
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        ok!(map.start(timer, Duration::ZERO));
        let event = expect_events(&map, 1)?[0];
        let in_softirq = event.context == Context::Softirq;
        check_eq!(in_softirq, kind == Kind::Timer);
        check_eq!((event.handle, event.count), (timer.handle, 1));
        expect_silence(&map, SHORT)?;
    }
    Ok(())
}

fn delays_are_kept_by_all_that_take_one() -> Outcome {
    for kind in [Kind::Timer, Kind::DelayedWq, Kind::HighresDelayedWq] {
        let map = map()?;
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        for delay in [1, 7, 33].map(Duration::from_millis) {
            let asked = now(libc::CLOCK_MONOTONIC) + delay;
            ok!(map.start(timer, delay));
            let event = expect_events(&map, 1)?[0];
            let fired = Duration::from_nanos(event.time_ns);
            check!(
                fired >= asked,
                "{kind:?} of {delay:?} was {:?} early",
                asked - fired
            );
        }
    }
    Ok(())
}

fn a_delayed_wq_on_a_clock_follows_it() -> Outcome {
    let map = map()?;
    let (kind, clock) = (Kind::HighresDelayedWq, Clock::Realtime);
    let timer = ok!(bound_timer_of(&map, kind, &[Step::Event], clock));
    let asked = now(libc::CLOCK_REALTIME) + SHORT;
    ok!(map.start_at(timer, asked));
    expect_events(&map, 1)?;
    check!(now(libc::CLOCK_REALTIME) >= asked);
    Ok(())
}

/// A map with a timer of this kind, whose callback tells and then sleeps.
fn asleep(kind: Kind, sleep: Duration) -> Result<(Map, sleeptimer::Timer), String> {
    let map = map()?;
    let steps = [Step::Event, Step::Sleep(sleep)];
    let timer = bound_timer(&map, kind, &steps)?;
    ok!(map.start(timer, Duration::ZERO));
    // Between the two steps it would find that it need not sleep, and end.
    if let Context::Process(worker) = expect_events(&map, 1)?[0].context {
        wait_asleep(worker)?;
    }
    Ok((map, timer))
}

fn starts_of_a_wq_coalesce() -> Outcome {
    for kind in [Kind::Wq, Kind::SleepableTimer] {
        let busy = Busy::new()?;
        let map = map()?;
        let timer = stuck(&map, kind, &busy)?;
        // While it runs, these are one more run in all.
        for _ in 0..3 {
            ok!(map.start(timer, Duration::ZERO));
        }
        busy.let_go()?;
        expect_events(&map, 1)?;
        expect_silence(&map, WHILE)?;
    }
    Ok(())
}

fn a_start_while_running_is_one_more_run() -> Outcome {
    for kind in DELAYED {
        let (map, timer) = asleep(kind, SHORT)?;
        ok!(map.start(timer, Duration::from_millis(1)));
        expect_events(&map, 1)?;
        expect_silence(&map, WHILE)?;
    }
    Ok(())
}

fn a_start_of_an_armed_delayed_wq_changes_nothing() -> Outcome {
    for kind in DELAYED {
        let map = map()?;
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        ok!(map.start(timer, LONG));
        ok!(map.start(timer, Duration::ZERO));
        expect_silence(&map, WHILE)?;
        check_eq!(ok!(map.cancel(timer)), true);
    }
    let map = map()?;
    let timer = bound_timer(&map, Kind::HighresDelayedWq, &[Step::Event])?;
    let there = Start {
        cpu: Cpu::Number(0),
        ..after(LONG)
    };
    ok!(map.start_with(timer, &there));
    ok!(map.start_with(
        timer,
        &Start {
            expiry: Expiry::In(SHORT),
            ..there
        }
    ));
    check!(ok!(map.query(timer)).remaining > LONG / 2);
    Ok(())
}

fn modify_moves_the_expiry() -> Outcome {
    for kind in DELAYED {
        let map = map()?;
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        check_eq!(ok!(map.modify(timer, &after(LONG))), false);
        check_eq!(ok!(map.modify(timer, &after(SHORT))), true);
        expect_events(&map, 1)?;
        check_eq!(ok!(map.modify(timer, &after(LONG))), false);
        expect_silence(&map, WHILE)?;
        check_eq!(ok!(map.cancel(timer)), true);
    }
    Ok(())
}

fn cancel_keeps_the_callback_of_a_wq() -> Outcome {
    for kind in [Kind::Wq, Kind::DelayedWq, Kind::HighresDelayedWq] {
        let map = map()?;
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        check_eq!(ok!(map.cancel(timer)), false);
        if kind != Kind::Wq {
            ok!(map.start(timer, LONG));
            check_eq!(ok!(map.cancel(timer)), true);
        }
        ok!(map.start(timer, Duration::ZERO));
        expect_events(&map, 1)?;
    }
    Ok(())
}

fn cancel_no_drop_keeps_the_callback_of_a_timer() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    ok!(map.start(timer, LONG));
    check_eq!(ok!(map.cancel_no_drop(timer)), true);
    check_eq!(ok!(map.cancel_no_drop(timer)), false);
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}

fn cancel_async_does_not_wait() -> Outcome {
    let (map, timer) = asleep(Kind::SleepableTimer, LONG)?;
    check_errno!(map.cancel_async(timer), Errno::EPERM);
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    check_eq!(ok!(map.cancel_async(timer)), false);
    ok!(map.start(timer, LONG));
    check_eq!(ok!(map.cancel_async(timer)), true);
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}

/// What it has disarmed is told, whatever else the timer does.
fn cancel_async_tells_of_a_queued_run() -> Outcome {
    let (map, timer) = asleep(Kind::SleepableTimer, LONG)?;
    ok!(map.start(timer, Duration::ZERO));
    check_eq!(ok!(map.cancel_async(timer)), true);
    check_errno!(map.cancel_async(timer), Errno::EPERM);
    check_eq!(ok!(map.cancel_no_drop(timer)), false);
    Ok(())
}

fn cancels_wake_sleeping_callbacks() -> Outcome {
    for kind in KINDS.into_iter().filter(|&kind| kind != Kind::Timer) {
        let (map, timer) = asleep(kind, LONG)?;
        let before = Instant::now();
        check_eq!(ok!(map.cancel(timer)), false);
        check!(
            before.elapsed() < TOLERANCE,
            "{kind:?} took {:?}",
            before.elapsed()
        );
    }
    Ok(())
}

/// The callback that wakes up gives its worker to the run that is queued behind it.
fn a_cancel_lets_no_queued_run_begin() -> Outcome {
    for kind in KINDS.into_iter().filter(|&kind| kind != Kind::Timer) {
        for _ in 0..20 {
            let (map, timer) = asleep(kind, LONG)?;
            ok!(map.start(timer, Duration::ZERO));
            while !ok!(map.query(timer)).state.armed {
                std::thread::yield_now();
            }
            check_eq!(ok!(map.cancel(timer)), true);
            check_errno!(map.read(1), Errno::EAGAIN);
        }
    }
    Ok(())
}

fn free_ends_every_kind_in_every_state() -> Outcome {
    for kind in KINDS {
        let map = map()?;
        let idle = bound_timer(&map, kind, &[Step::Event])?;
        ok!(map.free(idle));
        let armed = bound_timer(&map, kind, &[Step::Event])?;
        if matches!(kind, Kind::Timer | Kind::DelayedWq | Kind::HighresDelayedWq) {
            ok!(map.start(armed, SHORT));
        }
        ok!(map.free(armed));
        check_errno!(map.start(armed, Duration::ZERO), Errno::ENOENT);
        expect_silence(&map, WHILE)?;
        if kind != Kind::Timer {
            let steps = [Step::Event, Step::Sleep(LONG)];
            let running = bound_timer(&map, kind, &steps)?;
            ok!(map.start(running, Duration::ZERO));
            expect_events(&map, 1)?;
            ok!(map.start(running, Duration::ZERO));
            ok!(map.free(running));
            expect_silence(&map, WHILE)?;
        }
    }
    Ok(())
}

/// Its place is free when the callback has ended, for which an init waits.
fn free_wakes_sleeping_callbacks() -> Outcome {
    for kind in KINDS.into_iter().filter(|&kind| kind != Kind::Timer) {
        let map = ok!(Map::open_nonblocking(Sizes {
            timers: 1,
            ..Sizes::default()
        }));
        let steps = [Step::Event, Step::Sleep(3 * TOLERANCE)];
        let timer = bound_timer(&map, kind, &steps)?;
        ok!(map.start(timer, Duration::ZERO));
        expect_events(&map, 1)?;
        let before = Instant::now();
        ok!(map.free(timer));
        ok!(map.timer(kind, Clock::Monotonic, 0));
        let time = before.elapsed();
        check!(time < TOLERANCE, "{kind:?} took {time:?}");
    }
    Ok(())
}

fn timers_fire_on_the_cpu_that_is_asked_for() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    // SAFETY: This only asks.
    let cpus = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    for cpu in (0..cpus as u32).cycle().take(6) {
        let start = Start {
            cpu: Cpu::Number(cpu),
            ..after(Duration::from_millis(2))
        };
        ok!(map.start_with(timer, &start));
        check_eq!(expect_events(&map, 1)?[0].cpu, cpu);
    }
    let current = Start {
        cpu: Cpu::Current,
        ..after(Duration::from_millis(2))
    };
    ok!(map.start_with(timer, &current));
    expect_events(&map, 1)?;
    for cpu in [cpus as u32, 4096, i32::MAX as u32, u32::MAX] {
        let start = Start {
            cpu: Cpu::Number(cpu),
            ..after(SHORT)
        };
        check_errno!(map.start_with(timer, &start), Errno::ENXIO);
    }
    expect_silence(&map, WHILE)
}

fn slack_delays_by_no_more() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let start = Start {
        slack: Duration::from_millis(30),
        ..after(SHORT)
    };
    let asked = now(libc::CLOCK_MONOTONIC) + SHORT;
    ok!(map.start_with(timer, &start));
    let event = events_within(&map, 1, TOLERANCE)?;
    check_eq!(event.len(), 1);
    check!(Duration::from_nanos(event[0].time_ns) >= asked);
    Ok(())
}
