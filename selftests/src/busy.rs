// SPDX-License-Identifier: GPL-2.0
//! Callbacks that are stuck for as long as a test wants.
//!
//! The callback writes to a file that somebody else is writing to, from memory whose page faults
//! nobody serves: it waits for the lock of the file until the test lets go.

use crate::{check_eq, expect_events, ok, Outcome, TOLERANCE_MS};
use nix::poll::{poll, PollFd, PollFlags};
use sleeptimer::{Clock, Kind, Map, Step, Timer};
use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    thread::{self, JoinHandle},
    time::Duration,
};

/// A page of memory: whoever reads or writes it waits until the file is closed.
fn unserved_page() -> io::Result<(OwnedFd, usize)> {
    const PAGE: usize = 4096;
    const UFFDIO_API: libc::Ioctl = 0xc018_aa3f_u32 as libc::Ioctl;
    const UFFDIO_REGISTER: libc::Ioctl = 0xc020_aa00_u32 as libc::Ioctl;
    const MISSING: u64 = 1;
    let checked = |result| match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    };
    // SAFETY: This makes a file.
    let file = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | libc::O_NONBLOCK) };
    // SAFETY: The file is new, and ours.
    let file = unsafe { OwnedFd::from_raw_fd(checked(file)? as i32) };
    // SAFETY: A new mapping.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let mut api = [0xaa_u64, 0, 0];
    // SAFETY: The structure is as large as the request says.
    checked(unsafe { libc::ioctl(file.as_raw_fd(), UFFDIO_API, api.as_mut_ptr()) }.into())?;
    let mut register = [page as u64, PAGE as u64, MISSING, 0];
    // SAFETY: As above. The page is ours.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), UFFDIO_REGISTER, register.as_mut_ptr()) };
    checked(result.into())?;
    Ok((file, page as usize))
}

/// A thread that is in a system call, and waits there for a page of memory.
pub struct Faulting {
    faults: OwnedFd,
    thread: JoinHandle<isize>,
}

impl Faulting {
    /// Has a thread make a call with the address of the page, and returns when it waits.
    pub fn new(call: impl FnOnce(usize) -> isize + Send + 'static) -> Result<Self, String> {
        let (faults, page) = unserved_page().map_err(|error| format!("userfaultfd: {error}"))?;
        let thread = thread::spawn(move || call(page));
        let mut fault = [PollFd::new(faults.as_fd(), PollFlags::POLLIN)];
        check_eq!(ok!(poll(&mut fault, TOLERANCE_MS)), 1);
        Ok(Self { faults, thread })
    }

    /// Has the page be there, and returns what the call has.
    pub fn let_go(self) -> Result<isize, String> {
        drop(self.faults);
        self.thread.join().map_err(|_| "the thread died".to_owned())
    }
}

/// A file that nobody else can write to, until this is let go.
pub struct Busy {
    file: File,
    writer: Faulting,
}

impl Busy {
    /// Has somebody write to a file, who then waits.
    pub fn new() -> Result<Self, String> {
        let file = ok!(File::create("/tmp-busy"));
        let copy = ok!(file.try_clone());
        // It has the lock when it waits for the page.
        let writer = Faulting::new(move |page| {
            // SAFETY: The page is mapped for as long as the process lives.
            unsafe { libc::write(copy.as_raw_fd(), page as *const libc::c_void, 4096) }
        })?;
        Ok(Self { file, writer })
    }

    /// Has the writer go on.
    pub fn let_go(self) -> Outcome {
        check_eq!(self.writer.let_go()?, 4096);
        Ok(())
    }
}

/// A timer whose callback is stuck until the file is let go.
pub fn stuck(map: &Map, kind: Kind, busy: &Busy) -> Result<Timer, String> {
    let fd = busy.file.as_fd();
    let write = Step::Write {
        fd,
        bytes: b"x",
        offset: 0,
    };
    let program = ok!(map.program(&[Step::Event, write]));
    let timer = ok!(map.timer(kind, Clock::Monotonic, 0));
    ok!(map.set_callback(timer, program));
    ok!(map.start(timer, Duration::ZERO));
    expect_events(map, 1)?;
    Ok(timer)
}
