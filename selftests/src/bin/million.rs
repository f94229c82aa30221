// SPDX-License-Identifier: GPL-2.0
//! A million timers: what they take, and that each of them fires once and is told once. This wants a
//! machine with 4 GiB of memory.

use nix::poll::{poll, PollFd, PollFlags};
use sleeptimer::{Batch, Clock, Event, Expiry, Kind, Map, Ring, Sizes, Step, Timer};
use sleeptimer_selftests::{
    cgroup::Cgroup, check, check_eq, child::in_child, now, ok, tests, Outcome, TOLERANCE,
};
use std::{
    fs,
    os::fd::{AsFd, AsRawFd},
    process::{Command, ExitCode},
    thread::sleep,
    time::{Duration, Instant},
};

const TIMERS: u32 = 1_000_000;
/// The most kernel memory of a timer, all in, in bytes.
const MOST_MEMORY: u64 = 144;
/// The object and its slot: what takes less is not measured rightly.
const LEAST_MEMORY: u64 = 104 + 24;
/// How long all of this may take: the machine may be emulated.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    // What is started to see whether a program can be.
    if std::env::args().nth(1).is_some() {
        return ExitCode::SUCCESS;
    }
    sleeptimer_selftests::run(tests![
        a_timer_takes_little_memory,
        a_timer_takes_little_memory_of_a_cgroup,
        all_fire_at_their_times_and_are_told_once,
        all_fire_at_one_time_and_are_told_once,
        all_are_closed_while_armed,
    ])
}

/// A map for a million timers.
fn map(events: u32) -> Result<Map, String> {
    let map = Map::open_nonblocking(Sizes {
        timers: TIMERS,
        programs: 1,
        events,
    });
    map.map_err(|error| error.to_string())
}

/// Makes all the timers of a map, armed for what `expiry` says of each.
fn fill(map: &Map, expiry: impl Fn(u32) -> Expiry) -> Outcome {
    const CHUNK: u32 = 1000;
    let program = ok!(map.program(&[Step::Event]));
    let mut batch = Batch::with_capacity(2 * CHUNK as usize);
    for first in (0..TIMERS).step_by(CHUNK as usize) {
        batch.clear();
        for number in first..first + CHUNK {
            batch
                .init(Kind::Timer, Clock::Monotonic, number.into(), Some(program))
                .start(Timer::last(Kind::Timer), expiry(number));
        }
        let submitted = ok!(map.submit(&mut batch));
        check_eq!((submitted.done, submitted.failed), (batch.len(), 0));
    }
    Ok(())
}

/// The memory that the kernel has taken for itself, in bytes. What is free is no measure: many pages
/// wait in lists of CPUs.
fn kernel_memory() -> Result<u64, String> {
    // Slabs that are empty do not count.
    let shrink = fs::write("/sys/kernel/slab/sleeptimer/shrink", "1");
    shrink.map_err(|error| format!("the slabs of timers: {error}"))?;
    let text = fs::read_to_string("/proc/meminfo").map_err(|error| error.to_string())?;
    let number = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_suffix("kB")?.trim().parse().ok()
    };
    let names = [
        "Slab:",
        "VmallocUsed:",
        "KernelStack:",
        "PageTables:",
        "Percpu:",
    ];
    let kilobytes: Option<Vec<u64>> = names.into_iter().map(number).collect();
    let kilobytes = kilobytes.ok_or_else(|| format!("/proc/meminfo: {text}"))?;
    Ok(kilobytes.into_iter().sum::<u64>() * 1024)
}

/// How many bytes a timer takes, of so many that all do.
fn each(all: u64) -> f64 {
    all as f64 / f64::from(TIMERS)
}

fn for_ever(_: u32) -> Expiry {
    Expiry::In(Duration::from_secs(1_000_000))
}

fn a_timer_takes_little_memory() -> Outcome {
    // Whatever else is allocated once, is.
    drop(map(1)?);
    sleep(Duration::from_secs(1));
    let before = kernel_memory()?;
    let map = map(1)?;
    fill(&map, for_ever)?;
    let taken = kernel_memory()? - before;
    println!("# {:.1} bytes of memory a timer", each(taken));
    check!(taken <= MOST_MEMORY * u64::from(TIMERS), "{taken}");
    check!(taken >= LEAST_MEMORY * u64::from(TIMERS), "{taken}");
    drop(map);
    let end = Instant::now() + TOLERANCE;
    while kernel_memory()? > before + (1 << 20) {
        check!(Instant::now() < end, "the memory is not free again");
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn a_timer_takes_little_memory_of_a_cgroup() -> Outcome {
    let group = Cgroup::new(None)?;
    check!(group.is_some(), "no memory cgroups in this kernel");
    let Some(group) = group else { return Ok(()) };
    in_child(|| {
        group.join()?;
        let before = (kernel_memory()?, group.number("memory.current", None)?);
        let map = map(1)?;
        fill(&map, for_ever)?;
        let taken = kernel_memory()? - before.0;
        let charged = group.number("memory.current", None)? - before.1;
        println!(
            "# {:.1} bytes of memory a timer; {:.1} are charged",
            each(taken),
            each(charged)
        );
        check!(taken <= MOST_MEMORY * u64::from(TIMERS), "{taken}");
        check!(charged >= LEAST_MEMORY * u64::from(TIMERS), "{charged}");
        Ok(())
    })
}

/// What was told of each timer.
struct Told {
    counts: Vec<u8>,
    events: u32,
    accumulated: u32,
}

impl Told {
    fn new() -> Self {
        Self {
            counts: vec![0; TIMERS as usize],
            events: 0,
            accumulated: 0,
        }
    }

    fn note(&mut self, event: Event) {
        let count = &mut self.counts[event.user_data as usize];
        *count = count.saturating_add(event.count.try_into().unwrap_or(u8::MAX));
        self.events += 1;
        self.accumulated += u32::from(event.accumulated);
    }

    fn total(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }

    fn is_each_once(&self) -> bool {
        self.counts.iter().all(|&count| count == 1)
    }
}

/// Takes what comes until there is as much as there should be, and a little longer.
fn take_all(map: &Map, ring: &mut Ring, told: &mut Told) -> Outcome {
    let end = Instant::now() + PATIENCE;
    while told.total() < TIMERS.into() && Instant::now() < end {
        while ring.drain(|event| told.note(event)) > 0 {}
        // This also moves on what has found the ring full.
        ok!(poll(
            &mut [PollFd::new(map.as_fd(), PollFlags::POLLIN)],
            100u16
        ));
    }
    sleep(Duration::from_millis(100));
    ring.drain(|event| told.note(event));
    println!(
        "# {} events, of which {} accumulated",
        told.events, told.accumulated
    );
    check_eq!(told.total(), u64::from(TIMERS));
    check!(told.is_each_once());
    Ok(())
}

fn all_fire_at_their_times_and_are_told_once() -> Outcome {
    let map = map(1 << 16)?;
    let mut ring = ok!(map.ring());
    let mut told = Told::new();
    let start = now(libc::CLOCK_MONOTONIC) + PATIENCE / 6;
    fill(&map, |number| {
        // In an order that is not theirs.
        let place = number.wrapping_mul(999_983) % TIMERS;
        Expiry::At(start + Duration::from_micros(place.into()))
    })?;
    take_all(&map, &mut ring, &mut told)
}

/// How long it takes to run a program.
fn delay() -> Result<Duration, String> {
    let start = Instant::now();
    let status = ok!(Command::new("/proc/self/exe").arg("nothing").status());
    check!(status.success());
    Ok(start.elapsed())
}

/// How many expirations of a map there were.
fn expirations(map: &Map) -> Result<u64, String> {
    let path = format!("/proc/self/fdinfo/{}", map.as_fd().as_raw_fd());
    let text = ok!(fs::read_to_string(path));
    let mut lines = text.lines();
    let number = lines.find_map(|line| line.strip_prefix("sleeptimer-expirations:"));
    Ok(ok!(number.ok_or("the map tells none")?.trim().parse()))
}

fn all_fire_at_one_time_and_are_told_once() -> Outcome {
    let map = map(1 << 16)?;
    let mut ring = ok!(map.ring());
    let mut told = Told::new();
    let start = now(libc::CLOCK_MONOTONIC) + PATIENCE / 4;
    fill(&map, |_| Expiry::At(start))?;
    let mut worst = Duration::ZERO;
    check!(
        now(libc::CLOCK_MONOTONIC) < start,
        "the machine is too slow"
    );
    // Nothing is taken from the ring before all have expired.
    while expirations(&map)? < u64::from(TIMERS) {
        worst = worst.max(delay()?);
        check!(now(libc::CLOCK_MONOTONIC) < start + PATIENCE);
    }
    println!("# the longest that it took to run a program was {worst:?}");
    check!(worst < 2 * TOLERANCE, "{worst:?}");
    take_all(&map, &mut ring, &mut told)?;
    // It was for the room in the ring that most of them had to wait.
    check!(told.accumulated > TIMERS / 2, "{}", told.accumulated);
    Ok(())
}

fn all_are_closed_while_armed() -> Outcome {
    let map = map(1)?;
    fill(&map, for_ever)?;
    let start = Instant::now();
    drop(map);
    let took = start.elapsed();
    println!("# the close took {took:?}");
    check!(took < 2 * TOLERANCE, "{took:?}");
    Ok(())
}
