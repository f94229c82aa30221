// SPDX-License-Identifier: GPL-2.0
//! The last close of a map ends all its timers, armed ones too. That their memory is freed shows
//! when the module is unloaded after this program: the kernel reports what is left.

use sleeptimer::{Clock, Kind, Map, Sizes, Step};
use sleeptimer_selftests::{
    bound_timer, check, expect_silence, map, ok, tests, Outcome, TOLERANCE,
};
use std::{
    os::fd::AsFd,
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        armed_timers_end_with_their_map,
        timers_that_fire_during_the_close_do_no_harm,
        freed_timers_end_before_their_map,
        the_map_lives_until_its_last_file_is_closed,
        exit_closes,
    ])
}

/// A map with that many timers, armed to fire after growing multiples of `delay`.
fn armed(timers: u32, delay: Duration) -> Result<Map, String> {
    let sizes = Sizes {
        timers,
        ..Sizes::default()
    };
    let map = ok!(Map::open_nonblocking(sizes));
    let program = ok!(map.program(&[Step::Event]));
    for number in 0..timers {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        ok!(map.start(timer, delay * number));
    }
    Ok(map)
}

fn armed_timers_end_with_their_map() -> Outcome {
    let start = Instant::now();
    let map = armed(2_000, Duration::from_secs(1))?;
    let armed = start.elapsed();
    drop(map);
    let closed = start.elapsed() - armed;
    check!(
        closed < armed + TOLERANCE,
        "close took {closed:?}, making the timers {armed:?}"
    );
    Ok(())
}

fn timers_that_fire_during_the_close_do_no_harm() -> Outcome {
    for _ in 0..20 {
        drop(armed(100, Duration::from_micros(50))?);
    }
    Ok(())
}

fn freed_timers_end_before_their_map() -> Outcome {
    for _ in 0..20 {
        let map = map()?;
        for _ in 0..10 {
            let softirq = bound_timer(&map, Kind::Timer, &[Step::Event]);
            let sleepable = bound_timer(
                &map,
                Kind::SleepableTimer,
                &[Step::Sleep(Duration::from_secs(1000))],
            );
            // The map has room for 64 programs.
            let (Ok(softirq), Ok(sleepable)) = (softirq, sleepable) else {
                break;
            };
            ok!(map.start(softirq, Duration::from_micros(50)));
            ok!(map.start(sleepable, Duration::ZERO));
            ok!(map.free(softirq));
            ok!(map.free(sleepable));
        }
        drop(map);
    }
    Ok(())
}

fn the_map_lives_until_its_last_file_is_closed() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let copy = ok!(map.as_fd().try_clone_to_owned());
    ok!(map.start(timer, Duration::from_secs(1000)));
    drop(copy);
    expect_silence(&map, Duration::from_millis(10))?;
    check!(
        ok!(map.cancel(timer)),
        "closing one of two file descriptors ended the timer"
    );
    Ok(())
}

fn exit_closes() -> Outcome {
    // The process that made the map exits with it open: the kernel closes it.
    // SAFETY: The child calls nothing but the kernel, and exits.
    match unsafe { nix::unistd::fork() } {
        Ok(nix::unistd::ForkResult::Child) => {
            let map = armed(100, Duration::from_millis(1));
            std::process::exit(i32::from(map.is_err()));
        }
        Ok(nix::unistd::ForkResult::Parent { child }) => {
            let status = ok!(nix::sys::wait::waitpid(child, None));
            check!(
                matches!(status, nix::sys::wait::WaitStatus::Exited(_, 0)),
                "{status:?}"
            );
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}
