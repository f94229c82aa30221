// SPDX-License-Identifier: GPL-2.0
//! What is checked, in this order.

use crate::{
    mutants::{self, Mutant},
    seeded::{self, Fault},
    step::{Expect, Step},
};
use std::{path::Path, process::Command};

/// The selftests: one program per class of behaviour.
const PROGRAMS: &str = include_str!("../../../selftests/programs.mk");

/// The names in a list of make, which has one a line.
fn names(list: &str) -> Vec<&str> {
    let names = list.lines().filter_map(|line| line.strip_prefix('\t'));
    names.map(|name| name.trim_end_matches(" \\")).collect()
}

/// Those tests of the machine runner that say whether a run can pass wrongly; `make check-vm` has
/// all of them, which take minutes.
const MACHINE_TESTS: &[&str] = &[
    "the_commands_status_is_passed_on",
    "a_hung_command_is_stopped",
    "a_spinning_kernel_is_stopped",
    "a_panic_ends_the_run",
    "a_taint_fails_a_success",
    "a_guest_that_just_ends_has_failed",
];

/// Misuse of a context that has to be a type error, and what the compiler says of it.
const MISUSES: &[(&Fault, &str)] = &[
    (
        &seeded::WAIT_IN_SOFTIRQ,
        "expected `&Process<'_>`, found `&Softirq<'_>`",
    ),
    (
        &seeded::WAIT_IN_WORKER,
        "expected `&Process<'_>`, found `&Worker<'_>`",
    ),
    (
        &seeded::SLEEP_IN_SOFTIRQ,
        "expected `&Worker<'_>`, found `&Softirq<'_>`",
    ),
    (
        &seeded::START_WITHOUT_RCU,
        "cannot move out of `rcu` because it is borrowed",
    ),
];

/// What the module is built with: every warning of any tool is an error.
const STRICT: &[&str] = &["CLIPPY=1", "KRUSTFLAGS=-Dwarnings", "KCFLAGS=-Werror"];

/// The kernel series on which faults are seeded and the demo is shown.
const DEFAULT_SERIES: &str = "7.3";

/// All steps, for these kernel series.
pub fn steps(tree: &Path, series: &[String]) -> Vec<Step> {
    let plan = Plan { tree };
    let mut steps = plan.static_checks();
    for series in series {
        steps.push(plan.build(series));
        steps.push(plan.no_panic(series));
    }
    for series in series {
        steps.push(plan.selftests(series));
    }
    for series in series {
        steps.push(plan.million(series));
    }
    steps.push(plan.demo());
    steps.push(plan.kselftest());
    steps.push(plan.bench());
    steps.extend(plan.seeded_faults());
    let machine_tests = ["check-vm", &format!("VM_TESTS={}", MACHINE_TESTS.join(" "))];
    let expect = Expect::Libtest {
        at_least: MACHINE_TESTS.len(),
    };
    steps.push(plan.make("a machine that hangs or dies", &machine_tests, expect));
    steps
}

/// Selftests that need what only the debug kernels have.
const DEBUG_SELFTESTS: &[&str] = &["fail_nth"];

/// The same selftests on kernels that look for faults as they run, with a longer stress.
pub fn debug_steps(tree: &Path, flavours: &[String]) -> Vec<Step> {
    // All takes ten times as long there.
    const STRESS: &str =
        "SETTINGS=STRESS_SECONDS=60 STORM_TIMERS=2000 RACE_ROUNDS=5 MODEL_CASES=200";
    let plan = Plan { tree };
    let tests = format!("TESTS={}", names(PROGRAMS).join(" "));
    let kernels = format!("FLAVOURS={}", flavours.join(" "));
    let kernels = ["debug-kernels", &kernels];
    let mut steps = vec![plan.make("debug kernels", &kernels, Expect::Success)];
    for flavour in flavours {
        let flavour_is = format!("FLAVOUR={flavour}");
        let build = ["modules-debug", &flavour_is, "KRUSTFLAGS=-Dwarnings"];
        let run = ["run-debug", &flavour_is, &tests, STRESS];
        steps.push(plan.make(format!("module for {flavour}"), &build, Expect::Success));
        steps.push(plan.make(format!("selftests, {flavour}"), &run, Expect::Ktap));
    }
    steps
}

/// What takes minutes each: the selftests that only debug kernels can run, a short soak, the sweep of
/// races, and the fuzzer.
pub fn long_steps(tree: &Path, flavours: &[String]) -> Vec<Step> {
    let plan = Plan { tree };
    let mut steps = Vec::new();
    for flavour in flavours {
        let flavour_is = format!("FLAVOUR={flavour}");
        let tests = format!("TESTS={}", DEBUG_SELFTESTS.join(" "));
        let run = ["modules-debug", "run-debug", &flavour_is, &tests];
        steps.push(plan.make(format!("faults, {flavour}"), &run, Expect::Ktap));
    }
    for flavour in flavours {
        let soak = ["soak", "MINUTES=1", &format!("KERNELS={flavour}")];
        steps.push(plan.make(format!("soak, {flavour}"), &soak, Expect::Ktap));
    }
    let races = ["modules", "run-races"];
    steps.push(plan.make("races that repeat", &races, Expect::Ktap));
    // KCOV is in the KASAN kernel only.
    if flavours.iter().any(|flavour| flavour == "kasan") {
        steps.push(plan.make("fuzzing", &["fuzz", "MINUTES=1"], Expect::Ktap));
    }
    steps
}

/// Each fault in the life of a timer, with the selftests that have to find it.
pub fn mutants(tree: &Path) -> Vec<Step> {
    let plan = Plan { tree };
    let step = |mutant: &'static Mutant| {
        let tests = format!("TESTS={}", mutant.tests);
        // A test that hangs has found the fault, too.
        let targets = ["modules", "run-selftests", &tests, "TIMEOUT=300"];
        plan.seeded(mutant.fault.name, &mutant.fault, &targets, Expect::Red)
    };
    mutants::ALL.iter().map(step).collect()
}

struct Plan<'a> {
    tree: &'a Path,
}

impl Plan<'_> {
    fn step(
        &self,
        name: impl Into<String>,
        program: &Path,
        arguments: &[&str],
        expect: Expect,
    ) -> Step {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.tree);
        // What the make above us was told is not meant for the steps.
        for variable in ["MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL"] {
            command.env_remove(variable);
        }
        Step {
            name: name.into(),
            command,
            expect,
            fault: None,
        }
    }

    /// A command in the build root.
    fn root(&self, name: impl Into<String>, arguments: &[&str], expect: Expect) -> Step {
        let arguments = [&["run", "--"], arguments].concat();
        self.step(name, &self.tree.join("tools/buildroot"), &arguments, expect)
    }

    fn make(&self, name: impl Into<String>, arguments: &[&str], expect: Expect) -> Step {
        let arguments = [&["--no-print-directory"], arguments].concat();
        self.step(name, Path::new("make"), &arguments, expect)
    }

    fn static_checks(&self) -> Vec<Step> {
        let clippy = [
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-Dwarnings",
        ];
        let tests = ["cargo", "test", "--workspace", "--no-fail-fast"];
        let format = ["rustfmt", "--check", "rust/sleeptimer_main.rs"];
        let bindings = ["tools/uapi-bindings", "--check"];
        let success = Expect::Success;
        vec![
            self.root(
                "format of the userland",
                &["cargo", "fmt", "--all", "--check"],
                success,
            ),
            self.root("format of the module", &format, success),
            self.make("style of C, and kernel-doc", &["check-style"], success),
            self.root("ABI: Rust side matches the header", &bindings, success),
            self.make("ABI: C90, C++ and 32 bits", &["check-abi"], success),
            self.root("lints of the userland", &clippy, success),
            self.root("tests on the host", &tests, Expect::Libtest { at_least: 1 }),
        ]
    }

    fn build(&self, series: &str) -> Step {
        let series_is = format!("SERIES={series}");
        let arguments = [&["modules", &series_is], STRICT].concat();
        self.make(
            format!("module without warnings, {series}"),
            &arguments,
            Expect::Success,
        )
    }

    fn no_panic(&self, series: &str) -> Step {
        let module = format!("build/{series}/sleeptimer.ko");
        let name = format!("no panic path in the module, {series}");
        self.root(name, &["tools/check-panics", &module], Expect::Success)
    }

    /// Builds the module first, if it is not up to date: a step may be run alone.
    fn selftests(&self, series: &str) -> Step {
        let series_is = format!("SERIES={series}");
        let tests = format!("TESTS={}", names(PROGRAMS).join(" "));
        let arguments = [&["modules", "run-selftests", &series_is, &tests], STRICT].concat();
        self.make(format!("selftests, {series}"), &arguments, Expect::Ktap)
    }

    fn million(&self, series: &str) -> Step {
        let series_is = format!("SERIES={series}");
        let arguments = [
            "modules",
            "run-selftests",
            &series_is,
            "TESTS=million waiters",
            "MEMORY=4096",
        ];
        let arguments = [&arguments[..], STRICT].concat();
        self.make(
            format!("a million timers, {series}"),
            &arguments,
            Expect::Ktap,
        )
    }

    fn demo(&self) -> Step {
        let series_is = format!("SERIES={DEFAULT_SERIES}");
        let arguments = [&["modules", "run-demo", &series_is], STRICT].concat();
        self.make("demo", &arguments, Expect::Success)
    }

    /// As someone runs them who has a kernel tree and a machine.
    fn kselftest(&self) -> Step {
        let series_is = format!("SERIES={DEFAULT_SERIES}");
        let arguments = [&["modules", "run-kselftest", &series_is], STRICT].concat();
        self.make("kselftest of a kernel tree", &arguments, Expect::Ktap)
    }

    /// That it runs, not what it measures.
    fn bench(&self) -> Step {
        let few = "BENCH_ARGS=--operations 128";
        let arguments = ["modules", "floor", "run-bench", "LIVE=1,200", "RUNS=1", few];
        let arguments = [&arguments[..], STRICT].concat();
        self.make("benchmark", &arguments, Expect::Success)
    }

    fn seeded_faults(&self) -> Vec<Step> {
        let wrong_size = Expect::Failure(&["evaluation of constant value failed", "layout.rs"]);
        let warned = Expect::Failure(&["WARNING: ", "device.rs", "tainted: W"]);
        let panics = Expect::Failure(&["check-panics: ", "can panic"]);
        let mut steps = vec![
            self.seeded(
                "a wrong layout does not build",
                &seeded::LAYOUT,
                &["modules"],
                wrong_size,
            ),
            self.seeded(
                "a warning of the kernel fails a run",
                &seeded::WARN,
                &["modules", "run-demo"],
                warned,
            ),
            self.seeded(
                "a panic path is found",
                &seeded::PANIC,
                &["modules", "check-panics"],
                panics,
            ),
        ];
        for (fault, why) in MISUSES {
            let name = format!("does not compile: {}", fault.what());
            let expect = Expect::Failure(std::slice::from_ref(why));
            steps.push(self.seeded(name, fault, &["modules"], expect));
        }
        steps
    }

    /// Steps of make on a copy of the module with a fault in it.
    fn seeded(
        &self,
        name: impl Into<String>,
        fault: &'static Fault,
        targets: &[&str],
        expect: Expect,
    ) -> Step {
        let copy = Fault::copy_in(self.tree);
        let series = format!("SERIES={DEFAULT_SERIES}");
        let source = format!("SOURCE={}", copy.display());
        let out = format!("OUT={}", copy.join("out").display());
        let arguments = [targets, &[series.as_str(), &source, &out]].concat();
        Step {
            fault: Some((fault, self.tree.to_owned())),
            ..self.make(name, &arguments, expect)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_make_is_read() {
        let list = "# one\nLIST := \\\n\tfirst \\\n\tlast\n";
        assert_eq!(names(list), ["first", "last"]);
        assert!(names(PROGRAMS).contains(&"lifecycle"));
    }
}
