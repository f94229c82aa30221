// SPDX-License-Identifier: GPL-2.0
//! POSIX timers, which tell by a signal that is waited for.

use crate::{
    contenders::timespec,
    ok,
    slots::{Armed, Slot, Slots},
    Outcome,
};
use nix::{
    errno::Errno,
    sys::resource::{setrlimit, Resource},
};
use std::{mem::zeroed, ptr::null_mut};

/// The signal of all of them.
const SIGNAL: libc::c_int = libc::SIGUSR1;

/// Timers of this process.
pub struct PosixTimers {
    timers: Vec<Option<libc::timer_t>>,
    signals: libc::sigset_t,
}

impl PosixTimers {
    /// Room for so many. Each has a signal of its own that may wait.
    pub fn new(slots: u32) -> Outcome<Self> {
        let signals = u64::from(slots) + 64;
        ok!(setrlimit(Resource::RLIMIT_SIGPENDING, signals, signals));
        // SAFETY: The set is set up by the first call; nothing else is written.
        let signals = unsafe {
            let mut signals = zeroed();
            libc::sigemptyset(&mut signals);
            libc::sigaddset(&mut signals, SIGNAL);
            libc::pthread_sigmask(libc::SIG_BLOCK, &signals, null_mut());
            signals
        };
        Ok(Self {
            timers: vec![None; slots as usize],
            signals,
        })
    }

    fn timer(&self, slot: Slot) -> Outcome<libc::timer_t> {
        self.timers[slot as usize].ok_or_else(|| format!("slot {slot} is empty"))
    }

    fn set(&self, slot: Slot, flags: libc::c_int, value: u64, interval: u64) -> Outcome {
        let time = libc::itimerspec {
            it_value: timespec(value),
            it_interval: timespec(interval),
        };
        // SAFETY: The timer exists, and the structure is read only.
        let result = unsafe { libc::timer_settime(self.timer(slot)?, flags, &time, null_mut()) };
        ok!(Errno::result(result));
        Ok(())
    }
}

impl Slots for PosixTimers {
    fn name(&self) -> String {
        "POSIX timer".to_owned()
    }

    fn create(&mut self, slots: &[Slot]) -> Outcome {
        for &slot in slots {
            // SAFETY: All fields may be zero.
            let mut event: libc::sigevent = unsafe { zeroed() };
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = SIGNAL;
            let mut timer = null_mut();
            // SAFETY: The first structure is read, the place of the timer is written.
            let result =
                unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) };
            ok!(Errno::result(result));
            self.timers[slot as usize] = Some(timer);
        }
        Ok(())
    }

    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        for &(slot, time) in armed {
            self.set(slot, libc::TIMER_ABSTIME, time, 0)?;
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
            // SAFETY: The timer exists, and is not used any more.
            ok!(Errno::result(unsafe {
                libc::timer_delete(self.timer(slot)?)
            }));
            self.timers[slot as usize] = None;
        }
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        for slot in 0..self.timers.len() as Slot {
            if self.timers[slot as usize].is_some() {
                self.destroy(&[slot])?;
            }
        }
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        let mut left = expirations;
        while left > 0 {
            // SAFETY: All fields may be zero.
            let mut info: libc::siginfo_t = unsafe { zeroed() };
            // SAFETY: The set is read, the structure written.
            let result = unsafe { libc::sigwaitinfo(&self.signals, &mut info) };
            ok!(Errno::result(result));
            // Of a timer's signal this is how often it has expired besides.
            // SAFETY: The signal comes from a timer.
            let overrun = unsafe { info.si_overrun() };
            left = left.saturating_sub(1 + overrun as u64);
        }
        Ok(())
    }
}
