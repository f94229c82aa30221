// SPDX-License-Identifier: GPL-2.0
//! Threads that are known to wait.

use crate::{check, ok, Outcome, TOLERANCE};
use std::{
    fs,
    sync::mpsc,
    thread::{sleep, spawn, JoinHandle},
    time::{Duration, Instant},
};

/// Starts a thread, and returns when it waits in this system call, or has ended.
pub fn spawn_into<T: Send + 'static>(
    call: libc::c_long,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, String> {
    let (send, id) = mpsc::channel();
    let thread = spawn(move || {
        // SAFETY: This only tells a number.
        let _ = send.send(unsafe { libc::gettid() });
        work()
    });
    let state = format!("/proc/self/task/{}/syscall", ok!(id.recv()));
    let inside = format!("{call} ");
    let end = Instant::now() + TOLERANCE;
    // The file shows a number for a thread that does not run.
    while !fs::read_to_string(&state).is_ok_and(|state| state.starts_with(&inside)) {
        if thread.is_finished() {
            break;
        }
        check!(Instant::now() < end, "the thread does not wait");
        sleep(Duration::from_millis(1));
    }
    Ok(thread)
}

/// Returns when a thread sleeps, whatever for. One that is taken off its processor does not.
pub fn wait_asleep(thread: u32) -> Outcome {
    let end = Instant::now() + TOLERANCE;
    loop {
        let stat = ok!(fs::read_to_string(format!("/proc/{thread}/stat")));
        // After the name, which may have anything in it.
        let state = stat.rsplit(") ").next().unwrap_or_default();
        if !state.starts_with('R') {
            return Ok(());
        }
        check!(Instant::now() < end, "the thread does not sleep");
        sleep(Duration::from_millis(1));
    }
}
