// SPDX-License-Identifier: GPL-2.0
//! The kind of a timer is set at init and enforced by every other call, which changes nothing then.

use nix::errno::Errno;
use sleeptimer::{Clock, Kind, Step};
use sleeptimer_selftests::{bound_timer, check_errno, expect_events, map, ok, tests, Outcome};
use std::{process::ExitCode, time::Duration};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        set_callback_is_for_softirq_timers,
        set_sleepable_cb_is_for_sleepable_timers,
        a_program_that_sleeps_is_not_for_softirq,
        a_sleepable_timer_takes_no_delay,
    ])
}

fn set_callback_is_for_softirq_timers() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Sleepable, Clock::Monotonic, 0));
    check_errno!(
        map.set_callback(timer, Kind::Softirq, program),
        Errno::EINVAL
    );
    // Nothing was bound.
    check_errno!(map.start(timer, Duration::ZERO), Errno::EINVAL);
    Ok(())
}

fn set_sleepable_cb_is_for_sleepable_timers() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Softirq, Clock::Monotonic, 0));
    check_errno!(
        map.set_callback(timer, Kind::Sleepable, program),
        Errno::EINVAL
    );
    check_errno!(map.start(timer, Duration::ZERO), Errno::EINVAL);
    Ok(())
}

fn a_program_that_sleeps_is_not_for_softirq() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event, Step::Sleep(Duration::from_nanos(1))]));
    let timer = bound_timer(&map, Kind::Softirq, &[Step::Event])?;
    check_errno!(
        map.set_callback(timer, Kind::Softirq, program),
        Errno::EINVAL
    );
    // The program from before is still bound.
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}

fn a_sleepable_timer_takes_no_delay() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Sleepable, &[Step::Event])?;
    check_errno!(map.start(timer, Duration::from_nanos(1)), Errno::EINVAL);
    check_errno!(map.start_at(timer, Duration::ZERO), Errno::EINVAL);
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}
