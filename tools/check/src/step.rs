// SPDX-License-Identifier: GPL-2.0
//! A step of the check, and running them with a line of progress each.

use crate::{ktap, libtest, seeded::Fault};
use anyhow::{Context, Result};
use regex::Regex;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// What a step is expected to do.
#[derive(Clone, Copy)]
pub enum Expect {
    /// Exit with status 0.
    Success,
    /// Exit with status 0, after KTAP output without a failure.
    Ktap,
    /// Exit with status 0, after the output of Rust test programs, of which so many passed.
    Libtest {
        /// That many.
        at_least: usize,
    },
    /// Exit with another status, and say all of this.
    Failure(&'static [&'static str]),
    /// Build the module, and then exit with another status, because of a selftest or of what the
    /// kernel logs.
    Red,
}

/// A step: a command and what is expected of it.
pub struct Step {
    /// What the step checks.
    pub name: String,
    /// The command.
    pub command: Command,
    /// What it is expected to do.
    pub expect: Expect,
    /// A fault to put into a copy of the module of this checkout first.
    pub fault: Option<(&'static Fault, PathBuf)>,
}

/// How many checks passed, and which did not.
#[derive(Default)]
pub struct Verdict {
    /// How many passed.
    pub passed: usize,
    /// Why the others did not.
    pub failures: Vec<String>,
    /// Faults that were to be found, and what has found them.
    pub found: Vec<(String, String)>,
}

/// What a command came to.
struct Outcome {
    success: bool,
    status: String,
    output: String,
}

/// Lines of a failed step's output that are shown; all of it is in the log.
const SHOWN_LINES: usize = 40;

/// Runs all steps, whatever becomes of some, and keeps the output of each in the folder `logs`.
pub fn run_all(steps: Vec<Step>, logs: &Path) -> Result<Verdict> {
    fs::create_dir_all(logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let mut total = Verdict::default();
    let number = steps.len();
    for (index, step) in (1..).zip(steps) {
        print!("[{index:2}/{number}] {:.<60} ", format!("{} ", step.name));
        std::io::stdout().flush()?;
        let start = Instant::now();
        let log = log_of(logs, &step.name);
        let outcome = match seed(&step.fault) {
            Ok(()) => run(step.command, &log)?,
            Err(error) => Outcome::not_run(&error),
        };
        let mut verdict = judge(&outcome, &step.expect);
        if matches!(step.expect, Expect::Red) {
            verdict.name(&step.name);
        }
        let seconds = start.elapsed().as_secs_f64();
        if verdict.failures.is_empty() {
            println!("{} ok ({seconds:.1} s)", verdict.passed);
        } else {
            println!("FAILED ({seconds:.1} s)");
            show(&outcome.output, &verdict.failures, &log);
        }
        total.passed += verdict.passed;
        total.failures.extend(verdict.failures);
        total.found.extend(verdict.found);
    }
    Ok(total)
}

fn log_of(logs: &Path, name: &str) -> PathBuf {
    let file: String = name
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() || letter == '.' {
                letter
            } else {
                '-'
            }
        })
        .collect();
    logs.join(file + ".log")
}

/// Runs a command with its output in a file, so that it is there also if we are killed.
fn run(mut command: Command, log: &Path) -> Result<Outcome> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    Ok(Outcome {
        success: status.success(),
        status: status.to_string(),
        output: String::from_utf8_lossy(&fs::read(log)?).into_owned(),
    })
}

/// Puts the fault of a step into a copy of the module.
fn seed(fault: &Option<(&'static Fault, PathBuf)>) -> Result<()> {
    match fault {
        Some((fault, tree)) => fault.seed(tree),
        None => Ok(()),
    }
}

impl Outcome {
    /// That of a step whose fault could not be seeded.
    fn not_run(error: &anyhow::Error) -> Self {
        Self {
            success: true,
            status: String::new(),
            output: format!("{error:#}"),
        }
    }

    /// The verdict on a command that ran tests: its status counts also when no test failed.
    fn verdict(&self, passed: usize, mut failures: Vec<String>) -> Verdict {
        if !self.success && failures.is_empty() {
            failures.push(self.status.clone());
        }
        if passed == 0 && failures.is_empty() {
            failures.push("no test ran".to_owned());
        }
        Verdict {
            passed,
            failures,
            ..Verdict::default()
        }
    }

    /// What has found the fault of a module.
    fn red(&self) -> Result<String, &'static str> {
        /// What the machine runner says of a run whose tests do not count.
        const COMPLAINTS: &[&str] = &[
            "errors in the kernel log",
            "the time limit was reached",
            "the guest ended without a report",
        ];
        let ran = self.output.find("KTAP version 1");
        match (self.success, ran) {
            (true, _) => return Err("no selftest has found it"),
            (false, None) => return Err("it does not get to the selftests"),
            (false, Some(_)) => {}
        }
        let says = |text: &&&str| self.output.contains(**text);
        let complaints = COMPLAINTS
            .iter()
            .filter(says)
            .map(|text| (*text).to_owned());
        let failed = Regex::new(r"(?m)^ *not ok \d+ (?:- )?(.*)$").expect("a valid expression");
        let tests = failed
            .captures_iter(&self.output)
            .map(|found| found[1].to_owned());
        let found: Vec<String> = tests.chain(complaints).collect();
        if found.is_empty() {
            return Err("it fails, and not by a selftest");
        }
        Ok(found.join(", "))
    }
}

impl Verdict {
    /// Says of which fault this is the verdict.
    fn name(&mut self, fault: &str) {
        for (name, _) in &mut self.found {
            *name = fault.to_owned();
        }
        for failure in &mut self.failures {
            *failure = format!("{fault}: {failure}");
        }
    }
}

fn judge(outcome: &Outcome, expect: &Expect) -> Verdict {
    let mut verdict = Verdict::default();
    match expect {
        Expect::Ktap => {
            let results = ktap::parse(&outcome.output);
            verdict = outcome.verdict(results.passed, results.failed);
        }
        Expect::Libtest { at_least } => {
            let (passed, failed) = libtest::parse(&outcome.output);
            verdict = outcome.verdict(passed, failed);
            if passed < *at_least && verdict.failures.is_empty() {
                verdict
                    .failures
                    .push(format!("only {passed} of {at_least} tests ran"));
            }
        }
        Expect::Success if outcome.success => verdict.passed = 1,
        Expect::Success => verdict.failures.push(outcome.status.clone()),
        Expect::Red => match outcome.red() {
            Ok(by) => {
                verdict.passed = 1;
                verdict.found.push((String::new(), by));
            }
            Err(why) => verdict.failures.push(why.to_owned()),
        },
        Expect::Failure(_) if outcome.success => {
            verdict
                .failures
                .push("it succeeded, and should not".to_owned());
        }
        Expect::Failure(whys) => match whys.iter().find(|why| !outcome.output.contains(**why)) {
            None => verdict.passed = 1,
            Some(why) => {
                let failure = format!("it failed without saying {why:?}");
                verdict.failures.push(failure);
            }
        },
    }
    verdict
}

/// Shows why a step failed, and the end of its output.
fn show(output: &str, failures: &[String], log: &Path) {
    let lines: Vec<&str> = output.lines().collect();
    for line in &lines[lines.len().saturating_sub(SHOWN_LINES)..] {
        println!("    {line}");
    }
    for failure in failures {
        println!("  failed: {failure}");
    }
    println!("  all of the output: {}", log.display());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(success: bool, output: &str) -> Outcome {
        Outcome {
            success,
            status: "exit status: 1".to_owned(),
            output: output.to_owned(),
        }
    }

    #[test]
    fn a_status_decides_a_plain_step() {
        assert_eq!(judge(&outcome(true, ""), &Expect::Success).passed, 1);
        assert_eq!(
            judge(&outcome(false, ""), &Expect::Success).failures,
            ["exit status: 1"]
        );
    }

    #[test]
    fn good_results_and_a_bad_status_are_a_failure() {
        let verdict = judge(&outcome(false, "1..1\nok 1 a\n"), &Expect::Ktap);
        assert_eq!(verdict.failures, ["exit status: 1"]);
    }

    #[test]
    fn a_seeded_fault_has_to_fail_for_its_own_reason() {
        let expect = Expect::Failure(&["WARNING", "at"]);
        assert_eq!(judge(&outcome(false, "a WARNING at"), &expect).passed, 1);
        assert_eq!(
            judge(&outcome(false, "a WARNING"), &expect).failures.len(),
            1
        );
        assert_eq!(
            judge(&outcome(true, "a WARNING at"), &expect)
                .failures
                .len(),
            1
        );
    }

    #[test]
    fn a_mutant_has_to_be_found_by_a_selftest() {
        let judge = |success, output| judge(&outcome(success, output), &Expect::Red);
        let verdict = judge(
            false,
            "KTAP version 1\n1..1\n  not ok 2 inner\nnot ok 1 a\n",
        );
        assert_eq!(verdict.found[0].1, "inner, a");
        let verdict = judge(false, "KTAP version 1\nvm: errors in the kernel log:\n");
        assert_eq!((verdict.passed, verdict.found.len()), (1, 1));
        let survived = judge(true, "KTAP version 1\n1..1\nok 1 a\n");
        assert_eq!(survived.failures, ["no selftest has found it"]);
        let broken = judge(false, "error: expected one of");
        assert_eq!(broken.failures, ["it does not get to the selftests"]);
    }
}
