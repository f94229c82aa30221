// SPDX-License-Identifier: GPL-2.0
//! Callbacks that cannot be hurried: who has to wait for them does, and who cannot is told.
//!
//! The callback writes to a file that somebody else is writing to, from memory whose page faults
//! nobody serves: it waits for the lock of the file until the test lets go.

use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags},
    sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal},
};
use sleeptimer::{Clock, Kind, Map, Sizes, Step, Timer};
use sleeptimer_selftests::{
    check, check_eq, check_errno, expect_events, map, ok, tests, Outcome, TOLERANCE,
};
use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    process::ExitCode,
    sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        Arc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How many calls may wait for a timer at a time.
const MOST_WAITERS: usize = 4094;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_cancel_waits,
        a_start_while_a_cancel_waits_is_ebusy,
        more_waiters_than_can_be_counted_are_eagain,
        a_signal_interrupts_an_init_that_waits_for_room,
    ])
}

/// A page of memory: whoever reads it waits until the file is closed.
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

/// A file that nobody else can write to, until this is let go.
struct Busy {
    file: File,
    faults: OwnedFd,
    writer: JoinHandle<isize>,
}

impl Busy {
    fn new() -> Result<Self, String> {
        let (faults, page) = unserved_page().map_err(|error| format!("userfaultfd: {error}"))?;
        let file = ok!(File::create("/tmp-busy"));
        let copy = ok!(file.try_clone());
        let writer = thread::spawn(move || {
            // SAFETY: The page is mapped for as long as the process lives.
            unsafe { libc::write(copy.as_raw_fd(), page as *const libc::c_void, 4096) }
        });
        // Until the writer has the lock, and waits for the page.
        let mut fault = [PollFd::new(faults.as_fd(), PollFlags::POLLIN)];
        check_eq!(ok!(poll(&mut fault, 5000u16)), 1);
        Ok(Self {
            file,
            faults,
            writer,
        })
    }

    /// Has the writer go on.
    fn let_go(self) -> Outcome {
        drop(self.faults);
        check_eq!(self.writer.join().map_err(|_| "the writer died")?, 4096);
        Ok(())
    }
}

/// A timer whose callback is stuck until the file is let go.
fn stuck(map: &Map, kind: Kind, busy: &Busy) -> Result<Timer, String> {
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

fn a_cancel_waits() -> Outcome {
    let busy = Busy::new()?;
    let map = Arc::new(map()?);
    let timer = stuck(&map, Kind::SleepableTimer, &busy)?;
    let canceller = {
        let map = map.clone();
        thread::spawn(move || map.cancel(timer))
    };
    thread::sleep(Duration::from_millis(200));
    check!(!canceller.is_finished());
    busy.let_go()?;
    let was_armed = ok!(canceller.join().map_err(|_| "the canceller died")?);
    check_eq!(was_armed, false);
    Ok(())
}

fn a_start_while_a_cancel_waits_is_ebusy() -> Outcome {
    let busy = Busy::new()?;
    let map = Arc::new(map()?);
    let timer = stuck(&map, Kind::Wq, &busy)?;
    let canceller = {
        let map = map.clone();
        thread::spawn(move || map.cancel(timer))
    };
    let end = Instant::now() + TOLERANCE;
    // Before the cancel is there, a start has the callback run once more.
    while map.start(timer, Duration::ZERO).is_ok() {
        check!(Instant::now() < end);
        thread::yield_now();
    }
    check_errno!(map.start(timer, Duration::ZERO), Errno::EBUSY);
    check!(!canceller.is_finished());
    busy.let_go()?;
    ok!(canceller.join().map_err(|_| "the canceller died")?);
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    Ok(())
}

fn more_waiters_than_can_be_counted_are_eagain() -> Outcome {
    const TOO_MANY: usize = 10;
    // In a small machine, fewer threads are the default.
    ok!(std::fs::write("/proc/sys/kernel/threads-max", "16384"));
    let busy = Busy::new()?;
    let map = Arc::new(map()?);
    let timer = stuck(&map, Kind::Wq, &busy)?;
    let refused = Arc::new(AtomicUsize::new(0));
    let mut waiters = Vec::new();
    for _ in 0..MOST_WAITERS + TOO_MANY {
        let (map, refused) = (map.clone(), refused.clone());
        let waiter = thread::Builder::new().stack_size(64 << 10).spawn(move || {
            let result = map.cancel(timer);
            if result.is_err_and(|error| error.errno == Errno::EAGAIN) {
                refused.fetch_add(1, SeqCst);
            }
        });
        waiters.push(ok!(waiter));
    }
    let end = Instant::now() + TOLERANCE;
    while refused.load(SeqCst) < TOO_MANY {
        check!(Instant::now() < end, "{} refused", refused.load(SeqCst));
        thread::sleep(Duration::from_millis(10));
    }
    busy.let_go()?;
    for waiter in waiters {
        waiter.join().map_err(|_| "a waiter died")?;
    }
    check_eq!(refused.load(SeqCst), TOO_MANY);
    Ok(())
}

extern "C" fn ignore_signal(_: libc::c_int) {}

fn a_signal_interrupts_an_init_that_waits_for_room() -> Outcome {
    let mut alarm = SigSet::empty();
    alarm.add(Signal::SIGALRM);
    // Not for the thread that writes.
    ok!(alarm.thread_block());
    let busy = Busy::new()?;
    ok!(alarm.thread_unblock());
    let handler = SigHandler::Handler(ignore_signal);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: The handler does nothing.
    ok!(unsafe { sigaction(Signal::SIGALRM, &action) });
    let map = ok!(Map::open_nonblocking(Sizes {
        timers: 1,
        ..Sizes::default()
    }));
    let timer = stuck(&map, Kind::Wq, &busy)?;
    ok!(map.free(timer));
    nix::unistd::alarm::set(1);
    check_errno!(map.timer(Kind::Timer, Clock::Monotonic, 0), Errno::EINTR);
    busy.let_go()?;
    ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    Ok(())
}
