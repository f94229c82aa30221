// SPDX-License-Identifier: GPL-2.0
//! What is checked, in this order.

use crate::{
    seeded::{self, Fault},
    step::{Expect, Step},
};
use anyhow::Result;
use std::{path::Path, process::Command};

/// The selftests: one program per class of behaviour.
const SELFTESTS: &[&str] = &[
    "lifecycle",
    "wrong_kind",
    "bad_input",
    "close_armed",
    "close_sleeping",
    "rmmod_busy",
];

/// Those tests of the machine runner that say whether a run can pass wrongly; `make check-vm` has
/// all of them, which take minutes.
const MACHINE_TESTS: &[&str] = &["status", "hung", "spinning", "panic", "taint", "just_ends"];

/// Fails if a module can reach the panic machinery of the Rust core library.
const NO_PANIC: &str = "! nm build/$0/sleeptimer.ko | grep ' U .*4core9panicking'";

/// The kernel series on which faults are seeded and the demo is shown.
const DEFAULT_SERIES: &str = "7.3";

/// All steps, for these kernel series. Seeds the faults that some of them are to find.
pub fn steps(tree: &Path, series: &[String]) -> Result<Vec<Step>> {
    let plan = Plan { tree };
    let mut steps = plan.static_checks();
    for series in series {
        steps.push(plan.build(series));
        steps.push(plan.root(
            format!("no panic path in the module, {series}"),
            &["sh", "-c", NO_PANIC, series],
        ));
    }
    for series in series {
        steps.push(plan.selftests(series));
    }
    steps.push(plan.demo());
    steps.push(plan.seeded_layout(&seeded::LAYOUT)?);
    steps.push(plan.seeded_warning(&seeded::WARN)?);
    let machine_tests = ["check-vm", &format!("VM_TESTS={}", MACHINE_TESTS.join(" "))];
    steps.push(plan.make(
        "a machine that hangs or dies",
        &machine_tests,
        Expect::Libtest,
    ));
    Ok(steps)
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
        Step {
            name: name.into(),
            command,
            expect,
        }
    }

    /// A command in the build root, which is to succeed.
    fn root(&self, name: impl Into<String>, arguments: &[&str]) -> Step {
        let arguments = [&["run", "--"], arguments].concat();
        self.step(
            name,
            &self.tree.join("tools/buildroot"),
            &arguments,
            Expect::Success,
        )
    }

    fn make(&self, name: impl Into<String>, arguments: &[&str], expect: Expect) -> Step {
        let arguments = [&["--no-print-directory"], arguments].concat();
        self.step(name, Path::new("make"), &arguments, expect)
    }

    fn static_checks(&self) -> Vec<Step> {
        let tests = ["cargo", "test", "--workspace", "--no-fail-fast"];
        vec![
            self.root(
                "format of the userland",
                &["cargo", "fmt", "--all", "--check"],
            ),
            self.root(
                "format of the module",
                &["rustfmt", "--check", "rust/sleeptimer_main.rs"],
            ),
            self.make(
                "style of C, and kernel-doc",
                &["check-style"],
                Expect::Success,
            ),
            self.root(
                "ABI: Rust side matches the header",
                &["tools/uapi-bindings", "--check"],
            ),
            self.root(
                "lints of the userland",
                &[
                    "cargo",
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-Dwarnings",
                ],
            ),
            Step {
                expect: Expect::Libtest,
                ..self.root("tests on the host", &tests)
            },
        ]
    }

    /// Builds the module with every warning an error.
    fn build(&self, series: &str) -> Step {
        let arguments = [
            "modules",
            "CLIPPY=1",
            "KRUSTFLAGS=-Dwarnings",
            "KCFLAGS=-Werror",
            &format!("SERIES={series}"),
        ];
        self.make(
            format!("module without warnings, {series}"),
            &arguments,
            Expect::Success,
        )
    }

    fn selftests(&self, series: &str) -> Step {
        let programs = SELFTESTS.join(" ");
        let arguments = [
            "run-selftests",
            &format!("SERIES={series}"),
            &format!("TESTS={programs}"),
        ];
        self.make(format!("selftests, {series}"), &arguments, Expect::Ktap)
    }

    fn demo(&self) -> Step {
        let arguments = ["run-demo", &format!("SERIES={DEFAULT_SERIES}")];
        self.make("demo", &arguments, Expect::Success)
    }

    fn seeded_layout(&self, fault: &Fault) -> Result<Step> {
        let source = fault.seed(self.tree)?;
        let arguments = [
            "modules",
            &format!("SERIES={DEFAULT_SERIES}"),
            &format!("SOURCE={}", source.display()),
            &format!("OUT={}", source.join("out").display()),
        ];
        let expect = Expect::Failure("evaluation of constant value failed");
        Ok(self.make("a wrong layout does not build", &arguments, expect))
    }

    fn seeded_warning(&self, fault: &Fault) -> Result<Step> {
        let source = fault.seed(self.tree)?;
        let arguments = [
            "modules",
            "run-demo",
            &format!("SERIES={DEFAULT_SERIES}"),
            &format!("SOURCE={}", source.display()),
            &format!("OUT={}", source.join("out").display()),
        ];
        let expect = Expect::Failure("WARNING: ");
        Ok(self.make("a warning of the kernel fails a run", &arguments, expect))
    }
}
