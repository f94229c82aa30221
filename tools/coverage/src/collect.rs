// SPDX-License-Identifier: GPL-2.0-only

//! Running the selftests, and what they print.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{bail, Context, Result};
use sleeptimer_selftests::counters;

use crate::profile::raw_profile;

/// Runs the command; returns its exit status.
pub fn collect(module: &Path, profile: &Path, command: &[OsString]) -> Result<u8> {
    let (program, arguments) = command.split_first().context("no command to run")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot execute {}", program.to_string_lossy()))?;
    let mut sums = None;
    let output = child.stdout.take().context("no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        match counters::parse(&line) {
            Some(counters) => sums = Some(counters),
            None => println!("{line}"),
        }
    }
    let status = child.wait()?;
    match sums {
        Some(sums) => {
            let image = fs::read(module).with_context(|| format!("{}", module.display()))?;
            fs::write(profile, raw_profile(&image, &sums)?)?;
        }
        None if status.success() => bail!("the command has printed no counters"),
        None => {}
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(1))
}
