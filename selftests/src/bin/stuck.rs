// SPDX-License-Identifier: GPL-2.0
//! Callbacks that cannot be hurried: who has to wait for them does, and who cannot is told.

use nix::{
    errno::Errno,
    sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal},
};
use sleeptimer::{Clock, Kind, Map, Sizes, Step};
use sleeptimer_selftests::{
    blocked::spawn_into,
    bound_timer,
    busy::{stuck, Busy, Faulting},
    check, check_eq, check_errno, expect_events, expect_silence, map, ok, settle, tests, Outcome,
    KINDS, TOLERANCE,
};
use std::{
    os::fd::AsRawFd,
    process::ExitCode,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// The size of an event, in bytes.
const EVENT: usize = size_of::<sleeptimer_sys::sleeptimer_event>();

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_cancel_waits,
        a_start_while_a_cancel_waits_is_ebusy,
        a_start_of_what_waits_for_a_worker_changes_nothing,
        a_signal_interrupts_an_init_that_waits_for_room,
        a_signal_interrupts_a_create_that_waits_for_room,
        a_signal_interrupts_a_read_that_waits_for_another,
    ])
}

fn a_cancel_waits() -> Outcome {
    let busy = Busy::new()?;
    let map = Arc::new(map()?);
    let timer = stuck(&map, Kind::SleepableTimer, &busy)?;
    let canceller = {
        let map = map.clone();
        spawn_into(libc::SYS_ioctl, move || map.cancel(timer))?
    };
    check!(!canceller.is_finished());
    busy.let_go()?;
    let was_armed = ok!(canceller.join().map_err(|_| "the canceller died")?);
    check_eq!(was_armed, false);
    Ok(())
}

fn a_start_while_a_cancel_waits_is_ebusy() -> Outcome {
    let busy = Busy::new()?;
    let map = Arc::new(map()?);
    let timer = stuck(&map, Kind::Wq, &busy)?;
    let canceller = {
        let map = map.clone();
        thread::spawn(move || map.cancel(timer))
    };
    let end = Instant::now() + TOLERANCE;
    // Before the cancel is there, a start has the callback run once more.
    while map.start(timer, Duration::ZERO).is_ok() {
        check!(Instant::now() < end);
        thread::yield_now();
    }
    check_errno!(map.start(timer, Duration::ZERO), Errno::EBUSY);
    check!(!canceller.is_finished());
    busy.let_go()?;
    ok!(canceller.join().map_err(|_| "the canceller died")?);
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}

/// What waits for a worker is armed, and has no time.
fn a_start_of_what_waits_for_a_worker_changes_nothing() -> Outcome {
    for kind in KINDS.into_iter().filter(|&kind| kind != Kind::Timer) {
        let busy = Busy::new()?;
        let map = map()?;
        let timer = stuck(&map, kind, &busy)?;
        for _ in 0..2 {
            ok!(map.start(timer, Duration::ZERO));
            let end = Instant::now() + TOLERANCE;
            loop {
                let query = ok!(map.query(timer));
                if query.state.armed && query.expiry.is_none() {
                    break;
                }
                check!(Instant::now() < end, "{query:?}");
                thread::sleep(Duration::from_millis(1));
            }
        }
        busy.let_go()?;
        check_eq!(expect_events(&map, 1)?[0].count, 1);
        expect_silence(&map, Duration::from_millis(100))?;
    }
    Ok(())
}

extern "C" fn ignore_signal(_: libc::c_int) {}

/// Starts something that has threads, which do not get the alarm: that interrupts this one, and does
/// nothing else.
fn without_alarm<T>(start: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let mut alarm = SigSet::empty();
    alarm.add(Signal::SIGALRM);
    ok!(alarm.thread_block());
    let started = start()?;
    ok!(alarm.thread_unblock());
    let handler = SigHandler::Handler(ignore_signal);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: The handler does nothing.
    ok!(unsafe { sigaction(Signal::SIGALRM, &action) });
    Ok(started)
}

fn a_signal_interrupts_an_init_that_waits_for_room() -> Outcome {
    let busy = without_alarm(Busy::new)?;
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 1,
        ..Sizes::default()
    }));
    let timer = stuck(&map, Kind::Wq, &busy)?;
    ok!(map.free(timer));
    nix::unistd::alarm::set(1);
    check_errno!(map.timer(Kind::Timer, Clock::Monotonic, 0), Errno::EINTR);
    busy.let_go()?;
    ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    Ok(())
}

/// A program that is gone ends after a grace period, which takes longer than an alarm is away.
fn a_signal_interrupts_a_create_that_waits_for_room() -> Outcome {
    without_alarm(|| Ok(()))?;
    let map = ok!(Map::open_nonblocking(Sizes {
        programs: 1,
        ..Sizes::default()
    }));
    alarms(Duration::from_micros(500))?;
    let end = Instant::now() + TOLERANCE;
    let result = loop {
        match map.program(&[Step::Event]) {
            Ok(program) => ok!(map.destroy(program)),
            Err(error) => break Errno::from(error),
        }
        check!(Instant::now() < end);
    };
    alarms(Duration::ZERO)?;
    check_eq!(result, Errno::EINTR);
    ok!(map.program(&[Step::Event]));
    Ok(())
}

/// Has an alarm come again and again, or no more.
fn alarms(interval: Duration) -> Outcome {
    let interval = libc::timeval {
        tv_sec: 0,
        tv_usec: interval.as_micros() as libc::suseconds_t,
    };
    let timer = libc::itimerval {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: The structure outlives the call.
    let result = unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
    ok!(Errno::result(result));
    Ok(())
}

/// How long the memory of a reader takes to be there is not up to the others.
fn a_signal_interrupts_a_read_that_waits_for_another() -> Outcome {
    let map = Arc::new(map()?);
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event, Step::Event])?;
    ok!(map.start(timer, Duration::ZERO));
    settle(&map, timer)?;
    let copy = map.clone();
    let reader = without_alarm(|| {
        Faulting::new(move |page| {
            // SAFETY: The page is mapped for as long as the process lives.
            unsafe { libc::read(copy.as_raw_fd(), page as *mut libc::c_void, EVENT) }
        })
    })?;
    nix::unistd::alarm::set(1);
    check_errno!(map.read(1), Errno::EINTR);
    check_eq!(reader.let_go()?, EVENT as isize);
    expect_events(&map, 1)?;
    Ok(())
}
