// SPDX-License-Identifier: GPL-2.0
//! The tracepoints tell what happens, and nothing when they are off.

use nix::errno::Errno;
use sleeptimer::{Clock, Expiry, Kind, Map, Start, Step, Timer};
use sleeptimer_selftests::{
    bound_timer, check, check_eq, check_errno, expect_events, map, ok, settle, tests, Outcome,
    KINDS,
};
use std::{
    fs,
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

const TRACEFS: &str = "/sys/kernel/tracing";
const EVENTS: [&str; 6] = ["init", "start", "expire", "cancel", "free", "step_failure"];

fn main() -> ExitCode {
    if !Path::new(TRACEFS).join("events").exists() {
        println!("KTAP version 1\n1..0 # SKIP there is no tracefs");
        return ExitCode::from(4);
    }
    sleeptimer_selftests::run(tests![
        all_events_are_there,
        init_tells_the_kind,
        start_tells_the_arming_and_its_result,
        expire_tells_the_context,
        cancel_and_free_tell_their_results,
        step_failure_tells_the_step_and_the_error,
        nothing_is_told_when_off,
    ])
}

fn path(file: &str) -> PathBuf {
    Path::new(TRACEFS).join(file)
}

fn write(file: &str, text: &str) -> Outcome {
    fs::write(path(file), text).map_err(|error| format!("{file}: {error}"))
}

/// Tracing of all our events, from an empty buffer; it ends with this.
struct Trace;

impl Trace {
    fn start() -> Result<Self, String> {
        write("trace", "")?;
        write("events/sleeptimer/enable", "1")?;
        Ok(Self)
    }

    /// What was told so far, without who told it and when: `start: map=1 ...`.
    fn lines(&self) -> Result<Vec<String>, String> {
        let text = ok!(fs::read_to_string(path("trace")));
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let ours = lines.filter_map(|line| Some(line.split_once(": sleeptimer_")?.1.to_owned()));
        Ok(ours.collect())
    }

    /// Those lines that are of a timer of a map, without what they have in common.
    fn lines_of(&self, map: &Map, timer: Timer) -> Result<Vec<String>, String> {
        let common = format!("map={} handle={:#x} ", number(map)?, timer.handle);
        let lines = self.lines()?.into_iter();
        let ours = lines.filter(|line| line.contains(&common));
        Ok(ours.map(|line| line.replace(&common, "")).collect())
    }

    /// Fails unless just these lines were told of a timer, in this order.
    fn expect(&self, map: &Map, timer: Timer, lines: &[String]) -> Outcome {
        check_eq!(self.lines_of(map, timer)?, lines);
        Ok(())
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = write("events/sleeptimer/enable", "0");
    }
}

/// The number of a map, as its fdinfo has it.
fn number(map: &Map) -> Result<String, String> {
    let fdinfo = ok!(fs::read_to_string(format!(
        "/proc/self/fdinfo/{}",
        map.as_raw_fd()
    )));
    let field = "sleeptimer-map:\t";
    let number = fdinfo.lines().find_map(|line| line.strip_prefix(field));
    number.map(str::to_owned).ok_or(fdinfo)
}

fn all_events_are_there() -> Outcome {
    for event in EVENTS {
        let format = format!("events/sleeptimer/sleeptimer_{event}/format");
        check!(path(&format).exists(), "{event}");
    }
    Ok(())
}

fn init_tells_the_kind() -> Outcome {
    let map = map()?;
    let trace = Trace::start()?;
    for kind in KINDS {
        let name = match kind {
            Kind::Timer => "timer",
            Kind::SleepableTimer => "sleepable_timer",
            Kind::Wq => "wq",
            Kind::DelayedWq => "delayed_wq",
            Kind::HighresDelayedWq => "delayed_wq_highres",
        };
        let (clock, id) = match kind {
            Kind::HighresDelayedWq => (Clock::Boottime, libc::CLOCK_BOOTTIME),
            _ => (Clock::Monotonic, libc::CLOCK_MONOTONIC),
        };
        let timer = ok!(map.timer(kind, clock, 0));
        trace.expect(&map, timer, &[format!("init: kind={name} clock={id}")])?;
    }
    Ok(())
}

fn start_tells_the_arming_and_its_result() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::HighresDelayedWq, Clock::Monotonic, 0));
    let trace = Trace::start()?;
    let hour = Duration::from_secs(3600);
    check_errno!(map.start(timer, hour), Errno::EINVAL);
    ok!(map.set_callback(timer, program));
    ok!(map.start(timer, hour));
    let at = Start {
        expiry: Expiry::At(hour * 1000),
        period: Duration::from_millis(5),
        ..Start::default()
    };
    check!(ok!(map.modify(timer, &at)));
    let there = Start {
        cpu: sleeptimer::Cpu::Number(0),
        ..at
    };
    ok!(map.start_with(timer, &there));
    let line = |expires, mode, period, result| {
        format!("start: expires={expires} mode={mode} period={period} result={result}")
    };
    let (hour, long) = (3_600_000_000_000u64, 3_600_000_000_000_000u64);
    let lines = [
        line(hour, "rel", 0, -libc::EINVAL),
        line(hour, "rel", 0, 0),
        line(long, "abs", 5_000_000, 1),
        line(long, "abs", 5_000_000, 0),
    ];
    trace.expect(&map, timer, &lines)
}

fn expire_tells_the_context() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    for (kind, context) in [(Kind::Timer, "softirq"), (Kind::Wq, "process")] {
        let timer = ok!(map.timer(kind, Clock::Monotonic, 0));
        ok!(map.set_callback(timer, program));
        let trace = Trace::start()?;
        ok!(map.start(timer, Duration::ZERO));
        expect_events(&map, 1)?;
        // The start is told when its result is known: before or after the callback has run.
        let mut lines = trace.lines_of(&map, timer)?;
        lines.sort();
        let expire = format!("expire: context={context} expirations=1");
        let start = "start: expires=0 mode=rel period=0 result=0".to_owned();
        check_eq!(lines, [expire, start]);
    }
    Ok(())
}

fn cancel_and_free_tell_their_results() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    ok!(map.set_callback(timer, program));
    ok!(map.start(timer, Duration::from_secs(1000)));
    let trace = Trace::start()?;
    check!(ok!(map.cancel_no_drop(timer)));
    check!(!ok!(map.cancel_async(timer)));
    check!(!ok!(map.cancel(timer)));
    ok!(map.free(timer));
    check_errno!(map.cancel(timer), Errno::ENOENT);
    check_errno!(map.free(timer), Errno::ENOENT);
    let lines = [
        "cancel: result=1".to_owned(),
        "cancel: result=0".to_owned(),
        "cancel: result=0".to_owned(),
        "free: result=0".to_owned(),
        format!("cancel: result={}", -libc::ENOENT),
        format!("free: result={}", -libc::ENOENT),
    ];
    trace.expect(&map, timer, &lines)
}

fn step_failure_tells_the_step_and_the_error() -> Outcome {
    let map = map()?;
    let (reader, writer) = ok!(nix::unistd::pipe());
    let write = Step::Write {
        fd: writer.as_fd(),
        bytes: b"x",
        offset: 0,
    };
    let timer = bound_timer(&map, Kind::Wq, &[Step::Event, write])?;
    drop(reader);
    let trace = Trace::start()?;
    ok!(map.start(timer, Duration::ZERO));
    settle(&map, timer)?;
    let lines = trace.lines_of(&map, timer)?;
    let failures: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("step_failure"))
        .collect();
    let line = format!("step_failure: step=1 error={}", -libc::EPIPE);
    check_eq!(failures, [&line]);
    Ok(())
}

fn nothing_is_told_when_off() -> Outcome {
    let trace = Trace::start()?;
    write("events/sleeptimer/enable", "0")?;
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    ok!(map.set_callback(timer, program));
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    ok!(map.cancel(timer));
    ok!(map.free(timer));
    check_eq!(trace.lines()?, Vec::<String>::new());
    Ok(())
}
