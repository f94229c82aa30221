// SPDX-License-Identifier: GPL-2.0
//! What the kernel complains of.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    thread::sleep,
    time::Duration,
};

/// The least urgent level that is a complaint: KERN_WARNING.
const WARNING: u32 = 4;

/// What is said of a slow machine.
const HARMLESS: &[&str] = &[
    "hogged CPU for",
    "hrtimer: interrupt took",
    "clocksource: ",
    "perf: interrupt took too long",
    "sched: RT throttling",
    "tsc: ",
];

/// Bits of the taint mask: bad page, died, warned, locked up.
const TAINTS: u64 = (1 << 5) | (1 << 7) | (1 << 9) | (1 << 14);

/// A report does not come all at once.
const REST_OF_REPORT: Duration = Duration::from_secs(2);

/// The kernel's log, from where it was opened.
pub struct Log(File);

impl Log {
    /// Opens the log at its end.
    pub fn open() -> Result<Self, String> {
        let mut file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .map_err(|error| format!("/dev/kmsg: {error}"))?;
        file.seek(SeekFrom::End(0))
            .map_err(|error| format!("/dev/kmsg: {error}"))?;
        Ok(Self(file))
    }

    /// The complaint that has come since the last look, with what follows it.
    pub fn complaint(&mut self) -> Option<String> {
        let mut report = String::new();
        while let Some((level, message)) = self.next() {
            let harmless = HARMLESS.iter().any(|&part| message.contains(part));
            if !report.is_empty() || (level <= WARNING && !harmless) {
                report += &message;
            }
        }
        if report.is_empty() {
            return None;
        }
        sleep(REST_OF_REPORT);
        while let Some((_, message)) = self.next() {
            report += &message;
        }
        Some(report)
    }

    /// The next message and its level. A message that is gone already is not one.
    fn next(&mut self) -> Option<(u32, String)> {
        let mut record = [0; 8192];
        let count = self.0.read(&mut record).ok()?;
        let record = String::from_utf8_lossy(&record[..count]);
        let (prefix, message) = record.split_once(';')?;
        let level = prefix.split(',').next()?.parse::<u32>().ok()? % 8;
        let message = message.lines().next().unwrap_or_default();
        Some((level, format!("{message}\n")))
    }
}

/// Whether the kernel is tainted by a fault.
pub fn is_tainted() -> bool {
    let mask = fs::read_to_string("/proc/sys/kernel/tainted").unwrap_or_default();
    mask.trim()
        .parse::<u64>()
        .map_or(true, |mask| mask & TAINTS != 0)
}
