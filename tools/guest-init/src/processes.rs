// SPDX-License-Identifier: GPL-2.0

//! The processes of the guest: all are, in the end, children of this one.

use std::fs;
use std::os::raw::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use guest_init::report::Outcome;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

/// How long a killed process may take to end.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Every process but this one, as the target of a signal.
const EVERYBODY: Pid = Pid::from_raw(-1);

/// Sets what commands find in their environment.
pub fn environment(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .env("HOME", "/root")
        .env("PATH", "/bin:/usr/bin:/sbin")
        .current_dir("/root")
}

/// Waits until the child `id` has ended, and reaps whatever else ends before it.
pub fn wait_for(id: u32) -> Result<Outcome> {
    loop {
        match wait_any(0).context("cannot wait for the command")? {
            Some((pid, status)) if pid == id => return outcome(status),
            _ => {}
        }
    }
}

/// Says how a process ended, by its status.
fn outcome(status: ExitStatus) -> Result<Outcome> {
    if let Some(signal) = status.signal() {
        return Ok(Outcome::Signaled(u8::try_from(signal)?));
    }
    let code = status.code().context("the command did not end")?;
    Ok(Outcome::Exited(u8::try_from(code)?))
}

/// Waits for any child; returns its number and status, or nothing if `options` has `WNOHANG` and
/// none has ended yet.
///
/// `nix` has no use here: it reaps a child that a real-time signal has killed, and then returns
/// an error in its stead.
fn wait_any(options: c_int) -> nix::Result<Option<(u32, ExitStatus)>> {
    let mut status = 0;
    // SAFETY: `status` is a live `c_int` for the kernel to write to.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &mut status, options) })?;
    Ok(u32::try_from(pid)
        .ok()
        .filter(|&pid| pid != 0)
        .map(|pid| (pid, ExitStatus::from_raw(status))))
}

/// Kills all processes that are left, and waits until they are gone.
pub fn kill_rest() -> Result<()> {
    match kill(EVERYBODY, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(error).context("cannot kill the remaining processes"),
    }
    let deadline = Instant::now() + KILL_LIMIT;
    loop {
        match wait_any(libc::WNOHANG) {
            Ok(None) if Instant::now() < deadline => sleep(Duration::from_millis(1)),
            Ok(None) => bail!(stuck()),
            Ok(Some(_)) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(error) => return Err(error).context("cannot wait for the remaining processes"),
        }
    }
}

/// Has the kernel log where its blocked tasks hang, and returns the message that goes with it.
fn stuck() -> String {
    let shown = fs::write("/proc/sysrq-trigger", "w").is_ok();
    let place = if shown {
        "; the kernel log shows where"
    } else {
        ""
    };
    let limit = KILL_LIMIT.as_secs();
    format!("a process still lives {limit} s after SIGKILL{place}")
}
