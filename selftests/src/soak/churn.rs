// SPDX-License-Identifier: GPL-2.0
//! Processes that are killed with maps open, in which timers are armed and callbacks sleep.

use super::load::Load;
use crate::{check_eq, ok, Outcome, KINDS};
use fastrand::Rng;
use nix::{sys::signal::Signal, unistd::pause};
use sleeptimer::{Batch, Clock, Expiry, Kind, Map, Sizes, Start, Step, Timer};
use std::{
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitCode, Stdio},
    thread::sleep,
    time::Duration,
};

/// The argument of such a process.
pub const CHILD: &str = "child";

const TIMERS: u32 = 64;
/// A time that no process lives for.
const FAR: Duration = Duration::from_secs(1000);

/// Process after process.
pub fn killed_processes(load: &Load) -> Outcome {
    let mut random = Rng::new();
    while load.goes_on() {
        let program = Command::new("/proc/self/exe")
            .arg(CHILD)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = ok!(program);
        if random.bool() {
            // It has armed everything.
            if let Some(mut output) = child.stdout.take() {
                ok!(output.read_exact(&mut [0]));
            }
        }
        sleep(Duration::from_millis(random.u64(..40)));
        ok!(child.kill());
        let status = ok!(child.wait());
        check_eq!(status.signal(), Some(Signal::SIGKILL as i32));
        load.did(u64::from(3 * TIMERS));
    }
    Ok(())
}

/// Such a process. Only a failure ends it.
pub fn child() -> ExitCode {
    match live() {
        Ok(never) => match never {},
        Err(why) => {
            eprintln!("soak, a child: {why}");
            ExitCode::FAILURE
        }
    }
}

fn live() -> Result<std::convert::Infallible, String> {
    let map = ok!(Map::open(Sizes {
        timers: TIMERS,
        programs: 2,
        events: 16,
    }));
    let _ring = ok!(map.ring());
    let tell = ok!(map.program(&[Step::Event]));
    let sleep_long = ok!(map.program(&[Step::Sleep(FAR), Step::Event]));
    let mut batch = Batch::new();
    for (kind, number) in KINDS.into_iter().cycle().zip(0..TIMERS.into()) {
        let expiry = match (kind, number % 2) {
            (Kind::Timer | Kind::DelayedWq | Kind::HighresDelayedWq, 0) => Expiry::In(FAR),
            _ => Expiry::default(),
        };
        let program = if kind == Kind::Timer {
            tell
        } else {
            sleep_long
        };
        batch
            .init(kind, Clock::Monotonic, number, Some(program))
            .link();
        batch.start(Timer::last(kind), expiry);
    }
    while batch.done() < batch.len() {
        ok!(map.submit(&mut batch));
    }
    for result in batch.results() {
        ok!(result);
    }
    for timer in (0..batch.len()).filter_map(|call| batch.timer(call)) {
        if timer.kind == Kind::Timer {
            let start = Start {
                period: Duration::from_millis(10),
                ..Start::default()
            };
            ok!(map.start_with(timer, &start));
        }
    }
    println!();
    loop {
        pause();
    }
}
