// SPDX-License-Identifier: GPL-2.0
//! Runs the benchmark three times, and tells what it has measured: as a table, as JSON, and as pictures.

use clap::Parser;
use serde::Serialize;
use sleeptimer_bench::{ok, report::Table, row::Row, Outcome};
use std::{
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// Runs the benchmark, and writes a table of what operations cost.
///
/// A machine that counts instructions repeats itself: each run has to measure the same.
#[derive(Parser)]
struct Arguments {
    /// Where results.json, table.txt and a picture of each operation go
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
    /// How often the benchmark is run
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// By how many parts in a thousand runs may differ
    #[arg(long, default_value_t = 10.0)]
    tolerance: f64,
    /// The command that runs it, and prints rows
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// All that was measured.
#[derive(Serialize)]
struct Results {
    /// The rows of the first run.
    rows: Vec<Row>,
    /// How often the same was measured.
    runs: u32,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench_report: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome {
    let first = run_once(&arguments.command)?;
    let mut differences = Vec::new();
    for number in 1..arguments.runs {
        eprintln!("run {} of {}", number + 1, arguments.runs);
        let other = run_once(&arguments.command)?;
        differences.extend(compare(&first, &other, arguments.tolerance));
    }
    let table = Table::of(&first);
    print!("{}", table.to_text());
    let file = |name: &str| arguments.out.join(name);
    ok!(fs::create_dir_all(&arguments.out));
    ok!(fs::write(file("table.txt"), table.to_text()));
    let results = Results {
        rows: first,
        runs: arguments.runs,
    };
    let text = ok!(serde_json::to_string_pretty(&results));
    ok!(fs::write(file("results.json"), text + "\n"));
    draw(&arguments.out, &table)?;
    if differences.is_empty() {
        return Ok(());
    }
    let tolerance = arguments.tolerance;
    let what = format!("runs differ by more than {tolerance} in a thousand");
    Err(format!("{what}:\n{}", differences.join("\n")))
}

fn draw(out: &Path, table: &Table) -> Outcome {
    for operation in table.operations() {
        let picture = out.join(format!("{}.svg", operation.name()));
        table.draw(&picture, operation)?;
    }
    Ok(())
}

/// Runs the benchmark once. What else it says is shown.
fn run_once(command: &[OsString]) -> Outcome<Vec<Row>> {
    let (program, rest) = command.split_first().ok_or("no command")?;
    let mut child = ok!(Command::new(program)
        .args(rest)
        .stdout(Stdio::piped())
        .spawn());
    let output = child.stdout.take().ok_or("the command has no output")?;
    let mut rows = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = ok!(line);
        match Row::from_line(&line) {
            Some(row) => rows.push(ok!(row)),
            None => eprintln!("{line}"),
        }
    }
    let status = ok!(child.wait());
    if !status.success() {
        return Err(format!("the benchmark failed: {status}"));
    }
    if rows.is_empty() {
        return Err("the benchmark has measured nothing".to_owned());
    }
    Ok(rows)
}

/// In what two runs differ.
fn compare(first: &[Row], second: &[Row], tolerance: f64) -> Vec<String> {
    if first.len() != second.len() {
        return vec![format!("{} rows, and {}", first.len(), second.len())];
    }
    let mut differences = Vec::new();
    for (a, b) in first.iter().zip(second) {
        let is_same = (&a.contender, a.operation, a.live) == (&b.contender, b.operation, b.live);
        let difference = (a.cost - b.cost).abs() / a.cost.abs().max(1.0) * 1000.0;
        if !is_same || difference > tolerance {
            differences.push(format!("{a:?} and {b:?}"));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use sleeptimer_bench::row::Operation;

    fn row(cost: f64) -> Row {
        Row {
            contender: "ours".to_owned(),
            operation: Operation::Cancel,
            live: 1000,
            cost,
            count: 10,
        }
    }

    #[test]
    fn runs_that_differ_are_found() {
        assert!(compare(&[row(100.0)], &[row(100.5)], 10.0).is_empty());
        let one = [row(100.0), row(7.0), row(100.0)];
        let other = [row(102.0), row(7.0), row(98.0)];
        assert_eq!(compare(&one, &other, 10.0).len(), 2);
        assert_eq!(compare(&[row(100.0)], &[], 10.0).len(), 1);
        let other = Row {
            live: 1,
            ..row(100.0)
        };
        assert_eq!(compare(&[row(100.0)], &[other], 10.0).len(), 1);
    }

    #[test]
    fn rows_are_taken_from_the_output() {
        let line = row(3.5).to_line().unwrap();
        let command = |script: &str| ["sh", "-c", script].map(OsString::from);
        let rows = run_once(&command(&format!("echo boot; echo '{line}'"))).unwrap();
        assert_eq!(rows, [row(3.5)]);
        assert!(run_once(&command("echo boot")).is_err());
        assert!(run_once(&command(&format!("echo '{line}'; exit 1"))).is_err());
    }
}
