// SPDX-License-Identifier: GPL-2.0-only

//! The Debian packages that trees are made from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, ensure, Context, Result};

/// Where the packages of headers and sources put their files.
pub const SOURCES: &str = "/usr/src";

/// The version of an installed package.
pub fn version(package: &str) -> Result<String> {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Abbrev}${Version}", package])
        .output()
        .context("cannot run dpkg-query: run this on Debian or through tools/buildroot")?;
    match String::from_utf8_lossy(&query.stdout).strip_prefix("ii ") {
        Some(version) => Ok(version.to_owned()),
        None => bail!("{package} is not installed: apt-get install {package}"),
    }
}

/// The kernel source of a series.
pub fn source_archive(series: &str) -> Result<PathBuf> {
    let archive = Path::new(SOURCES).join(format!("linux-source-{series}.tar.xz"));
    ensure!(
        archive.exists(),
        "no {}: apt-get install --reinstall linux-source-{series}",
        archive.display()
    );
    Ok(archive)
}
