// SPDX-License-Identifier: GPL-2.0

//! Kernel modules.

use std::ffi::CString;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use guest_init::plan::Module;
use nix::kmod::{finit_module, ModuleInitFlags};

/// Loads the modules, in order.
pub fn load_all(modules: &[Module]) -> Result<()> {
    modules.iter().try_for_each(load)
}

/// Loads one module. Its init function runs once, whatever it returns.
fn load(module: &Module) -> Result<()> {
    let file = File::open(&module.path).with_context(|| format!("cannot open {}", module.path))?;
    let parameters = CString::new(module.parameters.as_str())?;
    finit_module(&file, &parameters, ModuleInitFlags::empty()).with_context(|| {
        let name = Path::new(&module.path).file_name().unwrap_or_default();
        format!("cannot load module {}", name.to_string_lossy())
    })
}
