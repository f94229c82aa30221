// SPDX-License-Identifier: GPL-2.0

//! The report: how the guest's task ended. One line on the status port.
//!
//! ```text
//! sleeptimer-guest: exited 0 output=512 tainted=12288 lockdep=absent
//! sleeptimer-guest: failed 0 output=0 tainted=0 lockdep=absent cannot load module x.ko: ENOEXEC
//! ```

use std::fmt;

use anyhow::{bail, Context, Result};

/// The word that starts every report, and nothing else that a guest may write.
const TOKEN: &str = "sleeptimer-guest:";

/// How the task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The command ended with this status.
    Exited(u8),
    /// This signal ended the command.
    Signaled(u8),
    /// The command could not be executed.
    NotExecuted(String),
    /// The guest could not be brought to the point of running the command, or not be cleaned up
    /// after it.
    Failed(String),
}

/// Whether the kernel's lock checker is there, and still at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdep {
    /// This kernel has none.
    Absent,
    /// It checks.
    On,
    /// It has turned itself off, after a first report of its own or another checker's: locking
    /// errors have gone unseen since.
    Off,
}

/// What the guest reports before it powers off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How the task ended.
    pub outcome: Outcome,
    /// How many bytes went to the output port.
    pub output: u64,
    /// The kernel's taint mask, `/proc/sys/kernel/tainted`.
    pub tainted: u64,
    /// The state of the lock checker.
    pub lockdep: Lockdep,
}

impl Lockdep {
    fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Report {
    /// Writes the report's line, without a line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, value, message) = match &self.outcome {
            Outcome::Exited(status) => ("exited", *status, ""),
            Outcome::Signaled(signal) => ("signaled", *signal, ""),
            Outcome::NotExecuted(message) => ("not-executed", 0, message.as_str()),
            Outcome::Failed(message) => ("failed", 0, message.as_str()),
        };
        write!(
            f,
            "{TOKEN} {kind} {value} output={} tainted={} lockdep={} {}",
            self.output,
            self.tainted,
            self.lockdep.name(),
            message.replace('\n', " ")
        )
    }
}

impl Report {
    /// Reads a report from its line, without a line end.
    pub fn parse(line: &str) -> Result<Self> {
        let mut words = line.splitn(7, ' ');
        let mut word = || words.next().context("the report is cut short");
        if word()? != TOKEN {
            bail!("not a report: `{line}`");
        }
        let kind = word()?.to_owned();
        let value = word()?.parse()?;
        let output = named(word()?, "output")?.parse()?;
        let tainted = named(word()?, "tainted")?.parse()?;
        let lockdep = match named(word()?, "lockdep")? {
            "absent" => Lockdep::Absent,
            "on" => Lockdep::On,
            "off" => Lockdep::Off,
            other => bail!("unknown state `{other}` of lockdep"),
        };
        let message = word()?.to_owned();
        let outcome = match kind.as_str() {
            "exited" => Outcome::Exited(value),
            "signaled" => Outcome::Signaled(value),
            "not-executed" => Outcome::NotExecuted(message),
            "failed" => Outcome::Failed(message),
            other => bail!("unknown outcome `{other}`"),
        };
        Ok(Self {
            outcome,
            output,
            tainted,
            lockdep,
        })
    }
}

/// Returns what follows `name=` in `word`.
fn named<'a>(word: &'a str, name: &str) -> Result<&'a str> {
    word.strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='))
        .with_context(|| format!("`{name}=` expected, not `{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome, lockdep: Lockdep) -> Report {
        Report {
            outcome,
            output: 10 << 20,
            tainted: 12288,
            lockdep,
        }
    }

    #[test]
    fn reports_survive() {
        let reports = [
            report(Outcome::Exited(0), Lockdep::Absent),
            report(Outcome::Exited(255), Lockdep::On),
            report(Outcome::Signaled(9), Lockdep::Off),
            report(Outcome::NotExecuted("no such file".into()), Lockdep::On),
            report(Outcome::Failed("x: ENOEXEC".into()), Lockdep::Absent),
        ];
        for report in reports {
            assert_eq!(Report::parse(&report.to_string()).unwrap(), report);
        }
    }

    #[test]
    fn a_report_is_one_line() {
        let report = report(Outcome::Failed("one\ntwo".into()), Lockdep::On);
        assert!(!report.to_string().contains('\n'));
    }

    #[test]
    fn nothing_else_reads_as_a_report() {
        let lines = [
            "",
            "exited 0",
            "sleeptimer-guest: exited 0",
            "sleeptimer-guest: exited 256 output=0 tainted=0 lockdep=on ",
            "sleeptimer-guest: ended 0 output=0 tainted=0 lockdep=on ",
            "sleeptimer-guest: exited 0 tainted=0 output=0 lockdep=on ",
            "sleeptimer-guest: exited 0 output=0 tainted=0 lockdep=on",
        ];
        for line in lines {
            assert!(Report::parse(line).is_err(), "{line}");
        }
    }
}
