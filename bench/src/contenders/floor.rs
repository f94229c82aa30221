// SPDX-License-Identifier: GPL-2.0
//! The kernel's own timers, by a module (`bench/floor`) that has nothing around them, and measures the calls
//! itself.

use crate::{
    ok,
    slots::{Armed, Slot, Slots},
    Outcome,
};
use nix::errno::Errno;
use std::{
    fs::{File, OpenOptions},
    os::fd::AsRawFd,
};

/// The module's device.
const DEVICE: &str = "/dev/sleeptimer_floor";

/// Most entries of a batch.
const BATCH: usize = 128;

/// Which of them, as `enum floor_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A function in softirq.
    Hrtimer = 0,
    /// One work, for all that an hrtimer each has put into a list.
    Llist = 1,
    /// A delayed work each.
    DelayedWork = 2,
}

/// `enum floor_operation`.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Operation {
    Create = 0,
    Arm = 1,
    ArmIn = 2,
    ArmPeriodic = 3,
    Cancel = 4,
    Destroy = 5,
}

/// `struct floor_setup`.
#[repr(C)]
struct Setup {
    kind: u32,
    nr_slots: u32,
}

/// `struct floor_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    time: u64,
    slot: u32,
    reserved: u32,
}

/// `struct floor_batch`.
#[repr(C)]
struct Batch {
    entries: u64,
    count: u32,
    operation: u32,
    busy_ns: u64,
}

nix::ioctl_write_ptr!(
    /// `FLOOR_IOC_SETUP`.
    floor_set_up, 0xdb, 0, Setup
);
nix::ioctl_readwrite!(
    /// `FLOOR_IOC_RUN`.
    floor_run, 0xdb, 1, Batch
);
nix::ioctl_write_ptr!(
    /// `FLOOR_IOC_TAKE`.
    floor_take, 0xdb, 2, u64
);

/// Timers of one open file.
pub struct Floor {
    kind: Kind,
    device: Option<File>,
    /// How long all calls have taken, in ns.
    busy: u64,
}

impl Floor {
    /// Room for so many.
    pub fn new(kind: Kind, slots: u32) -> Outcome<Self> {
        let device = OpenOptions::new().read(true).write(true).open(DEVICE);
        let device = device.map_err(|error| format!("{DEVICE}: {error}"))?;
        let setup = Setup {
            kind: kind as u32,
            nr_slots: slots,
        };
        // SAFETY: The call reads the structure only.
        ok!(unsafe { floor_set_up(device.as_raw_fd(), &setup) });
        Ok(Self {
            kind,
            device: Some(device),
            busy: 0,
        })
    }

    fn device(&self) -> Outcome<&File> {
        self.device
            .as_ref()
            .ok_or_else(|| "it is closed".to_owned())
    }

    /// Makes a call for each.
    fn run(&mut self, operation: Operation, armed: impl Iterator<Item = Armed>) -> Outcome {
        let entries: Vec<Entry> = armed
            .map(|(slot, time)| Entry {
                time,
                slot,
                reserved: 0,
            })
            .collect();
        for entries in entries.chunks(BATCH) {
            let mut batch = Batch {
                entries: entries.as_ptr() as u64,
                count: entries.len() as u32,
                operation: operation as u32,
                busy_ns: self.busy,
            };
            // SAFETY: The call reads as many entries as there are, and reads and writes the batch.
            ok!(unsafe { floor_run(self.device()?.as_raw_fd(), &mut batch) });
            self.busy = batch.busy_ns;
        }
        Ok(())
    }
}

impl Slots for Floor {
    fn name(&self) -> String {
        let what = match self.kind {
            Kind::Hrtimer => "hrtimer",
            Kind::Llist => "llist and one work",
            Kind::DelayedWork => "delayed_work",
        };
        format!("floor: {what}")
    }

    fn create(&mut self, slots: &[Slot]) -> Outcome {
        self.run(Operation::Create, slots.iter().map(|&slot| (slot, 0)))
    }

    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        self.run(Operation::Arm, armed.iter().copied())
    }

    fn arm_in(&mut self, slots: &[Slot], delay: u64) -> Outcome {
        self.run(Operation::ArmIn, slots.iter().map(|&slot| (slot, delay)))
    }

    fn arm_periodic(&mut self, slot: Slot, period: u64) -> Outcome<bool> {
        if self.kind != Kind::Hrtimer {
            return Ok(false);
        }
        self.run(Operation::ArmPeriodic, [(slot, period)].into_iter())?;
        Ok(true)
    }

    fn cancel(&mut self, slots: &[Slot]) -> Outcome {
        self.run(Operation::Cancel, slots.iter().map(|&slot| (slot, 0)))
    }

    fn destroy(&mut self, slots: &[Slot]) -> Outcome {
        self.run(Operation::Destroy, slots.iter().map(|&slot| (slot, 0)))
    }

    fn close(&mut self) -> Outcome {
        self.device = None;
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        loop {
            // SAFETY: The call reads the number only.
            match unsafe { floor_take(self.device()?.as_raw_fd(), &expirations) } {
                Err(Errno::EINTR) => {}
                result => {
                    ok!(result);
                    return Ok(());
                }
            }
        }
    }

    fn clock(&self) -> u64 {
        self.busy
    }
}
