// SPDX-License-Identifier: GPL-2.0
//! The kernel's KCOV, as `Documentation/dev-tools/kcov.rst` of the kernel has it: which basic
//! blocks a thread runs through. Only the module is built for it.

use nix::{
    errno::Errno,
    sys::mman::{mmap, MapFlags, ProtFlags},
};
use std::{
    fs::File,
    num::NonZeroUsize,
    os::fd::AsRawFd,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

/// How many blocks are kept of an input; the rest is not seen.
const WORDS: usize = 64 << 10;

const INIT_TRACE: libc::Ioctl = 0x8008_6301;
const ENABLE: libc::Ioctl = 0x6364;
const TRACE_PC: usize = 0;

/// What the thread that made this runs through in the kernel.
pub struct Kcov {
    _file: File,
    /// How many there are, and then the addresses of the blocks.
    area: &'static [AtomicUsize],
}

impl Kcov {
    /// Starts to look; nothing where the kernel has no KCOV.
    pub fn start() -> Option<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .open("/sys/kernel/debug/kcov")
            .ok()?;
        // SAFETY: The request takes a number.
        Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), INIT_TRACE, WORDS) }).ok()?;
        let length = NonZeroUsize::new(WORDS * size_of::<usize>())?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: A new mapping, where nothing is.
        let area = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, &file, 0) };
        let area: NonNull<AtomicUsize> = area.ok()?.cast();
        // SAFETY: The request takes a number.
        Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), ENABLE, TRACE_PC) }).ok()?;
        // SAFETY: The mapping is never undone, holds so many words, and the kernel writes to it on
        // behalf of this thread.
        let area = unsafe { std::slice::from_raw_parts(area.as_ptr(), WORDS) };
        Some(Self { _file: file, area })
    }

    /// Forgets what was seen.
    pub fn clear(&self) {
        self.area[0].store(0, Ordering::Relaxed);
    }

    /// The addresses of the blocks that were run through, one after the other.
    pub fn blocks(&self) -> impl Iterator<Item = usize> + '_ {
        let number = self.area[0].load(Ordering::Relaxed).min(WORDS - 1);
        self.area[1..=number]
            .iter()
            .map(|block| block.load(Ordering::Relaxed))
    }
}
