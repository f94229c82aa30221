// SPDX-License-Identifier: GPL-2.0
//! The kernel's leak detector, as `Documentation/dev-tools/kmemleak.rst` of the kernel has it.

use crate::Outcome;
use std::{fs, thread::sleep, time::Duration};

/// Takes commands, and lists the leaks found.
const FILE: &str = "/sys/kernel/debug/kmemleak";

/// The detector keeps quiet about memory that was allocated less than five seconds ago.
const MINIMUM_AGE: Duration = Duration::from_secs(6);

/// A detector that was told to forget whatever had leaked before.
pub struct Kmemleak(());

impl Kmemleak {
    /// Has the detector forget what it finds now; fails in a kernel without one.
    pub fn start() -> Result<Self, String> {
        scan()?;
        command("clear")?;
        Ok(Self(()))
    }

    /// Fails with the report if memory has leaked since the last look.
    pub fn check(&self) -> Outcome {
        scan()?;
        let report = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
        if report.is_empty() {
            return Ok(());
        }
        command("clear")?;
        Err(format!("memory has leaked:\n{report}"))
    }
}

/// Scans twice: the first scan may meet stale pointers that the second does not.
fn scan() -> Outcome {
    sleep(MINIMUM_AGE);
    command("scan")?;
    command("scan")
}

fn command(name: &str) -> Outcome {
    fs::write(FILE, name).map_err(|error| {
        format!("{FILE}: {name}: {error} (CONFIG_DEBUG_KMEMLEAK, and not kmemleak=off, is needed)")
    })
}
