// SPDX-License-Identifier: GPL-2.0-only

//! What a build tree needs of the kernel's own Rust code.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Moves the compiled Rust code and the target description from a built source to `tree`.
pub fn take(source: &Path, tree: &Path) -> Result<()> {
    for built in ["rust", "scripts/target.json"] {
        fs::rename(source.join(built), tree.join(built))
            .with_context(|| format!("the kernel's build system did not make {built}"))?;
    }
    drop_intermediates(&tree.join("rust"))
}

/// Removes objects and host libraries, which were only needed to build the rest.
fn drop_intermediates(rust: &Path) -> Result<()> {
    let host = rust.join("host");
    if host.exists() {
        fs::remove_dir_all(host)?;
    }
    for entry in fs::read_dir(rust)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "o") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
