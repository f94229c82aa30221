// SPDX-License-Identifier: GPL-2.0
//! Frees race with starts, cancels, the expiry and each other: whoever comes late is told that there
//! is no such timer, and nothing expires after the timer has ended.

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
        a_free_meets_a_start,
        a_free_meets_a_cancel,
        a_free_meets_the_expiry,
        two_frees_meet,
    ])
}

fn a_free_meets_a_start() -> Outcome {
    for kind in KINDS {
        race(kind, Call::Free, Second::Call(Armed::No, Call::Start))?;
    }
    Ok(())
}

fn a_free_meets_a_cancel() -> Outcome {
    for kind in [Kind::Timer, Kind::DelayedWq, Kind::HighresDelayedWq] {
        race(kind, Call::Free, Second::Call(Armed::Far, Call::Cancel))?;
    }
    Ok(())
}

fn a_free_meets_the_expiry() -> Outcome {
    for cpu in [FIRST_CPU, SECOND_CPU] {
        race(Kind::Timer, Call::Free, Second::Expiry(cpu))?;
    }
    race(
        Kind::HighresDelayedWq,
        Call::Free,
        Second::Expiry(SECOND_CPU),
    )
}

fn two_frees_meet() -> Outcome {
    for kind in KINDS {
        race(kind, Call::Free, Second::Call(Armed::No, Call::Free))?;
    }
    Ok(())
}
