// SPDX-License-Identifier: GPL-2.0
//! Processes that have a map fork, execute, exit and die: it lives for as long as one of them has it,
//! and no longer.

use nix::{
    errno::Errno,
    sys::{
        eventfd::{EfdFlags, EventFd},
        signal::Signal,
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, pipe, read, ForkResult, Pid},
};
use sleeptimer::{Batch, Clock, Expiry, Kind, Map, Sizes, Start, Step};
use sleeptimer_selftests::{
    bound_timer, check, check_eq, numbers, ok, race::rounds, tests, Outcome, TOLERANCE,
};
use std::{
    os::fd::{AsFd, AsRawFd, RawFd},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

const PERIOD: Duration = Duration::from_micros(100);

fn main() -> ExitCode {
    // What a child executes.
    if std::env::args().nth(1).is_some() {
        return ExitCode::SUCCESS;
    }
    sleeptimer_selftests::run(tests![
        a_map_ends_with_the_last_of_its_processes,
        forks_meet_calls,
    ])
}

/// How a process gets rid of a map.
#[derive(Clone, Copy)]
enum End {
    Close,
    Exit,
    Execute,
    Die,
}

const ENDS: [End; 4] = [End::Close, End::Exit, End::Execute, End::Die];

impl End {
    /// Ends this process, and does nothing that another thread may have been at when it forked.
    fn take(self, file: RawFd, delay: Duration) -> ! {
        sleep(delay);
        // SAFETY: The strings outlive the calls. The file is not used again.
        unsafe {
            match self {
                End::Close => {
                    libc::close(file);
                    libc::usleep(1000);
                }
                End::Exit => {}
                End::Execute => {
                    let program = c"/proc/self/exe".as_ptr();
                    let arguments = [program, c"nothing".as_ptr(), std::ptr::null()];
                    libc::execv(program, arguments.as_ptr());
                    libc::_exit(1);
                }
                End::Die => {
                    libc::raise(libc::SIGKILL);
                }
            }
            libc::_exit(0);
        }
    }
}

/// A child that ends like this, a while later.
fn child(end: End, file: RawFd) -> Result<Pid, String> {
    let delay = Duration::from_micros(fastrand::u64(0..2000));
    // SAFETY: The child makes system calls only.
    match ok!(unsafe { fork() }) {
        ForkResult::Child => end.take(file, delay),
        ForkResult::Parent { child } => Ok(child),
    }
}

/// Waits for children.
fn wait(children: &[Pid]) -> Outcome {
    for child in children {
        let status = ok!(waitpid(*child, None));
        let has_ended = matches!(
            status,
            WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGKILL, _)
        );
        check!(has_ended, "{status:?}");
    }
    Ok(())
}

/// A map with a periodic timer that counts.
fn counting(kind: Kind) -> Result<(Map, EventFd), String> {
    let counter = ok!(EventFd::from_flags(EfdFlags::EFD_NONBLOCK));
    let map = ok!(Map::open_nonblocking(Sizes::default()));
    let timer = bound_timer(&map, kind, &[Step::EventFd(counter.as_fd())])?;
    let start = Start {
        expiry: Expiry::In(PERIOD),
        period: PERIOD,
        ..Start::default()
    };
    ok!(map.start_with(timer, &start));
    Ok((map, counter))
}

fn a_map_ends_with_the_last_of_its_processes() -> Outcome {
    for kind in [Kind::Timer, Kind::HighresDelayedWq] {
        for _ in 0..rounds() {
            let (map, counter) = counting(kind)?;
            let (go, gone) = ok!(pipe());
            // SAFETY: This program has one thread here.
            let last = match ok!(unsafe { fork() }) {
                ForkResult::Child => {
                    drop(gone);
                    let _ = read(&go, &mut [0]);
                    End::Exit.take(map.as_raw_fd(), Duration::ZERO)
                }
                ForkResult::Parent { child } => child,
            };
            let mut children = Vec::new();
            for end in ENDS {
                // They have the other end of the pipe, too, until they end.
                children.push(child(end, map.as_raw_fd())?);
            }
            sleep(Duration::from_micros(fastrand::u64(0..2000)));
            drop(map);
            wait(&children)?;
            let _ = counter.read();
            let end = Instant::now() + TOLERANCE;
            while counter.read().is_err() {
                check!(Instant::now() < end, "a process has the map still");
            }
            drop(gone);
            wait(&[last])?;
            check_eq!(numbers::totals()?["maps"], 0);
            let _ = counter.read();
            sleep(5 * PERIOD);
            check_eq!(counter.read(), Err(Errno::EAGAIN));
        }
    }
    Ok(())
}

/// A process is copied, with the memory that a batch is in, while another thread makes calls.
fn forks_meet_calls() -> Outcome {
    const TIMERS: u32 = 512;
    let map = ok!(Map::open(Sizes {
        timers: TIMERS,
        programs: 1,
        events: TIMERS,
    }));
    let program = ok!(map.program(&[Step::Event]));
    let mut timers = Vec::new();
    for number in 0..TIMERS {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        timers.push(timer);
    }
    let is_over = AtomicBool::new(false);
    let calls = || -> Outcome {
        for _ in 0..rounds() {
            let mut batch = Batch::new();
            for timer in &timers {
                batch.start(*timer, Expiry::In(Duration::ZERO));
            }
            while batch.done() < batch.len() {
                ok!(map.submit(&mut batch));
            }
            let mut told = vec![0; timers.len()];
            while told.contains(&0) {
                for event in ok!(map.read(64)) {
                    told[event.user_data as usize] += event.count;
                }
            }
            check!(told.iter().all(|&count| count == 1));
        }
        Ok(())
    };
    let mut forks = 0;
    let outcome = scope(|threads| {
        let caller = threads.spawn(|| {
            let outcome = calls();
            is_over.store(true, Ordering::Relaxed);
            outcome
        });
        while !is_over.load(Ordering::Relaxed) {
            let mut children = Vec::new();
            for end in ENDS {
                children.push(child(end, map.as_raw_fd())?);
                forks += 1;
            }
            wait(&children)?;
        }
        caller.join().map_err(|_| "a thread died")?
    });
    println!("# {forks} forks");
    outcome
}
