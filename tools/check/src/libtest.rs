// SPDX-License-Identifier: GPL-2.0
//! Reading what Rust's own test programs print.

use regex::Regex;

/// How many tests passed, and the names of those that failed.
pub fn parse(output: &str) -> (usize, Vec<String>) {
    let passed = Regex::new(r"(?m)^test result: \w+\. (\d+) passed").expect("a valid expression");
    let failed = Regex::new(r"(?m)^test (.*) \.\.\. FAILED$").expect("a valid expression");
    let number = passed
        .captures_iter(output)
        .filter_map(|found| found[1].parse::<usize>().ok());
    let names = failed
        .captures_iter(output)
        .map(|found| found[1].to_owned());
    (number.sum(), names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_add_up() {
        let output = "test a ... ok\ntest b::c ... FAILED\n\
                      test result: FAILED. 1 passed; 1 failed; 0 ignored\n\
                      test result: ok. 3 passed; 0 failed; 0 ignored\n";
        assert_eq!(parse(output), (4, vec!["b::c".to_owned()]));
    }
}
