// SPDX-License-Identifier: GPL-2.0

//! Judges a run. It has passed only if the guest has reported so and nothing speaks against it.

use anyhow::Result;
use guest_init::report::{Lockdep, Outcome, Report};

use crate::klog::{self, Log};
use crate::session::Ending;

/// The command cannot be executed.
const NOT_EXECUTED: u8 = 127;
/// The time limit was reached.
const TIMED_OUT: u8 = 124;
/// The guest failed.
const GUEST_FAILED: u8 = 125;
/// The machine could not be run.
pub const CANNOT_RUN: u8 = 126;
/// What the number of a signal is added to.
const SIGNALED: u8 = 128;

/// The result of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The exit status.
    pub status: u8,
    /// What there is to say about it.
    pub messages: Vec<String>,
    /// Whether the console log is of interest.
    pub log_matters: bool,
}

/// Judges a run by its ending, the number of bytes of output that came, and its console log.
pub fn judge(ending: &Ending, received: u64, log: &Log) -> Result<Verdict> {
    let errors = log.errors()?.map(|lines| {
        let lines = lines.trim_end();
        format!("errors in the kernel log:\n{lines}")
    });
    let last_lines = || format!("the last lines of the console:\n{}", log.tail().trim_end());
    let failed = |status, message: String| Verdict {
        status,
        messages: vec![message, errors.clone().unwrap_or_else(last_lines)],
        log_matters: true,
    };
    Ok(match ending {
        Ending::Interrupted(signal) => Verdict {
            status: SIGNALED.saturating_add(*signal),
            messages: vec![format!("interrupted by signal {signal}")],
            log_matters: false,
        },
        Ending::TimedOut => failed(TIMED_OUT, "the time limit was reached".to_owned()),
        Ending::Ended(None) => failed(GUEST_FAILED, "the guest ended without a report".to_owned()),
        Ending::Ended(Some(report)) => judge_report(report, received, log, errors),
    })
}

/// Judges a run that has ended with a report.
fn judge_report(report: &Report, received: u64, log: &Log, errors: Option<String>) -> Verdict {
    let (status, message) = match &report.outcome {
        Outcome::Exited(status) => (*status, None),
        Outcome::Signaled(signal) => (
            SIGNALED.saturating_add(*signal),
            Some(format!("signal {signal} ended the command")),
        ),
        Outcome::NotExecuted(reason) => (NOT_EXECUTED, Some(reason.clone())),
        Outcome::Failed(reason) => (GUEST_FAILED, Some(format!("the guest failed: {reason}"))),
    };
    let faults = faults(report, received, log, errors);
    let clean = faults.is_empty();
    Verdict {
        status: if clean { status } else { GUEST_FAILED },
        log_matters: !clean || status == GUEST_FAILED,
        messages: message.into_iter().chain(faults).collect(),
    }
}

/// Lists what speaks against a run, whatever its command says.
fn faults(report: &Report, received: u64, log: &Log, errors: Option<String>) -> Vec<String> {
    let mut faults = Vec::from_iter(errors);
    faults.extend(klog::tainted(report.tainted));
    if report.lockdep == Lockdep::Off {
        faults.push("lockdep had turned itself off: locking errors went unseen".to_owned());
    }
    if report.output != received {
        let sent = report.output;
        faults.push(format!("output was lost: {received} of {sent} bytes came"));
    }
    if !log.powered_off() {
        faults.push(format!(
            "the guest did not power off in good order; the last lines of the console:\n{}",
            log.tail().trim_end()
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "[    0.000000] Linux version 7.3.4\n[    3.000000] reboot: Power down\n";

    fn report(outcome: Outcome) -> Report {
        Report {
            outcome,
            output: 10,
            tainted: 1 << 12,
            lockdep: Lockdep::On,
        }
    }

    fn status(ending: Ending, received: u64, log: &str) -> u8 {
        let verdict = judge(&ending, received, &Log::new(log.as_bytes())).unwrap();
        assert!(verdict.status == 0 || verdict.status == 3 || !verdict.messages.is_empty());
        verdict.status
    }

    fn reported(report: Report) -> u8 {
        status(Ending::Ended(Some(report)), 10, CLEAN)
    }

    #[test]
    fn the_command_decides_if_all_is_well() {
        assert_eq!(reported(report(Outcome::Exited(0))), 0);
        assert_eq!(reported(report(Outcome::Exited(3))), 3);
        assert_eq!(reported(report(Outcome::Signaled(11))), 139);
        assert_eq!(reported(report(Outcome::NotExecuted("x".into()))), 127);
        assert_eq!(reported(report(Outcome::Failed("x".into()))), 125);
    }

    #[test]
    fn every_fault_fails_a_success() {
        let success = report(Outcome::Exited(0));
        let tainted = Report {
            tainted: 1 << 9,
            ..success.clone()
        };
        assert_eq!(reported(tainted), 125);
        let blind = Report {
            lockdep: Lockdep::Off,
            ..success.clone()
        };
        assert_eq!(reported(blind), 125);
        let ending = Ending::Ended(Some(success));
        assert_eq!(status(ending.clone(), 9, CLEAN), 125);
        assert_eq!(status(ending.clone(), 10, "[    1.0] x\n"), 125);
        let log = format!("[    1.000000] BUG: x\n{CLEAN}");
        assert_eq!(status(ending, 10, &log), 125);
    }

    #[test]
    fn only_a_report_is_a_success() {
        assert_eq!(status(Ending::Ended(None), 0, CLEAN), 125);
        assert_eq!(status(Ending::TimedOut, 0, CLEAN), 124);
        assert_eq!(status(Ending::Interrupted(15), 0, CLEAN), 143);
    }

    #[test]
    fn errors_are_shown_before_the_last_lines() {
        let log = format!("[    1.000000] Kernel panic - not syncing: x\n{CLEAN}");
        let verdict = judge(&Ending::Ended(None), 0, &Log::new(log.as_bytes())).unwrap();
        assert!(verdict.messages[1].starts_with("errors in the kernel log:\n  [    1.000000]"));
        let verdict = judge(&Ending::TimedOut, 0, &Log::new(CLEAN.as_bytes())).unwrap();
        assert!(verdict.messages[1].starts_with("the last lines of the console:\n"));
    }
}
