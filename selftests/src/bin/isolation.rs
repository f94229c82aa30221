// SPDX-License-Identifier: GPL-2.0
//! A map does not wait for another one, whatever its callbacks do.

use sleeptimer::{Clock, Kind, Map, Sizes, Step, Timer};
use sleeptimer_selftests::{
    bound_timer, check, check_eq, expect_events, map, ok, tests, Outcome, TOLERANCE,
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// The callbacks of a map that run at a time: the default of the parameter `max_workers`.
const WORKERS: usize = 32;
const SLEEPERS: u32 = 400;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        sleeping_callbacks_do_not_delay_another_map,
        sleeping_callbacks_do_not_delay_the_end_of_another_map,
        a_full_ring_does_not_delay_another_map,
    ])
}

/// A map of which as many callbacks sleep as may run, and others wait for them; with one that sleeps.
fn asleep() -> Result<(Map, Timer), String> {
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: SLEEPERS,
        ..Sizes::default()
    }));
    let program = ok!(map.program(&[Step::Event, Step::Sleep(Duration::from_secs(1000))]));
    for number in 0..SLEEPERS {
        let timer = ok!(map.timer(Kind::Wq, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        ok!(map.start(timer, Duration::ZERO));
    }
    let handle = expect_events(&map, WORKERS)?[0].handle;
    let kind = Kind::Wq;
    Ok((map, Timer { handle, kind }))
}

/// Has a timer of each kind that runs in a worker fire, and returns how long that took.
fn fire_all(map: &Map) -> Result<Duration, String> {
    let kinds = [
        Kind::SleepableTimer,
        Kind::Wq,
        Kind::DelayedWq,
        Kind::HighresDelayedWq,
    ];
    let mut timers: Vec<Timer> = Vec::new();
    for kind in kinds {
        timers.push(bound_timer(map, kind, &[Step::Event])?);
    }
    let start = Instant::now();
    for timer in &timers {
        ok!(map.start(*timer, Duration::ZERO));
    }
    expect_events(map, timers.len())?;
    Ok(start.elapsed())
}

fn sleeping_callbacks_do_not_delay_another_map() -> Outcome {
    let (_asleep, _) = asleep()?;
    let other = map()?;
    for _ in 0..5 {
        let took = fire_all(&other)?;
        check!(took < TOLERANCE, "{took:?}");
    }
    Ok(())
}

fn sleeping_callbacks_do_not_delay_the_end_of_another_map() -> Outcome {
    let (asleep, sleeper) = asleep()?;
    let other = map()?;
    let timer = bound_timer(
        &other,
        Kind::Wq,
        &[Step::Event, Step::Sleep(Duration::from_secs(1000))],
    )?;
    ok!(other.start(timer, Duration::ZERO));
    expect_events(&other, 1)?;
    let start = Instant::now();
    ok!(other.free(timer));
    drop(other);
    check!(start.elapsed() < TOLERANCE, "{:?}", start.elapsed());
    // And the first one is still what it was.
    check!(ok!(asleep.query(sleeper)).state.running);
    Ok(())
}

fn a_full_ring_does_not_delay_another_map() -> Outcome {
    let full = ok!(Map::open_nonblocking(Sizes {
        events: 1,
        ..Sizes::default()
    }));
    let timer = bound_timer(&full, Kind::Timer, &[Step::Event])?;
    let end = Instant::now() + TOLERANCE;
    for backlog in 0..10 {
        ok!(full.start(timer, Duration::ZERO));
        while ok!(full.query(timer)).state.armed || ok!(full.query(timer)).backlog < backlog {
            check!(Instant::now() < end, "{:?}", full.query(timer));
        }
    }
    let took = fire_all(&map()?)?;
    check!(took < TOLERANCE, "{took:?}");
    let told: u64 = expect_events(&full, 2)?
        .iter()
        .map(|event| event.count)
        .sum();
    check_eq!(told, 10);
    Ok(())
}
