// SPDX-License-Identifier: GPL-2.0
//! Parts of a test that run in a process of their own, because it cannot go back to what it was.

use crate::Outcome;
use nix::{
    sys::wait::{waitpid, WaitStatus},
    unistd::{fork, pipe, ForkResult},
};
use std::{
    fs::File,
    io::{Read, Write},
};

/// Runs a part of a test in a child process, and returns what it returns.
pub fn in_child(part: impl FnOnce() -> Outcome) -> Outcome {
    let (reader, writer) = pipe().map_err(|error| error.to_string())?;
    // SAFETY: The test programs have one thread when they get here.
    match unsafe { fork() }.map_err(|error| error.to_string())? {
        ForkResult::Child => {
            drop(reader);
            let outcome = part();
            if let Err(why) = &outcome {
                // The parent sees the status, whatever becomes of the reason.
                let _ = File::from(writer).write_all(why.as_bytes());
            }
            std::process::exit(i32::from(outcome.is_err()));
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut why = String::new();
            let read = File::from(reader).read_to_string(&mut why);
            match waitpid(child, None).map_err(|error| error.to_string())? {
                WaitStatus::Exited(_, 0) => Ok(()),
                WaitStatus::Exited(_, _) if read.is_ok() => Err(why),
                status => Err(format!("{status:?}")),
            }
        }
    }
}

/// Runs a part of a test as an ordinary user.
pub fn as_user(user: u32, part: impl FnOnce() -> Outcome) -> Outcome {
    in_child(|| {
        become_user(user)?;
        part()
    })
}

/// Gives up all rights but those of an ordinary user.
pub fn become_user(user: u32) -> Outcome {
    // SAFETY: This changes nothing in memory.
    match unsafe { libc::setresuid(user, user, user) } {
        0 => Ok(()),
        _ => Err(format!("setresuid: {}", std::io::Error::last_os_error())),
    }
}
