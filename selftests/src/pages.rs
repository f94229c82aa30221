// SPDX-License-Identifier: GPL-2.0
//! Memory that can be taken away, for calls that meet it.

/// The size of a page.
pub const PAGE: usize = 4096;

/// Pages of our own, some of which may not be there.
pub struct Pages {
    address: *mut libc::c_void,
    number: usize,
}

impl Pages {
    /// Pages that are there and zero.
    pub fn new(number: usize) -> Result<Self, String> {
        // SAFETY: A new mapping, where nothing is.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                number * PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        match address {
            libc::MAP_FAILED => Err("mmap failed".to_owned()),
            _ => Ok(Self { address, number }),
        }
    }

    /// The address of the first byte of a page; that behind the last one is the end.
    pub fn page(&self, number: usize) -> usize {
        self.address as usize + number * PAGE
    }

    /// Changes what may be done to a page, as `mprotect` says.
    pub fn protect(&self, number: usize, protection: libc::c_int) {
        assert!(number < self.number);
        // SAFETY: The page is ours, and is only used by calls that may fail.
        let result = unsafe { libc::mprotect(self.page(number) as *mut _, PAGE, protection) };
        assert_eq!(result, 0, "mprotect");
    }

    /// Copies a value to an address in pages that may be written.
    pub fn put<T: Copy>(&self, address: usize, value: T) {
        assert!(address >= self.page(0) && address + size_of::<T>() <= self.page(self.number));
        // SAFETY: The memory is ours, as was just checked.
        unsafe { (address as *mut T).write_unaligned(value) };
    }

    /// Copies a value from an address in pages that may be read.
    pub fn get<T: Copy>(&self, address: usize) -> T {
        assert!(address >= self.page(0) && address + size_of::<T>() <= self.page(self.number));
        // SAFETY: The memory is ours, as was just checked, and any bytes are a valid value.
        unsafe { (address as *const T).read_unaligned() }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: The pages are ours, and nobody has references to them.
        unsafe { libc::munmap(self.address, self.number * PAGE) };
    }
}
