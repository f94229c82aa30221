// SPDX-License-Identifier: GPL-2.0
//! Signals meet calls: whatever a signal ends can be made again, and nothing is lost or done twice.

use nix::{
    errno::Errno,
    sys::{
        pthread::{pthread_kill, pthread_self},
        signal::{kill, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal},
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, ForkResult},
};
use sleeptimer::{Batch, Clock, Error, Expiry, Kind, Map, Sizes, Step, Timer};
use sleeptimer_selftests::{
    bound_timer,
    busy::{stuck, Busy},
    check, check_eq, expect_events, map, ok,
    race::rounds,
    settle, tests, Outcome, KINDS,
};
use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread::{scope, sleep},
    time::Duration,
};

const TIMERS: u32 = 256;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        reads_lose_nothing,
        batches_do_nothing_twice,
        inits_wait_again,
        cancels_are_not_ended,
        a_cancel_waits_for_a_stuck_callback,
        a_killed_process_leaves_a_map_that_works,
    ])
}

extern "C" fn ignore(_: libc::c_int) {}

/// Runs `work` while another thread sends signals to this one, whose handler does nothing.
fn pelted<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let action = SigAction::new(
        SigHandler::Handler(ignore),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: The handler does nothing.
    ok!(unsafe { sigaction(Signal::SIGUSR1, &action) });
    let target = pthread_self();
    let is_over = AtomicBool::new(false);
    Ok(scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _ = pthread_kill(target, Signal::SIGUSR1);
                sleep(Duration::from_micros(fastrand::u64(1..200)));
            }
        });
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        result
    }))
}

/// Makes a call until no signal ends it, and counts those that did.
fn again<T>(interrupted: &mut u64, mut call: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match call() {
            Err(error) if error.errno == Errno::EINTR => *interrupted += 1,
            result => return result,
        }
    }
}

/// A map with this many timers that tell events.
fn bound(timers: u32) -> Result<(Map, Vec<Timer>), String> {
    let map = ok!(Map::open(Sizes {
        timers,
        programs: 2,
        events: 4096,
    }));
    let program = ok!(map.program(&[Step::Event]));
    let mut all = Vec::new();
    for number in 0..timers {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        all.push(timer);
    }
    Ok((map, all))
}

fn reads_lose_nothing() -> Outcome {
    let (map, timers) = bound(TIMERS)?;
    let mut told = vec![0; TIMERS as usize];
    let mut interrupted = 0;
    pelted(|| -> Outcome {
        for (number, timer) in timers.iter().enumerate() {
            // So that the read waits, mostly.
            let delay = Duration::from_micros(fastrand::u64(0..300));
            ok!(map.start(*timer, delay));
            for event in ok!(again(&mut interrupted, || map.read(8))) {
                check_eq!(event.user_data, number as u64);
                told[number] += event.count;
            }
        }
        Ok(())
    })??;
    println!("# {interrupted} reads were interrupted");
    check!(told.iter().all(|&count| count == 1));
    Ok(())
}

fn batches_do_nothing_twice() -> Outcome {
    let (map, timers) = bound(TIMERS)?;
    let (mut interrupted, mut parts) = (0, 0);
    for _ in 0..rounds() {
        let mut batch = Batch::new();
        for timer in &timers {
            batch.start(*timer, Expiry::In(Duration::ZERO));
        }
        pelted(|| -> Outcome {
            while batch.done() < batch.len() {
                ok!(again(&mut interrupted, || map.submit(&mut batch)));
                parts += 1;
            }
            Ok(())
        })??;
        for timer in &timers {
            settle(&map, *timer)?;
        }
        let mut told = vec![0; timers.len()];
        let mut left = u64::from(TIMERS);
        while left > 0 {
            for event in ok!(map.read(1024)) {
                told[event.user_data as usize] += event.count;
                left = left.saturating_sub(event.count);
            }
        }
        check!(told.iter().all(|&count| count == 1));
        check!(batch.results().all(|result| result == Ok(0)));
    }
    println!(
        "# {interrupted} interrupted, {parts} parts of {} batches",
        rounds()
    );
    Ok(())
}

/// The one place of the map belongs to a timer that ends only when its callback does.
fn inits_wait_again() -> Outcome {
    for kind in KINDS {
        let map = ok!(Map::open(Sizes {
            timers: 1,
            programs: 2,
            events: 4,
        }));
        let step = match kind {
            Kind::Timer => Step::Event,
            _ => Step::Sleep(Duration::from_millis(1)),
        };
        let program = ok!(map.program(&[step]));
        let mut interrupted = 0;
        pelted(|| -> Outcome {
            for _ in 0..rounds() {
                let call = || map.timer(kind, Clock::Monotonic, 0);
                let timer = ok!(again(&mut interrupted, call));
                ok!(map.set_callback(timer, program));
                ok!(map.start(timer, Duration::ZERO));
                ok!(map.free(timer));
            }
            Ok(())
        })??;
        println!("# {kind:?}: {interrupted} interrupted");
    }
    Ok(())
}

/// A cancel waits for the callback whatever comes: what it would return is known only then.
fn cancels_are_not_ended() -> Outcome {
    let map = map()?;
    let timer = bound_timer(
        &map,
        Kind::Wq,
        &[Step::Event, Step::Sleep(Duration::from_millis(1))],
    )?;
    pelted(|| -> Outcome {
        for _ in 0..rounds() {
            ok!(map.start(timer, Duration::ZERO));
            expect_events(&map, 1)?;
            check!(!ok!(map.cancel(timer)));
        }
        Ok(())
    })?
}

/// As long as the callback runs, however many signals come.
fn a_cancel_waits_for_a_stuck_callback() -> Outcome {
    for kind in KINDS.into_iter().filter(|&kind| kind != Kind::Timer) {
        for _ in 0..rounds() / 4 {
            let (map, busy) = (map()?, Busy::new()?);
            let timer = stuck(&map, kind, &busy)?;
            let is_let_go = AtomicBool::new(false);
            let let_go = || {
                sleep(Duration::from_micros(fastrand::u64(1000..10_000)));
                is_let_go.store(true, Ordering::Relaxed);
                busy.let_go()
            };
            scope(|threads| -> Outcome {
                let letting = threads.spawn(let_go);
                let cancelled = pelted(|| map.cancel(timer));
                let was_waited_for = is_let_go.load(Ordering::Relaxed);
                letting.join().map_err(|_| "a thread died")??;
                check!(!ok!(cancelled?), "{kind:?}");
                check!(was_waited_for, "{kind:?}");
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// What the killed child does until then.
fn use_up(map: &Map, timers: &[Timer]) -> Result<(), Error> {
    loop {
        let mut batch = Batch::new();
        for timer in timers {
            batch.start(
                *timer,
                Expiry::In(Duration::from_micros(fastrand::u64(0..200))),
            );
            batch.cancel_no_drop(*timer);
            batch.start(*timer, Expiry::In(Duration::ZERO));
        }
        map.submit(&mut batch)?;
        map.read(64)?;
    }
}

fn a_killed_process_leaves_a_map_that_works() -> Outcome {
    let (map, timers) = bound(TIMERS)?;
    for _ in 0..rounds() {
        // SAFETY: This program has one thread here.
        match ok!(unsafe { fork() }) {
            ForkResult::Child => {
                let _ = use_up(&map, &timers);
                std::process::exit(1);
            }
            ForkResult::Parent { child } => {
                sleep(Duration::from_micros(fastrand::u64(1000..20_000)));
                ok!(kill(child, Signal::SIGKILL));
                check!(matches!(
                    ok!(waitpid(child, None)),
                    WaitStatus::Signaled(_, Signal::SIGKILL, _)
                ));
            }
        }
    }
    // What is left fires, and then each timer tells as a new one does.
    for timer in &timers {
        settle(&map, *timer)?;
    }
    let program = ok!(map.program(&[Step::Event]));
    for timer in &timers {
        ok!(map.free(*timer));
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, u64::MAX));
        ok!(map.set_callback(timer, program));
        ok!(map.start(timer, Duration::ZERO));
    }
    let mut left = TIMERS;
    while left > 0 {
        let events = ok!(map.read(1024)).into_iter();
        for event in events.filter(|event| event.user_data == u64::MAX) {
            check_eq!(event.count, 1);
            left -= 1;
        }
    }
    Ok(())
}
