// SPDX-License-Identifier: GPL-2.0
//! Reading the Kernel Test Anything Protocol: how many tests passed, and which did not.

use regex::Regex;
use std::collections::BTreeMap;

/// What a run of tests came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// How many passed.
    pub passed: usize,
    /// The names of those that failed, or were skipped: a prerequisite was missing then.
    pub failed: Vec<String>,
}

/// How far a plan, which is at some indentation, was carried out.
#[derive(Default)]
struct Progress {
    planned: usize,
    seen: usize,
}

/// Counts the results at all levels. A plan that was not carried out is a failure too, so that
/// output which ends early cannot pass.
pub fn parse(output: &str) -> Results {
    let plan = Regex::new(r"^( *)1\.\.(\d+)").expect("a valid expression");
    let result = Regex::new(r"^( *)(not )?ok \d+ (?:- )?(.*)").expect("a valid expression");
    let mut results = Results::default();
    let mut levels: BTreeMap<usize, Progress> = BTreeMap::new();
    for line in output.lines() {
        if let Some(found) = plan.captures(line) {
            let planned = found[2].parse().unwrap_or(usize::MAX);
            let old = levels.insert(found[1].len(), Progress { planned, seen: 0 });
            results.end_of_plan(old);
        } else if let Some(found) = result.captures(line) {
            levels.entry(found[1].len()).or_default().seen += 1;
            let name = &found[3];
            if found.get(2).is_some() || name.contains("# SKIP") {
                results.failed.push(name.to_owned());
            } else {
                results.passed += 1;
            }
        }
    }
    if levels.is_empty() {
        results.failed.push("no test was planned".to_owned());
    }
    for (_, progress) in levels {
        results.end_of_plan(Some(progress));
    }
    results
}

impl Results {
    fn end_of_plan(&mut self, progress: Option<Progress>) {
        if let Some(Progress { planned, seen }) = progress {
            if planned == 0 || planned != seen {
                self.failed
                    .push(format!("{seen} of {planned} planned tests ran"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "KTAP version 1\n1..2\n  KTAP version 1\n  1..1\n  ok 1 inner\nok 1 a\n  \
                        KTAP version 1\n  1..2\n  ok 1 x\n  # note\n  ok 2 y\nok 2 b\n";

    #[test]
    fn all_levels_count() {
        let results = parse(GOOD);
        assert_eq!(
            results,
            Results {
                passed: 5,
                failed: vec![]
            }
        );
    }

    #[test]
    fn failures_and_skips_are_named() {
        let results = parse("1..3\nok 1 a\nnot ok 2 - b\nok 3 c # SKIP no device\n");
        assert_eq!(results.passed, 1);
        assert_eq!(results.failed, ["b", "c # SKIP no device"]);
    }

    #[test]
    fn output_that_ends_early_fails() {
        assert_eq!(parse("1..3\nok 1 a\n").failed, ["1 of 3 planned tests ran"]);
        let inner = GOOD.replace("  ok 2 y\n", "");
        assert_eq!(parse(&inner).failed, ["1 of 2 planned tests ran"]);
    }

    #[test]
    fn nothing_is_not_a_pass() {
        assert_eq!(parse("").failed.len(), 1);
        assert_eq!(parse("1..0 # SKIP no device\n").failed.len(), 1);
    }
}
