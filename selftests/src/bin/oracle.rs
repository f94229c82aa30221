// SPDX-License-Identifier: GPL-2.0
//! What upstream's bpf_timer and bpf_wq return, call by call, as printed by a BPF program on Debian's
//! kernel 7.3.4; ours return the same. Where the design decides otherwise, the row says so.
//!
//! Not to be expressed here: a second init of the same object (each init makes a new one), calls
//! from a callback (programs have no such step), and bpf_task_work.

use nix::errno::Errno;
use sleeptimer::{Clock, Expiry, Kind, Map, Start, Step, Timer};
use sleeptimer_selftests::{events_within, ok, tests, Outcome, TOLERANCE};
use sleeptimer_sys as sys;
use std::{fmt::Debug, os::fd::AsRawFd, process::ExitCode, time::Duration};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        before_init,
        timer_init,
        timer_start_and_expiry,
        timer_cancel,
        timer_times,
        wq,
        after_the_last_close,
    ])
}

const EINVAL: i64 = -22;
/// Ours for an object that does not exist; upstream, where the object is a field of a map's
/// element, EINVAL.
const ENOENT: i64 = -2;

/// The rows that are not as they should be.
#[derive(Default)]
struct Table {
    wrong: Vec<String>,
}

impl Table {
    /// A row: what was called, what came of it, and what upstream returns.
    fn row<T: Into<i64> + Debug>(
        &mut self,
        line: &str,
        seen: Result<T, impl Into<Errno>>,
        wanted: i64,
    ) {
        let seen = match seen {
            Ok(value) => value.into(),
            Err(error) => -i64::from(error.into() as i32),
        };
        if seen != wanted {
            self.wrong.push(format!("{line}: {seen}, not {wanted}"));
        }
    }

    /// A row that tells how often the callback runs: that often, and then no more for a while.
    fn ran(&mut self, line: &str, map: &Map, wanted: usize) {
        const WHILE: Duration = Duration::from_millis(100);
        let events = events_within(map, wanted, TOLERANCE);
        let more = events_within(map, 1, WHILE);
        let seen = events.and_then(|events| Ok(events.len() + more?.len()));
        let seen = seen.map(|seen| seen as u32).map_err(|_| Errno::EIO);
        self.row(line, seen, wanted as i64);
    }

    fn end(self) -> Outcome {
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(self.wrong.join("\n"))
        }
    }
}

/// A result without a value, which is a zero.
fn zero<E>(result: Result<(), E>) -> Result<i64, E> {
    result.map(|()| 0)
}

fn map() -> Result<Map, String> {
    sleeptimer_selftests::map()
}

/// A request as it is, with whatever flags.
fn raw<T>(map: &Map, number: u32, mut argument: T) -> nix::Result<i32> {
    // SAFETY: The structure is that of the request, and outlives the call.
    Errno::result(unsafe { libc::ioctl(map.as_raw_fd(), number.into(), &raw mut argument) })
}

fn start_flags(map: &Map, number: u32, timer: Timer, flags: u32) -> nix::Result<i32> {
    let request = sys::sleeptimer_start {
        handle: timer.handle,
        flags,
        ..Default::default()
    };
    raw(map, number, request)
}

fn init_raw(map: &Map, number: u32, clock: u32, flags: u32) -> nix::Result<i32> {
    let request = sys::sleeptimer_init {
        clock,
        flags,
        ..Default::default()
    };
    raw(map, number, request)
}

const MS: Duration = Duration::from_millis(1);

fn before_init() -> Outcome {
    let mut table = Table::default();
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let none = |kind| Timer {
        handle: 1 << 32,
        kind,
    };
    let (timer, wq) = (none(Kind::Timer), none(Kind::Wq));
    table.row(
        "timer set_callback before init",
        zero(map.set_callback(timer, program)),
        ENOENT,
    );
    table.row(
        "timer start before init",
        zero(map.start(timer, MS)),
        ENOENT,
    );
    table.row("timer cancel before init", map.cancel(timer), ENOENT);
    table.row(
        "timer cancel_async before init",
        map.cancel_async(timer),
        ENOENT,
    );
    table.row(
        "wq set_callback before init",
        zero(map.set_callback(wq, program)),
        ENOENT,
    );
    table.row(
        "wq start before init",
        zero(map.start(wq, Duration::ZERO)),
        ENOENT,
    );
    table.end()
}

fn timer_init() -> Outcome {
    let mut table = Table::default();
    let map = map()?;
    let init = |clock, flags| init_raw(&map, sys::SLEEPTIMER_IOC_TIMER_INIT, clock, flags);
    table.row("timer init flags=16", init(1, 16), EINVAL);
    table.row("timer init clock 2 (PROCESS_CPUTIME)", init(2, 0), EINVAL);
    table.row("timer init clock 8 (REALTIME_ALARM)", init(8, 0), EINVAL);
    // The design adds this clock: upstream has EINVAL.
    table.row("timer init clock 11 (TAI)", init(11, 0), 0);
    table.row("timer init MONOTONIC", init(1, 0), 0);
    table.row("timer init REALTIME", init(0, 0), 0);
    table.row("timer init BOOTTIME", init(7, 0), 0);
    table.end()
}

fn timer_start_and_expiry() -> Outcome {
    let mut table = Table::default();
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    table.row(
        "timer start before set_callback",
        zero(map.start(timer, MS)),
        EINVAL,
    );
    table.row("timer cancel idle", map.cancel(timer), 0);
    table.row(
        "timer set_callback",
        zero(map.set_callback(timer, program)),
        0,
    );
    let flags = start_flags(&map, sys::SLEEPTIMER_IOC_TIMER_START, timer, 4);
    table.row("timer start flags=4", flags, EINVAL);
    table.row("timer start 50ms", zero(map.start(timer, 50 * MS)), 0);
    table.row(
        "timer restart 5ms while pending",
        zero(map.start(timer, 5 * MS)),
        0,
    );
    table.ran("  fired", &map, 1);
    let again = zero(map.start(timer, MS));
    table.row("timer start after expiry, no set_callback", again, 0);
    table.ran("  fired", &map, 1);
    table.end()
}

fn timer_cancel() -> Outcome {
    let mut table = Table::default();
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let second = Duration::from_secs(1);
    ok!(map.set_callback(timer, program));
    table.row("timer start 1s", zero(map.start(timer, second)), 0);
    table.row("timer cancel pending", map.cancel(timer), 1);
    let dropped = zero(map.start(timer, second));
    table.row(
        "timer start after cancel (callback was dropped)",
        dropped,
        EINVAL,
    );
    table.row(
        "timer set_callback",
        zero(map.set_callback(timer, program)),
        0,
    );
    table.row("timer start 1s", zero(map.start(timer, second)), 0);
    table.row("timer cancel_async pending", map.cancel_async(timer), 1);
    let kept = zero(map.start(timer, second));
    table.row("timer start after cancel_async (callback kept)", kept, 0);
    table.row("timer cancel_async pending", map.cancel_async(timer), 1);
    table.row("timer cancel_async idle", map.cancel_async(timer), 0);
    table.end()
}

fn timer_times() -> Outcome {
    let mut table = Table::default();
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    ok!(map.set_callback(timer, program));
    for (line, ns) in [
        ("timer start REL U64_MAX ns", u64::MAX),
        ("timer start REL 1<<62 ns", 1 << 62),
    ] {
        table.row(line, zero(map.start(timer, Duration::from_nanos(ns))), 0);
        table.ran("  fired within 50ms", &map, 0);
        table.row("  cancel_async", map.cancel_async(timer), 1);
    }
    let past = Start {
        expiry: Expiry::At(Duration::from_nanos(1)),
        ..Start::default()
    };
    table.row(
        "timer start ABS 1ns (past)",
        zero(map.start_with(timer, &past)),
        0,
    );
    table.ran("  fired within 50ms", &map, 1);
    table.row(
        "timer start REL 0",
        zero(map.start(timer, Duration::ZERO)),
        0,
    );
    table.ran("  fired within 50ms", &map, 1);
    table.end()
}

fn wq() -> Outcome {
    let mut table = Table::default();
    let map = map()?;
    let program = ok!(map.program(&[Step::Event, Step::Sleep(500 * MS)]));
    let init = init_raw(&map, sys::SLEEPTIMER_IOC_WQ_INIT, 1, 1);
    table.row("wq init flags=1", init, EINVAL);
    let wq = ok!(map.timer(Kind::Wq, Clock::Monotonic, 0));
    let start = || zero(map.start(wq, Duration::ZERO));
    table.row("wq start before set_callback", start(), EINVAL);
    table.row("wq set_callback", zero(map.set_callback(wq, program)), 0);
    let flags = start_flags(&map, sys::SLEEPTIMER_IOC_WQ_START, wq, 1);
    table.row("wq start flags=1", flags, EINVAL);
    table.row("wq start", start(), 0);
    table.ran("  callback runs", &map, 1);
    table.row("wq start while callback running", start(), 0);
    table.row("wq start again, back to back", start(), 0);
    table.ran("  callback ran", &map, 1);
    table.row("wq start", start(), 0);
    table.ran("  callback runs", &map, 1);
    table.row("wq start", start(), 0);
    table.row(
        "wq delete_elem while running + queued",
        zero(map.free(wq)),
        0,
    );
    table.ran("  callback ran (queued one cancelled)", &map, 0);
    table.end()
}

fn after_the_last_close() -> Outcome {
    let mut table = Table::default();
    let other = map()?;
    {
        let map = map()?;
        let program = ok!(map.program(&[Step::Event]));
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
        ok!(map.set_callback(timer, program));
        ok!(map.start(timer, 100 * MS));
    }
    // Nothing can be called on a map that is gone; its events would have nowhere to go.
    table.ran("armed timer fired after uref drop", &other, 0);
    table.end()
}
