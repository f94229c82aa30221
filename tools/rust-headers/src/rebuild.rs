// SPDX-License-Identifier: GPL-2.0-only

//! Rebuilds the kernel's Rust code from the packaged source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use kernel_tree::{command, config};

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
    command::run(&mut tar, log)?;
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
    let mut make = command::make(source);
    make.args([
        format!("CC={compiler}"),
        format!("HOSTCC={compiler}"),
        target.to_owned(),
    ]);
    command::run(&mut make, log)
}

/// The compiler's command as the configuration records it: the first word of its version text.
fn stock_compiler(config: &str) -> Result<&str> {
    config::value(config, "CONFIG_CC_VERSION_TEXT")
        .and_then(|text| text.split_whitespace().next())
        .context("the headers' .config names no compiler: reinstall the headers package")
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
}
