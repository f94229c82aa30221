// SPDX-License-Identifier: GPL-2.0

//! Draws what a soak has measured: reads its output, shows it without the samples, and writes a
//! picture and a summary of these.

#![deny(unsafe_code)]

mod plot;
mod summary;

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{bail, Context, Result};
use clap::Parser;
use sleeptimer_selftests::soak::sample::Sample;

use crate::summary::Summary;

/// Draws what a soak has measured.
///
/// Ends as the command does; with 2 if there is nothing to draw, or it cannot be drawn.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What the written files are called: NAME.svg, and NAME.json with a summary
    #[arg(long, value_name = "NAME")]
    out: PathBuf,
    /// What the picture is of
    #[arg(long)]
    title: String,
    /// Runs the soak, which prints samples [default: read them from standard input]
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    ExitCode::from(run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("soak-plot: {error:#}");
        2
    }))
}

fn run(arguments: &Arguments) -> Result<u8> {
    let (samples, status) = match &arguments.command[..] {
        [program, rest @ ..] => run_command(Command::new(program).args(rest))?,
        [] => (read(io::stdin().lock())?, 0),
    };
    // A soak that has failed early has nothing else to show than why.
    match draw(arguments, &samples) {
        Err(error) if status == 0 => Err(error),
        _ => Ok(status),
    }
}

/// Runs a command that prints samples; returns its exit status, too.
fn run_command(command: &mut Command) -> Result<(Vec<Sample>, u8)> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot run {name}"))?;
    let output = child.stdout.take().context("the command has no output")?;
    let samples = read(BufReader::new(output))?;
    let status = child.wait()?.code();
    let status = status.with_context(|| format!("a signal has ended {name}"))?;
    Ok((samples, u8::try_from(status)?))
}

/// Takes the samples out of some output, and shows the rest.
fn read(output: impl BufRead) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for line in output.lines() {
        let line = line?;
        match Sample::from_line(&line) {
            Some(sample) => samples.push(sample.with_context(|| format!("damaged: {line}"))?),
            None => println!("{line}"),
        }
    }
    Ok(samples)
}

/// Writes the picture and the summary.
fn draw(arguments: &Arguments, samples: &[Sample]) -> Result<()> {
    if samples.is_empty() {
        bail!("there are no samples");
    }
    let (picture, summary) = (file(&arguments.out, "svg"), file(&arguments.out, "json"));
    if let Some(directory) = arguments.out.parent() {
        fs::create_dir_all(directory)?;
    }
    plot::draw(&picture, &arguments.title, samples)
        .with_context(|| format!("cannot draw {}", picture.display()))?;
    let text = serde_json::to_string_pretty(&Summary::of(samples))?;
    fs::write(&summary, text + "\n")
        .with_context(|| format!("cannot write {}", summary.display()))?;
    println!(
        "# {} samples: {}, {}",
        samples.len(),
        picture.display(),
        summary.display()
    );
    Ok(())
}

/// The file of this sort; names may have dots, which say nothing.
fn file(name: &Path, sort: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".");
    name.push(sort);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::samples;

    fn arguments(directory: &Path, command: &[&str]) -> Arguments {
        let out = directory.join("soak/7.3");
        let mut line: Vec<OsString> = ["soak-plot", "--title", "a soak", "--out"]
            .map(Into::into)
            .into();
        line.extend([out.into(), "--".into()]);
        line.extend(command.iter().map(Into::into));
        Arguments::parse_from(line)
    }

    #[test]
    fn a_soak_is_drawn_and_ends_as_it_does() {
        let directory = tempfile::tempdir().unwrap();
        let lines: Vec<String> = samples().iter().map(|it| it.to_line().unwrap()).collect();
        let script = format!("echo '{}'; exit 3", lines.join("\n"));
        let status = run(&arguments(directory.path(), &["sh", "-c", &script])).unwrap();
        assert_eq!(status, 3);
        let read = |name| fs::read_to_string(directory.path().join(name)).unwrap();
        let picture = read("soak/7.3.svg");
        assert!(picture.contains("a soak") && picture.contains("<polyline"));
        assert!(read("soak/7.3.json").contains("\"expirations\": 15.0"));
    }

    #[test]
    fn nothing_to_draw_is_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        let nothing = arguments(directory.path(), &["true"]);
        assert!(run(&nothing).is_err());
        let failed = arguments(directory.path(), &["false"]);
        assert_eq!(run(&failed).unwrap(), 1);
        let damaged = arguments(directory.path(), &["echo", "# sample {}"]);
        assert!(run(&damaged).is_err());
    }
}
