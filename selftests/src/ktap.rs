// SPDX-License-Identifier: GPL-2.0
//! The Kernel Test Anything Protocol, as `Documentation/dev-tools/ktap.rst` of the kernel has it.

use std::{path::Path, process::ExitCode};

/// What a test ends with: the reason, if it fails.
pub type Outcome = Result<(), String>;

/// What the reason begins with if a test could not run.
const SKIPPED: &str = "SKIP ";

/// What a test ends with that cannot run here.
pub fn skip(why: &str) -> Outcome {
    Err(format!("{SKIPPED}{why}"))
}

/// A test and its name.
pub type Test = (&'static str, fn() -> Outcome);

/// The exit status of a kselftest that was skipped.
const SKIP: u8 = 4;

/// Skips all tests of a program.
pub fn skip_all(why: &str) -> ExitCode {
    println!("KTAP version 1");
    println!("1..0 # SKIP {why}");
    ExitCode::from(SKIP)
}

/// Runs the tests of a program one after another.
pub fn run(tests: &[Test]) -> ExitCode {
    println!("KTAP version 1");
    if !Path::new(sleeptimer::DEVICE).exists() {
        println!(
            "1..0 # SKIP there is no {}: load sleeptimer.ko",
            sleeptimer::DEVICE
        );
        return ExitCode::from(SKIP);
    }
    println!("1..{}", tests.len());
    let (mut failed, mut skipped) = (0, 0);
    for (number, (name, test)) in (1..).zip(tests) {
        match test() {
            Ok(()) => println!("ok {number} {name}"),
            Err(why) if why.starts_with(SKIPPED) => {
                skipped += 1;
                println!("ok {number} {name} # {why}");
            }
            Err(why) => {
                failed += 1;
                println!("not ok {number} {name}");
                for line in why.lines() {
                    println!("# {line}");
                }
            }
        }
    }
    let passed = tests.len() - failed - skipped;
    println!("# Totals: pass:{passed} fail:{failed} skip:{skipped}");
    if failed > 0 {
        ExitCode::FAILURE
    } else if passed == 0 {
        ExitCode::from(SKIP)
    } else {
        ExitCode::SUCCESS
    }
}
