// SPDX-License-Identifier: GPL-2.0

//! The events of a map: a ring of records, and a count per timer of what the ring had no room for.
//!
//! Nothing is lost: while the ring is full, the expirations of a timer add up to one record, which
//! enters the ring when there is room. No allocation happens after the setup.
//!
//! `Events::queue` is a spinlock, also taken by callbacks in softirq.

#![deny(unsafe_code)]

use crate::{
    backlog::Backlog,
    bpf_hrtimer::flags::Clock,
    context::Process,
    failure::Failure,
    ring::Ring,
    spinlock_irqsave::{new_spinlock_irqsave, SpinLockIrqSave},
    table::Table,
    timens,
    uapi::{self, Event},
};
use kernel::{
    current,
    fs::File,
    mm::virt::VmaNew,
    new_condvar, new_poll_condvar,
    prelude::*,
    sync::{
        poll::{PollCondVar, PollTable},
        CondVar,
    },
    time::{ClockSource, Monotonic},
    uaccess::UserSliceWriter,
};

/// How many records move from the backlog to the ring while the lock is held.
const REFILL: u32 = 64;

/// Where the next record goes, and what waits for room.
struct Queue {
    /// The number of the next record. The ring has a copy, for user space.
    head: u32,
    backlog: Backlog,
    /// How many expirations were told.
    expirations: u64,
    /// Whether a reader copies records, which are at the tail until it is done: so a record that
    /// cannot be copied to its reader stays.
    is_read: bool,
}

/// The events of a map, and those who wait for them.
#[pin_data]
pub(crate) struct Events {
    /// By how much the `CLOCK_MONOTONIC` of who has set the map up is ahead of the host's, in ns.
    time_offset: i64,
    ring: Ring,
    #[pin]
    queue: SpinLockIrqSave<Queue>,
    /// Signalled when a reader is done. Readers wait for each other until a signal comes: how long the
    /// memory of one takes to be there is up to whoever handles its faults.
    #[pin]
    read: CondVar,
    #[pin]
    arrived: PollCondVar,
}

impl Events {
    /// The events of a map of these sizes. May sleep.
    pub(crate) fn new(max_events: u32, max_timers: u32) -> Result<impl PinInit<Self>, Failure> {
        let ring = Ring::new(max_events)?;
        let queue = Queue {
            head: 0,
            backlog: Backlog::new(max_timers)?,
            expirations: 0,
            is_read: false,
        };
        let time_offset = timens::offset(Clock::Monotonic);
        Ok(pin_init!(Self {
            time_offset,
            ring,
            queue <- new_spinlock_irqsave!(queue, "sleeptimer_events"),
            read <- new_condvar!("sleeptimer_events_read"),
            arrived <- new_poll_condvar!("sleeptimer_events_arrived"),
        }))
    }

    /// Adds an event of timer `index` of `table`. Any context.
    pub(crate) fn push(&self, table: &Table, index: u32, event: Event) {
        let mut queue = self.queue.lock();
        queue.expirations = queue.expirations.wrapping_add(event.count);
        // While there is a backlog, new events go behind it.
        if queue.backlog.is_empty() && self.has_room(&queue) {
            self.append(&mut queue, event);
            self.ring.publish(queue.head);
        } else {
            queue.backlog.add(table, index, event.count);
            self.refill(&mut queue, table);
        }
        drop(queue);
        self.arrived.notify_all();
    }

    /// The time of an event that happens now, in ns. Any context.
    pub(crate) fn now(&self) -> u64 {
        let now = <Monotonic as ClockSource>::ktime_get();
        now.saturating_add(self.time_offset).max(0).unsigned_abs()
    }

    fn has_room(&self, queue: &Queue) -> bool {
        let waiting = queue.head.wrapping_sub(self.ring.tail(queue.head).number);
        waiting < self.ring.capacity()
    }

    fn is_empty(&self, queue: &Queue) -> bool {
        self.ring.tail(queue.head).number == queue.head
    }

    /// Puts a record into the ring, which has room, and does not publish it yet.
    fn append(&self, queue: &mut Queue, event: Event) {
        self.ring.write(queue.head, event);
        queue.head = queue.head.wrapping_add(1);
    }

    /// Moves some of the backlog into the ring, if there is room: interrupts are off here.
    fn refill(&self, queue: &mut Queue, table: &Table) {
        let time_ns = self.now();
        for _ in 0..REFILL {
            if !self.has_room(queue) {
                break;
            }
            let Some(index) = queue.backlog.next() else {
                break;
            };
            let count = queue.backlog.take(table, index);
            let Some((handle, user_data)) = table.describe(index) else {
                continue;
            };
            let event = Event {
                handle: handle.into(),
                user_data,
                count,
                time_ns,
                flags: uapi::EVENT_ACCUMULATED,
                ..Event::default()
            };
            self.append(queue, event);
        }
        self.ring.publish(queue.head);
        self.ring.set_backlog(!queue.backlog.is_empty());
    }

    /// Forgets what is counted for timer `index`, which ends. A callback that runs may count more. Any
    /// context.
    pub(crate) fn forget(&self, table: &Table, index: u32) {
        let mut queue = self.queue.lock();
        if queue.backlog.take(table, index) > 0 && queue.backlog.is_empty() {
            self.ring.set_backlog(false);
        }
    }

    /// How many expirations of timer `index` wait for room in the ring. Any context.
    pub(crate) fn backlog(&self, table: &Table, index: u32) -> u64 {
        self.queue.lock().backlog.count(table, index)
    }

    /// Copies events to user space, at least one and as many as there are and fit, and returns the
    /// number of bytes. Waits for the first one if `block`.
    pub(crate) fn read(
        &self,
        table: &Table,
        _: &Process<'_>,
        to: &mut UserSliceWriter,
        block: bool,
    ) -> Result<usize, Failure> {
        let mut bytes = 0;
        if to.len() < size_of::<Event>() {
            return Err(Failure::BadArgument);
        }
        loop {
            match self.read_some(table, to) {
                Ok(0) if bytes > 0 => return Ok(bytes),
                Ok(0) if !block => return Err(Failure::WouldBlock),
                Ok(0) => self.wait(table)?,
                // Events may come as fast as they are read: a signal ends that.
                Ok(some) if current!().signal_pending() => return Ok(some.wrapping_add(bytes)),
                Ok(some) => bytes = some.wrapping_add(bytes),
                // What was copied before is gone from the ring, so it has to be told.
                Err(_) if bytes > 0 => return Ok(bytes),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Copies a few events, none if there are none or no room for one.
    fn read_some(&self, table: &Table, to: &mut UserSliceWriter) -> Result<usize, Failure> {
        const BATCH: u32 = 16;
        let (head, tail) = {
            let mut queue = self.queue.lock();
            while queue.is_read {
                if self.read.wait_interruptible(&mut queue) {
                    return Err(Failure::Interrupted);
                }
            }
            queue.is_read = true;
            self.refill_if_needed(&mut queue, table);
            // With the lock held, lest a consumer of the mapping be beyond this head meanwhile.
            (queue.head, self.ring.tail(queue.head))
        };
        // Records between the tail and the head stay as they are.
        let room = u32::try_from(to.len() / size_of::<Event>()).unwrap_or(u32::MAX);
        let number = head.wrapping_sub(tail.number).min(room).min(BATCH);
        let mut copied = 0u32;
        let result = (0..number).try_for_each(|offset| {
            let event = self.ring.read(tail.number.wrapping_add(offset));
            to.write(&event).map_err(|_| Failure::BadAddress)?;
            copied = copied.wrapping_add(1);
            Ok(())
        });
        if copied > 0 {
            self.ring.take(&tail, copied);
        }
        self.queue.lock().is_read = false;
        self.read.notify_all();
        match result {
            Err(failure) if copied == 0 => Err(failure),
            _ => Ok((copied as usize).wrapping_mul(size_of::<Event>())),
        }
    }

    /// Waits until there is an event, or a signal.
    fn wait(&self, table: &Table) -> Result<(), Failure> {
        let mut queue = self.queue.lock();
        loop {
            self.refill_if_needed(&mut queue, table);
            if !self.is_empty(&queue) {
                return Ok(());
            }
            if self.arrived.wait_interruptible(&mut queue) {
                return Err(Failure::Interrupted);
            }
        }
    }

    /// Registers a poll, and returns whether there are events.
    pub(crate) fn poll(&self, table: &Table, file: &File, polls: &PollTable<'_>) -> bool {
        polls.register_wait(file, &self.arrived);
        // As often as it takes to fill the ring: the consumer may take away all the while.
        for _ in 0..self.ring.capacity() / REFILL {
            let mut queue = self.queue.lock();
            self.refill_if_needed(&mut queue, table);
            if queue.backlog.is_empty() || !self.has_room(&queue) {
                break;
            }
        }
        let mut queue = self.queue.lock();
        self.refill_if_needed(&mut queue, table);
        !self.is_empty(&queue)
    }

    fn refill_if_needed(&self, queue: &mut Queue, table: &Table) {
        if !queue.backlog.is_empty() {
            self.refill(queue, table);
        }
    }

    /// Maps pages of the ring into user space, from number `first` on. May sleep.
    pub(crate) fn map(&self, vma: &VmaNew, first: usize) -> Result<(), Failure> {
        self.ring.map(vma, first)
    }
}

/// The numbers of a queue of events.
pub(crate) struct Statistics {
    /// Records in the ring.
    pub(crate) waiting: u32,
    /// The most records that the ring holds.
    pub(crate) capacity: u32,
    /// Expirations that were told since the setup, read or not.
    pub(crate) expirations: u64,
}

impl Events {
    /// What the queue holds and has held. Any context.
    pub(crate) fn statistics(&self) -> Statistics {
        let queue = self.queue.lock();
        Statistics {
            waiting: queue.head.wrapping_sub(self.ring.tail(queue.head).number),
            capacity: self.ring.capacity(),
            expirations: queue.expirations,
        }
    }
}
