// SPDX-License-Identifier: GPL-2.0
//! Where a thread has the structures of its requests.

use sleeptimer_selftests::pages::{Pages, PAGE};

/// A page for structures and one for arrays, one that is not there, one that cannot be written.
pub struct Scratch(Pages);

impl Scratch {
    /// Makes the pages.
    pub fn new() -> Result<Self, String> {
        let pages = Pages::new(4)?;
        pages.protect(2, libc::PROT_NONE);
        pages.protect(3, libc::PROT_READ);
        Ok(Self(pages))
    }

    /// Puts a structure where it should be; returns its address.
    pub fn put<T: Copy>(&self, value: T) -> usize {
        self.put_at(self.0.page(0), value)
    }

    /// Puts a structure at an odd address.
    pub fn put_unaligned<T: Copy>(&self, value: T) -> usize {
        self.put_at(self.0.page(0) + 1, value)
    }

    /// Puts a structure where it cannot be written.
    pub fn put_read_only<T: Copy>(&self, value: T) -> usize {
        self.0.protect(3, libc::PROT_READ | libc::PROT_WRITE);
        let address = self.put_at(self.0.page(3), value);
        self.0.protect(3, libc::PROT_READ);
        address
    }

    /// An address from which fewer bytes than these are there.
    pub fn cut<T>(&self, missing: u8) -> usize {
        let there = size_of::<T>() - 1 - usize::from(missing) % size_of::<T>();
        self.0.page(2) - there
    }

    /// Puts an array where it should be; returns its address. Too much of it is left out.
    pub fn put_array<T: Copy>(&self, values: &[T]) -> usize {
        for (index, value) in values.iter().enumerate().take(PAGE / size_of::<T>()) {
            self.0.put(self.0.page(1) + index * size_of::<T>(), *value);
        }
        self.0.page(1)
    }

    /// A structure that [`Self::put`] has put.
    pub fn get<T: Copy>(&self) -> T {
        self.0.get(self.0.page(0))
    }

    /// The elements that [`Self::put_array`] has put.
    pub fn get_array<T: Copy>(&self, index: usize) -> T {
        self.0.get(self.0.page(1) + index * size_of::<T>())
    }

    /// Changes one byte of a structure that [`Self::put`] has put. Not of its first field: that may
    /// be an address, and another one could be that of anything in this process.
    pub fn change_byte<T>(&self, place: u8, change: u8) {
        const FIRST: usize = 8;
        if let Some(size) = size_of::<T>().checked_sub(FIRST).filter(|&size| size > 0) {
            let address = self.0.page(0) + FIRST + usize::from(place) % size;
            let byte: u8 = self.0.get(address);
            self.0.put(address, byte ^ change);
        }
    }

    fn put_at<T: Copy>(&self, address: usize, value: T) -> usize {
        self.0.put(address, value);
        address
    }
}
