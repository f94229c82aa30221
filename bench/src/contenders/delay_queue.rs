// SPDX-License-Identifier: GPL-2.0
//! A timing wheel in the program that has who sleeps for it: tokio's `DelayQueue`. The kernel knows of the next
//! timer that is due only, for which the runtime sleeps.

use crate::{
    ok,
    slots::{Armed, Slot, Slots},
    stopwatch::now_ns,
    Outcome,
};
use std::{future::poll_fn, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};
use tokio_util::time::{delay_queue::Key, DelayQueue};

/// Timers of one wheel, and what sleeps for them.
pub struct Queue {
    runtime: Runtime,
    queue: Option<DelayQueue<Slot>>,
    keys: Vec<Option<Key>>,
}

impl Queue {
    /// Room for so many.
    pub fn new(slots: u32) -> Outcome<Self> {
        let runtime = ok!(Builder::new_current_thread().enable_time().build());
        let queue = {
            let _context = runtime.enter();
            DelayQueue::new()
        };
        Ok(Self {
            runtime,
            queue: Some(queue),
            keys: vec![None; slots as usize],
        })
    }
}

/// Where in tokio's time those of `CLOCK_MONOTONIC` are.
struct Times {
    now: Instant,
    now_ns: u64,
}

impl Times {
    fn new() -> Self {
        Self {
            now: Instant::now(),
            now_ns: now_ns(),
        }
    }

    fn at(&self, time: u64) -> Instant {
        self.now + Duration::from_nanos(time.saturating_sub(self.now_ns))
    }
}

fn key(keys: &[Option<Key>], slot: Slot) -> Outcome<Key> {
    keys[slot as usize].ok_or_else(|| format!("slot {slot} is empty"))
}

impl Slots for Queue {
    fn name(&self) -> String {
        "wheel: tokio DelayQueue".to_owned()
    }

    fn create(&mut self, _: &[Slot]) -> Outcome {
        Err("a timer is armed when it is made".to_owned())
    }

    fn create_armed(&mut self, armed: &[Armed]) -> Outcome {
        let queue = self.queue.as_mut().ok_or("it is closed")?;
        let _context = self.runtime.enter();
        let times = Times::new();
        for &(slot, time) in armed {
            self.keys[slot as usize] = Some(queue.insert_at(slot, times.at(time)));
        }
        Ok(())
    }

    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        let queue = self.queue.as_mut().ok_or("it is closed")?;
        let _context = self.runtime.enter();
        let times = Times::new();
        for &(slot, time) in armed {
            queue.reset_at(&key(&self.keys, slot)?, times.at(time));
        }
        Ok(())
    }

    fn cancel(&mut self, slots: &[Slot]) -> Outcome {
        self.destroy(slots)
    }

    fn destroy(&mut self, slots: &[Slot]) -> Outcome {
        let queue = self.queue.as_mut().ok_or("it is closed")?;
        let _context = self.runtime.enter();
        for &slot in slots {
            queue.remove(&key(&self.keys, slot)?);
            self.keys[slot as usize] = None;
        }
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        self.queue = None;
        self.keys.fill(None);
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        let queue = self.queue.as_mut().ok_or("it is closed")?;
        let keys = &mut self.keys;
        self.runtime.block_on(async {
            for _ in 0..expirations {
                let expired = poll_fn(|context| queue.poll_expired(context)).await;
                let expired = expired.ok_or("none is armed")?;
                keys[expired.into_inner() as usize] = None;
            }
            Ok(())
        })
    }
}
