// SPDX-License-Identifier: GPL-2.0
//! Programs live as long as a name, a timer or a running callback needs them, and no longer. What
//! is leaked, the kernel reports when the module is unloaded after this program.

use nix::errno::Errno;
use sleeptimer::{Clock, Kind, Map, Sizes, Step};
use sleeptimer_selftests::{
    bound_timer, check_eq, check_errno, expect_events, map, ok, tests, Outcome, KINDS,
};
use std::{process::ExitCode, time::Duration};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_destroyed_program_has_no_name,
        a_destroyed_program_stays_bound,
        a_number_is_not_used_for_another_program,
        a_full_map_takes_a_program_again_as_soon_as_one_is_gone,
        a_program_may_go_while_it_runs,
        replacing_and_dropping_frees_programs,
        a_replaced_program_gives_its_place_back,
    ])
}

fn a_destroyed_program_has_no_name() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    ok!(map.destroy(program));
    check_errno!(map.destroy(program), Errno::ENOENT);
    check_errno!(map.set_callback(timer, program), Errno::ENOENT);
    Ok(())
}

fn a_destroyed_program_stays_bound() -> Outcome {
    let map = map()?;
    for kind in KINDS {
        let program = ok!(map.program(&[Step::Event]));
        let timer = ok!(map.timer(kind, Clock::Monotonic, 0));
        ok!(map.set_callback(timer, program));
        ok!(map.destroy(program));
        check_errno!(map.set_callback(timer, program), Errno::ENOENT);
        for _ in 0..2 {
            ok!(map.start(timer, Duration::ZERO));
            expect_events(&map, 1)?;
        }
    }
    Ok(())
}

fn a_number_is_not_used_for_another_program() -> Outcome {
    let map = ok!(Map::open(Sizes {
        programs: 1,
        ..Sizes::default()
    }));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let mut old = ok!(map.program(&[Step::Event]));
    for _ in 0..5 {
        ok!(map.destroy(old));
        let new = ok!(map.program(&[Step::Event]));
        check_errno!(map.set_callback(timer, old), Errno::ENOENT);
        check_errno!(map.destroy(old), Errno::ENOENT);
        old = new;
    }
    ok!(map.set_callback(timer, old));
    Ok(())
}

fn a_full_map_takes_a_program_again_as_soon_as_one_is_gone() -> Outcome {
    let map = ok!(Map::open(Sizes {
        programs: 1,
        ..Sizes::default()
    }));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    for _ in 0..5 {
        let program = ok!(map.program(&[Step::Event]));
        ok!(map.set_callback(timer, program));
        ok!(map.destroy(program));
        // The timer still has it.
        check_errno!(map.program(&[Step::Event]), Errno::ENOSPC);
        ok!(map.cancel(timer));
    }
    Ok(())
}

fn a_program_may_go_while_it_runs() -> Outcome {
    let map = map()?;
    for kind in KINDS.into_iter().filter(|&kind| kind != Kind::Timer) {
        let sleep = Step::Sleep(Duration::from_millis(100));
        let running = ok!(map.program(&[Step::Event, sleep, Step::Event]));
        let other = ok!(map.program(&[Step::Event]));
        let timer = ok!(map.timer(kind, Clock::Monotonic, 0));
        ok!(map.set_callback(timer, running));
        ok!(map.start(timer, Duration::ZERO));
        expect_events(&map, 1)?;
        ok!(map.destroy(running));
        ok!(map.set_callback(timer, other));
        ok!(map.destroy(other));
        // The callback finishes what it runs.
        expect_events(&map, 1)?;
        ok!(map.start(timer, Duration::ZERO));
        expect_events(&map, 1)?;
        ok!(map.free(timer));
    }
    Ok(())
}

fn replacing_and_dropping_frees_programs() -> Outcome {
    let map = map()?;
    for round in 0..50 {
        let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
        let second = ok!(map.program(&[Step::Event]));
        ok!(map.set_callback(timer, second));
        ok!(map.start(timer, Duration::from_micros(round)));
        ok!(map.destroy(second));
        check_eq!(map.destroy(second).map_err(Errno::from), Err(Errno::ENOENT));
        if round % 2 == 0 {
            ok!(map.cancel(timer));
        }
        ok!(map.free(timer));
        // The first one keeps its name, and its place: use few.
        if round == 20 {
            break;
        }
    }
    Ok(())
}

fn a_replaced_program_gives_its_place_back() -> Outcome {
    let map = ok!(Map::open(Sizes {
        programs: 2,
        ..Sizes::default()
    }));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let old = ok!(map.program(&[Step::Event]));
    ok!(map.set_callback(timer, old));
    ok!(map.destroy(old));
    let new = ok!(map.program(&[Step::Event]));
    ok!(map.set_callback(timer, new));
    ok!(map.program(&[Step::Event]));
    Ok(())
}
