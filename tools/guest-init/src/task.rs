// SPDX-License-Identifier: GPL-2.0

//! The command of a run.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{anyhow, Context, Result};
use guest_init::report::Outcome;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::ports::Port;
use crate::processes;

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
    let mut output = port.into_file();
    let relay = thread::spawn(move || io::copy(&mut File::from(reader), &mut output));
    let outcome = execute(arguments, File::from(writer))?;
    processes::kill_rest()?;
    // The last writer of the pipe is gone, so the relay ends with what the pipe still holds.
    let output = relay
        .join()
        .map_err(|_| anyhow!("the relay of the output panicked"))?
        .context("cannot relay the output")?;
    Ok(Ended { outcome, output })
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
