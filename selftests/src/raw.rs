// SPDX-License-Identifier: GPL-2.0
//! Requests as they are, for tests of what the client crate does not let one do.

use nix::{
    errno::Errno,
    fcntl::{open, OFlag},
    sys::stat::Mode,
};
use sleeptimer_sys as sys;
use std::os::fd::{AsRawFd, OwnedFd};

/// An open device without a map.
pub fn device() -> Result<OwnedFd, String> {
    open(
        sleeptimer::DEVICE,
        OFlag::O_RDWR | OFlag::O_NONBLOCK,
        Mode::empty(),
    )
    .map_err(|error| error.to_string())
}

/// A raw request, with whatever address.
pub fn request(file: &impl AsRawFd, number: u32, address: usize) -> nix::Result<i32> {
    // SAFETY: The kernel checks the address; where it writes, it is a structure of the caller's.
    Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), number.into(), address) })
}

/// A read of so many bytes, to whatever address.
pub fn read_at(file: &impl AsRawFd, address: usize, length: usize) -> nix::Result<usize> {
    let to = address as *mut libc::c_void;
    // SAFETY: The kernel checks the address; where it writes, it is a buffer of the caller's.
    let result = unsafe { libc::read(file.as_raw_fd(), to, length) };
    Errno::result(result).map(|bytes| bytes as usize)
}

/// The bytes of a structure of the ABI.
pub fn bytes<T>(value: &T) -> &[u8] {
    // SAFETY: The structures of the ABI have no padding, so all their bytes are initialised.
    unsafe { std::slice::from_raw_parts((&raw const *value).cast(), size_of::<T>()) }
}

/// Submits `number` ops that are at an address, whatever is there.
pub fn submit_at(
    file: &impl AsRawFd,
    address: usize,
    number: u32,
) -> nix::Result<sys::sleeptimer_submit> {
    let mut submit = sys::sleeptimer_submit {
        ops: address as u64,
        nr_ops: number,
        ..Default::default()
    };
    let address = &raw mut submit as usize;
    request(file, sys::SLEEPTIMER_IOC_SUBMIT, address).map(|_| submit)
}

/// Submits ops, whatever they are.
pub fn submit(
    file: &impl AsRawFd,
    ops: &mut [sys::sleeptimer_op],
) -> nix::Result<sys::sleeptimer_submit> {
    submit_at(file, ops.as_mut_ptr() as usize, ops.len() as u32)
}

/// An op of a batch, with its result still poisoned.
pub fn op(opcode: u32, handle: u64) -> sys::sleeptimer_op {
    sys::sleeptimer_op {
        opcode: opcode as u8,
        handle,
        result: POISON,
        ..Default::default()
    }
}

/// What the kernel has not written yet.
pub const POISON: i32 = 0x5a5a_5a5a;
