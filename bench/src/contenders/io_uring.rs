// SPDX-License-Identifier: GPL-2.0
//! Timeouts of io_uring: an entry of the ring each. One is armed when it is made, and gone when it has
//! expired or was removed.

use crate::{
    ok,
    slots::{Armed, Slot, Slots},
    Outcome,
};
use io_uring::{opcode, squeue::Entry, types, IoUring};

/// Entries that are submitted at once.
const BATCH: u32 = 128;

/// Marks the completion of an entry that is about another.
const ABOUT: u64 = 1 << 32;

/// Timeouts of one ring.
pub struct IoUringTimeouts {
    ring: Option<IoUring>,
    /// How many have expired that nobody has taken.
    expired: u64,
}

impl IoUringTimeouts {
    /// Room for so many expirations.
    pub fn new(expirations: u32) -> Outcome<Self> {
        Ok(Self {
            ring: Some(ring(expirations)?),
            expired: 0,
        })
    }

    /// Submits entries, of which so many complete at once, and takes their completions.
    fn run(&mut self, entries: &[Entry], completions: usize) -> Outcome {
        let ring = self.ring.as_mut().ok_or("it is closed")?;
        let mut left = completions;
        for entries in entries.chunks(BATCH as usize) {
            // SAFETY: What the entries point to outlives the submission, in which it is read.
            ok!(unsafe { ring.submission().push_multiple(entries) });
            let submitted = ok!(ring.submit());
            if submitted != entries.len() {
                // Nobody may submit the rest later, when what it points to is gone.
                self.ring = None;
                return Err(format!("{submitted} of {} are submitted", entries.len()));
            }
        }
        loop {
            for completion in ring.completion() {
                match completion.result() {
                    result if result == -libc::ETIME => self.expired += 1,
                    // The one that was removed, or the entry that removes or changes one.
                    result if result >= 0 || result == -libc::ECANCELED => left -= 1,
                    result => return Err(format!("{}: {result}", completion.user_data())),
                }
            }
            if left == 0 {
                return Ok(());
            }
            ok!(ring.submit_and_wait(1));
        }
    }

    fn make(&mut self, times: &[(Slot, types::Timespec)], flags: types::TimeoutFlags) -> Outcome {
        let entries: Vec<Entry> = times
            .iter()
            .map(|(slot, time)| {
                let timeout = opcode::Timeout::new(time).flags(flags);
                timeout.build().user_data(u64::from(*slot))
            })
            .collect();
        self.run(&entries, 0)
    }

    fn change(&mut self, times: &[(Slot, types::Timespec)], flags: types::TimeoutFlags) -> Outcome {
        let entries: Vec<Entry> = times
            .iter()
            .map(|(slot, time)| {
                let change = opcode::TimeoutUpdate::new(u64::from(*slot), time).flags(flags);
                change.build().user_data(ABOUT)
            })
            .collect();
        self.run(&entries, entries.len())
    }
}

/// A ring that has room for a completion of each.
fn ring(expirations: u32) -> Outcome<IoUring> {
    // What finds the ring full is kept in a list.
    let completions = (expirations + 2 * BATCH).next_power_of_two().min(65_536);
    let builder = &mut IoUring::builder();
    Ok(ok!(builder
        .setup_cqsize(completions)
        .setup_single_issuer()
        .build(BATCH)))
}

fn timespec(ns: u64) -> types::Timespec {
    types::Timespec::new()
        .sec(ns / 1_000_000_000)
        .nsec((ns % 1_000_000_000) as u32)
}

/// Absolute times.
fn times(armed: &[Armed]) -> Vec<(Slot, types::Timespec)> {
    armed
        .iter()
        .map(|&(slot, time)| (slot, timespec(time)))
        .collect()
}

impl Slots for IoUringTimeouts {
    fn name(&self) -> String {
        "io_uring timeout".to_owned()
    }

    fn create(&mut self, _: &[Slot]) -> Outcome {
        Err("a timeout is armed when it is made".to_owned())
    }

    fn create_armed(&mut self, armed: &[Armed]) -> Outcome {
        self.make(&times(armed), types::TimeoutFlags::ABS)
    }

    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        self.change(&times(armed), types::TimeoutFlags::ABS)
    }

    fn arm_in(&mut self, slots: &[Slot], delay: u64) -> Outcome {
        let times: Vec<_> = slots.iter().map(|&slot| (slot, timespec(delay))).collect();
        self.change(&times, types::TimeoutFlags::empty())
    }

    fn cancel(&mut self, slots: &[Slot]) -> Outcome {
        self.destroy(slots)
    }

    fn destroy(&mut self, slots: &[Slot]) -> Outcome {
        let entries: Vec<Entry> = slots
            .iter()
            .map(|&slot| {
                let remove = opcode::TimeoutRemove::new(slot.into());
                remove.build().user_data(ABOUT)
            })
            .collect();
        self.run(&entries, 2 * entries.len())
    }

    fn close(&mut self) -> Outcome {
        self.ring = None;
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        let ring = self.ring.as_mut().ok_or("it is closed")?;
        loop {
            self.expired += ring.completion().count() as u64;
            if self.expired >= expirations {
                self.expired -= expirations;
                return Ok(());
            }
            ok!(ring.submit_and_wait(1));
        }
    }
}
