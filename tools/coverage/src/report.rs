// SPDX-License-Identifier: GPL-2.0-only

//! What a profile says, by file.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{ensure, Context, Result};
use lcov::report::section::line::{Key, Lines, Value};

/// Writes all kinds of reports, and prints one.
pub fn report(
    module: &Path,
    profile: &Path,
    sources: &Path,
    reasons: &Path,
    output: &Path,
) -> Result<()> {
    let merged = profile.with_extension("profdata");
    let mut merge = Command::new("llvm-profdata-19");
    merge.args(["merge", "-o"]).args([&merged, profile]);
    run(&mut merge)?;
    let llvm_cov = |action| {
        let mut command = Command::new("llvm-cov-19");
        command.arg(action).arg("-instr-profile").arg(&merged);
        command.arg(module).arg("-sources").arg(sources);
        command
    };
    let tracefile = output.join("lcov.info");
    let lines = File::create(&tracefile)?;
    run(llvm_cov("export").arg("-format=lcov").stdout(lines))?;
    let html = [
        "-format=html",
        "-show-line-counts-or-regions",
        "-output-dir",
    ];
    run(llvm_cov("show").args(html).arg(output.join("html")))?;
    let table = Table {
        files: read_all(&tracefile, sources)?,
        reasons: read(reasons)?,
    };
    let table = table.to_string();
    fs::write(output.join("report.txt"), &table)?;
    print!("{table}");
    println!(
        "\nwith all lines: {}",
        output.join("html/index.html").display()
    );
    Ok(())
}

/// Runs one of LLVM's tools.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot execute {program}"))?;
    ensure!(status.success(), "{program}: {status}");
    Ok(())
}

/// A source file.
struct Source {
    name: PathBuf,
    text: String,
    /// How often each line was executed.
    lines: Lines,
}

/// All source files, in their order.
fn read_all(tracefile: &Path, sources: &Path) -> Result<Vec<Source>> {
    let report = lcov::Report::from_file(tracefile)?;
    let files = report.sections.into_iter().map(|(key, section)| {
        let file = key.source_file;
        Ok(Source {
            name: file.strip_prefix(sources)?.to_owned(),
            text: read(&file)?,
            lines: section.lines,
        })
    });
    files.collect()
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// What there is to tell.
struct Table {
    files: Vec<Source>,
    /// A text that names ``file.rs: function()`` of which it says why a part is not reached.
    reasons: String,
}

impl Display for Table {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let Self { files, reasons } = self;
        writeln!(to, "{:<32} {:>6} {:>8}", "file", "lines", "reached")?;
        for file in files {
            Share::of([file]).line(to, &file.name.display())?;
        }
        Share::of(files).line(to, &"total")?;
        let missed = files.iter().flat_map(|file| {
            let name = file.name.display();
            let missed = file.missed().into_iter();
            missed.map(move |(function, lines)| (format!("{name}: {function}()"), lines))
        });
        let has_reason = |name: &str| reasons.contains(&format!("``{name}``"));
        let (explained, others): (Vec<_>, _) = missed.partition(|(name, _)| has_reason(name));
        for (title, places) in [("", explained), (", and nothing says why", others)] {
            writeln!(to, "\nnot reached{title}: {}", places.len())?;
            for (name, lines) in places {
                writeln!(to, "  {name}: {}", lines.join(", "))?;
            }
        }
        Ok(())
    }
}

/// How many lines there are, and how many were reached.
struct Share {
    all: usize,
    reached: usize,
}

impl Share {
    fn of<'a>(files: impl IntoIterator<Item = &'a Source>) -> Self {
        let mut share = Self { all: 0, reached: 0 };
        for line in files.into_iter().flat_map(|file| file.lines.values()) {
            share.all += 1;
            share.reached += usize::from(line.count > 0);
        }
        share
    }

    fn line(&self, to: &mut Formatter<'_>, name: &dyn Display) -> fmt::Result {
        let Self { all, reached } = self;
        let percent = 100.0 * *reached as f64 / *all as f64;
        writeln!(to, "{name:<32} {all:>6} {reached:>8} {percent:>6.1} %")
    }
}

impl Source {
    /// The functions of which a part was not reached, in their order, and the lines of these parts,
    /// such as "3-5": what is between those that are counted is no code.
    fn missed(&self) -> Vec<(&str, Vec<String>)> {
        let mut functions: Vec<(&str, Vec<String>)> = Vec::new();
        let lines: Vec<_> = self.lines.iter().collect();
        let kind = |(key, value): (&Key, &Value)| (value.count == 0, self.function(key.line));
        for run in lines.chunk_by(|a, b| kind(*a) == kind(*b)) {
            let (first, last) = (run[0], run[run.len() - 1].0.line);
            let (true, function) = kind(first) else {
                continue;
            };
            let first = first.0.line;
            let range = match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            };
            match functions.last_mut() {
                Some((same, ranges)) if *same == function => ranges.push(range),
                _ => functions.push((function, vec![range])),
            }
        }
        functions
    }

    /// The name of the function that a line is in.
    fn function(&self, line: u32) -> &str {
        let until = self.text.lines().take(line as usize);
        let after = until.filter_map(|line| Some(line.split_once("fn ")?.1));
        let name = after.filter_map(|name| name.split(['(', '<']).next());
        name.last().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two functions, with six lines of code, of which three were reached.
    fn source() -> Source {
        let counts = [(1, 4), (2, 0), (4, 0), (5, 1), (6, 0), (7, 2)];
        let line = |(line, count)| {
            let checksum = None;
            (Key { line }, Value { count, checksum })
        };
        Source {
            name: "a.rs".into(),
            text: "fn one() {\na;\n// b\nc }\npub fn two<T>(\nd\n) {}".to_owned(),
            lines: counts.into_iter().map(line).collect(),
        }
    }

    #[test]
    fn what_is_missed_is_told_by_function() {
        let (one, two) = (vec!["2-4".to_owned()], vec!["6".to_owned()]);
        assert_eq!(source().missed(), [("one", one), ("two", two)]);
    }

    #[test]
    fn a_table_counts_lines_and_names_those_missed() {
        let mut other = source();
        other.name = "b.rs".into();
        other.lines.retain(|_, line| line.count > 0);
        let table = Table {
            files: vec![source(), other],
            reasons: "``a.rs: two()`` and a.rs: one()".to_owned(),
        };
        let table = table.to_string();
        let words: Vec<_> = table.split_whitespace().collect();
        let expected = "file lines reached a.rs 6 3 50.0 % b.rs 3 3 100.0 % total 9 6 66.7 % \
                        not reached: 1 a.rs: two(): 6 \
                        not reached, and nothing says why: 1 a.rs: one(): 2-4";
        assert_eq!(words.join(" "), expected);
    }
}
