// SPDX-License-Identifier: GPL-2.0

//! Finds kernels in a directory tree.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Result};

/// The flavour of Debian's kernels to run: the smallest, with virtio built in.
const FLAVOUR: &str = "-cloud-";

/// A kernel that can be booted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Its release, as `uname -r` says it.
    pub release: String,
    /// Its image.
    pub image: PathBuf,
}

/// Finds the newest cloud kernel of a series, such as `7.3`.
pub fn newest(root: &Path, series: &str) -> Result<Kernel> {
    let kernels = all(root);
    let newest = kernels
        .iter()
        .filter(|kernel| belongs(&kernel.release, series))
        .max_by(|a, b| compare(&a.release, &b.release));
    if let Some(kernel) = newest {
        return Ok(kernel.clone());
    }
    let root = root.display();
    if kernels.is_empty() {
        bail!("no kernel image in {root} (usr/lib/modules/*/vmlinuz, boot/vmlinuz-*)");
    }
    let found: Vec<_> = kernels.iter().map(|kernel| &*kernel.release).collect();
    bail!(
        "no cloud kernel of series {series} in {root}; found: {}",
        found.join(", ")
    )
}

/// Lists all kernels, by the places in which Debian's packages have had their images.
fn all(root: &Path) -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for modules in ["usr/lib/modules", "lib/modules"] {
        for (release, directory) in entries(&root.join(modules)) {
            let image = directory.join("vmlinuz");
            kernels.push(Kernel { release, image });
        }
    }
    for (name, image) in entries(&root.join("boot")) {
        if let Some(release) = name.strip_prefix("vmlinuz-") {
            let release = release.to_owned();
            kernels.push(Kernel { release, image });
        }
    }
    kernels.retain(|kernel| kernel.image.is_file());
    kernels.sort_by(|a, b| compare(&a.release, &b.release));
    kernels.dedup_by(|a, b| a.release == b.release);
    kernels
}

/// Lists a directory; one that cannot be read is empty.
fn entries(directory: &Path) -> Vec<(String, PathBuf)> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect()
}

/// Whether a release is a cloud kernel of a series.
fn belongs(release: &str, series: &str) -> bool {
    let rest = release.strip_prefix(series);
    rest.is_some_and(|rest| rest.starts_with(['.', '-', '+']) && rest.contains(FLAVOUR))
}

/// Orders releases by age: numbers by value, all else as text.
fn compare(a: &str, b: &str) -> Ordering {
    parts(a).cmp(&parts(b))
}

/// Splits a release into numbers, each after the text that leads up to it.
fn parts(release: &str) -> Vec<(&str, u64)> {
    let mut parts = Vec::new();
    let mut rest = release;
    while !rest.is_empty() {
        let digit = |c: char| c.is_ascii_digit();
        let text = rest.find(digit).unwrap_or(rest.len());
        let (text, tail) = rest.split_at(text);
        let number = tail.find(|c| !digit(c)).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(number);
        parts.push((text, number.parse().unwrap_or(0)));
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(images: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for image in images {
            let path = root.path().join(image);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn the_newest_of_the_series_is_found() {
        let root = root(&[
            "usr/lib/modules/7.3.9+deb13-cloud-amd64/vmlinuz",
            "usr/lib/modules/7.3.10+deb13-cloud-amd64/vmlinuz",
            "usr/lib/modules/7.3.11+deb13-amd64/vmlinuz",
            "usr/lib/modules/7.3.12+deb13-cloud-amd64/modules.dep",
            "usr/lib/modules/7.30.1+deb13-cloud-amd64/vmlinuz",
            "boot/vmlinuz-7.2.12+deb13-cloud-amd64",
        ]);
        let kernel = newest(root.path(), "7.3").unwrap();
        assert_eq!(kernel.release, "7.3.10+deb13-cloud-amd64");
        let kernel = newest(root.path(), "7.2").unwrap();
        assert_eq!(
            kernel.image,
            root.path().join("boot/vmlinuz-7.2.12+deb13-cloud-amd64")
        );
    }

    #[test]
    fn the_kernels_found_are_named() {
        let root = root(&["lib/modules/7.2.12+deb13-cloud-amd64/vmlinuz"]);
        let error = newest(root.path(), "7.4").unwrap_err().to_string();
        assert!(error.contains("found: 7.2.12+deb13-cloud-amd64"), "{error}");
        let error = newest(Path::new("/nonexistent"), "7.3").unwrap_err();
        assert!(error.to_string().starts_with("no kernel image in "));
    }

    #[test]
    fn releases_are_ordered_by_number() {
        let ordered = ["7.3-rc2+x", "7.3-rc10+x", "7.3.4+deb13", "7.3.10+deb13"];
        for pair in ordered.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }
}
