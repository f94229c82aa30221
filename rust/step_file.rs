// SPDX-License-Identifier: GPL-2.0

//! Steps that use a file: which files a program may keep, and what a worker does with them.
//!
//! A close of the map waits for the workers, so a step must not wait for anybody who may never do
//! his part: there is no waiting for room in a pipe, a socket or a device, and no file that a
//! process serves. Nor may a program keep a file that could keep the map open.

use crate::{
    context::{Process, Worker},
    failure::Failure,
    opener::Opener,
};
use kernel::{
    bindings,
    error::to_result,
    ffi::{c_int, c_void},
    fs::{
        file::{flags::O_NONBLOCK, File},
        LocalFile,
    },
    prelude::*,
    sync::aref::ARef,
    uaccess::{UserPtr, UserSlice},
};

// In c/step_file.c. Without lockdep, the structure has fields without a size, which are C's own
// affair.
#[allow(improper_ctypes)]
extern "C" {
    fn sleeptimer_file_traits(file: *mut bindings::file) -> u32;
    fn sleeptimer_write_nowait(
        file: *mut bindings::file,
        bytes: *const c_void,
        len: usize,
        pos: bindings::loff_t,
    ) -> isize;
}

/// What a file is: bits of c/step_file.h.
#[derive(Clone, Copy)]
struct Traits(u32);

impl Traits {
    const WRITABLE: u32 = 1 << 0;
    const POSITIONS: u32 = 1 << 1;
    const STORED: u32 = 1 << 2;
    const NOWAIT: u32 = 1 << 3;
    const UNIX: u32 = 1 << 4;
    const FUSE: u32 = 1 << 5;

    fn of(file: &LocalFile) -> Self {
        // SAFETY: The file is valid.
        Self(unsafe { sleeptimer_file_traits(file.as_ptr()) })
    }

    fn has(self, traits: u32) -> bool {
        self.0 & traits != 0
    }
}

/// Refuses a file unless this, which it should be, is true.
fn expect(is_fit: bool, failure: Failure) -> Result<(), Failure> {
    if is_fit {
        Ok(())
    } else {
        Err(failure)
    }
}

fn operations(file: &LocalFile) -> &bindings::file_operations {
    // SAFETY: The file is valid, and keeps its operations, which are constant.
    unsafe { &*(*file.as_ptr()).f_op }
}

/// The file that the calling process has open as `fd`, if a program may keep it at all.
fn get(fd: i32, opener: &Opener, _: &Process<'_>) -> Result<(ARef<File>, Traits), Failure> {
    let file = LocalFile::fget(fd as u32).map_err(|_| Failure::BadFile)?;
    // SAFETY: The process is in an `ioctl`, which uses the position of no file.
    let file = unsafe { LocalFile::assume_no_fdget_pos(file) };
    let traits = Traits::of(&file);
    // Our file can be in the queue of a socket of this family; what is collected there are sockets
    // only, and never us.
    expect(
        !opener.shares_device(&file) && !traits.has(Traits::UNIX),
        Failure::FileLoops,
    )?;
    Ok((file, traits))
}

/// Fails unless a worker can write to the file, and may.
fn expect_writable(file: &LocalFile, traits: Traits) -> Result<(), Failure> {
    let operations = operations(file);
    expect(traits.has(Traits::WRITABLE), Failure::BadFile)?;
    // What has only `write` takes the memory of a process only, which no worker is. What has both
    // may mean different things by them.
    match (operations.write, operations.write_iter) {
        (None, Some(_)) => {}
        (None, None) => return Err(Failure::NotWritable),
        (Some(_), _) => return Err(Failure::FileUnsupported),
    }
    expect(!traits.has(Traits::FUSE), Failure::FileUnsupported)?;
    let never_waits = traits.has(Traits::STORED | Traits::NOWAIT) || file.flags() & O_NONBLOCK != 0;
    expect(never_waits, Failure::FileBlocks)
}

/// A step that uses a file.
pub(crate) struct FileStep {
    file: ARef<File>,
    action: Action,
}

enum Action {
    /// Write these bytes at this position.
    Write {
        bytes: KVec<u8>,
        offset: bindings::loff_t,
        /// Whether the write may wait, as for a disk.
        stored: bool,
    },
    /// Have what was written reach the disk: data and metadata, or only what is needed to read it.
    Sync { data_only: bool },
}

impl FileStep {
    /// A write of `len` bytes, which are at `address` now, to the file `fd` of the calling process.
    /// Fails if the file cannot be written so, or not by a worker.
    pub(crate) fn write(
        fd: i32,
        address: u64,
        len: u32,
        offset: u64,
        opener: &Opener,
        process: &Process<'_>,
    ) -> Result<Self, Failure> {
        let (file, traits) = get(fd, opener, process)?;
        expect_writable(&file, traits)?;
        expect(
            offset == 0 || traits.has(Traits::POSITIONS),
            Failure::NotWritable,
        )?;
        let offset = bindings::loff_t::try_from(offset)
            .ok()
            .filter(|offset| offset.checked_add(len.into()).is_some())
            .ok_or(Failure::NotWritable)?;
        let address = usize::try_from(address).map_err(|_| Failure::BadAddress)?;
        let mut bytes = KVec::from_elem(0, len as usize, GFP_KERNEL_ACCOUNT)?;
        UserSlice::new(UserPtr::from_addr(address), len as usize)
            .reader()
            .read_slice(&mut bytes)
            .map_err(|_| Failure::BadAddress)?;
        let action = Action::Write {
            bytes,
            offset,
            stored: traits.has(Traits::STORED),
        };
        Ok(Self { file, action })
    }

    /// An fsync, or an fdatasync, of the file `fd` of the calling process. Fails if the file has
    /// none, or may keep a worker waiting for ever.
    pub(crate) fn sync(
        fd: i32,
        data_only: bool,
        opener: &Opener,
        process: &Process<'_>,
    ) -> Result<Self, Failure> {
        let (file, traits) = get(fd, opener, process)?;
        expect(operations(&file).fsync.is_some(), Failure::NotSynced)?;
        expect(!traits.has(Traits::FUSE), Failure::FileUnsupported)?;
        let action = Action::Sync { data_only };
        Ok(Self { file, action })
    }

    /// Runs the step. A write that takes a part of the bytes, or would have to wait, is EAGAIN.
    pub(crate) fn run(&self, worker: &Worker<'_>) -> Result {
        match &self.action {
            Action::Write {
                bytes,
                offset,
                stored,
            } => {
                let written = self.write_some(bytes, *offset, *stored, worker);
                match usize::try_from(written) {
                    Ok(written) if written == bytes.len() => Ok(()),
                    Ok(_) => Err(EAGAIN),
                    Err(_) => Err(Error::from_errno(written as c_int)),
                }
            }
            Action::Sync { data_only } => {
                // SAFETY: The file is valid, and has an `fsync`. The token says that we may sleep.
                to_result(unsafe { bindings::vfs_fsync(self.file.as_ptr(), (*data_only).into()) })
            }
        }
    }

    /// Returns how many bytes were written, or the negative number of an error.
    fn write_some(
        &self,
        bytes: &[u8],
        mut offset: bindings::loff_t,
        stored: bool,
        _: &Worker<'_>,
    ) -> isize {
        let (file, start, len) = (self.file.as_ptr(), bytes.as_ptr().cast(), bytes.len());
        if stored {
            // SAFETY: The file is valid, open for writing, and has a `write_iter` and no `write`;
            // there are `len` bytes. The token says that we may sleep.
            unsafe { bindings::kernel_write(file, start, len, &mut offset) }
        } else {
            // SAFETY: As above.
            unsafe { sleeptimer_write_nowait(file, start, len, offset) }
        }
    }
}
