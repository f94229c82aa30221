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

/// Where the cache is when neither option nor environment say so; as in tools/buildroot.
pub fn default_dir() -> Result<PathBuf> {
    let base = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => Path::new(&home).join(".cache"),
        (None, None) => anyhow::bail!("HOME is not set: give --cache"),
    };
    Ok(base.join("sleeptimer"))
}

/// A short name for all that a tree is made from: FNV-1a, the same on every machine and compiler.
pub fn key<'a>(inputs: impl IntoIterator<Item = &'a str>) -> String {
    let bytes = inputs
        .into_iter()
        .flat_map(|input| input.bytes().chain([b'\n']));
    format!("{:08x}", fnv1a(bytes))
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
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
    /// The slot of the named tree among those of its kind; the directory above is made.
    pub fn new(cache: &Path, kind: &str, name: &str) -> Result<Self> {
        let dir = cache.join(kind);
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
    pub fn check_space(&self, needed: u64) -> Result<()> {
        let disk = rustix::fs::statvfs(&self.partial)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        ensure!(
            free >= needed,
            "{} has {} MB free and {} MB are needed: free some, or move the cache (SLEEPTIMER_CACHE)",
            self.partial.display(),
            free / 1_000_000,
            needed / 1_000_000
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
    /// Waits for the lock, and says so in the name of `tool` when another run has it.
    pub fn take(path: &Path, tool: &str) -> Result<Self> {
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
                eprintln!("{tool}: waiting for another run that makes this tree");
                rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
            }
            result => result?,
        }
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_the_published_one() {
        assert_eq!(fnv1a("".bytes()), 0x811c_9dc5);
        assert_eq!(fnv1a("a".bytes()), 0xe40c_292c);
    }

    #[test]
    fn inputs_do_not_run_into_each_other() {
        assert_ne!(key(["ab", "c"]), key(["a", "bc"]));
        assert_eq!(key(["1", "2"]), format!("{:08x}", fnv1a("1\n2\n".bytes())));
    }
}
