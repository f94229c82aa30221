// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, and the error number that says so to user space.

#![deny(unsafe_code)]

use crate::compat;
use kernel::{
    alloc::{kvec::PushError, AllocError},
    bindings,
    prelude::*,
};

/// Why a call fails. The documentation of the userspace API lists the same causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A field, flag or reserved field has a value that is not allowed.
    BadArgument,
    /// The handle names no timer of this map, or one that was freed.
    NoSuchTimer,
    /// The number names no program of this map.
    NoSuchProgram,
    /// The entry point is for another kind of timer.
    WrongKind,
    /// A program that sleeps cannot be bound to a softirq timer.
    ProgramSleeps,
    /// The kind of timer cannot be started like this.
    BadStart,
    /// No callback is bound.
    NoCallback,
    /// The map has no room for another timer or program.
    MapFull,
    /// The map is not set up yet.
    NotSetUp,
    /// The map is set up already.
    AlreadySetUp,
    /// The callback is running, and the call does not wait for it.
    Running,
    /// A cancel waits for the callback.
    BeingCancelled,
    /// The CPU to start on is not online.
    NoSuchCpu,
    /// More callers wait for this timer than can be counted.
    TooManyWaiters,
    /// There are no events, and the file is non-blocking.
    WouldBlock,
    /// The op that this one is linked to has failed.
    LinkedOpFailed,
    /// A signal came while waiting.
    Interrupted,
    /// The user has as many maps, or maps for as many timers or workers, as one user may.
    OverQuota,
    /// There is not enough memory.
    NoMemory,
    /// The programs of the user keep as many files as the caller may have open.
    TooManyFiles,
    /// There is no such open file, or it is not open for writing.
    BadFile,
    /// The file is not an eventfd.
    NotAnEventFd,
    /// The file cannot be written at all, or not at that position.
    NotWritable,
    /// A write to the file could wait for ever.
    FileBlocks,
    /// The file cannot be synchronised.
    NotSynced,
    /// The file could keep the map open, which keeps the file open.
    FileLoops,
    /// The file is one that a worker cannot use, or not without risk.
    FileUnsupported,
    /// The address is not the caller's to read or write.
    BadAddress,
    /// User space may not write to, or run, this part of the ring.
    ReadOnly,
    /// There is no such request.
    UnknownRequest,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::BadArgument
            | Failure::WrongKind
            | Failure::ProgramSleeps
            | Failure::BadStart
            | Failure::NoCallback
            | Failure::NotAnEventFd
            | Failure::NotWritable
            | Failure::FileBlocks
            | Failure::NotSynced => EINVAL,
            Failure::NoSuchTimer | Failure::NoSuchProgram => ENOENT,
            Failure::MapFull => ENOSPC,
            Failure::NotSetUp => compat::error(bindings::EBADFD),
            Failure::LinkedOpFailed => compat::error(bindings::ECANCELED),
            Failure::AlreadySetUp | Failure::BeingCancelled => EBUSY,
            Failure::TooManyWaiters | Failure::WouldBlock => EAGAIN,
            // Upstream's bpf_timer_cancel_async() returns -1 then, which is this.
            Failure::Running => EPERM,
            Failure::NoSuchCpu => ENXIO,
            Failure::Interrupted => ERESTARTSYS,
            Failure::OverQuota => compat::error(bindings::EDQUOT),
            Failure::NoMemory => ENOMEM,
            Failure::TooManyFiles => EMFILE,
            Failure::BadFile => EBADF,
            Failure::FileLoops => compat::eloop(),
            Failure::FileUnsupported => compat::eopnotsupp(),
            Failure::BadAddress => EFAULT,
            Failure::ReadOnly => EACCES,
            Failure::UnknownRequest => ENOTTY,
        }
    }
}

impl From<AllocError> for Failure {
    fn from(_: AllocError) -> Self {
        Failure::NoMemory
    }
}

impl<T> From<PushError<T>> for Failure {
    fn from(_: PushError<T>) -> Self {
        Failure::NoMemory
    }
}
