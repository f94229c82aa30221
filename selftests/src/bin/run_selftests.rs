// SPDX-License-Identifier: GPL-2.0
//! Runs selftests, each with the module freshly loaded, and unloads it after each: whatever the
//! test has leaked, the kernel reports when the module's slab cache goes.
//!
//! Usage: `run_selftests [--kmemleak] [--counters] [NAME=VALUE...] MODULE.ko PROGRAM...`. Prints
//! KTAP, with each program's as a subtest, and exits with 0 if all passed, 1 if one failed. Suites in
//! the module itself, which a kernel with KUnit runs, are tests too. With `--kmemleak` the kernel
//! looks for leaks in the end, as the last test: it tells the program that has allocated what leaked.
//! With `--counters` those of a module that counts what it executes are told at the end.
//! `NAME=VALUE` is put into the environment of the programs.

use sleeptimer_selftests::{
    counters,
    kmemleak::Kmemleak,
    kunit::{self, Suite},
    module::{load, unload, MODULE},
    Outcome,
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let leaks = arguments.next_if_eq("--kmemleak").is_some();
    let counts = arguments.next_if_eq("--counters").is_some();
    while let Some(setting) = arguments.next_if(|argument| argument.contains('=')) {
        if let Some((name, value)) = setting.split_once('=') {
            std::env::set_var(name, value);
        }
    }
    let Some(module) = arguments.next() else {
        eprintln!(
            "usage: run_selftests [--kmemleak] [--counters] [NAME=VALUE...] MODULE.ko PROGRAM..."
        );
        return ExitCode::from(2);
    };
    // For tests that load it again, with other parameters.
    std::env::set_var(MODULE, &module);
    let programs: Vec<String> = arguments.collect();
    let result = run_all(&module, &programs, leaks).and_then(|passed| {
        if counts {
            counters::show()?;
        }
        Ok(passed)
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("run_selftests: {why}");
            ExitCode::from(2)
        }
    }
}

/// Runs everything, and returns whether all passed.
fn run_all(module: &str, programs: &[String], leaks: bool) -> Result<bool, String> {
    let leaks = leaks.then(Kmemleak::start).transpose()?;
    let suites = suites_of(module)?;
    println!("KTAP version 1");
    println!(
        "1..{}",
        suites.len() + programs.len() + usize::from(leaks.is_some())
    );
    let mut report = Report::default();
    for suite in &suites {
        report.result(&suite.name, show(suite));
    }
    for program in programs {
        let name = Path::new(program).file_name().unwrap_or_default();
        let begin = Instant::now();
        let outcome = run(module, program);
        println!("  # took {:.1?}", begin.elapsed());
        report.result(&name.to_string_lossy(), outcome);
    }
    if let Some(leaks) = leaks {
        report.result("kmemleak", leaks.check());
    }
    Ok(report.failed == 0)
}

/// The results so far.
#[derive(Default)]
struct Report {
    count: usize,
    failed: usize,
}

impl Report {
    fn result(&mut self, name: &str, outcome: Outcome) {
        self.count += 1;
        match outcome {
            Ok(()) => println!("ok {} {name}", self.count),
            Err(why) => {
                self.failed += 1;
                println!("not ok {} {name}", self.count);
                why.lines().for_each(|line| println!("# {line}"));
            }
        }
    }
}

/// Loads the module, which runs its own suites, and unloads it.
fn suites_of(module: &str) -> Result<Vec<Suite>, String> {
    let others = kunit::suites();
    load(module, c"")?;
    let mut suites = kunit::suites();
    unload()?;
    suites.retain(|suite| others.iter().all(|other| other.name != suite.name));
    Ok(suites)
}

/// Shows the output of a suite as that of a subtest.
fn show(suite: &Suite) -> Outcome {
    suite.results.lines().for_each(|line| println!("  {line}"));
    match suite.passed() {
        true => Ok(()),
        false => Err(format!("suite {} of the module failed", suite.name)),
    }
}

/// Loads the module, runs one program, and unloads the module.
fn run(module: &str, program: &str) -> Outcome {
    load(module, c"")?;
    let result = run_indented(program);
    unload().map_err(|error| format!("after {program}: {error}"))?;
    result
}

/// Runs one program, whose output becomes that of a subtest.
fn run_indented(program: &str) -> Outcome {
    let describe = |error: std::io::Error| format!("{program}: {error}");
    let mut child = Command::new(program)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(describe)?;
    let mut has_plan = false;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(describe)?;
            has_plan |= line.starts_with("1..");
            println!("  {line}");
        }
    }
    let status = child.wait().map_err(describe)?;
    if !status.success() {
        Err(format!("{program}: {status}"))
    } else if !has_plan {
        Err(format!("{program}: printed no plan"))
    } else {
        Ok(())
    }
}
