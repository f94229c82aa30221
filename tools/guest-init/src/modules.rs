// SPDX-License-Identifier: GPL-2.0

//! Kernel modules.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use guest_init::plan::Module;
use nix::kmod::{finit_module, ModuleInitFlags};

/// `MODULE_INIT_COMPRESSED_FILE` of the kernel's `uapi/linux/module.h`, which `nix` does not have.
const COMPRESSED: u32 = 4;

/// Loads the modules, in order.
pub fn load_all(modules: &[Module]) -> Result<()> {
    modules.iter().try_for_each(load)
}

/// Loads one module. Its init function runs once, whatever it returns.
fn load(module: &Module) -> Result<()> {
    let file = File::open(&module.path).with_context(|| format!("cannot open {}", module.path))?;
    let parameters = CString::new(module.parameters.as_str())?;
    let path = Path::new(&module.path);
    finit_module(&file, &parameters, flags(path)).with_context(|| {
        let name = path.file_name().unwrap_or_default();
        format!("cannot load module {}", name.to_string_lossy())
    })
}

/// The kernel decompresses a module itself, if it is told to.
fn flags(path: &Path) -> ModuleInitFlags {
    match path.extension().and_then(OsStr::to_str) {
        Some("gz" | "xz" | "zst") => ModuleInitFlags::from_bits_retain(COMPRESSED),
        _ => ModuleInitFlags::empty(),
    }
}
