// SPDX-License-Identifier: GPL-2.0
//! The kind of a timer is set at init and enforced by every other call, which changes nothing then.

use nix::errno::Errno;
use sleeptimer::{Clock, Cpu, Expiry, Kind, Start, Step, Timer};
use sleeptimer_selftests::{
    bound_timer, check_eq, check_errno, expect_events, map, ok, tests, Outcome, KINDS,
};
use std::{process::ExitCode, time::Duration};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        every_call_refuses_the_other_families,
        a_program_that_sleeps_is_not_for_softirq,
        what_runs_at_once_takes_no_delay,
        a_delayed_wq_takes_a_delay_and_no_more,
        clocks_are_for_hrtimers,
    ])
}

/// The family of a kind, by the entry points that serve it: `set_callback` tells the two kinds of
/// timers apart, the others do not.
fn family(kind: Kind, is_set_callback: bool) -> u32 {
    match kind {
        Kind::Timer => 1,
        Kind::SleepableTimer if is_set_callback => 2,
        Kind::SleepableTimer => 1,
        Kind::Wq => 3,
        Kind::DelayedWq | Kind::HighresDelayedWq => 4,
    }
}

fn every_call_refuses_the_other_families() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    for kind in KINDS {
        let timer = ok!(map.timer(kind, Clock::Monotonic, 0));
        for other in KINDS {
            let wrong = Timer {
                kind: other,
                ..timer
            };
            if family(kind, true) != family(other, true) {
                check_errno!(map.set_callback(wrong, program), Errno::EINVAL);
            }
            if family(kind, false) != family(other, false) {
                check_errno!(map.start(wrong, Duration::ZERO), Errno::EINVAL);
                check_errno!(map.cancel(wrong), Errno::EINVAL);
            }
        }
        if family(kind, false) != 1 {
            check_errno!(map.cancel_no_drop(timer), Errno::EINVAL);
            check_errno!(map.cancel_async(timer), Errno::EINVAL);
        }
        if family(kind, false) != 4 {
            check_errno!(map.modify(timer, &Start::default()), Errno::EINVAL);
        }
        // Nothing was bound by all that, and nothing was armed.
        check_errno!(map.start(timer, Duration::ZERO), Errno::EINVAL);
        ok!(map.set_callback(timer, program));
        check_eq!(ok!(map.cancel(timer)), false);
    }
    Ok(())
}

fn a_program_that_sleeps_is_not_for_softirq() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event, Step::Sleep(Duration::from_nanos(1))]));
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    check_errno!(map.set_callback(timer, program), Errno::EINVAL);
    // The program from before is still bound.
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}

fn what_runs_at_once_takes_no_delay() -> Outcome {
    let map = map()?;
    for kind in [Kind::SleepableTimer, Kind::Wq] {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        let one = Duration::from_nanos(1);
        check_errno!(map.start(timer, one), Errno::EINVAL);
        check_errno!(map.start_at(timer, Duration::ZERO), Errno::EINVAL);
        let slack = Start {
            slack: one,
            ..Start::default()
        };
        let period = Start {
            period: Duration::from_secs(1),
            ..Start::default()
        };
        let pinned = Start {
            cpu: Cpu::Current,
            ..Start::default()
        };
        let elsewhere = Start {
            cpu: Cpu::Number(0),
            ..Start::default()
        };
        for start in [slack, period, pinned, elsewhere] {
            check_errno!(map.start_with(timer, &start), Errno::EINVAL);
        }
        ok!(map.start(timer, Duration::ZERO));
        expect_events(&map, 1)?;
    }
    Ok(())
}

fn a_delayed_wq_takes_a_delay_and_no_more() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::DelayedWq, &[Step::Event])?;
    let one = Duration::from_nanos(1);
    let at = Start {
        expiry: Expiry::At(one),
        ..Start::default()
    };
    let slack = Start {
        slack: one,
        ..Start::default()
    };
    let period = Start {
        period: Duration::from_secs(1),
        ..Start::default()
    };
    let pinned = Start {
        cpu: Cpu::Current,
        ..Start::default()
    };
    for start in [at, slack, period, pinned] {
        check_errno!(map.start_with(timer, &start), Errno::EINVAL);
        check_errno!(map.modify(timer, &start), Errno::EINVAL);
    }
    ok!(map.start(timer, one));
    expect_events(&map, 1)?;
    Ok(())
}

fn clocks_are_for_hrtimers() -> Outcome {
    let map = map()?;
    for clock in [Clock::Realtime, Clock::Boottime, Clock::Tai] {
        check_errno!(map.timer(Kind::Wq, clock, 0), Errno::EINVAL);
        check_errno!(map.timer(Kind::DelayedWq, clock, 0), Errno::EINVAL);
        ok!(map.timer(Kind::Timer, clock, 0));
        ok!(map.timer(Kind::HighresDelayedWq, clock, 0));
    }
    Ok(())
}
