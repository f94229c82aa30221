// SPDX-License-Identifier: GPL-2.0
//! Memory cgroups, of which the machine that the tests run in has mounted the root.

use crate::{check, Outcome, TOLERANCE};
use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

/// A memory cgroup, which goes with this.
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// A cgroup for so many bytes, or without a limit; none where the kernel has no such cgroups.
    pub fn new(limit: Option<u64>) -> Result<Option<Self>, String> {
        let root = Path::new("/sys/fs/cgroup");
        let controllers = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
        if !controllers.split_whitespace().any(|name| name == "memory") {
            return Ok(None);
        }
        let error = |error: std::io::Error| format!("cgroup: {error}");
        fs::write(root.join("cgroup.subtree_control"), "+memory").map_err(error)?;
        let group = Self(root.join("sleeptimer"));
        fs::create_dir(&group.0).map_err(error)?;
        if let Some(limit) = limit {
            fs::write(group.0.join("memory.max"), limit.to_string()).map_err(error)?;
        }
        Ok(Some(group))
    }

    /// Moves the calling process into the group.
    pub fn join(&self) -> Outcome {
        fs::write(self.0.join("cgroup.procs"), "0").map_err(|error| error.to_string())
    }

    /// Waits until the group uses less than so many bytes.
    pub fn wait_for(&self, bytes: u64) -> Outcome {
        let end = Instant::now() + TOLERANCE;
        loop {
            let current = self.number("memory.current", None)?;
            if current < bytes {
                return Ok(());
            }
            check!(
                Instant::now() < end,
                "{current} bytes are in use, {bytes} were before"
            );
            sleep(Duration::from_millis(10));
        }
    }

    /// The number in a file of the group, or behind a key there.
    pub fn number(&self, file: &str, key: Option<&str>) -> Result<u64, String> {
        let text = fs::read_to_string(self.0.join(file)).map_err(|error| error.to_string())?;
        let number = match key {
            None => Some(text.trim()),
            Some(key) => text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')),
        };
        let number = number.and_then(|number| number.parse().ok());
        number.ok_or_else(|| format!("{file}: {text}"))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
