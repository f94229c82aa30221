// SPDX-License-Identifier: GPL-2.0

//! The command of a run.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{anyhow, Context, Result};
use guest_init::report::Outcome;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::ports::Port;
use crate::processes;

/// How much output to relay at once: what one write to a port takes.
const RELAY_CHUNK: usize = 32 << 10;

/// A task that has ended, and all its processes with it.
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// How many bytes of output it sent.
    pub output: u64,
}

/// Runs the command with its output to the port, then kills what it leaves behind.
///
/// The command writes to a pipe, not to the port itself: a port cannot be opened a second time,
/// which is what `/dev/stderr` comes to.
pub fn run(arguments: &[OsString], port: Port) -> Result<Ended> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("cannot make a pipe")?;
    let output = port.into_file();
    let relay = thread::spawn(move || relay(File::from(reader), output));
    let outcome = execute(arguments, File::from(writer))?;
    processes::kill_rest()?;
    // The last writer of the pipe is gone, so the relay ends with what the pipe still holds.
    let output = relay
        .join()
        .map_err(|_| anyhow!("the relay of the output panicked"))?
        .context("cannot relay the output")?;
    Ok(Ended { outcome, output })
}

/// Copies all that comes from the pipe to the port; returns the number of bytes.
///
/// Not by `io::copy`: that splices, and a port takes an empty pipe for the end of one.
fn relay(mut pipe: File, mut port: File) -> io::Result<u64> {
    let mut buffer = [0; RELAY_CHUNK];
    let mut total = 0;
    loop {
        let count = pipe.read(&mut buffer)?;
        if count == 0 {
            return Ok(total);
        }
        port.write_all(&buffer[..count])?;
        total += count as u64;
    }
}

/// Runs the command until it ends.
fn execute(arguments: &[OsString], writer: File) -> Result<Outcome> {
    let (program, rest) = arguments.split_first().context("no command to run")?;
    let mut command = Command::new(program);
    processes::environment(&mut command)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let spawned = command.spawn();
    drop(command);
    match spawned {
        Ok(child) => processes::wait_for(child.id()),
        Err(error) => Ok(Outcome::NotExecuted(explain(program, &error))),
    }
}

/// Says why a program could not be executed.
fn explain(program: &OsString, error: &io::Error) -> String {
    let program = program.to_string_lossy();
    let reason = match error.kind() {
        ErrorKind::NotFound if File::open(&*program).is_ok() => {
            "its interpreter is not in the guest (a program must be linked statically)".to_owned()
        }
        ErrorKind::NotFound => "not found in the guest".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot execute `{program}`: {reason}")
}
