// SPDX-License-Identifier: GPL-2.0
//! The numbers of maps: in debugfs, and in the fdinfo of their files.

use crate::ok;
use std::{collections::HashMap, fs, os::fd::RawFd};

/// Where debugfs has them.
pub const DIRECTORY: &str = "/sys/kernel/debug/sleeptimer";

/// A file of debugfs.
pub fn read(file: &str) -> Result<String, String> {
    let path = format!("{DIRECTORY}/{file}");
    fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
}

/// The fields of the fdinfo of a file that are ours.
pub fn fdinfo(fd: RawFd) -> Result<HashMap<String, String>, String> {
    let text = ok!(fs::read_to_string(format!("/proc/self/fdinfo/{fd}")));
    let fields = text
        .lines()
        .filter_map(|line| line.strip_prefix("sleeptimer-")?.split_once(":\t"));
    Ok(fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
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
