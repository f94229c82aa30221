// SPDX-License-Identifier: GPL-2.0

//! A program of the root that is linked dynamically, with what it takes to start it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::elf::{FileHeader64, DT_NEEDED};
use object::read::elf::{FileHeader, ProgramHeader};
use object::Endianness;

use crate::initramfs::Initramfs;

type Header = FileHeader64<Endianness>;

/// Where Debian has libraries, and where its dynamic linker looks for them.
const LIBRARIES: &str = "lib/x86_64-linux-gnu";

/// Adds a program, the dynamic linker that it names, and all libraries.
pub fn add(initramfs: &mut Initramfs, root: &Path, name: &str) -> Result<()> {
    let path = root.join("usr/bin").join(name);
    let program = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let describe = || format!("{} is no program", path.display());
    let mut wanted = libraries(&program).with_context(describe)?;
    if let Some(linker) = interpreter(&program).with_context(describe)? {
        let (_, name) = linker.rsplit_once('/').with_context(describe)?;
        initramfs.link(&linker, &format!("/{LIBRARIES}/{name}"))?;
        wanted.push(name.to_owned());
    }
    initramfs.file(&format!("/bin/{name}"), true, program)?;
    let mut added = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if added.insert(name.clone()) {
            wanted.extend(add_library(initramfs, root, &name)?);
        }
    }
    Ok(())
}

/// Adds a library; returns the names of those that it needs.
fn add_library(initramfs: &mut Initramfs, root: &Path, name: &str) -> Result<Vec<String>> {
    let path = root.join("usr").join(LIBRARIES).join(name);
    let library = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let needed = libraries(&library);
    let needed = needed.with_context(|| format!("{} is no library", path.display()))?;
    initramfs.file(&format!("/{LIBRARIES}/{name}"), true, library)?;
    Ok(needed)
}

/// The dynamic linker of a program, if it needs one.
pub fn interpreter(program: &[u8]) -> object::Result<Option<String>> {
    let header = Header::parse(program)?;
    let endian = header.endian()?;
    for segment in header.program_headers(endian, program)? {
        if let Some(path) = segment.interpreter(endian, program)? {
            return Ok(Some(String::from_utf8_lossy(path).into_owned()));
        }
    }
    Ok(None)
}

/// The names of the libraries that a program or a library needs.
fn libraries(file: &[u8]) -> object::Result<Vec<String>> {
    let header = Header::parse(file)?;
    let endian = header.endian()?;
    let table = header.sections(endian, file)?.dynamic_table(endian, file)?;
    let needed = table.iter().filter(|entry| entry.tag == DT_NEEDED);
    let name = |entry| Ok(String::from_utf8_lossy(table.string(entry)?).into_owned());
    needed.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;

    /// A program that is linked dynamically wherever this runs.
    const PROGRAM: &str = "/usr/bin/env";

    #[test]
    fn only_a_dynamic_program_has_an_interpreter() {
        assert!(interpreter(b"#!/bin/sh\n").is_err());
        let linker = "/lib64/ld-linux-x86-64.so.2".to_owned();
        assert_eq!(
            interpreter(&fs::read(PROGRAM).unwrap()).unwrap(),
            Some(linker)
        );
        let program = fs::read(env::current_exe().unwrap()).unwrap();
        let is_static = cfg!(target_feature = "crt-static");
        assert_eq!(interpreter(&program).unwrap().is_none(), is_static);
    }

    #[test]
    fn a_program_needs_libraries() {
        let needed = libraries(&fs::read(PROGRAM).unwrap()).unwrap();
        assert!(needed.contains(&"libc.so.6".to_owned()), "{needed:?}");
        let missing = add(&mut Initramfs::default(), Path::new("/"), "nonexistent");
        assert_eq!(
            missing.unwrap_err().to_string(),
            "cannot read /usr/bin/nonexistent"
        );
    }
}
