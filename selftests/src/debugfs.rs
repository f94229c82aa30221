// SPDX-License-Identifier: GPL-2.0
//! What the module shows in debugfs.

use std::{collections::HashMap, fs};

/// Where it shows that.
pub const DIRECTORY: &str = "/sys/kernel/debug/sleeptimer";

/// The text of a file.
pub fn read(file: &str) -> Result<String, String> {
    let path = format!("{DIRECTORY}/{file}");
    fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
}

/// The file `totals`.
pub fn totals() -> Result<HashMap<String, u64>, String> {
    let text = read("totals")?;
    let lines = text.lines().map(|line| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    lines.collect::<Option<_>>().ok_or(text)
}
