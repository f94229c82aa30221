// SPDX-License-Identifier: GPL-2.0-only

//! Running the commands that a tree is made by, with their output in a log.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{ensure, Context, Result};

/// What a make that calls one of these tools would pass on to another make.
const MAKE_VARIABLES: [&str; 6] = [
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "KRUSTFLAGS",
    "ARCH",
    "CROSS_COMPILE",
];

/// Runs a command whose output goes to the log.
pub fn run(command: &mut Command, log: &Path) -> Result<()> {
    let output = open(log)?;
    let status = command
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .with_context(|| cannot_run(command))?;
    check(command, status, log)
}

/// Like [`run`], and shows each line of standard output to `watch` too.
pub fn run_watched(command: &mut Command, log: &Path, watch: impl FnMut(&str)) -> Result<()> {
    let output = open(log)?;
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(output.try_clone()?)
        .spawn()
        .with_context(|| cannot_run(command))?;
    if let Some(stdout) = child.stdout.take() {
        copy_lines(stdout, output, watch)?;
    }
    check(command, child.wait()?, log)
}

fn copy_lines(from: ChildStdout, mut to: File, mut watch: impl FnMut(&str)) -> Result<()> {
    for line in BufReader::new(from).split(b'\n') {
        let line = line?;
        to.write_all(&line)?;
        to.write_all(b"\n")?;
        watch(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

/// `make` in a kernel source, with as many jobs as there are processors.
pub fn make(source: &Path) -> Command {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut make = Command::new("make");
    make.arg("-C").arg(source).arg(format!("-j{jobs}"));
    for variable in MAKE_VARIABLES {
        make.env_remove(variable);
    }
    make
}

/// The first line that a command prints, such as the version of a compiler.
pub fn first_line(program: &str, argument: &str) -> Result<String> {
    let mut command = Command::new(program);
    let output = command
        .arg(argument)
        .output()
        .with_context(|| cannot_run(&command))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn open(log: &Path) -> Result<File> {
    OpenOptions::new()
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))
}

fn cannot_run(command: &Command) -> String {
    let name = command.get_program().to_string_lossy();
    format!("cannot run {name}: install it, or run this through tools/buildroot")
}

fn check(command: &Command, status: ExitStatus, log: &Path) -> Result<()> {
    ensure!(
        status.success(),
        "{} failed ({status}): see {}",
        describe(command),
        log.display()
    );
    Ok(())
}

fn describe(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn commands_are_described_as_typed() {
        let mut command = Command::new("make");
        command.args(["-C", "x"]);
        assert_eq!(describe(&command), "make -C x");
    }

    #[test]
    fn watched_output_is_logged_too() {
        let log = std::env::temp_dir().join(format!("kernel-tree-{}.log", std::process::id()));
        fs::write(&log, "").unwrap();
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo a; echo b >&2; echo c; exit 3"]);
        let error = run_watched(&mut command, &log, |line| seen.push(line.to_owned()));
        let mut logged: Vec<_> = fs::read_to_string(&log)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        fs::remove_file(&log).unwrap();
        logged.sort();
        assert_eq!(seen, ["a", "c"]);
        assert_eq!(logged, ["a", "b", "c"]);
        assert!(error.unwrap_err().to_string().contains("exit status: 3"));
    }
}
