// SPDX-License-Identifier: GPL-2.0
//! timerfd, with epoll to wait for many.

use crate::{
    contenders::timespec,
    ok,
    slots::{Armed, Slot, Slots},
    Outcome,
};
use nix::{
    errno::Errno,
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        resource::{setrlimit, Resource},
    },
};
use std::{
    fs,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::null_mut,
};

/// Events of one `epoll_wait`.
const EVENTS: usize = 128;

/// Timers, all of them in one epoll.
pub struct TimerFds {
    epoll: Epoll,
    timers: Vec<Option<OwnedFd>>,
}

impl TimerFds {
    /// Room for so many. It takes a process that may have as many files.
    pub fn new(slots: u32) -> Outcome<Self> {
        let files = u64::from(slots) + 64;
        ok!(fs::write(
            "/proc/sys/fs/nr_open",
            files.max(1 << 20).to_string()
        ));
        ok!(setrlimit(Resource::RLIMIT_NOFILE, files, files));
        let mut timers = Vec::new();
        timers.resize_with(slots as usize, || None);
        Ok(Self {
            epoll: ok!(Epoll::new(EpollCreateFlags::empty())),
            timers,
        })
    }

    fn timer(&self, slot: Slot) -> Outcome<&OwnedFd> {
        let timer = self.timers[slot as usize].as_ref();
        timer.ok_or_else(|| format!("slot {slot} is empty"))
    }

    fn set(&self, slot: Slot, flags: libc::c_int, value: u64, interval: u64) -> Outcome {
        let time = libc::itimerspec {
            it_value: timespec(value),
            it_interval: timespec(interval),
        };
        let timer = self.timer(slot)?.as_raw_fd();
        // SAFETY: The structure is read only.
        let result = unsafe { libc::timerfd_settime(timer, flags, &time, null_mut()) };
        ok!(Errno::result(result));
        Ok(())
    }
}

impl Slots for TimerFds {
    fn name(&self) -> String {
        "timerfd".to_owned()
    }

    fn create(&mut self, slots: &[Slot]) -> Outcome {
        for &slot in slots {
            // SAFETY: The call takes no address.
            let timer = unsafe {
                libc::timerfd_create(
                    libc::CLOCK_MONOTONIC,
                    libc::TFD_NONBLOCK | libc::TFD_CLOEXEC,
                )
            };
            // SAFETY: The file was just opened, and nobody else knows it.
            let timer = unsafe { OwnedFd::from_raw_fd(ok!(Errno::result(timer))) };
            let event = EpollEvent::new(EpollFlags::EPOLLIN, slot.into());
            ok!(self.epoll.add(&timer, event));
            self.timers[slot as usize] = Some(timer);
        }
        Ok(())
    }

    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        for &(slot, time) in armed {
            self.set(slot, libc::TFD_TIMER_ABSTIME, time, 0)?;
        }
        Ok(())
    }

    fn arm_in(&mut self, slots: &[Slot], delay: u64) -> Outcome {
        for &slot in slots {
            self.set(slot, 0, delay, 0)?;
        }
        Ok(())
    }

    fn arm_periodic(&mut self, slot: Slot, period: u64) -> Outcome<bool> {
        self.set(slot, 0, period, period)?;
        Ok(true)
    }

    fn cancel(&mut self, slots: &[Slot]) -> Outcome {
        for &slot in slots {
            self.set(slot, 0, 0, 0)?;
        }
        Ok(())
    }

    fn destroy(&mut self, slots: &[Slot]) -> Outcome {
        for &slot in slots {
            self.timers[slot as usize] = None;
        }
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        self.timers.fill_with(|| None);
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        let mut left = expirations;
        let mut events = [EpollEvent::empty(); EVENTS];
        while left > 0 {
            let number = ok!(self.epoll.wait(&mut events, EpollTimeout::NONE));
            for event in &events[..number] {
                let timer = self.timer(event.data() as Slot)?.as_raw_fd();
                let mut count = 0u64;
                // SAFETY: As many bytes are written as the number has.
                let result =
                    unsafe { libc::read(timer, (&raw mut count).cast(), size_of::<u64>()) };
                ok!(Errno::result(result));
                left = left.saturating_sub(count);
            }
        }
        Ok(())
    }
}
