// SPDX-License-Identifier: GPL-2.0
//! Watching the process that runs inputs: it may die, or wait in the kernel for ever.

use crate::protocol::{encode, Line};
use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{channel, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

/// How long an input may take: a slow machine takes seconds where a fast one takes milliseconds.
const LONGEST: Duration = Duration::from_secs(120);

/// How many inputs are shown of those that ran last: what the last one met, another may have left.
const SHOWN: usize = 4;

/// Runs a command that prints lines of the protocol, and passes them on; fails with the last inputs
/// if the command fails or prints nothing for too long.
pub fn watch(command: &mut Command) -> Result<(), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let lines = lines_of(&mut child);
    let mut last = VecDeque::new();
    let why = loop {
        match lines.recv_timeout(LONGEST) {
            Ok(line) => {
                println!("{line}");
                if let Line::Runs(input) = line {
                    last.truncate(SHOWN - 1);
                    last.push_front(input);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                let stacks = stacks(child.id());
                // What waits in the kernel for ever cannot be killed, nor waited for.
                let _ = child.kill();
                break format!("an input takes more than {LONGEST:?}\n{stacks}");
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().map_err(|error| error.to_string())?;
                if status.success() {
                    return Ok(());
                }
                break status.to_string();
            }
        }
    };
    let inputs: Vec<_> = last.iter().map(|input| encode(input)).collect();
    Err(format!(
        "{why}\nthe last inputs, newest first; make fuzz REPLAY=... runs one again:\n{}",
        inputs.join("\n")
    ))
}

/// The lines that a child prints.
fn lines_of(child: &mut Child) -> Receiver<Line> {
    let (send, lines) = channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.all(|line| send.send(Line::parse(&line)).is_ok())
        });
    }
    lines
}

/// Where the threads of a process are in the kernel.
fn stacks(process: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let paths = threads.into_iter().flatten().flatten();
    let stacks: Vec<_> = paths
        .filter_map(|thread| fs::read_to_string(thread.path().join("stack")).ok())
        .collect();
    format!("its threads are in:\n{}", stacks.join("\n"))
}
