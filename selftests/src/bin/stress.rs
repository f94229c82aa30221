// SPDX-License-Identifier: GPL-2.0
//! Threads that make random calls on handles that they share, with callbacks that sleep, maps that
//! are closed in the middle and unloads that are tried. It passes if the machine survives it: the
//! kernel's log, and the unload of the module after it, tell of use after free and of leaks.
//!
//! `STRESS_SECONDS` says how long (default 5), `STRESS_SEED` repeats a run.

use fastrand::Rng;
use nix::{
    errno::Errno,
    kmod::{delete_module, DeleteModuleFlags},
    sys::eventfd::EventFd,
    unistd::pipe,
};
use sleeptimer::{Clock, Cpu, Expiry, Kind, Map, Program, Sizes, Start, Step, Timer};
use sleeptimer_selftests::{check, check_eq, tests, Outcome, KINDS};
use std::{
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    sync::{
        atomic::{AtomicU64, Ordering},
        Mutex, RwLock,
    },
    time::{Duration, Instant},
};

const THREADS: u64 = 4;
const HANDLES: usize = 12;
const PROGRAMS: usize = 4;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![random_calls_on_shared_handles])
}

fn pick<T: Copy>(random: &mut Rng, from: &[T]) -> T {
    from[random.usize(..from.len())]
}

/// What the threads share: a map that is replaced now and then, and names in it that may be stale.
struct Arena {
    map: RwLock<Map>,
    timers: Mutex<[Timer; HANDLES]>,
    programs: Mutex<[Program; PROGRAMS]>,
    files: Files,
    calls: AtomicU64,
}

fn new_map() -> Result<Map, sleeptimer::Error> {
    // Small, so that slots are used again at once, and the ring overflows.
    Map::open_nonblocking(Sizes {
        timers: HANDLES as u32 + 2,
        programs: PROGRAMS as u32 + 2,
        events: 16,
    })
}

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn random_calls_on_shared_handles() -> Outcome {
    let seed = setting("STRESS_SEED", Rng::new().u64(..));
    let end = Instant::now() + Duration::from_secs(setting("STRESS_SECONDS", 5));
    println!("# STRESS_SEED={seed}");
    let nobody = Timer {
        handle: 0,
        kind: Kind::Timer,
    };
    let arena = Arena {
        map: RwLock::new(new_map().map_err(|error| error.to_string())?),
        timers: Mutex::new([nobody; HANDLES]),
        programs: Mutex::new([Program(0); PROGRAMS]),
        files: Files::new().map_err(|error| error.to_string())?,
        calls: AtomicU64::new(0),
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = |thread: u64| {
            let arena = &arena;
            scope.spawn(move || arena.work(Rng::with_seed(seed ^ (thread << 40)), end).err())
        };
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok().flatten())
            .collect()
    });
    println!("# {} calls", arena.calls.load(Ordering::Relaxed));
    check_eq!(failures, Vec::<String>::new());
    check!(arena.calls.load(Ordering::Relaxed) > 1000);
    Ok(())
}

impl Arena {
    fn work(&self, mut random: Rng, end: Instant) -> Outcome {
        while Instant::now() < end {
            if random.u64(..2000) == 0 {
                let map = new_map().map_err(|error| error.to_string())?;
                // The old map is closed here, with all that is armed and running in it.
                *self.map.write().map_err(|_| "poisoned")? = map;
            }
            let map = self.map.read().map_err(|_| "poisoned")?;
            for _ in 0..16 {
                self.call(&map, &mut random)?;
                self.calls.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Makes one random call, which may fail in the ways that its state explains.
    fn call(&self, map: &Map, random: &mut Rng) -> Outcome {
        let place = random.usize(..HANDLES);
        let timer = self.timers.lock().map_err(|_| "poisoned")?[place];
        let number = random.usize(..PROGRAMS);
        let program = self.programs.lock().map_err(|_| "poisoned")?[number];
        let result = match random.u64(..17) {
            0 | 1 => map
                .timer(pick(random, &KINDS), Clock::Monotonic, 1)
                .map(|new| {
                    if let Ok(mut timers) = self.timers.lock() {
                        timers[place] = new;
                    }
                }),
            2 => map.program(&random_steps(random, &self.files)).map(|new| {
                if let Ok(mut programs) = self.programs.lock() {
                    programs[number] = new;
                }
            }),
            3 => map.destroy(program),
            4 | 5 => map.set_callback(timer, program),
            6..=9 => map.start_with(timer, &random_start(random, timer.kind)),
            10 => map
                .modify(timer, &random_start(random, timer.kind))
                .map(drop),
            11 => map.cancel(timer).map(drop),
            12 => map.cancel_no_drop(timer).map(drop),
            13 => map.cancel_async(timer).map(drop),
            14 => map.free(timer),
            15 => map.program_query(program).map(drop),
            _ => {
                if random.u64(..50) == 0 {
                    // Never granted: this process has the device open.
                    let unload = delete_module(c"sleeptimer", DeleteModuleFlags::O_NONBLOCK);
                    check_eq!(unload, Err(Errno::EWOULDBLOCK));
                }
                map.read(8).map(drop)
            }
        };
        match result.map_err(|error| (error.call, error.errno)) {
            Ok(()) => Ok(()),
            Err((
                _,
                Errno::ENOENT
                | Errno::EINVAL
                | Errno::EBUSY
                | Errno::ENOSPC
                | Errno::EAGAIN
                | Errno::EPERM,
            )) => Ok(()),
            Err((call, errno)) => Err(format!("{call}: {errno}")),
        }
    }
}

/// The files that steps use: a counter, and a pipe that is full soon, as nobody reads it.
struct Files {
    counter: EventFd,
    _reader: OwnedFd,
    writer: OwnedFd,
}

impl Files {
    fn new() -> nix::Result<Self> {
        let counter = EventFd::new()?;
        let (_reader, writer) = pipe()?;
        Ok(Self {
            counter,
            _reader,
            writer,
        })
    }
}

fn random_steps<'a>(random: &mut Rng, files: &'a Files) -> Vec<Step<'a>> {
    const SHORT: Step = Step::Sleep(Duration::from_micros(300));
    const LONG: Step = Step::Sleep(Duration::from_secs(600));
    let count = Step::EventFd(files.counter.as_fd());
    let write = Step::Write {
        fd: files.writer.as_fd(),
        bytes: &[0; 1000],
        offset: 0,
    };
    let programs = [
        &[Step::Event] as &[_],
        &[Step::Event, Step::Event],
        &[SHORT],
        &[Step::Event, SHORT, Step::Event],
        &[LONG, Step::Event],
        &[count, Step::Event],
        &[write, SHORT, count],
    ];
    pick(random, &programs).to_vec()
}

fn random_start(random: &mut Rng, kind: Kind) -> Start {
    if matches!(kind, Kind::SleepableTimer | Kind::Wq) {
        return Start::default();
    }
    // Short expiries meet a running callback, long ones a free.
    let delay = [0, 50, 1_000, 20_000, 200_000, 60_000_000];
    let mut start = Start {
        expiry: Expiry::In(Duration::from_micros(pick(random, &delay))),
        ..Start::default()
    };
    if kind != Kind::DelayedWq {
        start.period = pick(
            random,
            &[Duration::ZERO, Duration::ZERO, Duration::from_micros(200)],
        );
        start.cpu = pick(
            random,
            &[Cpu::Any, Cpu::Current, Cpu::Number(0), Cpu::Number(1)],
        );
        if start.cpu == Cpu::Number(1) && random.u64(..4) != 0 {
            start.cpu = Cpu::Any;
        }
    }
    start
}
