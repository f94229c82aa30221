// SPDX-License-Identifier: GPL-2.0

//! The events of a map: a ring of records, and a count per timer of what the ring had no room for.
//!
//! Nothing is lost: while the ring is full, a timer's events add up to one record with their
//! number, which enters the ring when there is room. No allocation happens after the setup.
//!
//! Lock order: `Events::readers` (a mutex, over one `read`), then `Events::queue` (a spinlock, also
//! taken by callbacks in softirq).

#![deny(unsafe_code)]

use crate::{
    context::Process,
    failure::Failure,
    spinlock_irqsave::{new_spinlock_irqsave, SpinLockIrqSave},
    uapi::Event,
};
use kernel::{
    current,
    fs::File,
    new_mutex, new_poll_condvar,
    prelude::*,
    sync::{
        poll::{PollCondVar, PollTable},
        Mutex,
    },
    uaccess::UserSliceWriter,
};

/// No timer follows in the list of those with a backlog.
const NO_INDEX: u32 = u32::MAX;

/// What the ring had no room for, of one timer.
#[derive(Clone, Copy)]
struct Backlog {
    /// The last of the events, whose count is that of all. A count of 0: nothing.
    event: Event,
    /// The next timer in the list.
    next: u32,
    /// Whether the timer is in the list: it stays there when it is freed, and then counts 0.
    is_listed: bool,
}

/// The ring and the backlog behind it.
struct Queue {
    ring: KVVec<Event>,
    /// Where the oldest record of the ring is.
    first: usize,
    /// How many records the ring holds.
    len: usize,
    backlog: KVVec<Backlog>,
    /// The list of timers with a backlog, in the order of their first event.
    oldest: u32,
    newest: u32,
}

impl Queue {
    fn new(max_events: u32, max_timers: u32) -> Result<Self, Failure> {
        let nothing = Backlog {
            event: Event::default(),
            next: NO_INDEX,
            is_listed: false,
        };
        Ok(Self {
            ring: KVVec::from_elem(Event::default(), max_events as usize, GFP_KERNEL_ACCOUNT)?,
            first: 0,
            len: 0,
            backlog: KVVec::from_elem(nothing, max_timers as usize, GFP_KERNEL_ACCOUNT)?,
            oldest: NO_INDEX,
            newest: NO_INDEX,
        })
    }

    /// The record that is `offset` behind the oldest one.
    fn slot(&mut self, offset: usize) -> Option<&mut Event> {
        let mut place = self.first.wrapping_add(offset);
        if place >= self.ring.len() {
            place = place.wrapping_sub(self.ring.len());
        }
        self.ring.get_mut(place)
    }

    fn push(&mut self, index: u32, event: Event) {
        // While there is a backlog, new events go behind it.
        if self.oldest == NO_INDEX && self.push_ring(event) {
            return;
        }
        let Some(backlog) = self.backlog.get_mut(index as usize) else {
            return;
        };
        let count = backlog.event.count;
        backlog.event = Event {
            count: count.saturating_add(event.count),
            ..event
        };
        if !backlog.is_listed {
            backlog.is_listed = true;
            self.append(index);
        }
    }

    /// Drops the backlog of a timer that is gone: its place is for another one.
    fn forget(&mut self, index: u32) {
        if let Some(backlog) = self.backlog.get_mut(index as usize) {
            backlog.event = Event::default();
        }
    }

    /// Puts a record into the ring, if there is room.
    fn push_ring(&mut self, event: Event) -> bool {
        if self.len == self.ring.len() {
            return false;
        }
        if let Some(slot) = self.slot(self.len) {
            *slot = event;
            self.len = self.len.wrapping_add(1);
        }
        true
    }

    /// Appends a timer to the list of those with a backlog.
    fn append(&mut self, index: u32) {
        match self.backlog.get_mut(self.newest as usize) {
            Some(newest) => newest.next = index,
            None => self.oldest = index,
        }
        self.newest = index;
    }

    /// Copies the oldest records without taking them.
    fn peek(&mut self, into: &mut [Event]) -> usize {
        let number = self.len.min(into.len());
        for (offset, event) in into.iter_mut().take(number).enumerate() {
            if let Some(slot) = self.slot(offset) {
                *event = *slot;
            }
        }
        number
    }

    /// Takes the oldest `number` records, and fills the ring from the backlog.
    fn consume(&mut self, number: usize) {
        let number = number.min(self.len);
        self.first = self.first.wrapping_add(number);
        if self.first >= self.ring.len() {
            self.first = self.first.wrapping_sub(self.ring.len());
        }
        self.len = self.len.wrapping_sub(number);
        while self.len < self.ring.len() {
            let Some(backlog) = self.backlog.get_mut(self.oldest as usize) else {
                break;
            };
            let event = core::mem::take(&mut backlog.event);
            backlog.is_listed = false;
            self.oldest = core::mem::replace(&mut backlog.next, NO_INDEX);
            if self.oldest == NO_INDEX {
                self.newest = NO_INDEX;
            }
            if event.count > 0 {
                self.push_ring(event);
            }
        }
    }
}

/// The events of a map, and those who wait for them.
#[pin_data]
pub(crate) struct Events {
    #[pin]
    queue: SpinLockIrqSave<Queue>,
    /// Held over a whole `read`, so that a record that could not be copied to its reader stays.
    #[pin]
    readers: Mutex<()>,
    #[pin]
    arrived: PollCondVar,
}

impl Events {
    pub(crate) fn new(max_events: u32, max_timers: u32) -> Result<impl PinInit<Self>, Failure> {
        let queue = Queue::new(max_events, max_timers)?;
        Ok(pin_init!(Self {
            queue <- new_spinlock_irqsave!(queue, "sleeptimer_events"),
            readers <- new_mutex!((), "sleeptimer_readers"),
            arrived <- new_poll_condvar!("sleeptimer_events_arrived"),
        }))
    }

    /// Adds an event of timer `index`. Any context.
    pub(crate) fn push(&self, index: u32, event: Event) {
        self.queue.lock().push(index, event);
        self.arrived.notify_all();
    }

    /// Forgets what is counted for timer `index`, which is gone. Any context.
    pub(crate) fn forget(&self, index: u32) {
        self.queue.lock().forget(index);
    }

    /// Copies events to user space, at least one and as many as there are and fit, and returns the
    /// number of bytes. Waits for the first one if `block`.
    pub(crate) fn read(
        &self,
        _: &Process<'_>,
        to: &mut UserSliceWriter,
        block: bool,
    ) -> Result<usize, Failure> {
        let mut bytes = 0;
        if to.len() < size_of::<Event>() {
            return Err(Failure::BadArgument);
        }
        loop {
            match self.read_some(to) {
                Ok(0) if bytes > 0 => return Ok(bytes),
                Ok(0) if !block => return Err(Failure::WouldBlock),
                Ok(0) => self.wait()?,
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
    fn read_some(&self, to: &mut UserSliceWriter) -> Result<usize, Failure> {
        let mut batch = [Event::default(); 16];
        let room = (to.len() / size_of::<Event>()).min(batch.len());
        let _reader = self.readers.lock();
        let (batch, _) = batch
            .split_at_mut_checked(room)
            .ok_or(Failure::BadArgument)?;
        let number = self.queue.lock().peek(batch);
        let mut copied = 0;
        let result = batch.iter().take(number).try_for_each(|event| {
            to.write(event).map_err(|_| Failure::BadAddress)?;
            copied = 1usize.wrapping_add(copied);
            Ok(())
        });
        self.queue.lock().consume(copied);
        match result {
            Err(failure) if copied == 0 => Err(failure),
            _ => Ok(copied.wrapping_mul(size_of::<Event>())),
        }
    }

    /// Waits until there is an event, or a signal.
    fn wait(&self) -> Result<(), Failure> {
        let mut queue = self.queue.lock();
        while queue.len == 0 {
            if self.arrived.wait_interruptible(&mut queue) {
                return Err(Failure::Interrupted);
            }
        }
        Ok(())
    }

    /// Registers a poll, and returns whether there are events.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) -> bool {
        table.register_wait(file, &self.arrived);
        self.queue.lock().len > 0
    }
}
