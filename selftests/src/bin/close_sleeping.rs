// SPDX-License-Identifier: GPL-2.0
//! The last close of a map wakes callbacks that sleep, and waits for them.

use nix::{
    sys::{
        signal::{kill, Signal},
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, ForkResult},
};
use sleeptimer::{Clock, Kind, Map, Sizes, Step};
use sleeptimer_selftests::{check, expect_events, module, ok, tests, Outcome, TOLERANCE};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// Far longer than any test may take.
const LONG: Duration = Duration::from_secs(3000);

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        close_wakes_a_sleeping_callback,
        close_wakes_all_of_many,
        close_ends_a_program_of_many_sleeps,
        kill_closes_while_a_callback_sleeps,
    ])
}

/// A map with that many timers, each of which has told that it is about to sleep.
fn sleeping(timers: usize, steps: &[Step]) -> Result<Map, String> {
    let map = ok!(Map::open_nonblocking(Sizes::default()));
    let program = ok!(map.program(steps));
    for _ in 0..timers {
        let timer = ok!(map.timer(Kind::SleepableTimer, Clock::Monotonic, 0));
        ok!(map.set_callback(timer, program));
        ok!(map.start(timer, Duration::ZERO));
    }
    expect_events(&map, timers)?;
    Ok(map)
}

/// Closes the map, which should not take long.
fn close(map: Map) -> Outcome {
    let before = Instant::now();
    drop(map);
    check!(
        before.elapsed() < TOLERANCE,
        "close took {:?}",
        before.elapsed()
    );
    Ok(())
}

fn close_wakes_a_sleeping_callback() -> Outcome {
    for _ in 0..10 {
        close(sleeping(1, &[Step::Event, Step::Sleep(LONG)])?)?;
    }
    Ok(())
}

fn close_wakes_all_of_many() -> Outcome {
    module::reload(c"max_workers=200")?;
    close(sleeping(200, &[Step::Event, Step::Sleep(LONG)])?)?;
    module::reload(c"")
}

fn close_ends_a_program_of_many_sleeps() -> Outcome {
    let mut steps = [Step::Sleep(LONG); 16];
    steps[0] = Step::Event;
    close(sleeping(1, &steps)?)
}

fn kill_closes_while_a_callback_sleeps() -> Outcome {
    // SAFETY: The child only talks to the device, and waits to be killed.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let map = sleeping(3, &[Step::Event, Step::Sleep(LONG)]);
            if map.is_ok() {
                // SAFETY: This only sends a signal.
                unsafe { libc::raise(libc::SIGSTOP) };
            }
            std::process::exit(1);
        }
        Ok(ForkResult::Parent { child }) => {
            let stopped = Some(nix::sys::wait::WaitPidFlag::WUNTRACED);
            check!(matches!(
                ok!(waitpid(child, stopped)),
                WaitStatus::Stopped(..)
            ));
            let before = Instant::now();
            ok!(kill(child, Signal::SIGKILL));
            check!(matches!(
                ok!(waitpid(child, None)),
                WaitStatus::Signaled(..)
            ));
            check!(
                before.elapsed() < TOLERANCE,
                "exit took {:?}",
                before.elapsed()
            );
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}
