// SPDX-License-Identifier: GPL-2.0
//! Random sequences of calls, made on the device and on a model of it (`reference`), which have to
//! agree about all that can be seen. One that they do not agree about is made as short as it can be.
//!
//! `MODEL_CASES` says how many sequences (default 2000), `MODEL_SEED` repeats a run.

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use sleeptimer_selftests::{
    check_eq,
    numbers::totals,
    race::{pin, setting},
    reference::{
        calls::Call,
        device::Device,
        sequences::{cpus, Sequences},
        Reference,
    },
    tests, Outcome,
};
use std::{
    process::ExitCode,
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        OnceLock,
    },
    thread::scope,
    time::Instant,
};

/// How many sequences are made at a time, each of a map of its own: most of a sequence is waiting.
const THREADS: u64 = 8;
/// The longest sequence.
const LENGTH: usize = 40;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![the_device_does_what_the_model_says, nothing_is_left,])
}

fn the_device_does_what_the_model_says() -> Outcome {
    let run = Run {
        seed: setting("MODEL_SEED", fastrand::u64(..)),
        cases: setting("MODEL_CASES", 2000).div_ceil(THREADS),
        calls: AtomicUsize::new(0),
        failed: OnceLock::new(),
    };
    println!("# MODEL_SEED={}", run.seed);
    let begin = Instant::now();
    let outcomes: Vec<Outcome> = scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let run = &run;
                scope.spawn(move || run.thread(thread))
            })
            .collect();
        let outcomes = threads.into_iter().map(|thread| thread.join());
        outcomes
            .map(|outcome| outcome.unwrap_or_else(|_| Err("a thread died".to_owned())))
            .collect()
    });
    let (cases, calls) = (run.cases * THREADS, run.calls.into_inner());
    let time = begin.elapsed();
    println!("# {cases} sequences, {calls} calls in {time:.1?}");
    outcomes.into_iter().collect()
}

/// What the threads share.
struct Run {
    seed: u64,
    /// How many sequences each makes.
    cases: u64,
    /// How many calls were made.
    calls: AtomicUsize,
    /// The first thread that has met a difference. The others stop.
    failed: OnceLock<u64>,
}

impl Run {
    /// Whether another thread has failed.
    fn is_stopped(&self, thread: u64) -> bool {
        self.failed.get().is_some_and(|&failed| failed != thread)
    }

    /// Makes all sequences of a thread.
    fn thread(&self, thread: u64) -> Outcome {
        let cpu = thread as u32 % cpus();
        pin(cpu)?;
        // An algorithm that an emulated machine is quick at.
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..].copy_from_slice(&thread.to_le_bytes());
        let config = Config {
            cases: self.cases as u32,
            failure_persistence: None,
            max_global_rejects: 0,
            max_local_rejects: u32::MAX,
            max_shrink_time: 60_000,
            ..Config::default()
        };
        let random = TestRng::from_seed(RngAlgorithm::XorShift, &seed);
        let mut runner = TestRunner::new_with_rng(config, random);
        let strategy = Sequences::sequential_strategy(1..LENGTH);
        let result = runner.run(&strategy, |(model, calls, seen)| {
            if self.is_stopped(thread) {
                return Err(TestCaseError::reject("another thread has failed"));
            }
            let seen = seen.as_deref();
            let played = self.play(model, &calls, cpu, seen);
            played.map_err(|why| {
                self.failed.get_or_init(|| thread);
                TestCaseError::fail(why)
            })
        });
        match result {
            Err(_) if self.is_stopped(thread) => Ok(()),
            Err(TestError::Fail(why, (model, calls, _))) => {
                let sizes = model.sizes().unwrap_or_default();
                let calls: Vec<String> = calls.iter().map(|call| format!("  {call:?}")).collect();
                Err(format!("{sizes:?}\n{}\n{why}", calls.join("\n")))
            }
            Err(TestError::Abort(why)) => Err(why.to_string()),
            Ok(()) => Ok(()),
        }
    }

    /// Makes the calls of a sequence on a map of its own and on the model, and counts them.
    fn play(
        &self,
        mut model: Reference,
        calls: &[Call],
        cpu: u32,
        seen: Option<&AtomicUsize>,
    ) -> Outcome {
        let mut device = Device::new(model.sizes().unwrap_or_default(), cpu)?;
        for call in calls {
            for counter in [Some(&self.calls), seen].into_iter().flatten() {
                counter.fetch_add(1, Relaxed);
            }
            device.step(&mut model, call)?;
        }
        device.finish(&mut model)
    }
}

fn nothing_is_left() -> Outcome {
    let totals = totals()?;
    for name in ["maps", "users", "timers", "programs", "events"] {
        check_eq!((name, totals[name]), (name, 0));
    }
    Ok(())
}
