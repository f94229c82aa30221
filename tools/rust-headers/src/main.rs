// SPDX-License-Identifier: GPL-2.0-only

//! Completes Debian's kernel headers with what Rust modules need.
//!
//! The stock `linux-headers-*` packages lack the compiled `rust/` directory and the target
//! description. Both are rebuilt here from the very source, configuration and compilers of the
//! stock kernel, checked against it, and put together with a copy of the headers into a kernel
//! build tree in the cache.

#![deny(unsafe_code)]

mod assemble;
mod exports;
mod kernel;
mod rebuild;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use kernel_tree::cache::{self, Lock, Slot};
use kernel_tree::config;
use kernel_tree::progress::Progress;

use crate::kernel::Kernel;

/// The name of this program in messages.
const TOOL: &str = "rust-headers";

/// Unpacked and built, the kernel source takes about 0.9 GB.
const NEEDED_BYTES: u64 = 1_200_000_000;

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the kernel build tree unless the cache has it, and print its path.
    Prepare(Prepare),
}

#[derive(clap::Args)]
struct Prepare {
    /// Kernel series, such as 7.3.
    #[arg(long)]
    series: String,
    /// Exact kernel release [default: the newest of the series in /usr/src].
    #[arg(long)]
    release: Option<String>,
    /// Directory that keeps the trees [default: ~/.cache/sleeptimer].
    #[arg(long, env = "SLEEPTIMER_CACHE")]
    cache: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Command::Prepare(prepare) = Arguments::parse().command;
    match run(&prepare) {
        Ok(kdir) => {
            println!("{}", kdir.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{TOOL}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(prepare: &Prepare) -> Result<PathBuf> {
    let kernel = Kernel::find(&prepare.series, prepare.release.as_deref())?;
    let cache = match &prepare.cache {
        Some(dir) => dir.clone(),
        None => cache::default_dir()?,
    };
    let slot = Slot::new(&cache, "kdir", &kernel.tree_name())?;
    if slot.is_filled() {
        return Ok(slot.tree);
    }
    let _lock = Lock::take(&slot.lock, TOOL)?;
    if !slot.is_filled() {
        make_tree(&kernel, &slot)?;
    }
    Ok(slot.tree)
}

/// Fills the slot; on an error its partial directory and log stay for a look, until the next run.
fn make_tree(kernel: &Kernel, slot: &Slot) -> Result<()> {
    slot.clear_partial()?;
    slot.check_space(NEEDED_BYTES)?;
    let progress = Progress::start(TOOL, 4);
    let source = unpack_and_build(kernel, slot, &progress)?;
    progress.step("putting the tree together", || {
        assemble::assemble(kernel, &source, &slot.new_tree(), &slot.tree)?;
        slot.commit()
    })
}

/// Returns the source tree with `make prepare` done and the result checked.
fn unpack_and_build(kernel: &Kernel, slot: &Slot, progress: &Progress) -> Result<PathBuf> {
    let source = progress.step(&format!("unpacking linux-source-{}", kernel.series), || {
        rebuild::unpack(kernel, &slot.partial, &slot.log)
    })?;
    progress.step("configuring as the stock kernel", || {
        rebuild::configure(&source, &slot.log)?;
        check_config(kernel, &source)
    })?;
    progress.step("compiling the kernel's Rust code", || {
        rebuild::prepare(&source, &slot.log)?;
        check_exports(kernel, &source)
    })?;
    Ok(source)
}

fn check_config(kernel: &Kernel, source: &Path) -> Result<()> {
    let rebuilt = read(&source.join(".config"))?;
    config::check_equal(&kernel.config, &rebuilt).with_context(|| {
        format!(
            "the headers' configuration does not fit the compilers here: use those that built {} \
             (tools/buildroot has them)",
            kernel.release
        )
    })
}

fn check_exports(kernel: &Kernel, source: &Path) -> Result<()> {
    let stock = read(&kernel.headers.join("Module.symvers"))?;
    exports::check_included(&exports::rebuilt(&source.join("rust"))?, &stock).with_context(|| {
        format!(
            "the rebuilt Rust code differs from that in {}: install its own compilers and source \
             (tools/buildroot has them)",
            kernel.release
        )
    })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
