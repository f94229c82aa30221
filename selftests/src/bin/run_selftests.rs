// SPDX-License-Identifier: GPL-2.0
//! Runs selftests, each with the module freshly loaded, and unloads it after each: whatever the
//! test has leaked, the kernel reports when the module's slab cache goes.
//!
//! Usage: `run_selftests MODULE.ko PROGRAM...`. Prints KTAP, with each program's as a subtest, and
//! exits with 0 if all passed, 1 if one failed.

use nix::kmod::{delete_module, finit_module, DeleteModuleFlags, ModuleInitFlags};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(module) = arguments.next() else {
        eprintln!("usage: run_selftests MODULE.ko PROGRAM...");
        return ExitCode::from(2);
    };
    let programs: Vec<String> = arguments.collect();
    println!("KTAP version 1");
    println!("1..{}", programs.len());
    let mut failed = 0;
    for (number, program) in (1..).zip(&programs) {
        let name = Path::new(program)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        match run(&module, program) {
            Ok(()) => println!("ok {number} {name}"),
            Err(why) => {
                failed += 1;
                println!("not ok {number} {name}\n# {why}");
            }
        }
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Loads the module, runs one program, and unloads the module.
fn run(module: &str, program: &str) -> Result<(), String> {
    let file = File::open(module).map_err(|error| format!("{module}: {error}"))?;
    finit_module(&file, c"", ModuleInitFlags::empty())
        .map_err(|error| format!("cannot load {module}: {error}"))?;
    let result = run_indented(program);
    delete_module(c"sleeptimer", DeleteModuleFlags::O_NONBLOCK)
        .map_err(|error| format!("cannot unload the module after {program}: {error}"))?;
    result
}

/// Runs one program, whose output becomes that of a subtest.
fn run_indented(program: &str) -> Result<(), String> {
    let describe = |error: std::io::Error| format!("{program}: {error}");
    let mut child = Command::new(program)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(describe)?;
    let mut has_plan = false;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(describe)?;
            has_plan |= line.starts_with("1..");
            println!("  {line}");
        }
    }
    let status = child.wait().map_err(describe)?;
    if !status.success() {
        Err(format!("{program}: {status}"))
    } else if !has_plan {
        Err(format!("{program}: printed no plan"))
    } else {
        Ok(())
    }
}
