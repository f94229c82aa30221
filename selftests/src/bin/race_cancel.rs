// SPDX-License-Identifier: GPL-2.0
//! Cancels race with the expiry, with each other and with starts: each expiry is told by an event, or
//! counted by the cancel that returned 1.

use sleeptimer::Kind;
use sleeptimer_selftests::{
    duel::{race, Second},
    orders::{Armed, Call},
    race::{FIRST_CPU, SECOND_CPU},
    tests, Outcome, KINDS,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_cancel_meets_the_expiry,
        two_cancels_meet,
        a_cancel_meets_a_start,
        a_cancel_meets_a_new_delay,
    ])
}

fn a_cancel_meets_the_expiry() -> Outcome {
    for cpu in [FIRST_CPU, SECOND_CPU] {
        for call in [Call::Cancel, Call::CancelNoDrop, Call::CancelAsync] {
            race(Kind::Timer, call, Second::Expiry(cpu))?;
        }
    }
    race(
        Kind::HighresDelayedWq,
        Call::Cancel,
        Second::Expiry(SECOND_CPU),
    )
}

fn two_cancels_meet() -> Outcome {
    let cancel = Second::Call(Armed::Far, Call::Cancel);
    for kind in [Kind::Timer, Kind::DelayedWq, Kind::HighresDelayedWq] {
        race(kind, Call::Cancel, cancel)?;
    }
    race(Kind::Timer, Call::CancelAsync, cancel)
}

fn a_cancel_meets_a_start() -> Outcome {
    for kind in [Kind::Timer, Kind::SleepableTimer] {
        race(
            kind,
            Call::Start,
            Second::Call(Armed::No, Call::CancelNoDrop),
        )?;
    }
    for kind in KINDS {
        race(kind, Call::Start, Second::Call(Armed::No, Call::Cancel))?;
    }
    Ok(())
}

fn a_cancel_meets_a_new_delay() -> Outcome {
    for kind in [Kind::DelayedWq, Kind::HighresDelayedWq] {
        race(kind, Call::Modify, Second::Call(Armed::Far, Call::Cancel))?;
    }
    Ok(())
}
