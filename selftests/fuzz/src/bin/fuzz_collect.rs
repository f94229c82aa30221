// SPDX-License-Identifier: GPL-2.0
//! Runs a command on the host that runs `fuzz_device` in a guest, shows what it prints, and saves the
//! inputs that are worth keeping: `fuzz_collect DIRECTORY COMMAND...`. Ends as the command does.

use sleeptimer_fuzz::protocol::{encode, Line};
use std::{
    collections::VecDeque,
    fs,
    hash::{DefaultHasher, Hasher},
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

/// How many inputs are shown of those that ran last, if the machine has died of one.
const SHOWN: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [directory, program, arguments @ ..] = &arguments[..] else {
        eprintln!("usage: fuzz_collect DIRECTORY COMMAND...");
        return ExitCode::from(2);
    };
    match run(Path::new(directory), Command::new(program).args(arguments)) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("fuzz_collect: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(directory: &Path, command: &mut Command) -> io::Result<u8> {
    fs::create_dir_all(directory)?;
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut last = VecDeque::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            match Line::parse(&line?) {
                Line::Runs(input) => {
                    last.truncate(SHOWN - 1);
                    last.push_front(input);
                }
                Line::Keep(input) => fs::write(directory.join(name(&input)), input)?,
                Line::Note(text) => println!("{text}"),
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        for input in last {
            println!("# one of the last inputs, newest first: {}", encode(&input));
        }
    }
    Ok(status
        .code()
        .and_then(|code| code.try_into().ok())
        .unwrap_or(1))
}

/// The name of an input's file: the same input is kept once.
fn name(input: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(input);
    format!("{:016x}", hasher.finish())
}
