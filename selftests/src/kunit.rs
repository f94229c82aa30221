// SPDX-License-Identifier: GPL-2.0
//! The tests inside the module, which a kernel with KUnit runs as it loads.

use std::fs;

/// A directory for each suite.
const SUITES: &str = "/sys/kernel/debug/kunit";

/// A suite of tests that has run.
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its KTAP output.
    pub results: String,
}

impl Suite {
    /// Whether all its tests have passed.
    pub fn passed(&self) -> bool {
        let mut lines = self.results.lines().map(str::trim_start);
        self.results.contains("ok ") && !lines.any(|line| line.starts_with("not ok "))
    }
}

/// All suites that have run since boot, by name: those of the kernel itself and those of the loaded
/// modules. None in a kernel without KUnit.
pub fn suites() -> Vec<Suite> {
    let mut suites: Vec<_> = fs::read_dir(SUITES)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some(Suite {
                name: entry.file_name().into_string().ok()?,
                results: fs::read_to_string(entry.path().join("results")).unwrap_or_default(),
            })
        })
        .collect();
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    suites
}
