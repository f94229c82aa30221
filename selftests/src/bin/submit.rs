// SPDX-License-Identifier: GPL-2.0
//! Batches: each op does what its single call does, and has its own result, whatever becomes of the
//! others and of the batch.

use nix::{
    errno::Errno,
    sys::{
        signal::{kill, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal},
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, ForkResult},
};
use sleeptimer::{Batch, Clock, Cpu, Expiry, Kind, Map, Sizes, Step, Timer};
use sleeptimer_selftests::{
    blocked::spawn_into,
    bound_timer,
    busy::{stuck, Busy},
    check, check_eq, check_errno, expect_events, expect_silence, map, now, ok,
    pages::{Pages, PAGE},
    raw::{bytes, op, request, submit, submit_at, POISON},
    tests, Outcome, KINDS, TOLERANCE,
};
use sleeptimer_sys as sys;
use std::{
    os::fd::AsFd,
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(1000);
const SHORT: Duration = Duration::from_millis(20);
const FAR: Expiry = Expiry::In(LONG);
const AT_ONCE: Expiry = Expiry::In(Duration::ZERO);

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        ops_of_timers_do_what_their_calls_do,
        ops_of_sleepable_timers_do_what_their_calls_do,
        ops_of_wqs_do_what_their_calls_do,
        ops_of_delayed_wqs_do_what_their_calls_do,
        ops_are_for_their_kinds,
        two_ops_make_a_timer_that_runs,
        an_init_that_cannot_bind_leaves_no_timer,
        starts_take_times_periods_and_cpus,
        a_bad_op_does_not_stop_the_rest,
        a_failed_link_cancels_its_chain,
        chains_of_any_length_hold,
        the_last_handle_is_that_of_the_last_init,
        unknown_opcodes_are_einval,
        fields_that_an_op_does_not_take_have_to_be_zero,
        requests_are_checked,
        an_array_that_ends_runs_up_to_its_end,
        an_array_that_cannot_be_written_runs_nothing,
        a_timer_that_nobody_can_be_told_of_is_freed,
        a_signal_ends_a_batch_between_two_ops,
        a_batch_goes_on_after_signals,
        a_kill_ends_a_batch,
    ])
}

/// Submits a batch, and tells what its calls have returned.
fn results(map: &Map, batch: &mut Batch) -> Result<Vec<Result<u32, Errno>>, String> {
    let submitted = ok!(map.submit(batch));
    let results: Vec<_> = batch.results().map(|r| r.map_err(Errno::from)).collect();
    check_eq!(submitted.done, batch.len());
    check_eq!(results.len(), batch.len());
    check_eq!(
        submitted.failed,
        results.iter().filter(|result| result.is_err()).count()
    );
    Ok(results)
}

fn ops_of_timers_do_what_their_calls_do() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = Timer::last(Kind::Timer);
    let mut batch = Batch::new();
    batch
        .init(Kind::Timer, Clock::Monotonic, 7, None)
        .start(timer, FAR)
        .set_callback(timer, program)
        .start(timer, FAR)
        .start(timer, FAR)
        .cancel_async(timer)
        .cancel_async(timer)
        .start(timer, FAR)
        .cancel_no_drop(timer)
        .cancel_no_drop(timer)
        .start(timer, FAR)
        .cancel(timer)
        .cancel(timer)
        .start(timer, FAR)
        .set_callback(timer, program)
        .start(timer, AT_ONCE);
    let no_callback = Err(Errno::EINVAL);
    let wanted = [
        Ok(0),
        no_callback,
        Ok(0),
        Ok(0),
        Ok(0),
        Ok(1),
        Ok(0),
        Ok(0),
        Ok(1),
        Ok(0),
        Ok(0),
        Ok(1),
        Ok(0),
        no_callback,
        Ok(0),
        Ok(0),
    ];
    check_eq!(results(&map, &mut batch)?, wanted);
    let event = expect_events(&map, 1)?[0];
    check_eq!(Some(event.handle), batch.timer(0).map(|timer| timer.handle));
    check_eq!(event.user_data, 7);
    freed_by_an_op(&map, &batch)
}

/// Frees the timer that the first op of a batch has made, and sees it gone.
fn freed_by_an_op(map: &Map, batch: &Batch) -> Outcome {
    let timer = batch.timer(0).ok_or("the batch has made no timer")?;
    let mut batch = Batch::new();
    batch.free(timer).start(timer, AT_ONCE).free(timer);
    let gone = Err(Errno::ENOENT);
    check_eq!(results(map, &mut batch)?, [Ok(0), gone, gone]);
    check_errno!(map.free(timer), Errno::ENOENT);
    Ok(())
}

fn ops_of_sleepable_timers_do_what_their_calls_do() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event, Step::Sleep(LONG)]));
    let timer = Timer::last(Kind::SleepableTimer);
    let mut batch = Batch::new();
    batch
        .init(Kind::SleepableTimer, Clock::Monotonic, 7, None)
        .set_callback(timer, program)
        .start(timer, FAR)
        .start(timer, AT_ONCE);
    let no_delay = Err(Errno::EINVAL);
    check_eq!(results(&map, &mut batch)?, [Ok(0), Ok(0), no_delay, Ok(0)]);
    expect_events(&map, 1)?;
    let made = batch.timer(0).ok_or("no timer")?;
    check!(ok!(map.query(made)).state.running);
    let mut second = Batch::new();
    second
        .cancel_async(made)
        .cancel_no_drop(made)
        .start(made, AT_ONCE);
    let runs = Err(Errno::EPERM);
    check_eq!(results(&map, &mut second)?, [runs, Ok(0), Ok(0)]);
    expect_events(&map, 1)?;
    let mut third = Batch::new();
    third.cancel(made).start(made, AT_ONCE);
    check_eq!(results(&map, &mut third)?, [Ok(0), Err(Errno::EINVAL)]);
    check!(!ok!(map.query(made)).state.running);
    freed_by_an_op(&map, &batch)
}

fn ops_of_wqs_do_what_their_calls_do() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let wq = Timer::last(Kind::Wq);
    let mut batch = Batch::new();
    batch
        .init(Kind::Wq, Clock::Monotonic, 7, None)
        .set_callback(wq, program)
        .start(wq, FAR)
        .start(wq, AT_ONCE);
    let no_delay = Err(Errno::EINVAL);
    check_eq!(results(&map, &mut batch)?, [Ok(0), Ok(0), no_delay, Ok(0)]);
    expect_events(&map, 1)?;
    let made = batch.timer(0).ok_or("no wq")?;
    let mut second = Batch::new();
    second.cancel(made).start(made, AT_ONCE);
    check_eq!(results(&map, &mut second)?, [Ok(0), Ok(0)]);
    expect_events(&map, 1)?;
    freed_by_an_op(&map, &batch)
}

fn ops_of_delayed_wqs_do_what_their_calls_do() -> Outcome {
    for kind in [Kind::DelayedWq, Kind::HighresDelayedWq] {
        let map = map()?;
        let program = ok!(map.program(&[Step::Event]));
        let wq = Timer::last(kind);
        let mut batch = Batch::new();
        batch
            .init(kind, Clock::Monotonic, 7, None)
            .set_callback(wq, program)
            .modify(wq, FAR)
            .modify(wq, FAR)
            .cancel(wq)
            .cancel(wq)
            .start(wq, FAR)
            // It is armed, and stays as it is.
            .start(wq, AT_ONCE);
        let wanted = [0, 0, 0, 1, 1, 0, 0, 0].map(Ok);
        check_eq!(results(&map, &mut batch)?, wanted);
        expect_silence(&map, SHORT)?;
        let made = batch.timer(0).ok_or("no delayed_wq")?;
        check_eq!(ok!(map.query(made)).kind, kind);
        let mut second = Batch::new();
        second.modify(made, AT_ONCE);
        check_eq!(results(&map, &mut second)?, [Ok(1)]);
        expect_events(&map, 1)?;
        freed_by_an_op(&map, &batch)?;
    }
    Ok(())
}

fn ops_are_for_their_kinds() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    for kind in KINDS {
        let timer = bound_timer(&map, kind, &[Step::Event])?;
        for other in KINDS.map(|kind| Timer { kind, ..timer }) {
            let mut batch = Batch::new();
            batch.set_callback(other, program).cancel(other);
            let single = [
                map.set_callback(other, program),
                // Whether it was armed is a matter of time here.
                map.cancel(other).map(|_| ()),
            ];
            let single = single.map(|result| result.map_err(Errno::from));
            let batched = results(&map, &mut batch)?;
            check_eq!(
                [0, 1].map(|number: usize| batched[number].map(|_| ())),
                single
            );
            let (batched, single) = (started(&map, other)?, map.start(other, Duration::ZERO));
            check_eq!(batched, single.map(|()| 0).map_err(Errno::from));
        }
    }
    Ok(())
}

/// What a start by an op returns.
fn started(map: &Map, timer: Timer) -> Result<Result<u32, Errno>, String> {
    let mut batch = Batch::new();
    batch.start(timer, AT_ONCE);
    Ok(results(map, &mut batch)?[0])
}

fn two_ops_make_a_timer_that_runs() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    for kind in KINDS {
        let mut batch = Batch::new();
        for user_data in 0..50 {
            batch
                .init(kind, Clock::Monotonic, user_data, Some(program))
                .link()
                .start(Timer::last(kind), AT_ONCE);
        }
        check_eq!(results(&map, &mut batch)?, [Ok(0); 100]);
        let mut events = expect_events(&map, 50)?;
        events.sort_by_key(|event| event.user_data);
        for (number, event) in events.iter().enumerate() {
            let timer = batch.timer(2 * number).ok_or("no timer")?;
            check_eq!(
                (event.user_data, event.handle),
                (number as u64, timer.handle)
            );
        }
        let mut frees = Batch::with_capacity(50);
        let timers: Vec<_> = (0..100).filter_map(|number| batch.timer(number)).collect();
        timers.iter().for_each(|timer| {
            frees.free(*timer);
        });
        check_eq!(results(&map, &mut frees)?, [Ok(0); 50]);
    }
    Ok(())
}

fn an_init_that_cannot_bind_leaves_no_timer() -> Outcome {
    let map = ok!(Map::open(Sizes {
        timers: 1,
        ..Sizes::default()
    }));
    let sleeps = ok!(map.program(&[Step::Sleep(SHORT)]));
    let mut unknown = op(sys::SLEEPTIMER_OP_TIMER_INIT, 0);
    (unknown.clock, unknown.program) = (1, 4000);
    let wrong = sys::sleeptimer_op {
        program: sleeps.0,
        ..unknown
    };
    let good = sys::sleeptimer_op {
        program: 0,
        ..unknown
    };
    let mut ops = [unknown, wrong, good, good];
    ok!(submit(&map, &mut ops));
    let results = ops.map(|op| -op.result);
    let wanted = [
        Errno::ENOENT as i32,
        Errno::EINVAL as i32,
        0,
        Errno::ENOSPC as i32,
    ];
    check_eq!(results, wanted);
    // Only one has told a handle.
    check_eq!(ops.map(|op| op.handle != 0), [false, false, true, false]);
    Ok(())
}

fn starts_take_times_periods_and_cpus() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let time = now(libc::CLOCK_MONOTONIC) + LONG;
    let mut batch = Batch::new();
    batch.start(timer, Expiry::At(time));
    check_eq!(results(&map, &mut batch)?, [Ok(0)]);
    check_eq!(ok!(map.query(timer)).expiry, Some(time));
    batch.clear();
    batch.start(timer, FAR).periodic();
    check_eq!(results(&map, &mut batch)?, [Ok(0)]);
    check_eq!(ok!(map.query(timer)).period, LONG);
    batch.clear();
    // The shortest period is longer than 1 ns.
    batch
        .start(timer, Expiry::In(Duration::from_nanos(1)))
        .periodic();
    batch.start(timer, FAR).on(Cpu::Number(100_000));
    let refused = [Err(Errno::EINVAL), Err(Errno::ENXIO)];
    check_eq!(results(&map, &mut batch)?, refused);
    for cpu in [Cpu::Current, Cpu::Number(0)] {
        let mut batch = Batch::new();
        batch.start(timer, AT_ONCE).on(cpu);
        check_eq!(results(&map, &mut batch)?, [Ok(0)]);
        let event = expect_events(&map, 1)?[0];
        check!(cpu == Cpu::Current || event.cpu == 0);
    }
    Ok(())
}

fn a_bad_op_does_not_stop_the_rest() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let unknown = Timer {
        handle: u64::MAX,
        ..timer
    };
    let mut batch = Batch::new();
    for _ in 0..100 {
        batch
            .start(timer, FAR)
            .start(unknown, FAR)
            .cancel_no_drop(timer);
    }
    let wanted = [Ok(0), Err(Errno::ENOENT), Ok(1)].repeat(100);
    check_eq!(results(&map, &mut batch)?, wanted);
    Ok(())
}

fn a_failed_link_cancels_its_chain() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let unknown = Timer {
        handle: u64::MAX,
        ..timer
    };
    let mut batch = Batch::new();
    batch.start(timer, FAR).link();
    batch.cancel_no_drop(timer).link();
    batch.free(unknown).link();
    batch.start(timer, FAR).link();
    batch.free(timer);
    batch.cancel_no_drop(timer);
    // An op that failed and is not linked cancels nothing.
    batch.free(unknown);
    batch.start(timer, FAR).link();
    let cancelled = Err(Errno::ECANCELED);
    let unknown = Err(Errno::ENOENT);
    let wanted = [
        Ok(0),
        Ok(1),
        unknown,
        cancelled,
        cancelled,
        Ok(0),
        unknown,
        Ok(0),
    ];
    check_eq!(results(&map, &mut batch)?, wanted);
    Ok(())
}

/// Whatever the kernel handles at a time, a chain may be longer.
fn chains_of_any_length_hold() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    for length in [31, 32, 33, 64, 127, 128, 129, 1000] {
        let mut ops = vec![op(sys::SLEEPTIMER_OP_TIMER_CANCEL_ASYNC, timer.handle); length + 1];
        ops[0].handle = u64::MAX;
        let last = length - 1;
        ops[..last]
            .iter_mut()
            .for_each(|op| op.op_flags = sys::SLEEPTIMER_OP_LINK as u8);
        let submitted = ok!(submit(&map, &mut ops));
        check_eq!(submitted.nr_done as usize, length + 1);
        check_eq!(submitted.nr_failed as usize, length);
        check_eq!(ops[0].result, -(Errno::ENOENT as i32));
        let cancelled = -(Errno::ECANCELED as i32);
        check!(ops[1..=last].iter().all(|op| op.result == cancelled));
        check_eq!(ops[length].result, 0);
    }
    Ok(())
}

fn the_last_handle_is_that_of_the_last_init() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let last = Timer::last(Kind::Timer);
    let mut batch = Batch::new();
    batch
        .start(last, AT_ONCE)
        .init(Kind::Timer, Clock::Monotonic, 1, Some(program))
        .start(last, AT_ONCE)
        .init(Kind::Timer, Clock::Monotonic, 2, Some(program))
        .start(last, AT_ONCE)
        .free(batch_timer(&map)?);
    let none = Err(Errno::ENOENT);
    let wanted = [none, Ok(0), Ok(0), Ok(0), Ok(0), Ok(0)];
    check_eq!(results(&map, &mut batch)?, wanted);
    let mut users: Vec<_> = expect_events(&map, 2)?
        .iter()
        .map(|e| e.user_data)
        .collect();
    users.sort_unstable();
    check_eq!(users, [1, 2]);
    // Another batch knows nothing of it.
    let mut other = Batch::new();
    other.start(last, AT_ONCE);
    check_eq!(results(&map, &mut other)?, [none]);
    // A timer that is gone is not found, and one that was not made is none: not the one before.
    let init = sys::sleeptimer_op {
        clock: 1,
        program: program.0,
        ..op(sys::SLEEPTIMER_OP_TIMER_INIT, 0)
    };
    let start = op(sys::SLEEPTIMER_OP_TIMER_START, 0);
    let free = op(sys::SLEEPTIMER_OP_FREE, 0);
    let link = sys::SLEEPTIMER_OP_LINK as u8;
    let failing = [
        sys::sleeptimer_op { clock: 99, ..init },
        sys::sleeptimer_op { pad: 1, ..init },
        sys::sleeptimer_op {
            op_flags: 0x80,
            ..init
        },
        sys::sleeptimer_op { handle: 5, ..init },
        sys::sleeptimer_op {
            program: 4000,
            ..init
        },
    ];
    for failing in failing {
        let mut ops = [init, failing, start, init, free, start];
        ok!(submit(&map, &mut ops));
        check!(ops[1].result < 0);
        check_eq!(
            [0, 2, 3, 4, 5].map(|number: usize| ops[number].result),
            [0, -2, 0, 0, -2]
        );
    }
    let unknown = sys::sleeptimer_op {
        handle: u64::MAX,
        op_flags: link,
        ..free
    };
    let mut ops = [init, unknown, init, start];
    ok!(submit(&map, &mut ops));
    let cancelled = -(Errno::ECANCELED as i32);
    check_eq!(ops.map(|op| op.result), [0, -2, cancelled, -2]);
    Ok(())
}

/// A timer to be freed.
fn batch_timer(map: &Map) -> Result<Timer, String> {
    Ok(ok!(map.timer(Kind::Timer, Clock::Monotonic, 0)))
}

/// All opcodes, and whether they take a program, a value, a clock and flags.
const OPCODES: [(u32, [bool; 4]); 17] = {
    const INIT: [bool; 4] = [true, true, true, true];
    const SET: [bool; 4] = [true, false, false, false];
    const START: [bool; 4] = [false, true, false, true];
    const REF: [bool; 4] = [false; 4];
    [
        (sys::SLEEPTIMER_OP_TIMER_INIT, INIT),
        (sys::SLEEPTIMER_OP_TIMER_SET_CALLBACK, SET),
        (sys::SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB, SET),
        (sys::SLEEPTIMER_OP_TIMER_START, START),
        (sys::SLEEPTIMER_OP_TIMER_CANCEL, REF),
        (sys::SLEEPTIMER_OP_TIMER_CANCEL_NO_DROP, REF),
        (sys::SLEEPTIMER_OP_TIMER_CANCEL_ASYNC, REF),
        (sys::SLEEPTIMER_OP_WQ_INIT, INIT),
        (sys::SLEEPTIMER_OP_WQ_SET_CALLBACK, SET),
        (sys::SLEEPTIMER_OP_WQ_START, START),
        (sys::SLEEPTIMER_OP_WQ_CANCEL, REF),
        (sys::SLEEPTIMER_OP_DELAYED_WQ_INIT, INIT),
        (sys::SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK, SET),
        (sys::SLEEPTIMER_OP_DELAYED_WQ_START, START),
        (sys::SLEEPTIMER_OP_DELAYED_WQ_MOD, START),
        (sys::SLEEPTIMER_OP_DELAYED_WQ_CANCEL, REF),
        (sys::SLEEPTIMER_OP_FREE, REF),
    ]
};

fn unknown_opcodes_are_einval() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let mut ops: Vec<_> = (0..=255)
        .filter(|opcode| OPCODES.iter().all(|(known, _)| known != opcode))
        .map(|opcode| op(opcode, timer.handle))
        .collect();
    ok!(submit(&map, &mut ops));
    check_eq!(ops.len(), 256 - OPCODES.len());
    let invalid = -(Errno::EINVAL as i32);
    check!(ops.iter().all(|op| op.result == invalid));
    Ok(())
}

/// An op with everything right for the timer of its kind.
fn good_op(map: &Map, opcode: u32) -> Result<sys::sleeptimer_op, String> {
    let kind = match opcode {
        sys::SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB => Kind::SleepableTimer,
        0x10..0x20 | sys::SLEEPTIMER_OP_FREE => Kind::Timer,
        0x20..0x30 => Kind::Wq,
        _ => Kind::HighresDelayedWq,
    };
    let program = ok!(map.program(&[Step::Event]));
    let timer = bound_timer(map, kind, &[Step::Event])?;
    let mut good = op(opcode, timer.handle);
    match opcode & 0xf {
        0 if opcode != sys::SLEEPTIMER_OP_FREE => (good.handle, good.clock) = (0, 1),
        1 => good.program = program.0,
        2 if opcode == sys::SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB => good.program = program.0,
        _ => {}
    }
    Ok(good)
}

fn fields_that_an_op_does_not_take_have_to_be_zero() -> Outcome {
    for (opcode, [program, value, clock, flags]) in OPCODES {
        let map = map()?;
        let good = good_op(&map, opcode)?;
        let mut bad = vec![
            sys::sleeptimer_op { pad: 1, ..good },
            sys::sleeptimer_op {
                op_flags: 1 << 2,
                ..good
            },
            sys::sleeptimer_op {
                op_flags: 1 << 7,
                ..good
            },
            // No call has this flag.
            sys::sleeptimer_op {
                flags: 1 << 2,
                ..good
            },
        ];
        let periodic = sys::SLEEPTIMER_OP_PERIODIC as u8;
        let is_start = !program && value;
        bad.extend((!is_start).then_some(sys::sleeptimer_op {
            op_flags: periodic,
            ..good
        }));
        bad.extend((!program).then_some(sys::sleeptimer_op { program: 1, ..good }));
        bad.extend((!value).then_some(sys::sleeptimer_op { value: 1, ..good }));
        bad.extend((!clock).then_some(sys::sleeptimer_op { clock: 1, ..good }));
        bad.extend((!flags).then_some(sys::sleeptimer_op { flags: 1, ..good }));
        let is_init = clock;
        bad.extend(is_init.then_some(sys::sleeptimer_op { handle: 1, ..good }));
        let number = bad.len();
        let mut ops = bad.clone();
        ops.push(good);
        let submitted = ok!(submit(&map, &mut ops));
        check_eq!(submitted.nr_failed as usize, number);
        for (before, after) in bad.iter().zip(&ops) {
            check_eq!(after.result, -(Errno::EINVAL as i32));
            // Nothing else of it has changed.
            let result = after.result;
            let wanted = sys::sleeptimer_op { result, ..*before };
            check_eq!(bytes(after), bytes(&wanted));
        }
        check_eq!((opcode, ops[number].result), (opcode, 0));
    }
    Ok(())
}

fn requests_are_checked() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let ops = [op(sys::SLEEPTIMER_OP_TIMER_START, timer.handle)];
    let good = sys::sleeptimer_submit {
        ops: ops.as_ptr() as u64,
        nr_ops: 1,
        nr_done: 77,
        nr_failed: 77,
        ..Default::default()
    };
    let bad = [
        (sys::sleeptimer_submit { nr_ops: 0, ..good }, Errno::EINVAL),
        (
            sys::sleeptimer_submit {
                nr_ops: sys::SLEEPTIMER_MAX_OPS + 1,
                ..good
            },
            Errno::EINVAL,
        ),
        (
            sys::sleeptimer_submit {
                nr_ops: u32::MAX,
                ..good
            },
            Errno::EINVAL,
        ),
        (sys::sleeptimer_submit { flags: 1, ..good }, Errno::EINVAL),
        (
            sys::sleeptimer_submit {
                reserved: 1,
                ..good
            },
            Errno::EINVAL,
        ),
        (sys::sleeptimer_submit { ops: 0, ..good }, Errno::EFAULT),
        (
            sys::sleeptimer_submit {
                ops: u64::MAX - 7,
                ..good
            },
            Errno::EFAULT,
        ),
        (
            sys::sleeptimer_submit {
                ops: 0xffff_8000_0000_0000,
                ..good
            },
            Errno::EFAULT,
        ),
    ];
    for (submit, errno) in bad {
        let mut given = submit;
        let address = &raw mut given as usize;
        check_errno!(request(&map, sys::SLEEPTIMER_IOC_SUBMIT, address), errno);
        check_eq!(bytes(&given), bytes(&submit));
    }
    // A request that cannot tell how far it came does not begin.
    let pages = Pages::new(1)?;
    pages.put(pages.page(0), good);
    pages.protect(0, libc::PROT_READ);
    check_errno!(
        request(&map, sys::SLEEPTIMER_IOC_SUBMIT, pages.page(0)),
        Errno::EFAULT
    );
    check_eq!(ops[0].result, POISON);
    expect_silence(&map, SHORT)
}

/// The op number `number` of an array at `address`.
fn place(address: usize, number: usize) -> usize {
    address + number * size_of::<sys::sleeptimer_op>()
}

fn an_array_that_ends_runs_up_to_its_end() -> Outcome {
    let map = map()?;
    let pages = Pages::new(2)?;
    let fits = PAGE / size_of::<sys::sleeptimer_op>();
    // The array begins so that it is cut between two ops, or in the middle of one.
    for shift in [0, 8, 24] {
        for there in [1, 2, 31, 32, 33, 64, fits - 1] {
            let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
            pages.protect(1, libc::PROT_READ | libc::PROT_WRITE);
            let array = pages.page(1) - shift - there * size_of::<sys::sleeptimer_op>();
            for number in 0..there + 40 {
                let op = sys::sleeptimer_op {
                    flags: sys::SLEEPTIMER_START_ABS as u8,
                    value: u64::MAX / 4 + number as u64,
                    ..op(sys::SLEEPTIMER_OP_TIMER_START, timer.handle)
                };
                pages.put(place(array, number), op);
            }
            pages.protect(1, libc::PROT_NONE);
            let submitted = ok!(submit_at(&map, array, there as u32 + 40));
            check_eq!(submitted.nr_done as usize, there);
            check_eq!(submitted.nr_failed, 0);
            for number in 0..there {
                let op: sys::sleeptimer_op = pages.get(place(array, number));
                check_eq!(op.result, 0);
            }
            // The last of them has run, and none behind it.
            let expiry = ok!(map.query(timer)).expiry.unwrap_or_default();
            let last = u64::MAX / 4 + there as u64 - 1;
            check_eq!(expiry, Duration::from_nanos(last));
            check_errno!(submit_at(&map, place(array, there), 40), Errno::EFAULT);
            ok!(map.free(timer));
        }
    }
    Ok(())
}

fn an_array_that_cannot_be_written_runs_nothing() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let pages = Pages::new(1)?;
    for number in 0..40 {
        let start = op(sys::SLEEPTIMER_OP_TIMER_START, timer.handle);
        pages.put(place(pages.page(0), number), start);
    }
    pages.protect(0, libc::PROT_READ);
    for number in [1, 40] {
        check_errno!(submit_at(&map, pages.page(0), number), Errno::EFAULT);
    }
    expect_silence(&map, SHORT)
}

/// The array can be written when the batch begins, and not any more when it has run.
fn a_timer_that_nobody_can_be_told_of_is_freed() -> Outcome {
    let busy = Busy::new()?;
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 2,
        ..Sizes::default()
    }));
    let timer = stuck(&map, Kind::Wq, &busy)?;
    let pages = Pages::new(1)?;
    let array = pages.page(0);
    let init = sys::sleeptimer_op {
        clock: 1,
        ..op(sys::SLEEPTIMER_OP_TIMER_INIT, 0)
    };
    let cancel = op(sys::SLEEPTIMER_OP_WQ_CANCEL, timer.handle);
    pages.put(place(array, 0), init);
    pages.put(place(array, 1), cancel);
    let file = ok!(map.as_fd().try_clone_to_owned());
    let submitter = spawn_into(libc::SYS_ioctl, move || submit_at(&file, array, 2))?;
    check!(!submitter.is_finished());
    pages.protect(0, libc::PROT_READ);
    busy.let_go()?;
    let submitted = submitter.join().map_err(|_| "the submitter died")?;
    check_errno!(submitted, Errno::EFAULT);
    check_eq!(pages.get::<sys::sleeptimer_op>(array).result, POISON);
    // There is room for one more, and no more.
    ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let another = map.timer(Kind::Timer, Clock::Monotonic, 0);
    check_errno!(another, Errno::ENOSPC);
    Ok(())
}

extern "C" fn ignore_signal(_: libc::c_int) {}

/// Has a signal come after a while, or again and again.
fn signal_after(time: Duration, again: bool) -> Outcome {
    let action = SigAction::new(
        SigHandler::Handler(ignore_signal),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: The handler does nothing.
    ok!(unsafe { sigaction(Signal::SIGALRM, &action) });
    let time = libc::timeval {
        tv_sec: 0,
        tv_usec: time.as_micros() as libc::suseconds_t,
    };
    let zero = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let timer = libc::itimerval {
        it_value: time,
        it_interval: if again { time } else { zero },
    };
    // SAFETY: The structure outlives the call.
    let result = unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
    check_eq!(result, 0);
    Ok(())
}

/// As many starts as a batch may have, each of which can be told from the others.
fn many_starts(timer: Timer) -> Vec<sys::sleeptimer_op> {
    (0..u64::from(sys::SLEEPTIMER_MAX_OPS))
        .map(|number| sys::sleeptimer_op {
            flags: sys::SLEEPTIMER_START_ABS as u8,
            value: u64::MAX / 4 + number,
            ..op(sys::SLEEPTIMER_OP_TIMER_START, timer.handle)
        })
        .collect()
}

fn a_signal_ends_a_batch_between_two_ops() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let mut ops = many_starts(timer);
    // It may come before the first op.
    let submitted = loop {
        signal_after(SHORT, false)?;
        match submit(&map, &mut ops) {
            Err(Errno::EINTR) => {}
            submitted => break ok!(submitted),
        }
    };
    let done = submitted.nr_done as usize;
    check!(done > 0 && done < ops.len(), "{done} are done");
    check_eq!(submitted.nr_failed, 0);
    check!(ops[..done].iter().all(|op| op.result == 0));
    check!(ops[done..].iter().all(|op| op.result == POISON));
    // What is said to be done is done, and nothing else.
    let expiry = ok!(map.query(timer)).expiry;
    check_eq!(expiry, Some(Duration::from_nanos(ops[done - 1].value)));
    let rest = &mut ops[done..done + 100];
    check_eq!(ok!(submit(&map, rest)).nr_done, 100);
    Ok(())
}

fn a_batch_goes_on_after_signals() -> Outcome {
    const TIMERS: usize = 500;
    let map = map()?;
    let program = ok!(map.program(&[Step::Event, Step::Sleep(LONG)]));
    let last = Timer::last(Kind::SleepableTimer);
    let mut batch = Batch::new();
    for _ in 0..TIMERS {
        batch
            .init(Kind::SleepableTimer, Clock::Monotonic, 0, Some(program))
            .link()
            .start(last, AT_ONCE);
    }
    signal_after(Duration::from_millis(2), true)?;
    let outcome = submit_all(&map, &mut batch);
    let timers: Vec<_> = (0..batch.len()).filter_map(|n| batch.timer(n)).collect();
    // The cancels wait for callbacks that sleep.
    let mut cancels = Batch::new();
    for timer in &timers {
        cancels.cancel_no_drop(*timer);
    }
    let outcome = outcome.and_then(|()| submit_all(&map, &mut cancels));
    signal_after(Duration::ZERO, false)?;
    outcome?;
    check_eq!(timers.len(), TIMERS);
    check!(batch.results().all(|result| result == Ok(0)));
    check!(cancels.results().all(|result| result.is_ok()));
    check_eq!(cancels.results().count(), TIMERS);
    Ok(())
}

/// Submits a batch again and again, until all of it is done.
fn submit_all(map: &Map, batch: &mut Batch) -> Outcome {
    let end = Instant::now() + 4 * TOLERANCE;
    while batch.done() < batch.len() {
        check!(Instant::now() < end, "{} are done", batch.done());
        match map.submit(batch) {
            Err(error) if error.errno == Errno::EINTR => {}
            result => {
                ok!(result);
            }
        }
    }
    Ok(())
}

fn a_kill_ends_a_batch() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let mut ops = many_starts(timer);
    // SAFETY: The child only makes system calls, until it is killed.
    let child = match ok!(unsafe { fork() }) {
        ForkResult::Parent { child } => child,
        ForkResult::Child => loop {
            let _ = submit(&map, &mut ops);
        },
    };
    let end = Instant::now() + TOLERANCE;
    while !ok!(map.query(timer)).state.armed {
        check!(Instant::now() < end, "the child starts nothing");
        sleep(SHORT);
    }
    let before = Instant::now();
    ok!(kill(child, Signal::SIGKILL));
    let status = ok!(waitpid(child, None));
    check!(matches!(
        status,
        WaitStatus::Signaled(_, Signal::SIGKILL, _)
    ));
    check!(before.elapsed() < TOLERANCE);
    // The map is as good as before.
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}
