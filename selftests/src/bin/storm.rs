// SPDX-License-Identifier: GPL-2.0
//! More periodic timers than a CPU could serve: they are served less often, nothing is lost of their
//! counts, and the rest of the machine goes on.

use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags},
    eventfd::EventFd,
};
use sleeptimer::{Clock, Expiry, Kind, Map, Sizes, Start, Step, Timer};
use sleeptimer_selftests::{check, now, ok, race::setting, tests, Outcome, TOLERANCE};
use std::{
    os::fd::AsFd,
    process::{Command, ExitCode},
    thread::{available_parallelism, sleep},
    time::{Duration, Instant},
};

const PERIOD: Duration = Duration::from_micros(10);
const TIME: Duration = Duration::from_secs(3);
/// Between the look at the clock that counts and the one that is told.
const BETWEEN: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // What is started to see whether a program can be.
    if std::env::args().nth(1).is_some() {
        return ExitCode::SUCCESS;
    }
    sleeptimer_selftests::run(tests![
        a_storm_leaves_the_machine_responsive_and_counts_all,
        callbacks_that_outlast_their_period_leave_time_for_others,
        timers_that_fire_once_are_not_held_back,
    ])
}

fn periodic(first: Duration) -> Start {
    Start {
        expiry: Expiry::At(first),
        period: PERIOD,
        ..Start::default()
    }
}

/// How many timers make the storm.
fn many() -> u32 {
    setting("STORM_TIMERS", 10_000) as u32
}

/// How many whole periods a time has.
fn periods(time: Duration) -> u64 {
    (time.as_nanos() / PERIOD.as_nanos()) as u64
}

/// What a timer has told.
#[derive(Clone, Copy, Default)]
struct Told {
    events: u64,
    count: u64,
    last: Duration,
    /// The last one that has a time of its own.
    fired: Duration,
}

/// Reads what there is, by so many calls at most: on a slow machine events come as fast as they are read.
fn drain(map: &Map, told: &mut [Told], calls: usize) {
    for events in (0..calls).map_while(|_| map.read(1024).ok()) {
        for event in events {
            let told = &mut told[event.user_data as usize];
            told.events += 1;
            told.count += event.count;
            let time = Duration::from_nanos(event.time_ns);
            told.last = told.last.max(time);
            if !event.accumulated {
                told.fired = told.fired.max(time);
            }
        }
    }
}

/// How long it takes beyond ten milliseconds to sleep for these and to run a program.
fn delay() -> Result<Duration, String> {
    const NAP: Duration = Duration::from_millis(10);
    let start = Instant::now();
    sleep(NAP);
    let status = ok!(Command::new("/proc/self/exe").arg("nothing").status());
    check!(status.success());
    Ok(start.elapsed() - NAP)
}

fn a_storm_leaves_the_machine_responsive_and_counts_all() -> Outcome {
    let many = many();
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: many,
        programs: 1,
        events: 1 << 17,
    }));
    let program = ok!(map.program(&[Step::Event]));
    let mut timers: Vec<Timer> = Vec::new();
    for number in 0..many {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        timers.push(timer);
    }
    let first = now(libc::CLOCK_MONOTONIC) + Duration::from_millis(500);
    for timer in &timers {
        ok!(map.start_with(*timer, &periodic(first)));
    }
    let mut told = vec![Told::default(); many as usize];
    let mut worst = Duration::ZERO;
    // A slow machine may not have armed the last of them before the first expires.
    let end = now(libc::CLOCK_MONOTONIC).max(first) + TIME;
    while now(libc::CLOCK_MONOTONIC) < end {
        worst = worst.max(delay()?);
        drain(&map, &mut told, 100);
    }
    let events: u64 = told.iter().map(|told| told.events).sum();
    println!("# {events} events; the longest delay of a program was {worst:?}");
    let before = now(libc::CLOCK_MONOTONIC);
    for timer in &timers {
        ok!(map.cancel(*timer));
    }
    let after = now(libc::CLOCK_MONOTONIC);
    drain(&map, &mut told, usize::MAX);
    check!(worst < TOLERANCE, "{worst:?}");
    // On each CPU one an interval, and those that came before the schedule was full.
    let cpus = ok!(available_parallelism()).get() as u64;
    let most = cpus * periods(after - first) + 2 * u64::from(many);
    check!(events <= most, "{events} events, of at most {most}");
    // Each has its turn as often as the others, nearly.
    check!(events >= u64::from(many), "{events} events");
    let turn = (after - first) * many / events.try_into().unwrap_or(u32::MAX);
    for (number, told) in told.iter().enumerate() {
        let counted = told.count;
        let most = periods(after - first) + 1;
        check!(counted <= most, "{number}: {counted} of at most {most}");
        check!(
            told.last + 3 * turn + BETWEEN > before,
            "{number}: nothing since {:?}, with one every {turn:?}",
            before - told.last
        );
        // All up to its last event is counted; an accumulated one came before it was told.
        let least = periods(told.fired.saturating_sub(first + BETWEEN));
        check!(counted >= least, "{number}: {counted} of at least {least}");
    }
    Ok(())
}

/// How long each CPU has been idle and has been up, in ticks.
fn idle() -> Result<Vec<(u64, u64)>, String> {
    let text = ok!(std::fs::read_to_string("/proc/stat"));
    let cpu = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let name = fields.next()?;
        let ticks: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
        (name.starts_with("cpu") && name != "cpu")
            .then(|| (ticks[3] + ticks[4], ticks.iter().sum()))
    };
    Ok(text.lines().filter_map(cpu).collect())
}

/// Each of them wakes hundreds.
fn callbacks_that_outlast_their_period_leave_time_for_others() -> Outcome {
    const TIMERS: u32 = 200;
    let counter = ok!(EventFd::new());
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let epoll = ok!(Epoll::new(EpollCreateFlags::empty()));
        ok!(epoll.add(&counter, EpollEvent::new(EpollFlags::EPOLLIN, 0)));
        waiting.push(epoll);
    }
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: TIMERS,
        programs: 1,
        events: 1,
    }));
    let program = ok!(map.program(&[Step::EventFd(counter.as_fd()); 16]));
    for number in 0..TIMERS {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        ok!(map.start_with(timer, &periodic(now(libc::CLOCK_MONOTONIC))));
    }
    sleep(Duration::from_millis(500));
    let before = idle()?;
    sleep(Duration::from_secs(1));
    let after = idle()?;
    for ((idle, up), (idle_before, up_before)) in after.into_iter().zip(before) {
        let (idle, up) = (idle - idle_before, up - up_before);
        println!("# of {up} ticks, a CPU had {idle} to spare");
        check!(8 * idle > up);
    }
    let told = ok!(counter.read());
    check!(told > 16 * u64::from(TIMERS), "{told}");
    Ok(())
}

/// All at once, and more of them than the schedule of periodic timers has room for in this time.
fn timers_that_fire_once_are_not_held_back() -> Outcome {
    let many = many();
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: many,
        programs: 1,
        events: many,
    }));
    let program = ok!(map.program(&[Step::Event]));
    let time = now(libc::CLOCK_MONOTONIC) + Duration::from_millis(500);
    for number in 0..many {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        ok!(map.start_at(timer, time));
    }
    let mut told = vec![Told::default(); many as usize];
    let end = Instant::now() + TOLERANCE;
    while told.iter().any(|told| told.count == 0) && Instant::now() < end {
        sleep(Duration::from_millis(10));
        drain(&map, &mut told, usize::MAX);
    }
    check!(told.iter().all(|told| told.count == 1));
    Ok(())
}
