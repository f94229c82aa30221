// SPDX-License-Identifier: GPL-2.0
//! Maps meet each other: they are opened and closed at once, with callbacks that share a file, and
//! what one does is not seen in the other.

use nix::sys::eventfd::{EfdFlags, EventFd};
use sleeptimer::{Cpu, Expiry, Kind, Map, Sizes, Start, Step};
use sleeptimer_selftests::{
    bound_timer, check_eq, map, numbers, ok,
    race::{meet, pin, rounds, Tally, FIRST_CPU, SECOND_CPU},
    tests, Outcome, KINDS,
};
use std::{
    os::fd::AsFd,
    process::ExitCode,
    thread::{scope, sleep},
    time::Duration,
};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        two_maps_tell_one_counter,
        two_maps_are_closed_at_once,
        maps_come_and_go_on_all_cpus,
    ])
}

fn counter() -> Result<EventFd, String> {
    Ok(ok!(EventFd::from_flags(EfdFlags::EFD_NONBLOCK)))
}

/// Both expire again and again, each on its CPU, and run the same steps on the same file.
fn two_maps_tell_one_counter() -> Outcome {
    /// How often a run tells the shared counter: a run takes long enough to meet another.
    const TOLD: u64 = 14;
    const PERIOD: Duration = Duration::from_micros(50);
    pin(FIRST_CPU)?;
    for kind in [Kind::Timer, Kind::HighresDelayedWq] {
        let shared = counter()?;
        let mut maps = Vec::new();
        for cpu in [FIRST_CPU, SECOND_CPU] {
            let (map, own) = (map()?, counter()?);
            let mut steps = vec![Step::EventFd(shared.as_fd()); TOLD as usize];
            steps.push(Step::EventFd(own.as_fd()));
            let timer = bound_timer(&map, kind, &steps)?;
            let start = Start {
                expiry: Expiry::In(PERIOD),
                period: PERIOD,
                cpu: Cpu::Number(cpu),
                ..Start::default()
            };
            ok!(map.start_with(timer, &start));
            maps.push((map, own, timer));
        }
        let mut runs = Vec::new();
        sleep(rounds() as u32 * Duration::from_millis(25));
        for (map, own, timer) in &maps {
            ok!(map.cancel(*timer));
            runs.push(ok!(own.read()));
        }
        check_eq!(shared.read(), Ok(TOLD * runs.iter().sum::<u64>()));
        println!("# {kind:?}: {runs:?} runs");
    }
    Ok(())
}

/// Each map has a callback about to run that tells the counter of both.
fn two_maps_are_closed_at_once() -> Outcome {
    pin(FIRST_CPU)?;
    for kind in KINDS {
        let mut seen = Tally::default();
        for _ in 0..rounds() {
            let (shared, owns) = (counter()?, [counter()?, counter()?]);
            let open = |own: &EventFd| -> Result<Map, String> {
                let map = map()?;
                let steps = [Step::EventFd(own.as_fd()), Step::EventFd(shared.as_fd())];
                let timer = bound_timer(&map, kind, &steps)?;
                let delay = match kind {
                    Kind::Timer | Kind::HighresDelayedWq => fastrand::u64(100..4000),
                    _ => 0,
                };
                ok!(map.start(timer, Duration::from_micros(delay)));
                Ok(map)
            };
            let (first, second) = (open(&owns[0])?, open(&owns[1])?);
            let offset = fastrand::i64(-50_000..50_000);
            meet(offset, || drop(first), || drop(second))?;
            let [first, second] = owns.map(|own| own.read().unwrap_or(0));
            check_eq!(shared.read().unwrap_or(0), first + second);
            sleep(Duration::from_micros(100));
            check_eq!(shared.read(), Err(nix::errno::Errno::EAGAIN));
            seen.add((first, second));
        }
        println!("# {kind:?}, expirations: {seen}{}", seen.verdict());
    }
    Ok(())
}

/// Opens and closes a map with some of everything.
fn come_and_go(kind: Kind) -> Outcome {
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 16,
        programs: 2,
        events: 16,
    }));
    for _ in 0..4 {
        let timer = bound_timer(&map, kind, &[Step::Event]);
        let Ok(timer) = timer else { break };
        ok!(map.start(timer, Duration::ZERO));
    }
    Ok(())
}

/// In the end nothing of them is counted any more, of any limit.
fn maps_come_and_go_on_all_cpus() -> Outcome {
    let outcomes: Vec<Outcome> = scope(|threads| {
        let work =
            |kind: Kind| threads.spawn(move || (0..rounds()).try_for_each(|_| come_and_go(kind)));
        let threads: Vec<_> = KINDS.into_iter().map(work).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Outcome>| {
            thread
                .join()
                .unwrap_or_else(|_| Err("a thread died".to_owned()))
        };
        threads.into_iter().map(join).collect()
    });
    outcomes.into_iter().collect::<Outcome>()?;
    let totals = numbers::totals()?;
    for name in ["maps", "timers", "programs", "users"] {
        check_eq!((name, totals.get(name)), (name, Some(&0)));
    }
    Ok(())
}
