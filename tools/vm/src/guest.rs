// SPDX-License-Identifier: GPL-2.0

//! What goes into the guest.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{bail, Context, Result};
use guest_init::plan::{Module, Plan, Task};
use guest_init::PLAN_PATH;

use crate::cli::{FileArg, MachineArgs, Mode, ModuleArg};
use crate::initramfs::{is_executable, Initramfs};
use crate::program;

/// The directories that file systems are mounted on, and the home of root.
const DIRECTORIES: [&str; 6] = ["/dev", "/proc", "/root", "/run", "/sys", "/tmp"];

/// How long the clock source of a deterministic guest takes to settle. The guest is idle
/// meanwhile, which costs next to nothing.
const SETTLE: Duration = Duration::from_secs(5);

/// Makes the initramfs of a guest that performs `task`.
pub fn initramfs(args: &MachineArgs, busybox: bool, task: Task) -> Result<Initramfs> {
    let mut initramfs = Initramfs::default();
    for directory in DIRECTORIES {
        initramfs.directory(directory)?;
    }
    add_init(&mut initramfs, args.init.as_deref())?;
    if busybox {
        add_busybox(&mut initramfs, args.root.as_deref())?;
    }
    for name in &args.programs {
        let root = args.root.as_deref();
        let root = root.context("no root to take programs from (--root or SLEEPTIMER_ROOT)")?;
        program::add(&mut initramfs, root, name)?;
    }
    for file in &args.files {
        add_file(&mut initramfs, file)?;
    }
    let modules = args.modules.iter();
    let plan = Plan {
        modules: modules
            .map(|module| add_module(&mut initramfs, module))
            .collect::<Result<_>>()?,
        settle: match args.mode {
            Mode::Normal => Duration::ZERO,
            Mode::Icount => SETTLE,
        },
        task,
    };
    initramfs.file(PLAN_PATH, false, plan.encode())?;
    Ok(initramfs)
}

/// Adds process 1.
fn add_init(initramfs: &mut Initramfs, init: Option<&Path>) -> Result<()> {
    let path = match init {
        Some(path) => path.to_owned(),
        None => env::current_exe()?.with_file_name("guest-init"),
    };
    let data = fs::read(&path)
        .with_context(|| format!("cannot read {} (cargo build -p guest-init)", path.display()))?;
    let linker = program::interpreter(&data);
    let linker = linker.with_context(|| format!("{} is no program", path.display()))?;
    if linker.is_some() {
        bail!(
            "{} is linked dynamically (build it with -C target-feature=+crt-static)",
            path.display()
        );
    }
    initramfs.file("/init", true, data)
}

/// Adds the root's busybox and a link for each of its applets.
fn add_busybox(initramfs: &mut Initramfs, root: Option<&Path>) -> Result<()> {
    let path = busybox(root)?;
    let list = Command::new(&path).arg("--list").output();
    let list = list.with_context(|| format!("cannot execute {}", path.display()))?;
    for applet in String::from_utf8(list.stdout)?.lines() {
        initramfs.link(&format!("/bin/{applet}"), "busybox")?;
    }
    initramfs.file("/bin/busybox", true, fs::read(&path)?)
}

/// Finds the root's busybox.
fn busybox(root: Option<&Path>) -> Result<PathBuf> {
    let root = root.context("no root to take busybox from (--root or SLEEPTIMER_ROOT)")?;
    let places = ["usr/bin/busybox", "bin/busybox"];
    let found = places.iter().map(|place| root.join(place));
    found
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("no busybox in {} (package busybox-static)", root.display()))
}

/// Adds a file or directory of the host.
fn add_file(initramfs: &mut Initramfs, file: &FileArg) -> Result<()> {
    let source = &file.source;
    let destination = match &file.destination {
        Some(destination) => destination.clone(),
        None => default_destination(source)?,
    };
    initramfs.copy(source, &destination)
}

/// Where in the guest a file goes by default.
fn default_destination(source: &Path) -> Result<String> {
    let metadata = fs::metadata(source);
    let metadata = metadata.with_context(|| format!("cannot find {}", source.display()))?;
    let directory = if metadata.is_file() && is_executable(&metadata) {
        "/bin"
    } else {
        ""
    };
    Ok(format!("{directory}/{}", name(source)?))
}

/// Adds a kernel module; returns its entry in the plan.
fn add_module(initramfs: &mut Initramfs, module: &ModuleArg) -> Result<Module> {
    let path = format!("/lib/modules/{}", name(&module.file)?);
    initramfs.copy(&module.file, &path)?;
    Ok(Module {
        path,
        parameters: module.parameters.clone(),
    })
}

/// The name of a file or directory.
fn name(path: &Path) -> Result<&str> {
    path.file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{} has no name", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_depend_on_the_kind() {
        let host = tempfile::tempdir().unwrap();
        let data = host.path().join("data");
        fs::write(&data, "").unwrap();
        assert_eq!(default_destination(&data).unwrap(), "/data");
        let program = env::current_exe().unwrap();
        let expected = format!("/bin/{}", name(&program).unwrap());
        assert_eq!(default_destination(&program).unwrap(), expected);
        assert_eq!(default_destination(Path::new("/usr/lib")).unwrap(), "/lib");
        assert!(default_destination(Path::new("/nonexistent")).is_err());
    }
}
