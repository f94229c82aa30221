// SPDX-License-Identifier: GPL-2.0-only

//! The symbols that the kernel's Rust code exports.
//!
//! Rust symbol names carry hashes of the compiler and of the crates they came from: a rebuild whose
//! symbols are all in the stock kernel is one whose modules the stock kernel will load.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

const EXPORT_MACRO: &str = "EXPORT_SYMBOL_RUST_GPL(";

/// The symbols in the `exports_*_generated.h` of a built `rust/` directory.
pub fn rebuilt(rust: &Path) -> Result<Vec<String>> {
    let mut symbols = Vec::new();
    for entry in fs::read_dir(rust).with_context(|| format!("cannot read {}", rust.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("exports_") && name.ends_with("_generated.h") {
            let header = fs::read_to_string(entry.path())?;
            symbols.extend(exported(&header).map(str::to_owned));
        }
    }
    Ok(symbols)
}

/// Fails unless there are exported symbols and a `Module.symvers` has every one.
pub fn check_included(exports: &[String], symvers: &str) -> Result<()> {
    let stock: HashSet<&str> = symvers_names(symvers).collect();
    let missing: Vec<_> = exports
        .iter()
        .filter(|s| !stock.contains(s.as_str()))
        .collect();
    ensure!(!exports.is_empty(), "the rebuild exports no Rust symbol");
    ensure!(
        missing.is_empty(),
        "{} of {} exported Rust symbols are not in the stock kernel, the first being {}",
        missing.len(),
        exports.len(),
        missing[0]
    );
    Ok(())
}

fn exported(header: &str) -> impl Iterator<Item = &str> {
    header
        .lines()
        .filter_map(|line| line.strip_prefix(EXPORT_MACRO)?.strip_suffix(");"))
}

/// `Module.symvers` has a line "CRC <tab> name <tab> module <tab> kind <tab> namespace" a symbol.
fn symvers_names(symvers: &str) -> impl Iterator<Item = &str> {
    symvers.lines().filter_map(|line| line.split('\t').nth(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMVERS: &str = "0x00000000\t_RNvA\tvmlinux\tEXPORT_SYMBOL_GPL\t\n\
                           0x00000000\t_RNvB\tvmlinux\tEXPORT_SYMBOL_GPL\t\n";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn export_lines_are_read() {
        let header = "EXPORT_SYMBOL_RUST_GPL(_RNvA);\n#if 0\nEXPORT_SYMBOL_RUST_GPL(_RNvB);\n";
        assert_eq!(exported(header).collect::<Vec<_>>(), ["_RNvA", "_RNvB"]);
    }

    #[test]
    fn a_subset_is_fine() {
        assert!(check_included(&names(&["_RNvB"]), SYMVERS).is_ok());
    }

    #[test]
    fn a_missing_symbol_is_named() {
        let error = check_included(&names(&["_RNvA", "_RNvC"]), SYMVERS).unwrap_err();
        assert!(error.to_string().contains("1 of 2"));
        assert!(error.to_string().ends_with("_RNvC"));
    }

    #[test]
    fn nothing_exported_is_an_error() {
        assert!(check_included(&[], SYMVERS).is_err());
    }
}
