// SPDX-License-Identifier: GPL-2.0-only

//! Puts the build tree together: the stock headers, the rebuilt Rust code, the source's tools.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use kernel_tree::rust_part;

use crate::kernel::Kernel;

/// Checking tools of the source that the headers lack; kept in `source-tools/` of the tree.
const SOURCE_TOOLS: [&str; 8] = [
    ".clippy.toml",
    ".rustfmt.toml",
    "scripts/checkpatch.pl",
    "scripts/const_structs.checkpatch",
    "scripts/kernel-doc",
    "scripts/spelling.txt",
    "tools/docs/kernel-doc",
    "tools/lib/python",
];

/// Makes the tree at `tree`, to be moved to `final_path`, and takes from `source` what it needs.
pub fn assemble(kernel: &Kernel, source: &Path, tree: &Path, final_path: &Path) -> Result<()> {
    copy(&kernel.headers, tree, "-a")?;
    // The package shares these with others by links; this tree gets its own to add to.
    for shared in ["scripts", "tools"] {
        fs::remove_file(tree.join(shared))?;
        copy(&kernel.headers.join(shared), &tree.join(shared), "-aH")?;
    }
    redirect_makefile(kernel, tree, final_path)?;
    rust_part::take(source, tree)?;
    keep_source_tools(source, &tree.join("source-tools"))
}

/// The package's Makefile names the package's own directory as the place of the build results.
fn redirect_makefile(kernel: &Kernel, tree: &Path, final_path: &Path) -> Result<()> {
    let path = tree.join("Makefile");
    let packaged = format!("KBUILD_OUTPUT={}", kernel.headers.display());
    let makefile = fs::read_to_string(&path)?;
    ensure!(
        makefile.lines().any(|line| line == packaged),
        "{} lacks the line {packaged}: report this, the package changed its layout",
        path.display()
    );
    let redirected = makefile.replace(
        &packaged,
        &format!("KBUILD_OUTPUT={}", final_path.display()),
    );
    fs::write(&path, redirected).with_context(|| format!("cannot write {}", path.display()))
}

fn keep_source_tools(source: &Path, dir: &Path) -> Result<()> {
    for tool in SOURCE_TOOLS {
        let target = dir.join(tool);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(source.join(tool), &target)
            .with_context(|| format!("the kernel source lacks {tool}"))?;
    }
    Ok(())
}

/// Copies a directory with all that `cp` preserves.
fn copy(from: &Path, to: &Path, how: &str) -> Result<()> {
    let status = Command::new("cp")
        .args([how, "--no-preserve=ownership"])
        .arg(from)
        .arg(to)
        .status()?;
    ensure!(
        status.success(),
        "could not copy {} to {}: free some disk space",
        from.display(),
        to.display()
    );
    Ok(())
}
