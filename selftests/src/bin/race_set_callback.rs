// SPDX-License-Identifier: GPL-2.0
//! Programs are replaced while the timer expires, is started, cancelled and freed. The one before has
//! no reference left then: the expiry runs it or the new one, and is never lost.

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
        a_new_program_meets_the_expiry,
        a_new_program_meets_a_start,
        a_new_program_meets_a_free,
    ])
}

fn a_new_program_meets_the_expiry() -> Outcome {
    for cpu in [FIRST_CPU, SECOND_CPU] {
        race(Kind::Timer, Call::SetCallback, Second::Expiry(cpu))?;
    }
    race(
        Kind::HighresDelayedWq,
        Call::SetCallback,
        Second::Expiry(SECOND_CPU),
    )
}

fn a_new_program_meets_a_start() -> Outcome {
    for kind in KINDS {
        race(
            kind,
            Call::SetCallback,
            Second::Call(Armed::No, Call::Start),
        )?;
    }
    Ok(())
}

fn a_new_program_meets_a_free() -> Outcome {
    for kind in KINDS {
        race(kind, Call::SetCallback, Second::Call(Armed::No, Call::Free))?;
    }
    Ok(())
}
