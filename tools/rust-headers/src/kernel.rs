// SPDX-License-Identifier: GPL-2.0-only

//! The stock kernel whose headers are to be completed, and the packages that belong to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};

use kernel_tree::package::{self, SOURCES};
use kernel_tree::{cache, config};

const HEADERS_PREFIX: &str = "linux-headers-";
const FLAVOUR: &str = "-cloud-amd64";

/// Changes whenever a tree would be put together in another way from the same packages.
const TREE_LAYOUT: &str = "1";

/// A stock kernel with its headers, its source and its compiler all installed and matching.
pub struct Kernel {
    /// "7.3"
    pub series: String,
    /// "7.3.4+deb13-cloud-amd64"
    pub release: String,
    /// The installed headers.
    pub headers: PathBuf,
    /// The text of the headers' `.config`.
    pub config: String,
    /// The packaged source.
    pub source_archive: PathBuf,
    package_version: String,
    rustc: String,
}

impl Kernel {
    /// Looks the kernel up among the installed packages and checks that all its parts are there.
    pub fn find(series: &str, release: Option<&str>) -> Result<Self> {
        let release = match release {
            Some(release) => release.to_owned(),
            None => newest_release(&installed_releases()?, series).with_context(|| {
                format!(
                    "no headers of series {series} in {SOURCES}: install \
                     {HEADERS_PREFIX}{series}.*{FLAVOUR} or, for the build root, name it in \
                     SLEEPTIMER_SERIES"
                )
            })?,
        };
        ensure!(
            in_series(&release, series),
            "release {release} is not of series {series}: give the matching --series"
        );
        let headers = Path::new(SOURCES).join(format!("{HEADERS_PREFIX}{release}"));
        let config = fs::read_to_string(headers.join(".config")).with_context(|| {
            format!("no headers of {release}: install {HEADERS_PREFIX}{release}")
        })?;
        let kernel = Self {
            package_version: matching_version(series, &release)?,
            rustc: checked_rustc(&config, &release)?,
            source_archive: package::source_archive(series)?,
            series: series.to_owned(),
            release,
            headers,
            config,
        };
        Ok(kernel)
    }

    /// The name of the tree in the cache: other packages, compiler or layout give another name.
    pub fn tree_name(&self) -> String {
        let key = cache::key([TREE_LAYOUT, &self.package_version, &self.rustc]);
        format!("{}-{key}", self.release)
    }
}

/// The version that the headers and the source packages of this kernel have in common.
fn matching_version(series: &str, release: &str) -> Result<String> {
    let headers = package::version(&format!("{HEADERS_PREFIX}{release}"))?;
    let source = package::version(&format!("linux-source-{series}"))?;
    ensure!(
        headers == source,
        "linux-source-{series} is {source}, the headers are {headers}: \
         apt-get install linux-source-{series}={headers}"
    );
    Ok(headers)
}

/// The version text of the `rustc` in PATH, if that is the one that built the kernel.
fn checked_rustc(config: &str, release: &str) -> Result<String> {
    ensure!(
        config::value(config, "CONFIG_RUST") == Some("y"),
        "{release} was built without CONFIG_RUST: choose a kernel of a 7.x series"
    );
    let wanted = config::value(config, "CONFIG_RUSTC_VERSION_TEXT").unwrap_or("unknown");
    let output = Command::new("rustc")
        .arg("--version")
        .output()
        .context("cannot run rustc: apt-get install rustc, or run this through tools/buildroot")?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        found == wanted,
        "{release} was built by \"{wanted}\", here is \"{found}\": put the former first in PATH \
         (tools/buildroot has it)"
    );
    Ok(found)
}

fn installed_releases() -> Result<Vec<String>> {
    let dir = fs::read_dir(SOURCES)
        .with_context(|| format!("cannot read {SOURCES}: install the headers"))?;
    Ok(dir
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_prefix(HEADERS_PREFIX).map(str::to_owned))
        .collect())
}

fn newest_release(releases: &[String], series: &str) -> Option<String> {
    releases
        .iter()
        .filter(|release| release.ends_with(FLAVOUR) && in_series(release, series))
        .max_by_key(|release| numbers(release))
        .cloned()
}

fn in_series(release: &str, series: &str) -> bool {
    release
        .strip_prefix(series)
        .is_some_and(|rest| rest.starts_with(['.', '+', '-']))
}

/// All numbers in a release, in order: "7.3.4+deb13-cloud-amd64" sorts as [7, 3, 4, 13, 64].
fn numbers(release: &str) -> Vec<u64> {
    release
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn releases() -> Vec<String> {
        [
            "7.2.9+deb13-cloud-amd64",
            "7.2.12+deb13-cloud-amd64",
            "7.2.13+deb13-amd64",
            "7.2.12+deb13-common",
            "7.20.1+deb13-cloud-amd64",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn newest_is_by_number_within_series_and_flavour() {
        let newest = newest_release(&releases(), "7.2");
        assert_eq!(newest.as_deref(), Some("7.2.12+deb13-cloud-amd64"));
        assert_eq!(newest_release(&releases(), "7.3"), None);
    }

    #[test]
    fn a_series_is_not_just_a_prefix() {
        assert!(in_series("7.2.9+deb13-cloud-amd64", "7.2"));
        assert!(in_series("7.3-cloud-amd64", "7.3"));
        assert!(!in_series("7.20.1+deb13-cloud-amd64", "7.2"));
    }
}
