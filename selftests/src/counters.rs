// SPDX-License-Identifier: GPL-2.0
//! What the counters of a module that counts what it executes have come to, on the way to the host:
//! a line with a sign, and they in base64.

use crate::Outcome;
use base64::{engine::general_purpose::STANDARD, Engine};
use std::fs;

/// Where `collector.ko` has the sums over all loads.
const FILE: &str = "/sys/kernel/debug/sleeptimer_counters";

const SIGN: &str = "# counters: ";

/// Prints the line.
pub fn show() -> Outcome {
    let counters = fs::read(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    println!("{SIGN}{}", STANDARD.encode(counters));
    Ok(())
}

/// The counters, if this is the line.
pub fn parse(line: &str) -> Option<Vec<u8>> {
    STANDARD.decode(line.strip_prefix(SIGN)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_with_the_sign_has_counters() {
        assert_eq!(parse("# counters: AQID"), Some(vec![1, 2, 3]));
        assert_eq!(parse("# Totals: pass:1"), None);
    }
}
