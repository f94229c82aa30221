// SPDX-License-Identifier: GPL-2.0
//! The files that steps of programs use: opened for an input when it first wants them.

use nix::{
    fcntl::{open, OFlag},
    sys::{
        epoll::{Epoll, EpollCreateFlags},
        eventfd::{EfdFlags, EventFd},
        memfd::{memfd_create, MFdFlags},
        socket::{socketpair, AddressFamily, SockFlag, SockType},
        stat::Mode,
        timerfd::{ClockId, TimerFd, TimerFlags},
    },
    unistd::{pipe2, read, write},
};
use std::{
    os::fd::{AsRawFd, OwnedFd, RawFd},
    sync::OnceLock,
};

/// A file, and the other end of it if that has to stay open.
struct Opened {
    file: OwnedFd,
    other: Option<OwnedFd>,
}

type Opening = fn() -> nix::Result<Opened>;

/// How to open each. None of them waits, and none gives a worker something to destroy.
const OPENINGS: [Opening; 20] = [
    || counter(0),
    || counter(u32::MAX),
    || pipe(OFlag::O_NONBLOCK, false),
    || pipe(OFlag::O_NONBLOCK, true),
    || pipe(OFlag::empty(), false),
    broken_pipe,
    || pipe(OFlag::O_NONBLOCK, false).map(Opened::swapped),
    socket,
    || memory(MFdFlags::MFD_CLOEXEC),
    || path(c"/fuzz-file", OFlag::O_RDWR | OFlag::O_CREAT),
    || {
        path(
            c"/fuzz-file",
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND,
        )
    },
    || path(c"/fuzz-file", OFlag::O_RDONLY | OFlag::O_CREAT),
    || {
        path(
            c"/fuzz-file",
            OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_SYNC,
        )
    },
    || path(c"/fuzz-file", OFlag::O_PATH),
    || path(c"/", OFlag::O_DIRECTORY),
    || path(c"/dev/null", OFlag::O_RDWR),
    || path(c"/dev/full", OFlag::O_RDWR),
    || path(c"/proc/self/comm", OFlag::O_RDWR),
    timer,
    poller,
];

/// The files of an input.
#[derive(Default)]
pub struct Files([OnceLock<Option<Opened>>; OPENINGS.len()]);

impl Files {
    /// The number of a file; -1 if it cannot be opened here.
    pub fn fd(&self, byte: u8) -> RawFd {
        self.opened(byte)
            .map_or(-1, |opened| opened.file.as_raw_fd())
    }

    /// Takes out what is in the other end of a file.
    pub fn drain(&self, byte: u8) {
        let opened = self.opened(byte);
        if let Some(other) = opened.and_then(|opened| opened.other.as_ref()) {
            // An empty one does not wait: all of them are opened so.
            let _ = read(other, &mut [0; 4096]);
        }
    }

    fn opened(&self, byte: u8) -> Option<&Opened> {
        let number = usize::from(byte) % OPENINGS.len();
        self.0[number]
            .get_or_init(|| OPENINGS[number]().ok())
            .as_ref()
    }
}

impl Opened {
    fn alone(file: impl Into<OwnedFd>) -> Self {
        Self {
            file: file.into(),
            other: None,
        }
    }

    fn swapped(self) -> Self {
        let Self { file, other } = self;
        match other {
            Some(other) => Self {
                file: other,
                other: Some(file),
            },
            None => Self { file, other },
        }
    }
}

fn counter(initial: u32) -> nix::Result<Opened> {
    let counter = EventFd::from_value_and_flags(initial, EfdFlags::EFD_NONBLOCK)?;
    Ok(Opened::alone(counter))
}

fn pipe(flags: OFlag, is_full: bool) -> nix::Result<Opened> {
    let (reader, writer) = pipe2(flags | OFlag::O_CLOEXEC)?;
    if is_full {
        while write(&writer, &[0; 4096]).is_ok() {}
    }
    let other = flags.contains(OFlag::O_NONBLOCK).then_some(reader);
    Ok(Opened {
        file: writer,
        other,
    })
}

fn broken_pipe() -> nix::Result<Opened> {
    let (_, writer) = pipe2(OFlag::O_NONBLOCK)?;
    Ok(Opened::alone(writer))
}

fn socket() -> nix::Result<Opened> {
    let (file, other) = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_NONBLOCK,
    )?;
    Ok(Opened {
        file,
        other: Some(other),
    })
}

fn memory(flags: MFdFlags) -> nix::Result<Opened> {
    Ok(Opened::alone(memfd_create(c"fuzz", flags)?))
}

fn path(path: &std::ffi::CStr, flags: OFlag) -> nix::Result<Opened> {
    let flags = flags | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    Ok(Opened::alone(open(path, flags, Mode::S_IRWXU)?))
}

fn timer() -> nix::Result<Opened> {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
    Ok(Opened::alone(timer))
}

fn poller() -> nix::Result<Opened> {
    Ok(Opened::alone(
        Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?.0,
    ))
}
