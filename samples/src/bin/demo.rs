// SPDX-License-Identifier: GPL-2.0
//! A guided tour: one timer that fires in softirq, one whose callback sleeps, and what cancel does.
//!
//! `demo MODULE.ko` loads the module first and unloads it at the end; `demo` alone uses the device
//! as it finds it.

use anyhow::{ensure, Context as _, Result};
use nix::{
    kmod::{delete_module, finit_module, DeleteModuleFlags, ModuleInitFlags},
    time::{clock_gettime, ClockId},
};
use sleeptimer::{Clock, Context, Event, Kind, Map, Sizes, Step};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    time::{Duration, Instant},
};

const DELAY: Duration = Duration::from_millis(50);
const SLEEP: Duration = Duration::from_millis(30);
const LONG_SLEEP: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    match std::env::args().nth(1) {
        Some(module) => {
            let mut log = KernelLog::from_now()?;
            println!("# insmod {module}");
            let file = File::open(&module).with_context(|| module.clone())?;
            finit_module(&file, c"", ModuleInitFlags::empty()).context("cannot load the module")?;
            tour()?;
            println!("# rmmod sleeptimer");
            delete_module(c"sleeptimer", DeleteModuleFlags::O_NONBLOCK)
                .context("cannot unload the module")?;
            log.show()
        }
        None => tour(),
    }
}

fn tour() -> Result<()> {
    let map = Map::open(Sizes::default()).with_context(|| {
        format!(
            "cannot use {}: is sleeptimer.ko loaded?",
            sleeptimer::DEVICE
        )
    })?;
    softirq_timer(&map)?;
    sleepable_timer(&map)?;
    cancel(&map)
}

fn softirq_timer(map: &Map) -> Result<()> {
    let program = map.program(&[Step::Event])?;
    let timer = map.timer(Kind::Timer, Clock::Monotonic, 1)?;
    map.set_callback(timer, program)?;
    println!("\nA softirq timer, armed to fire in {}:", ms(DELAY));
    let start = now()?;
    map.start(timer, DELAY)?;
    let event = next_event(map)?;
    println!(
        "  fired in {}, asked after {}, observed after {}",
        place(&event),
        ms(DELAY),
        ms(at(&event).saturating_sub(start)),
    );
    ensure!(
        event.context == Context::Softirq,
        "a softirq timer ran in a worker"
    );
    Ok(())
}

fn sleepable_timer(map: &Map) -> Result<()> {
    let program = map.program(&[Step::Event, Step::Sleep(SLEEP), Step::Event])?;
    let timer = map.timer(Kind::SleepableTimer, Clock::Monotonic, 2)?;
    map.set_callback(timer, program)?;
    println!(
        "\nA sleepable timer, whose callback sleeps for {}:",
        ms(SLEEP)
    );
    let start = now()?;
    map.start(timer, Duration::ZERO)?;
    let before = next_event(map)?;
    println!(
        "  runs in {}, asked at once, observed after {}",
        place(&before),
        ms(at(&before).saturating_sub(start)),
    );
    let after = next_event(map)?;
    let slept = at(&after).saturating_sub(at(&before));
    println!(
        "  slept, asked for {}, observed {}, and woke up in {}",
        ms(SLEEP),
        ms(slept),
        place(&after),
    );
    ensure!(slept >= SLEEP, "the callback did not sleep");
    Ok(())
}

fn cancel(map: &Map) -> Result<()> {
    println!("\nCancel tells whether the timer was armed, and waits for its callback:");
    let program = map.program(&[Step::Event])?;
    let timer = map.timer(Kind::Timer, Clock::Monotonic, 3)?;
    map.set_callback(timer, program)?;
    map.start(timer, LONG_SLEEP)?;
    let (first, second) = (map.cancel(timer)?, map.cancel(timer)?);
    println!("  of an armed timer:     {}", u8::from(first));
    println!("  of the same, again:    {}", u8::from(second));
    ensure!(first && !second, "cancel told something else");
    let refused = map.start(timer, DELAY).err();
    let refused = refused.context("a start without a callback succeeded")?;
    println!("  then a start is refused, as cancel drops the callback: {refused}");

    let program = map.program(&[Step::Event, Step::Sleep(LONG_SLEEP)])?;
    let timer = map.timer(Kind::SleepableTimer, Clock::Monotonic, 4)?;
    map.set_callback(timer, program)?;
    map.start(timer, Duration::ZERO)?;
    next_event(map)?;
    let before = Instant::now();
    let was_armed = map.cancel(timer)?;
    println!(
        "  of a callback asleep for {}: {}, after waking it and waiting {}",
        ms(LONG_SLEEP),
        u8::from(was_armed),
        ms(before.elapsed()),
    );
    ensure!(!was_armed, "a running callback is not armed");
    println!();
    Ok(())
}

fn next_event(map: &Map) -> Result<Event> {
    map.read(1)?.pop().context("a read without an event")
}

/// Where a callback ran. The name of a worker says whose work it does.
fn place(event: &Event) -> String {
    match event.context {
        Context::Unknown => "more than one place".to_owned(),
        Context::Softirq => format!("softirq on CPU {}", event.cpu),
        Context::Process(worker) => {
            let name = fs::read_to_string(format!("/proc/{worker}/comm")).unwrap_or_default();
            format!(
                "process context, worker {worker} ({}) on CPU {}",
                name.trim(),
                event.cpu
            )
        }
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

fn at(event: &Event) -> Duration {
    Duration::from_nanos(event.time_ns)
}

fn now() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

/// What the kernel logs from some moment on.
struct KernelLog(File);

impl KernelLog {
    fn from_now() -> Result<Self> {
        // The mark is where the log of this run starts.
        let mark = "demo: start\n";
        OpenOptions::new()
            .write(true)
            .open("/dev/kmsg")?
            .write_all(mark.as_bytes())?;
        let mut log = Self(
            OpenOptions::new()
                .read(true)
                .custom_flags(nix::libc::O_NONBLOCK)
                .open("/dev/kmsg")?,
        );
        while !log
            .next()?
            .context("the mark is missing in the kernel log")?
            .ends_with(mark)
        {}
        Ok(log)
    }

    /// The next record, which is one `read`, without its continuation lines.
    fn next(&mut self) -> Result<Option<String>> {
        let mut record = [0; 8192];
        let length = match self.0.read(&mut record) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            result => result.context("cannot read the kernel log")?,
        };
        let record = String::from_utf8_lossy(&record[..length]);
        Ok(record.split_inclusive('\n').next().map(str::to_owned))
    }

    /// Prints the records, and fails if one is a warning or worse.
    fn show(&mut self) -> Result<()> {
        println!("# dmesg");
        let mut warnings = 0;
        while let Some(record) = self.next()? {
            let (head, text) = record.split_once(';').unwrap_or(("", &record));
            print!("  {text}");
            let level = head
                .split(',')
                .next()
                .and_then(|number| number.parse::<u32>().ok());
            let is_warning = level.is_none_or(|level| level % 8 <= 4);
            // The kernel says so of every module that is not its own.
            let is_about_taint = text.starts_with("sleeptimer: ") && text.contains("taint");
            warnings += usize::from(is_warning && !is_about_taint);
        }
        ensure!(warnings == 0, "the kernel logged {warnings} warning(s)");
        println!("  (clean: no warning, no error)");
        Ok(())
    }
}
