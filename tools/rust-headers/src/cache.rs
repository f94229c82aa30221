// SPDX-License-Identifier: GPL-2.0-only

//! The place of one tree in the cache, safe against other runs and against being killed.
//!
//! A tree is made in a `.partial` directory under a lock and renamed when complete, so that what
//! carries the final name is whole.

use std::env;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use rustix::fs::FlockOperation;
use rustix::io::{Errno, FdFlags};

/// Unpacked and built, the kernel source takes about 0.9 GB.
const NEEDED_BYTES: u64 = 1_200_000_000;

/// Where the cache is when neither option nor environment say so; as in tools/buildroot.
pub fn default_dir() -> Result<PathBuf> {
    let base = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => Path::new(&home).join(".cache"),
        (None, None) => anyhow::bail!("HOME is not set: give --cache"),
    };
    Ok(base.join("sleeptimer"))
}

/// The paths that belong to one tree.
pub struct Slot {
    /// The finished tree.
    pub tree: PathBuf,
    /// Where it is made.
    pub partial: PathBuf,
    /// Who may make it.
    pub lock: PathBuf,
    /// What the commands that make it print.
    pub log: PathBuf,
}

impl Slot {
    /// The slot of the named tree; the directory above is made.
    pub fn new(cache: &Path, name: &str) -> Result<Self> {
        let dir = cache.join("kdir");
        fs::create_dir_all(&dir).with_context(|| {
            format!(
                "cannot make {}: give a --cache that is yours",
                dir.display()
            )
        })?;
        Ok(Self {
            tree: dir.join(name),
            partial: dir.join(format!("{name}.partial")),
            lock: dir.join(format!("{name}.lock")),
            log: dir.join(format!("{name}.log")),
        })
    }

    /// Whether the finished tree is there.
    pub fn is_filled(&self) -> bool {
        self.tree.exists()
    }

    /// Where the new tree is assembled, on the same file system.
    pub fn new_tree(&self) -> PathBuf {
        self.partial.join("tree")
    }

    /// Removes what a killed or failed run left, and starts afresh.
    pub fn clear_partial(&self) -> Result<()> {
        let doing = || format!("cannot renew {}", self.partial.display());
        match fs::remove_dir_all(&self.partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(doing)
            }
            _ => fs::create_dir(&self.partial).with_context(doing)?,
        }
        File::create(&self.log).with_context(|| format!("cannot write {}", self.log.display()))?;
        Ok(())
    }

    /// Fails early when the disk is too full for a build.
    pub fn check_space(&self) -> Result<()> {
        let disk = rustix::fs::statvfs(&self.partial)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        ensure!(
            free >= NEEDED_BYTES,
            "{} has {} MB free and {} MB are needed: free some, or move the cache (SLEEPTIMER_CACHE)",
            self.partial.display(),
            free / 1_000_000,
            NEEDED_BYTES / 1_000_000
        );
        Ok(())
    }

    /// Gives the new tree its final name and removes the rest.
    pub fn commit(&self) -> Result<()> {
        fs::rename(self.new_tree(), &self.tree)
            .with_context(|| format!("cannot make {}", self.tree.display()))?;
        fs::remove_dir_all(&self.partial)
            .with_context(|| format!("cannot remove {}", self.partial.display()))
    }
}

/// An exclusive lock, held until this process and the commands it started have ended.
pub struct Lock(#[expect(dead_code, reason = "held open for the lock")] File);

impl Lock {
    /// Waits for the lock, and says so when another run has it.
    pub fn take(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| {
            format!(
                "cannot write {}: give a --cache that is yours",
                path.display()
            )
        })?;
        // Commands that outlive a killed run still write to the partial directory.
        rustix::io::fcntl_setfd(&file, FdFlags::empty())?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                eprintln!("rust-headers: waiting for another run that makes this tree");
                rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
            }
            result => result?,
        }
        Ok(Self(file))
    }
}
