// SPDX-License-Identifier: GPL-2.0-only

//! Rebuilds the kernel's Rust code from the packaged source.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{ensure, Context, Result};

use crate::config;
use crate::kernel::Kernel;

/// What `make prepare` never reads, more than half of the source: not worth unpacking.
const UNREAD: [&str; 8] = [
    "Documentation/*/*",
    "arch/[!x]*/*.[chS]",
    "arch/[!x]*/*.dts*",
    "drivers/*.c",
    "drivers/gpu/drm/amd/*.h",
    "fs/*.c",
    "net/*.c",
    "sound/*.[ch]",
];

/// Unpacks the source into `dir`, with the stock configuration, and returns its path.
pub fn unpack(kernel: &Kernel, dir: &Path, log: &Path) -> Result<PathBuf> {
    let mut tar = Command::new("tar");
    tar.arg("-xf")
        .arg(&kernel.source_archive)
        .arg("-C")
        .arg(dir);
    let top = format!("linux-source-{}", kernel.series);
    tar.args(UNREAD.map(|pattern| format!("--exclude={top}/{pattern}")));
    run(&mut tar, log)?;
    let source = dir.join(top);
    fs::write(source.join(".config"), &kernel.config)
        .with_context(|| format!("cannot write into {}", source.display()))?;
    Ok(source)
}

/// Lets the kernel's build system look at the compilers; it changes `.config` if they differ.
pub fn configure(source: &Path, log: &Path) -> Result<()> {
    make(source, "olddefconfig", log)
}

/// Builds what modules need, `rust/` and `scripts/target.json` included.
pub fn prepare(source: &Path, log: &Path) -> Result<()> {
    make(source, "prepare", log)
}

fn make(source: &Path, target: &str, log: &Path) -> Result<()> {
    let config = fs::read_to_string(source.join(".config"))?;
    let compiler = stock_compiler(&config)?;
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut make = Command::new("make");
    make.arg("-C").arg(source);
    make.args([
        format!("-j{jobs}"),
        format!("CC={compiler}"),
        format!("HOSTCC={compiler}"),
    ]);
    make.arg(target);
    // A make that calls this tool would pass on its own options and job server.
    for variable in [
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "KRUSTFLAGS",
        "ARCH",
        "CROSS_COMPILE",
    ] {
        make.env_remove(variable);
    }
    run(&mut make, log)
}

/// The compiler's command as the configuration records it: the first word of its version text.
fn stock_compiler(config: &str) -> Result<&str> {
    config::value(config, "CONFIG_CC_VERSION_TEXT")
        .and_then(|text| text.split_whitespace().next())
        .context("the headers' .config names no compiler: reinstall the headers package")
}

/// Runs a command whose output goes to the log.
fn run(command: &mut Command, log: &Path) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = OpenOptions::new().append(true).open(log)?;
    let status = command
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .with_context(|| format!("cannot run {name}: install it, or use tools/buildroot"))?;
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

    #[test]
    fn the_compiler_is_the_recorded_one() {
        let config =
            "CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0\"\n";
        assert_eq!(stock_compiler(config).unwrap(), "x86_64-linux-gnu-gcc-14");
        assert!(stock_compiler("CONFIG_RUST=y\n").is_err());
    }

    #[test]
    fn commands_are_described_as_typed() {
        let mut command = Command::new("make");
        command.args(["-C", "x"]);
        assert_eq!(describe(&command), "make -C x");
    }
}
