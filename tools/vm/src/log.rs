// SPDX-License-Identifier: GPL-2.0

//! The file of the console log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Where logs go by default, under the current directory.
const DIRECTORY: &str = "build/vm";

/// A log file, empty at first, and locked against other runs while this one lasts.
pub struct LogFile {
    path: PathBuf,
    _lock: Flock<File>,
}

impl LogFile {
    /// Makes the log file that the user asked for.
    pub fn at(path: &Path) -> Result<Self> {
        Self::lock(path)?.with_context(|| format!("another run is writing {}", path.display()))
    }

    /// Makes a log file for a run of this name: the first of `name.log`, `name-2.log`, ... that no
    /// other run is writing.
    pub fn for_name(name: &str) -> Result<Self> {
        Self::in_directory(Path::new(DIRECTORY), name)
    }

    fn in_directory(directory: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let mut number = 1;
        loop {
            let suffix = match number {
                1 => String::new(),
                _ => format!("-{number}"),
            };
            if let Some(log) = Self::lock(&directory.join(format!("{name}{suffix}.log")))? {
                return Ok(log);
            }
            number += 1;
        }
    }

    /// Makes the file empty and locks it; nothing if it is locked already.
    fn lock(path: &Path) -> Result<Option<Self>> {
        let file = File::options().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => {
                lock.set_len(0)?;
                Ok(Some(Self {
                    path: path.to_owned(),
                    _lock: lock,
                }))
            }
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What has been logged so far.
    pub fn read(&self) -> Result<Vec<u8>> {
        fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_name_do_not_share_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let log = |name| LogFile::in_directory(&directory.path().join("logs"), name).unwrap();
        let first = log("x");
        let second = log("x");
        assert!(first.path().ends_with("logs/x.log"));
        assert!(second.path().ends_with("logs/x-2.log"));
        assert!(LogFile::at(first.path()).is_err());
        let path = first.path().to_owned();
        fs::write(&path, "old").unwrap();
        drop(first);
        let again = log("x");
        assert_eq!(again.path(), path);
        assert_eq!(again.read().unwrap(), b"");
    }
}
