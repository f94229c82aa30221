// SPDX-License-Identifier: GPL-2.0
//! Faults that are put into a copy of the module on purpose: the checks have to find them.

use anyhow::{ensure, Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A fault: one replacement in one file.
pub struct Fault {
    /// Its name, and that of the folder of the copy.
    pub name: &'static str,
    /// The file, relative to the checkout.
    file: &'static str,
    /// What stands there, exactly once.
    from: &'static str,
    /// What stands there instead.
    to: &'static str,
}

/// The object is said to be smaller than it is.
pub const LAYOUT: Fault = Fault {
    name: "seeded-layout",
    file: "rust/bpf_hrtimer/layout.rs",
    from: "static_assert!(size_of::<BpfHrtimer>() == 128);",
    to: "static_assert!(size_of::<BpfHrtimer>() == 120);",
};

/// Opening the device makes the kernel warn.
pub const WARN: Fault = Fault {
    name: "seeded-warning",
    file: "rust/device.rs",
    from: "    // SAFETY: `misc_open` put the address of the `miscdevice` there.\n",
    to: "    kernel::warn_on!(true);\n",
};

/// What a build of the module needs.
const SOURCES: &[&str] = &["Kbuild", "c", "rust", "crates/sleeptimer-sys/src"];

impl Fault {
    /// Makes a copy of the module with the fault in it, below `build`, and returns where it is.
    pub fn seed(&self, tree: &Path) -> Result<PathBuf> {
        let copy = tree.join("build").join(self.name);
        for source in SOURCES {
            copy_all(&tree.join(source), &copy.join(source))?;
        }
        let file = copy.join(self.file);
        let text = fs::read_to_string(&file)?;
        let places = text.matches(self.from).count();
        ensure!(
            places == 1,
            "{}: {places} places in {} to change",
            self.name,
            self.file
        );
        fs::write(&file, text.replace(self.from, self.to))?;
        Ok(copy)
    }
}

/// Copies a file, or a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let describe = || format!("cannot copy {}", from.display());
    if from.is_dir() {
        fs::create_dir_all(to).with_context(describe)?;
        for entry in fs::read_dir(from).with_context(describe)? {
            let entry = entry?;
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, to).with_context(describe)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_place_in_the_sources() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for fault in [LAYOUT, WARN] {
            let text = fs::read_to_string(tree.join(fault.file)).expect("the file is there");
            assert_eq!(text.matches(fault.from).count(), 1, "{}", fault.name);
        }
    }
}
