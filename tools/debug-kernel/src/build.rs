// SPDX-License-Identifier: GPL-2.0-only

//! The steps from the packaged source to a build tree for modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};
use kernel_tree::progress::Live;
use kernel_tree::{command, config, rust_part};

use crate::recipe::{Recipe, LLVM};

/// What no debug kernel is built from, half of the source: not worth unpacking.
const UNREAD: [&str; 9] = [
    "Documentation/*/*",
    "arch/[!x]*/*.[chS]",
    "arch/[!x]*/*.dts*",
    "drivers/gpu/*.[ch]",
    "drivers/media/*.[ch]",
    "drivers/net/*/*.[ch]",
    "drivers/scsi/*.[ch]",
    "sound/*.[ch]",
    "tools/testing/*",
];

/// The script that writes the description of the compiler's target, and the line in it that says
/// which sanitizers the target has: rustc refuses KCSAN's for any other target.
const TARGET_SCRIPT: &str = "scripts/generate_rust_target.rs";
const SANITIZERS: &str = r#"["kcfi", "kernel-address"]"#;
const SANITIZERS_WITH_KCSAN: &str = r#"["kcfi", "kernel-address", "thread"]"#;

/// Unpacks the source into `dir` and returns its path.
pub fn unpack(recipe: &Recipe, dir: &Path, log: &Path) -> Result<PathBuf> {
    let top = format!("linux-source-{}", recipe.series);
    let mut tar = Command::new("tar");
    tar.arg("-xf")
        .arg(&recipe.source_archive)
        .arg("-C")
        .arg(dir);
    tar.args(UNREAD.map(|pattern| format!("--exclude={top}/{pattern}")));
    command::run(&mut tar, log)?;
    let source = dir.join(top);
    allow_kcsan_in_rust(&source)?;
    Ok(source)
}

/// Lets modules use KCSAN's sanitizer in Rust code; the kernel itself then uses it in C only.
fn allow_kcsan_in_rust(source: &Path) -> Result<()> {
    let path = source.join(TARGET_SCRIPT);
    let script = fs::read_to_string(&path)
        .with_context(|| format!("the kernel source lacks {TARGET_SCRIPT}"))?;
    ensure!(
        script.contains(SANITIZERS),
        "{TARGET_SCRIPT} lacks {SANITIZERS}: report this, the kernel changed its target description"
    );
    fs::write(&path, script.replace(SANITIZERS, SANITIZERS_WITH_KCSAN))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Configures the kernel and checks that all wishes were granted.
pub fn configure(recipe: &Recipe, source: &Path, log: &Path) -> Result<()> {
    let path = source.join(".config");
    let wishes = recipe.flavour.fragment();
    command::run(make(source).arg("tinyconfig"), log)?;
    let tiny = fs::read_to_string(&path)?;
    fs::write(&path, tiny + wishes)?;
    command::run(make(source).arg("olddefconfig"), log)?;
    config::check_wishes(wishes, &fs::read_to_string(&path)?).context(
        "the kernel's rules overruled some options: add what they depend on to \
         tools/debug-kernel/configs, or remove them there",
    )
}

/// Builds the image, and what modules are checked against.
pub fn compile(source: &Path, log: &Path, live: &mut Live) -> Result<()> {
    let mut files = 0;
    command::run_watched(make(source).args(["bzImage", "modules"]), log, |line| {
        let file = line.split_whitespace().last().unwrap_or_default();
        files += 1;
        live.show(|| format!("{files} files ({file})"));
    })
}

/// Puts into `tree` what is needed to build modules and to boot.
pub fn keep(source: &Path, tree: &Path, log: &Path) -> Result<()> {
    let script = format!("scripts/package/install-extmod-build {}", tree.display());
    let mut install = make(source);
    install
        .arg("run-command")
        .arg(format!("KBUILD_RUN_COMMAND={script}"));
    command::run(&mut install, log)?;
    for (built, kept) in [
        (".config", ".config"),
        ("System.map", "System.map"),
        ("arch/x86/boot/bzImage", "bzImage"),
    ] {
        fs::rename(source.join(built), tree.join(kept))
            .with_context(|| format!("the kernel's build system did not make {built}"))?;
    }
    rust_part::take(source, tree)
}

fn make(source: &Path) -> Command {
    let mut make = command::make(source);
    make.arg(format!("LLVM={LLVM}"));
    make
}
