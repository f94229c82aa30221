// SPDX-License-Identifier: GPL-2.0
//! Races at every instruction: for a machine that counts them (`make run-races`), where the second
//! call stops the first wherever it has come to, and the same run has the same outcomes.
//!
//! `SWEEP_STEP` says how many ns, which are instructions there, the second call comes later each
//! time.

use sleeptimer::Kind;
use sleeptimer_selftests::{
    check,
    closing::close_and_expire,
    duel::{Duel, Pair, Second},
    orders::{Armed, Call},
    race::{pin, setting, Tally, FIRST_CPU, SECOND_CPU},
    tests, Outcome,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        timers,
        timers_expire,
        sleepable_timers,
        wqs,
        delayed_wqs,
        highres_delayed_wqs,
        highres_delayed_wqs_expire,
        closes,
    ])
}

/// Far after the first call.
const LATE: i64 = 100_000;
/// How long before and after the first call, in ns, the second is made too.
const MARGIN: i64 = 300;

fn sweep(pair: Pair) -> Outcome {
    let step = setting("SWEEP_STEP", 1) as usize;
    let mut duel = Duel::new(pair)?;
    duel.round(LATE)?;
    duel.round(LATE)?;
    let window = -MARGIN..duel.took as i64 + MARGIN;
    for offset in window.clone().step_by(step) {
        duel.round(offset)?;
    }
    println!("# {pair:?}, {window:?}: {}", duel.seen);
    check!(duel.seen.sorts() > 1, "one side has always won");
    Ok(())
}

/// Sweeps calls against calls.
fn sweep_calls(kind: Kind, pairs: &[(Armed, Call, Call)]) -> Outcome {
    for &(armed, first, second) in pairs {
        let second = Second::Call(armed, second);
        sweep(Pair {
            kind,
            first,
            second,
        })?;
    }
    Ok(())
}

/// Sweeps calls against the expiry, on these CPUs.
fn sweep_expiry(kind: Kind, cpus: &[u32], calls: &[Call]) -> Outcome {
    for &first in calls {
        for &cpu in cpus {
            let second = Second::Expiry(cpu);
            sweep(Pair {
                kind,
                first,
                second,
            })?;
        }
    }
    Ok(())
}

use Armed::{Far, No};
use Call::{Cancel, CancelAsync, CancelNoDrop, Free, Modify, SetCallback, Start};

/// Sweeps a close against the expiry. It sleeps until nobody uses the map, which takes far longer than
/// to disarm the timer: so the sweep ends when that has come first for a while.
fn closes() -> Outcome {
    const WHILE: i64 = 20_000;
    pin(FIRST_CPU)?;
    let step = setting("SWEEP_STEP", 1) as usize;
    for (kind, cpu) in [
        (Kind::Timer, FIRST_CPU),
        (Kind::Timer, SECOND_CPU),
        (Kind::HighresDelayedWq, SECOND_CPU),
    ] {
        let mut seen = Tally::default();
        let mut last = -MARGIN;
        close_and_expire(kind, cpu, LATE)?;
        for offset in (-MARGIN..).step_by(step) {
            let counted = close_and_expire(kind, cpu, offset)?;
            seen.add(counted);
            if counted > 0 {
                last = offset;
            } else if offset - last > WHILE {
                break;
            }
        }
        println!("# {kind:?}, CPU {cpu}, expires before the close up to {last} ns: {seen}");
        check!(seen.sorts() > 1, "one side has always won");
    }
    Ok(())
}

fn timers() -> Outcome {
    sweep_calls(
        Kind::Timer,
        &[
            (Far, Cancel, Cancel),
            (Far, Cancel, CancelAsync),
            (Far, CancelNoDrop, CancelAsync),
            (No, Start, Cancel),
            (No, Cancel, Start),
            (No, Start, Free),
            (No, Free, Start),
            (Far, Free, Free),
            (Far, Free, Cancel),
            (Far, Cancel, Free),
            (No, Start, SetCallback),
            (No, SetCallback, Free),
            (No, Free, SetCallback),
        ],
    )
}

fn timers_expire() -> Outcome {
    sweep_expiry(
        Kind::Timer,
        &[FIRST_CPU, SECOND_CPU],
        &[Cancel, CancelNoDrop, CancelAsync, Start, SetCallback, Free],
    )
}

fn sleepable_timers() -> Outcome {
    sweep_calls(
        Kind::SleepableTimer,
        &[
            (No, Start, Cancel),
            (No, Cancel, Start),
            (No, Start, SetCallback),
            (No, Start, Free),
            (No, Free, Start),
        ],
    )
}

fn wqs() -> Outcome {
    sweep_calls(
        Kind::Wq,
        &[
            (No, Start, Cancel),
            (No, Cancel, Start),
            (No, Start, Start),
            (No, Start, Free),
        ],
    )
}

fn delayed_wqs() -> Outcome {
    sweep_calls(
        Kind::DelayedWq,
        &[
            (Far, Modify, Cancel),
            (Far, Cancel, Modify),
            (Far, Cancel, Cancel),
            (Far, Modify, Free),
            (No, Free, Start),
        ],
    )
}

fn highres_delayed_wqs() -> Outcome {
    sweep_calls(
        Kind::HighresDelayedWq,
        &[
            (Far, Modify, Cancel),
            (Far, Cancel, Modify),
            (Far, Cancel, Cancel),
            (No, Start, Free),
            (No, Free, Start),
        ],
    )
}

fn highres_delayed_wqs_expire() -> Outcome {
    sweep_expiry(
        Kind::HighresDelayedWq,
        // On the CPU of the call, the work waits until that is over.
        &[SECOND_CPU],
        &[Cancel, Start, Modify, SetCallback],
    )
}
