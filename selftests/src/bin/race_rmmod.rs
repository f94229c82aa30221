// SPDX-License-Identifier: GPL-2.0
//! The module is unloaded and loaded again while the device is opened: an open either has no device,
//! or has one that works, and keeps the module for as long.

use nix::{
    errno::Errno,
    kmod::{delete_module, DeleteModuleFlags},
};
use sleeptimer::{Kind, Map, Sizes, Step};
use sleeptimer_selftests::{
    bound_timer, check, expect_events,
    module::{load, MODULE},
    ok,
    race::rounds,
    skip, tests, Outcome, TOLERANCE,
};
use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::{scope, yield_now},
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![unloads_meet_opens])
}

/// How the unloads have gone.
#[derive(Default)]
struct Unloads {
    done: AtomicU64,
    refused: AtomicU64,
    /// The opens that have a file now, odd, or had, even.
    opens: AtomicU64,
    is_over: AtomicBool,
}

fn unloads_meet_opens() -> Outcome {
    let Ok(module) = std::env::var(MODULE) else {
        return skip("SLEEPTIMER_MODULE does not say where the module is");
    };
    let unloads = &Unloads::default();
    let module = module.as_str();
    let end = Instant::now() + 4 * TOLERANCE;
    scope(|threads| {
        let thread = threads.spawn(move || unloads.work(module));
        let mut result = Ok(());
        let (mut opened, mut missing) = (0, 0);
        let is_enough = |opened: u64, missing: u64| {
            let counts =
                [&unloads.done, &unloads.refused].map(|count| count.load(Ordering::SeqCst));
            opened.min(missing).min(counts[0]).min(counts[1]) >= rounds().div_ceil(4)
        };
        while !is_enough(opened, missing) && Instant::now() < end && !thread.is_finished() {
            match unloads.open_and_use() {
                Ok(true) => opened += 1,
                Ok(false) => missing += 1,
                Err(why) => {
                    result = Err(why);
                    break;
                }
            }
            yield_now();
        }
        unloads.is_over.store(true, Ordering::SeqCst);
        thread.join().map_err(|_| "a thread died")??;
        result?;
        let (done, refused) = unloads.counts();
        println!(
            "# opens: {opened}, {missing} without a device; unloads: {done}, {refused} refused"
        );
        check!(opened.min(missing).min(done).min(refused) > 0);
        Ok(())
    })
}

impl Unloads {
    /// How many were done, and how many refused.
    fn counts(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::SeqCst);
        (load(&self.done), load(&self.refused))
    }

    /// Opens the device and uses it, if there is one.
    fn open_and_use(&self) -> Result<bool, String> {
        let map = match Map::open_nonblocking(Sizes::default()) {
            Ok(map) => map,
            Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => {
                return Ok(false)
            }
            Err(error) => return Err(error.to_string()),
        };
        self.opens.fetch_add(1, Ordering::SeqCst);
        let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
        ok!(map.start(timer, Duration::from_micros(100)));
        expect_events(&map, 1)?;
        self.opens.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }

    /// Unloads the module and loads it, again and again.
    fn work(&self, module: &str) -> Outcome {
        while !self.is_over.load(Ordering::SeqCst) {
            let before = self.opens.load(Ordering::SeqCst);
            let unloaded = delete_module(c"sleeptimer", DeleteModuleFlags::O_NONBLOCK);
            let is_used = before % 2 == 1 && self.opens.load(Ordering::SeqCst) == before;
            match unloaded {
                Ok(()) => {
                    check!(!is_used, "it was unloaded while it was open");
                    self.done.fetch_add(1, Ordering::SeqCst);
                    // Others find out that there is no device.
                    yield_now();
                    load(module, c"")?;
                }
                Err(Errno::EWOULDBLOCK) => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                }
                Err(errno) => return Err(format!("delete_module: {errno}")),
            }
            yield_now();
        }
        Ok(())
    }
}
