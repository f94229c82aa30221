// SPDX-License-Identifier: GPL-2.0
//! A row of the table: a line of the guest's output, which the report reads.

use serde::{Deserialize, Serialize};

/// What such a line begins with.
const PREFIX: &str = "row ";

/// What one operation costs a contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Whose.
    pub contender: String,
    /// Which.
    pub operation: Operation,
    /// How many timers are armed meanwhile.
    pub live: u64,
    /// The mean of one, in instructions, or in bytes.
    pub cost: f64,
    /// Of so many.
    pub count: u64,
}

/// What is done, to one timer of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// It is made.
    Create,
    /// It is made and armed.
    CreateArm,
    /// It is armed anew, for a random time.
    RearmRandom,
    /// It is armed anew, with the same timeout as the others.
    RearmSame,
    /// It is disarmed.
    Cancel,
    /// It is destroyed while armed.
    Destroy,
    /// All expire at once, until user space has taken the last.
    BurstExpiry,
    /// They expire one after the other, and user space takes each.
    SpacedExpiry,
    /// They expire again and again.
    Periodic,
    /// All that may sleep are due at once, until user space knows of the last.
    SleepableBurst,
    /// Those that may sleep are due one after the other.
    SleepableSpaced,
    /// All are destroyed at once, while armed.
    Close,
    /// What it takes of the kernel's memory, in bytes.
    KernelMemory,
    /// What it takes of the program's memory, in bytes.
    UserMemory,
}

impl Operation {
    /// What files are called that are about it.
    pub fn name(self) -> String {
        let name = serde_json::to_string(&self).unwrap_or_default();
        name.trim_matches('"').to_owned()
    }

    /// What the table says of it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::CreateArm => "create and arm",
            Self::RearmRandom => "re-arm, random",
            Self::RearmSame => "re-arm, same timeout",
            Self::Cancel => "cancel",
            Self::Destroy => "destroy, armed",
            Self::BurstExpiry => "expiry, all at once",
            Self::SpacedExpiry => "expiry, one by one",
            Self::Periodic => "expiry, periodic",
            Self::SleepableBurst => "sleepable, all at once",
            Self::SleepableSpaced => "sleepable, one by one",
            Self::Close => "close, a timer",
            Self::KernelMemory => "memory of the kernel, bytes",
            Self::UserMemory => "memory of the program, bytes",
        }
    }
}

impl Row {
    /// The line.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{PREFIX}{}", serde_json::to_string(self)?))
    }

    /// The row of a line; none if it is another sort of line.
    pub fn from_line(line: &str) -> Option<serde_json::Result<Self>> {
        Some(serde_json::from_str(line.trim().strip_prefix(PREFIX)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives() {
        let row = Row {
            contender: "timerfd".to_owned(),
            operation: Operation::CreateArm,
            live: 1000,
            cost: 1336.5,
            count: 12_800,
        };
        let line = row.to_line().unwrap();
        assert!(line.contains("\"create-arm\""), "{line}");
        assert_eq!(Row::from_line(&line).unwrap().unwrap(), row);
        assert!(Row::from_line("# 3 of 12").is_none());
        assert!(Row::from_line("row {").unwrap().is_err());
    }
}
