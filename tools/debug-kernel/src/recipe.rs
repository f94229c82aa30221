// SPDX-License-Identifier: GPL-2.0-only

//! All that a debug kernel is made from.

use std::path::PathBuf;

use anyhow::{Context, Result};
use kernel_tree::{cache, command, package};

use crate::flavour::Flavour;

/// The suffix of the LLVM tools, as `make LLVM=` takes it: the version that rustc is linked with.
pub const LLVM: &str = "-19";

/// Changes whenever a tree would be made in another way from the same inputs.
const TREE_LAYOUT: &str = "1";

/// What a debug kernel is made from, all of it installed.
pub struct Recipe {
    /// Its checkers.
    pub flavour: Flavour,
    /// "7.3"
    pub series: String,
    /// The packaged source.
    pub source_archive: PathBuf,
    package_version: String,
    rustc: String,
    clang: String,
}

impl Recipe {
    /// Looks for source and compilers.
    pub fn new(flavour: Flavour, series: &str) -> Result<Self> {
        Ok(Self {
            flavour,
            series: series.to_owned(),
            package_version: package::version(&format!("linux-source-{series}"))?,
            source_archive: package::source_archive(series)?,
            rustc: command::first_line("rustc", "--version")?,
            clang: command::first_line(&format!("clang{LLVM}"), "--version")
                .context("no clang: set SLEEPTIMER_TOOLCHAIN=llvm for tools/buildroot")?,
        })
    }

    /// The name of the tree in the cache: other inputs give another name.
    pub fn tree_name(&self) -> String {
        let key = cache::key([
            TREE_LAYOUT,
            &self.package_version,
            &self.rustc,
            &self.clang,
            self.flavour.fragment(),
        ]);
        format!("{}-{}-{key}", self.flavour, release(&self.package_version))
    }
}

/// The kernel's own version in that of a package: "7.3.4" in "7.3.4-1~bpo13+1".
fn release(package_version: &str) -> &str {
    package_version
        .split_once('-')
        .map_or(package_version, |(upstream, _)| upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(flavour: Flavour, clang: &str) -> Recipe {
        Recipe {
            flavour,
            series: "7.3".into(),
            source_archive: PathBuf::new(),
            package_version: "7.3.4-1~bpo13+1".into(),
            rustc: "rustc 1.85.1".into(),
            clang: clang.into(),
        }
    }

    #[test]
    fn the_name_tells_the_flavour_and_the_release() {
        let name = recipe(Flavour::Kcsan, "clang 19").tree_name();
        assert!(name.starts_with("kcsan-7.3.4-"), "{name}");
    }

    #[test]
    fn every_input_changes_the_name() {
        let name = recipe(Flavour::Kasan, "clang 19").tree_name();
        assert_ne!(name, recipe(Flavour::Kasan, "clang 20").tree_name());
        assert_eq!(name, recipe(Flavour::Kasan, "clang 19").tree_name());
    }
}
