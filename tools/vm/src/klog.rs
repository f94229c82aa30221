// SPDX-License-Identifier: GPL-2.0

//! The kernel log gate: what a kernel must not have logged, nor be tainted by.

use std::ops::Range;

use anyhow::Result;
use regex::RegexSet;

/// What a kernel logs when something is wrong in it.
///
/// The time stamp is taken off a line before it is looked at, so that `^` is where the message
/// starts.
const ERRORS: &[&str] = &[
    // The core: panic, oops, BUG_ON, WARN_ON, and whatever comes with a stack trace.
    r"Kernel panic",
    r"\bOops\b",
    r"\bBUG: ",
    r"^BUG ",
    r"kernel BUG at ",
    r"^WARNING: ",
    r"\[ cut here \]",
    r"Call Trace:",
    r"(?i)unable to handle (kernel|page fault)",
    r"general protection fault",
    r"double fault",
    r"stack-protector: ",
    r"stack guard page",
    r"Attempted to kill init",
    r"^rust_kernel: panicked",
    // Nothing moves any more.
    r"blocked for more than \d+ seconds",
    r"(?i)(soft|hard) lockup",
    r"(?i)detected (expedited )?stalls? on ",
    r"self-detected stall",
    r"rcu_\w+ kthread (starved|timer wakeup)",
    // Locks and contexts.
    r"possible (circular locking|recursive locking|irq lock inversion)",
    r"lock order detected",
    r"suspicious RCU usage",
    r"inconsistent lock state",
    r"bad unlock balance",
    r"bad contention detected",
    r"held lock freed",
    r"lock held when returning to user space",
    r"still has locks held",
    r"non-static key",
    r"[Ii]nvalid wait context",
    r"lockdep is turned off",
    r"turning off the locking correctness validator",
    r"sleeping function called from invalid context",
    r"scheduling while atomic",
    r"do not call blocking ops when !TASK_RUNNING",
    r"(?i)\bunbalanced\b",
    // Memory and the lives of objects.
    r"\bK[ACM]SAN: ",
    r"\bKFENCE: ",
    r"^UBSAN: ",
    r"new suspected memory leaks",
    r"^ODEBUG: ",
    r"refcount_t: ",
    r"list_(add|del) corruption",
    r"\bleaked\b",
    r"Slab cache still has objects",
    r"Objects remaining in ",
    r"Poison overwritten",
    r"Redzone overwritten",
    r"Bad page (state|map)",
    r"page allocation failure",
    r"[Oo]ut of memory",
    // Interrupts.
    r"nobody cared",
    r"Disabling IRQ",
];

/// What looks like one of [`ERRORS`] and is none.
const HARMLESS: &[&str] = &[
    r"^(Kernel c|C)ommand line: ",
    r"^ODEBUG: selftest passed",
    r"^Spectre V2 : WARNING: ",
    // Functions of workqueues and of hrtimers that may be called at once, and sort that out among
    // themselves: what they read without an annotation is the kernel's affair.
    concat!(
        r"^BUG: KCSAN: data-race in (__cancel_work|__cancel_work_sync|__flush_work|__queue_work",
        r"|delayed_work_timer_fn|insert_work|mod_delayed_work_on|move_linked_works",
        r"|process_scheduled_works|queue_delayed_work_on|queue_work_on|start_flush_work",
        r"|work_busy|work_grab_pending|worker_thread) / (__cancel_work_sync|__flush_work",
        r"|__queue_work|delayed_work_timer_fn|insert_work|mod_delayed_work_on|move_linked_works",
        r"|process_scheduled_works|queue_delayed_work_on|queue_work_on|start_flush_work",
        r"|work_busy|work_grab_pending|worker_thread)$"
    ),
    concat!(
        r"^BUG: KCSAN: data-race in (__hrtimer_run_queues|__remove_hrtimer|enqueue_hrtimer",
        r"|hrtimer_active|hrtimer_start_range_ns|hrtimer_try_to_cancel|remove_hrtimer)",
        r" / (enqueue_hrtimer|hrtimer_active|hrtimer_start_range_ns|hrtimer_try_to_cancel",
        r"|remove_hrtimer)$"
    ),
    // A reader of the time tries again if it has met a writer: the count says so, not an annotation.
    r"^BUG: KCSAN: data-race in ktime_get / timekeeping_update_from_shadow$",
];

/// The first line of a report of KCSAN, and the line after its last one.
const RACE: &str = "BUG: KCSAN: ";
const END_OF_REPORT: &str = "======";

/// What a stack trace or a report needs around the line that gave it away.
const LINES_BEFORE: usize = 2;
const LINES_AFTER: usize = 20;

/// How many lines of a log are worth showing.
const LINES_SHOWN: usize = 80;

/// The line that ends the log of a guest that has shut down in good order.
const POWERED_OFF: &str = "reboot: Power down";

/// The meaning of a bit of the taint mask.
struct Taint {
    bit: u32,
    letter: char,
    meaning: &'static str,
}

/// The bits that a clean run leaves unset. The others say that a module was built out of tree,
/// that it is not signed, and that a test has run in the kernel.
const TAINTS: &[Taint] = &[
    taint(0, 'P', "a proprietary module was loaded"),
    taint(1, 'F', "a module was loaded by force"),
    taint(2, 'S', "the processor is out of specification"),
    taint(3, 'R', "a module was unloaded by force"),
    taint(4, 'M', "a machine check happened"),
    taint(5, 'B', "a bad page was seen, or memory was corrupted"),
    taint(6, 'U', "user space asked for it"),
    taint(7, 'D', "the kernel has died"),
    taint(8, 'A', "an ACPI table was overridden"),
    taint(9, 'W', "the kernel has warned"),
    taint(10, 'C', "a staging driver was loaded"),
    taint(11, 'I', "the firmware has a bug"),
    taint(14, 'L', "a processor was locked up"),
    taint(15, 'K', "the kernel was live-patched"),
    taint(16, 'X', "the distribution's own reason"),
    taint(17, 'T', "the layout of structures is random"),
    taint(19, 'J', "a firmware control interface was used"),
];

const fn taint(bit: u32, letter: char, meaning: &'static str) -> Taint {
    Taint {
        bit,
        letter,
        meaning,
    }
}

/// A whole console log.
pub struct Log {
    lines: Vec<String>,
}

impl Log {
    /// Takes a log as it came from the console.
    pub fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(|line| line.trim_end().to_owned());
        Self {
            lines: lines.collect(),
        }
    }

    /// Whether the guest has powered off, and the log goes up to there.
    pub fn powered_off(&self) -> bool {
        let last = self.lines.iter().rev().take(5);
        last.into_iter().any(|line| message(line) == POWERED_OFF)
    }

    /// The errors in the log, with the lines around them; nothing if there are none.
    pub fn errors(&self) -> Result<Option<String>> {
        let errors = RegexSet::new(ERRORS)?;
        let harmless = RegexSet::new(HARMLESS)?;
        let found: Vec<_> = (0..)
            .zip(self.lines.iter().map(|line| message(line)))
            .filter(|(_, line)| errors.is_match(line) && !harmless.is_match(line))
            .map(|(number, _)| number)
            .filter(|&number| !self.is_race_of_the_kernel(number))
            .collect();
        Ok((!found.is_empty()).then(|| self.excerpt(&found)))
    }

    /// Whether a data race is reported in this line, whole, and no function of a module takes part.
    /// The kernel has races of its own, which nobody expects to be fixed by those who run this.
    fn is_race_of_the_kernel(&self, number: usize) -> bool {
        let report = self.lines.get(number..).unwrap_or_default();
        let mut report = report.iter().map(|line| message(line));
        report.next().is_some_and(|line| line.starts_with(RACE))
            && report
                .find(|line| line.starts_with(END_OF_REPORT) || names_module(line))
                .is_some_and(|line| line.starts_with(END_OF_REPORT))
    }

    /// The last lines of the log.
    pub fn tail(&self) -> String {
        let start = self.lines.len().saturating_sub(LINES_AFTER);
        self.show(start..self.lines.len())
    }

    /// The given lines and those around them.
    fn excerpt(&self, numbers: &[usize]) -> String {
        let mut shown = String::new();
        let mut next = 0;
        for &number in numbers.iter() {
            let start = number.saturating_sub(LINES_BEFORE).max(next);
            let end = (number + LINES_AFTER).min(self.lines.len());
            if start > next && next > 0 {
                shown.push_str("  ...\n");
            }
            shown.push_str(&self.show(start..end));
            next = next.max(end);
            if shown.lines().count() > LINES_SHOWN {
                shown.push_str("  ... and more\n");
                break;
            }
        }
        shown
    }

    fn show(&self, range: Range<usize>) -> String {
        let lines = self.lines.get(range).unwrap_or_default();
        lines.iter().flat_map(|line| ["  ", line, "\n"]).collect()
    }
}

/// Returns a line without its time stamp, and without the caller that CONFIG_PRINTK_CALLER adds:
/// `[    1.000000][    T1] ` for a thread, `[    1.000000][    C0] ` for a processor.
fn message(line: &str) -> &str {
    let Some((stamp, rest)) = bracketed(line) else {
        return line;
    };
    if !stamp.chars().all(|c| matches!(c, ' ' | '.' | '0'..='9')) {
        return line;
    }
    let rest = match bracketed(rest) {
        Some((caller, message)) if is_caller(caller) => message,
        _ => rest,
    };
    rest.strip_prefix(' ').unwrap_or(rest)
}

/// Whether the function in this line of a stack trace is a module's: `f+0x1/0x2 [name]`.
fn names_module(line: &str) -> bool {
    line.contains("+0x") && line.ends_with(']')
}

/// Splits `[a]b` into `a` and `b`.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('[')?.split_once(']')
}

fn is_caller(text: &str) -> bool {
    let number = text.trim_start().strip_prefix(['T', 'C']);
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Says what is wrong with a kernel that has this taint mask; nothing if it is clean.
pub fn tainted(mask: u64) -> Option<String> {
    let bad: Vec<_> = TAINTS
        .iter()
        .filter(|taint| mask & (1 << taint.bit) != 0)
        .map(|taint| format!("{} ({})", taint.letter, taint.meaning))
        .collect();
    (!bad.is_empty()).then(|| format!("the kernel is tainted: {}", bad.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with each kind of report, one a paragraph, the first line of which is an error.
    const REPORTS: &str = include_str!("../testdata/reports.log");

    /// The logs of clean runs with an out-of-tree module.
    const CLEAN: [&str; 2] = [
        include_str!("../testdata/clean-7.3.log"),
        include_str!("../testdata/clean-7.2.log"),
    ];

    #[test]
    fn every_report_is_an_error() {
        let mut count = 0;
        for report in REPORTS.split("\n\n") {
            let log = Log::new(report.lines().next().unwrap().as_bytes());
            assert!(log.errors().unwrap().is_some(), "missed: {report}");
            count += 1;
        }
        assert!(count > 30);
    }

    #[test]
    fn every_pattern_is_of_use() {
        for pattern in ERRORS {
            let regex = RegexSet::new([pattern]).unwrap();
            let met = REPORTS.lines().any(|line| regex.is_match(message(line)));
            assert!(met, "no report with `{pattern}`");
        }
    }

    #[test]
    fn clean_logs_have_no_errors() {
        for text in CLEAN {
            let log = Log::new(text.as_bytes());
            assert_eq!(log.errors().unwrap(), None);
            assert!(log.powered_off());
        }
    }

    #[test]
    fn harmless_lines_are_no_errors() {
        let lines = "\
[    0.000000] Command line: console=ttyS0 oops=panic dyndbg=\"BUG: x\"
[    0.100000] ODEBUG: selftest passed
[    0.100000] kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)
[    0.100000] kfence: initialized - using 2097152 bytes for 255 objects
[    0.100000] rcu: \tRCU debug extended QS entry/exit.
[    0.100000] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
[    0.100000] kasan: KernelAddressSanitizer initialized
[    0.100000] NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
[    0.100000] Spectre V2 : WARNING: Unprivileged eBPF is enabled, data leaks possible!
[    0.100000] x[77]: segfault at 0 ip 0000000000401234 sp 00007ffc error 4 in x[401000+1000]";
        assert_eq!(Log::new(lines.as_bytes()).errors().unwrap(), None);
    }

    #[test]
    fn errors_are_shown_with_what_is_around_them() {
        let mut lines: Vec<_> = (0..100)
            .map(|n| format!("[    1.{n:06}] line {n}."))
            .collect();
        lines[50] = "[    1.000050][    T1] WARNING: x.c:1 at f+0x1/0x2, CPU#0: a/1".into();
        let shown = Log::new(lines.join("\r\n").as_bytes()).errors().unwrap();
        let shown = shown.unwrap();
        assert!(shown.contains("line 48.\n") && shown.contains("line 69.\n"));
        assert!(!shown.contains("line 47.") && !shown.contains("line 70."));
    }

    #[test]
    fn overlapping_excerpts_show_a_line_once() {
        let lines: Vec<_> = (0..400).map(|n| format!("BUG: {n}.")).collect();
        let shown = Log::new(lines.join("\n").as_bytes()).errors().unwrap();
        let shown = shown.unwrap();
        assert_eq!(shown.matches("BUG: 21.").count(), 1);
        assert!(shown.lines().count() < LINES_SHOWN + LINES_AFTER + 3);
        assert!(shown.ends_with("and more\n"));
    }

    #[test]
    fn only_bad_taints_count() {
        assert_eq!(tainted(0), None);
        assert_eq!(tainted(0x4_3000), None);
        let bad = tainted(0x1280).unwrap();
        assert!(bad.ends_with("D (the kernel has died), W (the kernel has warned)"));
    }

    #[test]
    fn races_count_only_with_a_module_in_them() {
        let race = |function| {
            let lines = format!(
                "BUG: KCSAN: data-race in a / b\n\nread to 0xff11 of 8 bytes by task 1 on cpu 0:\n\
                 \x20a+0x1/0x2\n {function}\n\n======\n c+0x1/0x2 [other]\n"
            );
            Log::new(lines.as_bytes()).errors().unwrap()
        };
        assert!(race("f+0x6e/0xbd [sleeptimer]").is_some());
        assert!(race("hrtimer_active+0x7c/0xe0").is_none());
    }

    #[test]
    fn stamps_and_callers_are_no_part_of_the_message() {
        for line in [
            "[   54.924987][    T1] Run /init",
            "[   54.924987][    C0] Run /init",
            "[   54.924987] Run /init",
            "Run /init",
        ] {
            assert_eq!(message(line), "Run /init");
        }
        assert_eq!(message("[    1.000000] [x] y"), "[x] y");
        assert_eq!(message("[x] y"), "[x] y");
    }

    #[test]
    fn a_log_may_be_cut_short() {
        assert!(!Log::new(b"[    1.0] reboot: Power").powered_off());
        assert!(!Log::new(b"").powered_off());
        assert_eq!(Log::new(b"").tail(), "");
    }
}
