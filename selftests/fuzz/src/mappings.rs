// SPDX-License-Identifier: GPL-2.0
//! The ring of a map, mapped in all the ways that the kernel grants, and scribbled upon.

use nix::{
    errno::Errno,
    libc,
    sys::mman::{mmap, mprotect, munmap, MapFlags, ProtFlags},
};
use sleeptimer_selftests::pages::PAGE;
use std::{
    ffi::c_void,
    num::NonZeroUsize,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering},
};

/// Which page holds the consumer's place, and which the producer's.
const CONSUMER: usize = 0;
const PRODUCER: usize = 1;

/// A mapping, gone when this is dropped.
pub struct Mapping {
    address: NonNull<c_void>,
    length: NonZeroUsize,
    first_page: usize,
    protection: ProtFlags,
}

// SAFETY: The mapping is memory that any thread may use; all use is by atomic operations.
unsafe impl Send for Mapping {}

/// What is written to the consumer's place.
#[derive(Clone, Copy)]
pub enum Tail {
    /// So much behind the head.
    Behind(u32),
    /// This number.
    At(u32),
}

impl Mapping {
    /// Maps pages of a map's ring.
    pub fn new(
        map: impl AsFd,
        first_page: usize,
        pages: usize,
        protection: ProtFlags,
        flags: MapFlags,
    ) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(pages * PAGE).ok_or(Errno::EINVAL)?;
        let offset = (first_page * PAGE) as libc::off_t;
        // SAFETY: A new mapping, where nothing is.
        let address = unsafe { mmap(None, length, protection, flags, map, offset) }?;
        Ok(Self {
            address,
            length,
            first_page,
            protection,
        })
    }

    /// Where it is.
    pub fn address(&self) -> usize {
        self.address.as_ptr() as usize
    }

    /// Changes what may be done with it.
    pub fn protect(&mut self, protection: ProtFlags) -> Result<(), Errno> {
        // SAFETY: The mapping is ours, and used only as `protection` says.
        unsafe { mprotect(self.address, self.length.get(), protection) }?;
        self.protection = protection;
        Ok(())
    }

    /// The place at the start of this page of the ring, if it is mapped here so.
    fn place(&self, page: usize, protection: ProtFlags) -> Option<&AtomicU32> {
        let is_mapped = self.first_page == page && self.protection.contains(protection);
        // SAFETY: The page is mapped for as long as `self` is, can be accessed so, and is shared
        // with the kernel, which uses atomic operations.
        is_mapped.then(|| unsafe { AtomicU32::from_ptr(self.address.as_ptr().cast()) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: The mapping is ours, and nobody has references to it.
        let _ = unsafe { munmap(self.address, self.length.get()) };
    }
}

/// Writes to all places of a consumer that are mapped.
pub fn scribble(mappings: &[Mapping], tail: Tail) {
    let readable = |mapping: &Mapping| {
        let head = mapping.place(PRODUCER, ProtFlags::PROT_READ)?;
        Some(head.load(Ordering::Acquire))
    };
    let tail = match tail {
        Tail::At(tail) => tail,
        Tail::Behind(behind) => mappings
            .iter()
            .find_map(readable)
            .unwrap_or_default()
            .wrapping_sub(behind),
    };
    for mapping in mappings {
        if let Some(place) = mapping.place(CONSUMER, ProtFlags::PROT_WRITE) {
            place.store(tail, Ordering::Release);
        }
    }
}
