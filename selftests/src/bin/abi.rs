// SPDX-License-Identifier: GPL-2.0
//! Programs in C that know the header only get what it promises, in 64 and in 32 bits.

use nix::errno::Errno;
use sleeptimer_selftests::{ok, skip, tests, Outcome};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_64_bit_program_gets_its_event,
        a_32_bit_program_gets_its_event,
    ])
}

fn a_64_bit_program_gets_its_event() -> Outcome {
    run("abi64")
}

fn a_32_bit_program_gets_its_event() -> Outcome {
    run("abi32")
}

/// Runs a program that is beside this one, and prints a result of TAP itself.
fn run(name: &str) -> Outcome {
    let program = ok!(std::env::current_exe()).with_file_name(name);
    let output = match Command::new(&program).output() {
        Ok(output) => output,
        Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
            return skip("this kernel runs no 32-bit programs (CONFIG_IA32_EMULATION)");
        }
        Err(error) => return Err(format!("{}: {error}", program.display())),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && text.contains("\nok 1 - ") {
        Ok(())
    } else {
        Err(format!("{name}: {}\n{text}", output.status))
    }
}
