// SPDX-License-Identifier: GPL-2.0
//! What something costs that goes on while others sleep: a thread that runs only when nobody else wants the
//! processor counts its rounds, and what it has not had, the others have.

use crate::{ok, stopwatch::now_ns, Outcome};
use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::{scope, sleep},
    time::Duration,
};

/// How long the rounds are counted while nothing else goes on.
const CALIBRATION: Duration = Duration::from_millis(200);

/// How long before that, for the thread to begin.
const START: Duration = Duration::from_millis(50);

/// A little longer than both.
pub const PREPARATION: Duration = Duration::from_millis(255);

/// Runs `work`, and tells how many ns it, and all that went on meanwhile, have spent. It begins
/// [`PREPARATION`] after this is called.
pub fn busy(work: impl FnOnce() -> Outcome) -> Outcome<f64> {
    let rounds = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    scope(|threads| {
        let spinner = threads.spawn(|| spin(&rounds, &stop));
        let measured = (|| {
            let look = || (now_ns(), rounds.load(Ordering::Relaxed));
            sleep(START);
            let begin = look();
            sleep(CALIBRATION);
            let end = look();
            let round = (end.0 - begin.0) as f64 / (end.1 - begin.1).max(1) as f64;
            let begin = look();
            work()?;
            let end = look();
            let idle = (end.1 - begin.1) as f64 * round;
            Ok((end.0 - begin.0) as f64 - idle)
        })();
        stop.store(true, Ordering::Relaxed);
        spinner.join().map_err(|_| "a thread died")??;
        measured
    })
}

fn spin(rounds: &AtomicU64, stop: &AtomicBool) -> Outcome {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: The call reads the structure only. 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &parameter) };
    ok!(nix::errno::Errno::result(result));
    while !stop.load(Ordering::Relaxed) {
        black_box(rounds.fetch_add(1, Ordering::Relaxed));
    }
    Ok(())
}
