// SPDX-License-Identifier: GPL-2.0
//! Loading the module, and unloading it.

use crate::{skip, Outcome};
use nix::kmod::{delete_module, finit_module, DeleteModuleFlags, ModuleInitFlags};
use std::{ffi::CStr, fs::File};

/// The environment variable that tells a test where the module's file is.
pub const MODULE: &str = "SLEEPTIMER_MODULE";

/// Loads the module from a file, with these parameters.
pub fn load(module: &str, parameters: &CStr) -> Outcome {
    let file = File::open(module).map_err(|error| format!("{module}: {error}"))?;
    finit_module(&file, parameters, ModuleInitFlags::empty())
        .map_err(|error| format!("cannot load {module}: {error}"))
}

/// Unloads the module.
pub fn unload() -> Outcome {
    delete_module(c"sleeptimer", DeleteModuleFlags::O_NONBLOCK)
        .map_err(|error| format!("cannot unload the module: {error}"))
}

/// Unloads the module and loads it with other parameters.
pub fn reload(parameters: &CStr) -> Outcome {
    let Ok(module) = std::env::var(MODULE) else {
        return skip(&format!("{MODULE} does not say where the module is"));
    };
    unload()?;
    load(&module, parameters)
}
