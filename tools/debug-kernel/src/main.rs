// SPDX-License-Identifier: GPL-2.0-only

//! Builds kernels with sanitizers and other checkers, small ones for virtual machines.
//!
//! Each is built from the packaged source of a stock kernel with the stock compiler of Rust, and
//! ends up in the cache as a kernel build tree for modules, with the kernel's image in it.

#![deny(unsafe_code)]

mod build;
mod flavour;
mod recipe;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use kernel_tree::cache::{self, Lock, Slot};
use kernel_tree::progress::Progress;

use crate::flavour::Flavour;
use crate::recipe::Recipe;

/// The name of this program in messages.
const TOOL: &str = "debug-kernel";

/// Unpacked and built, a debug kernel takes about 1.6 GB; what is kept of it is a tenth of that.
const NEEDED_BYTES: u64 = 2_500_000_000;

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the kernel unless the cache has it, and print the path of its build tree; the image
    /// is `bzImage` in there.
    Prepare(Prepare),
}

#[derive(clap::Args)]
struct Prepare {
    /// Which checkers it has.
    flavour: Flavour,
    /// Kernel series, such as 7.3.
    #[arg(long, default_value = "7.3")]
    series: String,
    /// Directory that keeps the trees [default: ~/.cache/sleeptimer].
    #[arg(long, env = "SLEEPTIMER_CACHE")]
    cache: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Command::Prepare(prepare) = Arguments::parse().command;
    match run(&prepare) {
        Ok(tree) => {
            println!("{}", tree.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{TOOL}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(prepare: &Prepare) -> Result<PathBuf> {
    let recipe = Recipe::new(prepare.flavour, &prepare.series)?;
    let cache = match &prepare.cache {
        Some(dir) => dir.clone(),
        None => cache::default_dir()?,
    };
    let slot = Slot::new(&cache, "debug-kernels", &recipe.tree_name())?;
    if slot.is_filled() {
        return Ok(slot.tree);
    }
    let _lock = Lock::take(&slot.lock, TOOL)?;
    if !slot.is_filled() {
        make_tree(&recipe, &slot)?;
    }
    Ok(slot.tree)
}

/// Fills the slot; on an error its partial directory and log stay for a look, until the next run.
fn make_tree(recipe: &Recipe, slot: &Slot) -> Result<()> {
    slot.clear_partial()?;
    slot.check_space(NEEDED_BYTES)?;
    let progress = Progress::start(TOOL, 4);
    let source = progress.step(&format!("unpacking linux-source-{}", recipe.series), || {
        build::unpack(recipe, &slot.partial, &slot.log)
    })?;
    progress.step("configuring", || {
        build::configure(recipe, &source, &slot.log)
    })?;
    let compiling = format!("compiling the {} kernel", recipe.flavour);
    progress.long_step(&compiling, |live| build::compile(&source, &slot.log, live))?;
    progress.step("keeping what modules need", || {
        build::keep(&source, &slot.new_tree(), &slot.log)?;
        slot.commit()
    })
}
