// SPDX-License-Identifier: GPL-2.0
//! Keeps the module as busy as many programs would for a long time, and measures memory, objects and
//! lag meanwhile. Each expiration is accounted for, and when all is closed, nothing is left.
//!
//! `SOAK_SECONDS` says how long (default 60), `SOAK_BESIDE` which command runs at the same time, for as
//! long as it is not told to end. A sample is a line: `tools/soak-plot` reads these.

use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use sleeptimer_selftests::{
    check, check_eq, ok,
    race::setting,
    soak::{
        batches, churn,
        load::{Load, Part},
        machine::{grace_period, memory, objects, Footprint},
        periods,
        sample::{Activity, Phase, Sample},
        timeouts,
    },
    tests, Outcome,
};
use std::{
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

/// How long the load runs before the memory is looked at for the first time.
const WARM_UP: Duration = Duration::from_secs(20);

/// The parts of the load.
const PARTS: &[(&str, Part)] = &[
    ("timeouts", timeouts::in_large_rings),
    ("timeouts in small rings", timeouts::in_small_rings),
    ("periods", periods::by_the_mapped_ring),
    ("batches", batches::in_batches),
    ("killed processes", churn::killed_processes),
];

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(churn::CHILD) {
        return churn::child();
    }
    sleeptimer_selftests::run(tests![all_is_told_and_nothing_is_left])
}

fn all_is_told_and_nothing_is_left() -> Outcome {
    let time = Duration::from_secs(setting("SOAK_SECONDS", 60));
    let soak = Soak::new(time);
    soak.run(Phase::WarmUp, WARM_UP)?;
    let before = Footprint::when_closed()?;
    soak.sample(Phase::Before, Activity::default())?;
    soak.run(Phase::Soak, time)?;
    let after = Footprint::when_closed()?;
    soak.sample(Phase::After, Activity::default())?;
    after.compare(&before)
}

struct Soak {
    start: Instant,
    /// Between samples.
    interval: Duration,
}

impl Soak {
    /// A few hundred samples are enough.
    fn new(time: Duration) -> Self {
        Self {
            start: Instant::now(),
            interval: (time / 300).clamp(Duration::from_secs(1), Duration::from_secs(10)),
        }
    }

    /// Runs the load for a time.
    fn run(&self, phase: Phase, time: Duration) -> Outcome {
        let mut beside = Beside::start()?;
        let load = Load::new(time);
        let mut last = Instant::now();
        load.run(PARTS, self.interval, || {
            beside.check()?;
            let activity = load.take_activity(last.elapsed());
            last = Instant::now();
            self.sample(phase, activity)
        })?;
        beside.end()
    }

    /// Tells what there is now.
    fn sample(&self, phase: Phase, activity: Activity) -> Outcome {
        let sample = Sample {
            seconds: self.start.elapsed().as_secs_f64(),
            phase,
            memory: memory()?,
            objects: objects()?,
            activity,
            grace: grace_period()?,
        };
        println!("{}", sample.to_line()?);
        Ok(())
    }
}

/// The command that runs beside, if there is one.
struct Beside(Option<Child>);

impl Beside {
    fn start() -> Result<Self, String> {
        let Ok(line) = std::env::var("SOAK_BESIDE") else {
            return Ok(Self(None));
        };
        let mut words = line.split_whitespace();
        let program = words.next().ok_or("SOAK_BESIDE is empty")?;
        // Its output is not ours, which is KTAP.
        let child = Command::new(program)
            .args(words)
            .stdout(Stdio::null())
            .spawn();
        Ok(Self(Some(
            child.map_err(|error| format!("{program}: {error}"))?,
        )))
    }

    /// Fails if it has ended by itself.
    fn check(&mut self) -> Outcome {
        if let Some(child) = &mut self.0 {
            let status = ok!(child.try_wait());
            check!(status.is_none(), "SOAK_BESIDE has ended: {status:?}");
        }
        Ok(())
    }

    fn end(mut self) -> Outcome {
        self.check()?;
        if let Some(mut child) = self.0.take() {
            ok!(kill(Pid::from_raw(child.id() as i32), Signal::SIGINT));
            // What it exits with is its own affair: stress-ng has 3 if that finds it short of memory.
            let status = ok!(child.wait());
            let signal = status.signal().unwrap_or(Signal::SIGINT as i32);
            check_eq!(signal, Signal::SIGINT as i32);
        }
        Ok(())
    }
}
