// SPDX-License-Identifier: GPL-2.0

//! The initramfs: an archive in memory, the same bytes for the same contents.
//!
//! Entries are sorted by name, belong to root, carry no time, and have one of two permission
//! masks. Directories come into being with what is in them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{bail, Context, Result};
use cpio::newc::{trailer, Builder, ModeFileType};

/// One entry of the archive.
#[derive(Debug)]
enum Entry {
    Directory,
    File { executable: bool, data: Vec<u8> },
    Link(String),
}

/// The files of the guest, by path without the leading `/`.
#[derive(Debug, Default)]
pub struct Initramfs {
    entries: BTreeMap<String, Entry>,
}

impl Initramfs {
    /// Adds an empty directory.
    pub fn directory(&mut self, path: &str) -> Result<()> {
        self.insert(path, Entry::Directory)
    }

    /// Adds a file of the given contents.
    pub fn file(&mut self, path: &str, executable: bool, data: Vec<u8>) -> Result<()> {
        self.insert(path, Entry::File { executable, data })
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<()> {
        self.insert(path, Entry::Link(target.to_owned()))
    }

    /// Adds a copy of a file of the host, or of a directory and all that is in it.
    pub fn copy(&mut self, source: &Path, path: &str) -> Result<()> {
        let metadata = fs::metadata(source);
        let metadata = metadata.with_context(|| format!("cannot find {}", source.display()))?;
        self.copy_entry(source, &metadata, path)
            .with_context(|| format!("cannot copy {}", source.display()))
    }

    fn copy_entry(&mut self, source: &Path, metadata: &Metadata, path: &str) -> Result<()> {
        if metadata.is_file() {
            return self.file(path, is_executable(metadata), fs::read(source)?);
        }
        if metadata.is_symlink() {
            let target = fs::read_link(source)?;
            return self.link(path, target.to_str().context("the link is not text")?);
        }
        if !metadata.is_dir() {
            bail!("{} is neither file nor directory", source.display());
        }
        self.directory(path)?;
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().context("a file name is not text")?;
            self.copy_entry(&entry.path(), &entry.metadata()?, &format!("{path}/{name}"))?;
        }
        Ok(())
    }

    /// Adds an entry and the directories above it; a later file replaces an earlier one.
    fn insert(&mut self, path: &str, entry: Entry) -> Result<()> {
        let path = normal(path)?;
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            match self.entries.get(parent) {
                None => drop(self.entries.insert(parent.to_owned(), Entry::Directory)),
                Some(Entry::Directory) => {}
                Some(_) => bail!("/{path}: /{parent} is not a directory"),
            }
        }
        match (self.entries.get(&path), &entry) {
            (Some(Entry::Directory), Entry::Directory) => {}
            (Some(Entry::Directory), _) => bail!("/{path} is a directory"),
            _ => drop(self.entries.insert(path, entry)),
        }
        Ok(())
    }

    /// Writes the archive.
    pub fn write(&self, mut to: impl Write) -> Result<()> {
        for (number, (path, entry)) in (1..).zip(&self.entries) {
            write_entry(&mut to, number, path, entry)
                .with_context(|| format!("cannot archive /{path}"))?;
        }
        trailer(to)?;
        Ok(())
    }
}

/// Whether a file of the host is executable.
pub fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

/// Returns a path without empty parts and the leading `/`.
fn normal(path: &str) -> Result<String> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() || parts.iter().any(|part| matches!(*part, "." | "..")) {
        bail!("`{path}` is not a path in the guest");
    }
    Ok(parts.join("/"))
}

fn write_entry(to: impl Write, number: u32, path: &str, entry: &Entry) -> Result<()> {
    let (kind, mode, data) = match entry {
        Entry::Directory => (ModeFileType::Directory, 0o755, &[][..]),
        Entry::File { executable, data } => {
            let mode = if *executable { 0o755 } else { 0o644 };
            (ModeFileType::Regular, mode, &data[..])
        }
        Entry::Link(target) => (ModeFileType::Symlink, 0o777, target.as_bytes()),
    };
    let size = u32::try_from(data.len()).context("the file is too large")?;
    let mut writer = Builder::new(path)
        .ino(number)
        .nlink(1)
        .mode(mode)
        .set_mode_file_type(kind)
        .write(to, size);
    io::copy(&mut &data[..], &mut writer)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::newc::Reader;
    use std::os::unix::fs::symlink;

    fn bytes(initramfs: &Initramfs) -> Vec<u8> {
        let mut bytes = Vec::new();
        initramfs.write(&mut bytes).unwrap();
        bytes
    }

    fn listing(archive: &[u8]) -> Vec<(String, u32, u32)> {
        let mut rest = archive;
        let mut entries = Vec::new();
        loop {
            let reader = Reader::new(rest).unwrap();
            let entry = reader.entry();
            if entry.is_trailer() {
                return entries;
            }
            entries.push((entry.name().to_owned(), entry.mode(), entry.file_size()));
            rest = reader.finish().unwrap();
        }
    }

    #[test]
    fn entries_are_sorted_and_have_parents() {
        let mut initramfs = Initramfs::default();
        initramfs.file("/init", true, b"12345".to_vec()).unwrap();
        initramfs.link("/bin/b", "a").unwrap();
        initramfs.file("/bin/a", false, vec![0; 7]).unwrap();
        initramfs.directory("proc").unwrap();
        assert_eq!(
            listing(&bytes(&initramfs)),
            [
                ("bin".to_owned(), 0o040755, 0),
                ("bin/a".to_owned(), 0o100644, 7),
                ("bin/b".to_owned(), 0o120777, 1),
                ("init".to_owned(), 0o100755, 5),
                ("proc".to_owned(), 0o040755, 0),
            ]
        );
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let archive = |order: [&str; 3]| {
            let host = tempfile::tempdir().unwrap();
            for name in order {
                fs::write(host.path().join(name), name).unwrap();
            }
            symlink("a", host.path().join("link")).unwrap();
            let mut initramfs = Initramfs::default();
            initramfs.copy(host.path(), "/data").unwrap();
            bytes(&initramfs)
        };
        let first = archive(["a", "b", "c"]);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(first, archive(["c", "b", "a"]));
        assert_eq!(listing(&first).len(), 5);
    }

    #[test]
    fn a_later_file_replaces_an_earlier_one() {
        let mut initramfs = Initramfs::default();
        initramfs.link("/bin/sh", "busybox").unwrap();
        initramfs.file("/bin/sh", true, b"x".to_vec()).unwrap();
        assert_eq!(
            listing(&bytes(&initramfs))[1],
            ("bin/sh".to_owned(), 0o100755, 1)
        );
    }

    #[test]
    fn impossible_paths_are_refused() {
        let mut initramfs = Initramfs::default();
        initramfs.file("/a", false, Vec::new()).unwrap();
        initramfs.directory("/d").unwrap();
        for path in ["", "/", "../x", "/a/b", "/d"] {
            assert!(initramfs.file(path, false, Vec::new()).is_err(), "{path}");
        }
        let missing = initramfs.copy(Path::new("/nonexistent"), "/x");
        assert_eq!(missing.unwrap_err().to_string(), "cannot find /nonexistent");
    }
}
