// SPDX-License-Identifier: GPL-2.0
//! A map is an open file: copies of its descriptor share it, the last one to go ends it, and a call
//! that has begun has one of its own, as users of timerfd expect.

use nix::{
    errno::Errno,
    fcntl::{fcntl, FcntlArg, FdFlag},
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::{
        signal::{kill, Signal},
        socket::{
            recvmsg, sendmsg, socketpair, AddressFamily, ControlMessage, ControlMessageOwned,
            MsgFlags, SockFlag, SockType,
        },
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, pipe, read, write, ForkResult},
};
use sleeptimer::{Kind, Map, Sizes, Step, Timer};
use sleeptimer_selftests::{
    blocked::spawn_into,
    bound_timer, check, check_eq, check_errno, expect_events, expect_silence, map, ok,
    raw::{op, request, submit_at, POISON},
    settle, tests, Outcome, TOLERANCE, TOLERANCE_MS,
};
use sleeptimer_sys as sys;
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
    process::{Command, ExitCode},
    thread::{scope, sleep, spawn},
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(20);
/// When something is due that threads wait for.
const LATER: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(1000);
/// Makes this program start a timer instead: of a file descriptor and a handle.
const START: &str = "--start";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, file, handle] if first == START => start_as_told(file, handle),
        _ => sleeptimer_selftests::run(tests![
            a_child_uses_the_map_of_its_parent,
            a_child_that_dies_leaves_the_map,
            the_map_lives_as_long_as_a_child_has_it,
            a_program_has_the_map_unless_it_is_closed_on_exec,
            a_duplicate_is_the_same_map,
            a_map_can_be_passed_to_a_process,
            a_read_outlives_the_close,
            a_poll_ends_as_that_of_a_timerfd,
            a_cancel_that_waits_outlives_the_close,
            a_submit_outlives_the_close,
            calls_race_with_a_close,
        ]),
    }
}

/// Starts a timer, in whatever process, and tells the error number.
fn start_raw(file: RawFd, handle: u64) -> nix::Result<i32> {
    let mut start = sys::sleeptimer_start {
        handle,
        ..Default::default()
    };
    let address = &raw mut start as usize;
    request(&file, sys::SLEEPTIMER_IOC_TIMER_START, address)
}

fn start_as_told(file: &str, handle: &str) -> ExitCode {
    let (Ok(file), Ok(handle)) = (file.parse(), handle.parse()) else {
        return ExitCode::FAILURE;
    };
    match start_raw(file, handle) {
        Ok(_) => ExitCode::SUCCESS,
        Err(errno) => ExitCode::from(errno as u8),
    }
}

/// Has a child do something, and waits for it. Only system calls are good there.
fn in_child(child: impl FnOnce() -> bool) -> Outcome {
    // SAFETY: What the child does is a few system calls.
    match ok!(unsafe { fork() }) {
        // SAFETY: This ends the child, which has nothing to clean up.
        ForkResult::Child => unsafe { libc::_exit(i32::from(!child())) },
        ForkResult::Parent { child } => {
            check_eq!(ok!(waitpid(child, None)), WaitStatus::Exited(child, 0));
            Ok(())
        }
    }
}

fn a_child_uses_the_map_of_its_parent() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    in_child(|| map.start(timer, SHORT).is_ok())?;
    check_eq!(expect_events(&map, 1)?[0].handle, timer.handle);
    // What the child frees is gone, and what it reads is read.
    ok!(map.start(timer, Duration::ZERO));
    settle(&map, timer)?;
    in_child(|| map.free(timer).is_ok() && expect_events(&map, 1).is_ok())?;
    check_errno!(map.free(timer), Errno::ENOENT);
    expect_silence(&map, SHORT)
}

fn a_child_that_dies_leaves_the_map() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let (told, tell) = ok!(pipe());
    // SAFETY: The child makes system calls only, and waits to be killed.
    let child = match ok!(unsafe { fork() }) {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let _ = map.start(timer, 5 * SHORT);
            let _ = write(&tell, &[0]);
            loop {
                sleep(LONG);
            }
        }
    };
    check_eq!(ok!(read(&told, &mut [0])), 1);
    ok!(kill(child, Signal::SIGKILL));
    ok!(waitpid(child, None));
    // Its close was not the last one: what it has armed fires.
    expect_events(&map, 1)?;
    Ok(())
}

fn the_map_lives_as_long_as_a_child_has_it() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let (go, going) = ok!(pipe());
    // SAFETY: The child makes system calls only.
    let child = match ok!(unsafe { fork() }) {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            drop(going);
            // The end of the pipe comes when the parent has closed the map.
            let _ = read(&go, &mut [0]);
            let fires = map.start(timer, SHORT).is_ok() && expect_events(&map, 1).is_ok();
            // SAFETY: As above.
            unsafe { libc::_exit(i32::from(!fires)) }
        }
    };
    drop(map);
    drop(going);
    check_eq!(ok!(waitpid(child, None)), WaitStatus::Exited(child, 0));
    Ok(())
}

fn a_program_has_the_map_unless_it_is_closed_on_exec() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let run = || {
        Command::new("/proc/self/exe")
            .args([
                START,
                &map.as_raw_fd().to_string(),
                &timer.handle.to_string(),
            ])
            .status()
    };
    // The client opens the device so.
    check_eq!(ok!(run()).code(), Some(Errno::EBADF as i32));
    expect_silence(&map, SHORT)?;
    ok!(fcntl(&map, FcntlArg::F_SETFD(FdFlag::empty())));
    check_eq!(ok!(run()).code(), Some(0));
    expect_events(&map, 1)?;
    Ok(())
}

fn a_duplicate_is_the_same_map() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let copy = ok!(map.as_fd().try_clone_to_owned());
    ok!(start_raw(copy.as_raw_fd(), timer.handle));
    expect_events(&map, 1)?;
    drop(map);
    ok!(start_raw(copy.as_raw_fd(), timer.handle));
    let mut files = [PollFd::new(copy.as_fd(), PollFlags::POLLIN)];
    check_eq!(ok!(poll(&mut files, PollTimeout::from(TOLERANCE_MS))), 1);
    check_eq!(ok!(read(&copy, &mut [0; 96])), 48);
    Ok(())
}

fn a_map_can_be_passed_to_a_process() -> Outcome {
    let (ours, theirs) = ok!(socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::empty()
    ));
    // SAFETY: The child makes system calls only.
    let child = match ok!(unsafe { fork() }) {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            drop(ours);
            let fires = uses_what_it_is_sent(&theirs).is_ok();
            // SAFETY: As above.
            unsafe { libc::_exit(i32::from(!fires)) }
        }
    };
    drop(theirs);
    {
        let map = map()?;
        let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
        let files = [map.as_raw_fd()];
        let handle = timer.handle.to_ne_bytes();
        let rights = [ControlMessage::ScmRights(&files)];
        let data = [IoSlice::new(&handle)];
        ok!(sendmsg::<()>(
            ours.as_raw_fd(),
            &data,
            &rights,
            MsgFlags::empty(),
            None
        ));
    }
    // Closed here, the map lives on in the message, and then in the other process.
    check_eq!(ok!(waitpid(child, None)), WaitStatus::Exited(child, 0));
    Ok(())
}

/// Receives a map and a handle, starts the timer and reads its event.
fn uses_what_it_is_sent(socket: &OwnedFd) -> Outcome {
    let mut handle = [0; 8];
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let file = {
        sleep(SHORT);
        let mut data = [IoSliceMut::new(&mut handle)];
        let message = ok!(recvmsg::<()>(
            socket.as_raw_fd(),
            &mut data,
            Some(&mut space),
            MsgFlags::empty()
        ));
        let mut messages = ok!(message.cmsgs());
        match messages.next() {
            Some(ControlMessageOwned::ScmRights(files)) if files.len() == 1 => files[0],
            _ => return Err("no file came".to_owned()),
        }
    };
    // SAFETY: The file came with the message, and is ours.
    let map = unsafe { OwnedFd::from_raw_fd(file) };
    ok!(start_raw(file, u64::from_ne_bytes(handle)));
    let mut files = [PollFd::new(map.as_fd(), PollFlags::POLLIN)];
    check_eq!(ok!(poll(&mut files, PollTimeout::from(TOLERANCE_MS))), 1);
    check_eq!(ok!(read(&map, &mut [0; 96])), 48);
    Ok(())
}

/// A map whose descriptor is closed by hand, while threads use its number.
fn bare_map(steps: &[Step], kind: Kind) -> Result<(RawFd, Timer), String> {
    let map = ok!(Map::open(Sizes::default()));
    let timer = bound_timer(&map, kind, steps)?;
    let copy = ok!(map.as_fd().try_clone_to_owned());
    Ok((copy.into_raw_fd(), timer))
}

/// Closes a descriptor while a thread is in a call with it.
fn close(file: RawFd) {
    // SAFETY: The descriptor is ours, and no `OwnedFd` has it.
    drop(unsafe { OwnedFd::from_raw_fd(file) });
}

/// A descriptor for one call, which may be closed meanwhile.
fn borrowed(file: RawFd) -> BorrowedFd<'static> {
    // SAFETY: The call is to see what becomes of it; nobody opens another file at this number.
    unsafe { BorrowedFd::borrow_raw(file) }
}

fn a_read_outlives_the_close() -> Outcome {
    let (file, timer) = bare_map(&[Step::Event], Kind::Timer)?;
    start_later(file, timer)?;
    let reader = spawn_into(libc::SYS_read, move || read(borrowed(file), &mut [0; 96]))?;
    close(file);
    check_eq!(joined(reader)?, Ok(48));
    check_errno!(start_raw(file, timer.handle), Errno::EBADF);
    Ok(())
}

/// Has a timer fire when another thread is in a call and the descriptor is closed.
fn start_later(file: RawFd, timer: Timer) -> Outcome {
    let start = sys::sleeptimer_start {
        handle: timer.handle,
        expires_ns: LATER.as_nanos() as u64,
        ..Default::default()
    };
    let address = &raw const start as usize;
    ok!(request(&file, sys::SLEEPTIMER_IOC_TIMER_START, address));
    Ok(())
}

/// What a thread returns, which should not take long.
fn joined<T>(thread: std::thread::JoinHandle<T>) -> Result<T, String> {
    let end = Instant::now() + TOLERANCE;
    while !thread.is_finished() {
        check!(Instant::now() < end, "the call does not return");
        sleep(Duration::from_millis(1));
    }
    thread.join().map_err(|_| "a thread panicked".to_owned())
}

fn a_poll_ends_as_that_of_a_timerfd() -> Outcome {
    let (file, timer) = bare_map(&[Step::Event], Kind::Timer)?;
    start_later(file, timer)?;
    check_eq!(polled_and_closed(file)?, polled_and_closed(timerfd()?)?);
    Ok(())
}

/// A timerfd that is due when a map would be after [`start_later`].
fn timerfd() -> Result<RawFd, String> {
    // SAFETY: This takes no memory of ours.
    let file = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) };
    check!(file >= 0);
    let zero = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let later = libc::itimerspec {
        it_value: libc::timespec {
            tv_nsec: LATER.as_nanos() as libc::c_long,
            ..zero
        },
        it_interval: zero,
    };
    // SAFETY: The structures outlive the call.
    let result = unsafe { libc::timerfd_settime(file, 0, &later, std::ptr::null_mut()) };
    check_eq!(result, 0);
    Ok(file)
}

/// What a poll tells of a file that is closed while it waits, and is due then.
fn polled_and_closed(file: RawFd) -> Result<(nix::Result<i32>, Option<PollFlags>), String> {
    let begin = Instant::now();
    let poller = spawn_into(libc::SYS_poll, move || {
        let mut files = [PollFd::new(borrowed(file), PollFlags::POLLIN)];
        let number = poll(&mut files, PollTimeout::from(TOLERANCE_MS));
        (number, files[0].revents())
    })?;
    close(file);
    let result = joined(poller)?;
    check!(begin.elapsed() < TOLERANCE);
    Ok(result)
}

/// A cancel waits while the callback runs, which takes a moment even if its sleeps end early.
fn a_cancel_that_waits_outlives_the_close() -> Outcome {
    for _ in 0..20 {
        let steps = [Step::Event, Step::Sleep(LONG)];
        let (file, timer) = bare_map(&steps, Kind::SleepableTimer)?;
        ok!(start_raw(file, timer.handle));
        check_eq!(ok!(read(borrowed(file), &mut [0; 48])), 48);
        let cancel = spawn(move || {
            let timer = sys::sleeptimer_ref {
                handle: timer.handle,
                ..Default::default()
            };
            let address = &raw const timer as usize;
            request(&file, sys::SLEEPTIMER_IOC_TIMER_CANCEL, address)
        });
        if fastrand::bool() {
            std::thread::yield_now();
        }
        close(file);
        let result = joined(cancel)?;
        check!(result == Ok(0) || result == Err(Errno::EBADF), "{result:?}");
    }
    Ok(())
}

fn a_submit_outlives_the_close() -> Outcome {
    const NUMBER: u32 = 30_000;
    let (file, timer) = bare_map(&[Step::Event], Kind::Timer)?;
    let cancel = op(sys::SLEEPTIMER_OP_TIMER_CANCEL_ASYNC, timer.handle);
    // The thread has it until the process ends.
    let ops = vec![cancel; NUMBER as usize].leak();
    let first = &raw const ops[0].result;
    let ops = ops.as_mut_ptr() as usize;
    let submitter = spawn(move || submit_at(&file, ops, NUMBER));
    // SAFETY: The memory stays, and the kernel writes this number as a whole.
    while unsafe { first.read_volatile() } == POISON {
        check!(!submitter.is_finished());
        std::thread::yield_now();
    }
    close(file);
    let submitted = ok!(joined(submitter)?);
    check_eq!((submitted.nr_done, submitted.nr_failed), (NUMBER, 0));
    Ok(())
}

fn calls_race_with_a_close() -> Outcome {
    for round in 0..300 {
        let (file, timer) = bare_map(&[Step::Event], Kind::Timer)?;
        let calls: [&(dyn Fn() -> nix::Result<()> + Sync); 4] = [
            &|| start_raw(file, timer.handle).map(|_| ()),
            &|| {
                let mut query = sys::sleeptimer_query {
                    handle: timer.handle,
                    ..Default::default()
                };
                let address = &raw mut query as usize;
                request(&file, sys::SLEEPTIMER_IOC_QUERY, address).map(|_| ())
            },
            &|| {
                let mut ops = [op(sys::SLEEPTIMER_OP_TIMER_START, timer.handle); 40];
                submit_at(&file, ops.as_mut_ptr() as usize, 40).map(|_| ())
            },
            &|| {
                let mut files = [PollFd::new(borrowed(file), PollFlags::POLLIN)];
                poll(&mut files, PollTimeout::ZERO)?;
                match files[0].revents() {
                    Some(events) if events.contains(PollFlags::POLLNVAL) => Err(Errno::EBADF),
                    _ => Ok(()),
                }
            },
        ];
        let (first, second) = (calls[round % 4], calls[round / 4 % 4]);
        let outcome = scope(|threads| {
            let [first, second] = [first, second].map(|call| {
                threads.spawn(move || loop {
                    if let Err(errno) = call() {
                        return errno;
                    }
                })
            });
            sleep(Duration::from_micros(fastrand::u64(0..500)));
            close(file);
            [first.join(), second.join()].map(|result| result.unwrap_or(Errno::UnknownErrno))
        });
        // They run until the descriptor is gone, and nothing else comes of it.
        check_eq!(outcome, [Errno::EBADF; 2]);
    }
    Ok(())
}
