// SPDX-License-Identifier: GPL-2.0
//! The mapped ring of events: reading them takes no system call.
//!
//! The kernel writes to this memory while we read it, and so may whoever else has mapped the ring.
//! So it is read and written by atomic operations only, whatever anybody does, and never borrowed.

use crate::{error::in_call, Event, Result};
use nix::{
    errno::Errno,
    sys::mman::{mmap, munmap, MapFlags, ProtFlags},
    unistd::{sysconf, SysconfVar},
};
use sleeptimer_sys as sys;
use std::{
    mem::offset_of,
    num::NonZeroUsize,
    os::fd::BorrowedFd,
    ptr::NonNull,
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Where the parts of the ring are, in pages.
const CONSUMER: usize = 0;
const PRODUCER: usize = 1;
const RECORDS: usize = 2;

/// A record is read as so many words.
const WORDS: usize = Event::SIZE / size_of::<u64>();

/// The events of a map, in memory that the kernel and we share.
///
/// It keeps the map open. Whoever takes events, by this, another `Ring` or a read, takes them from
/// all: have one consumer at a time, else events may be lost or come twice.
#[derive(Debug)]
pub struct Ring {
    consumer: Mapping,
    producer: Mapping,
    records: Mapping,
    /// A power of two; the records fill as many places in `records`.
    capacity: u32,
}

impl Ring {
    pub(crate) fn new(map: BorrowedFd<'_>) -> Result<Self> {
        in_call("mmap", Self::map(map))
    }

    fn map(map: BorrowedFd<'_>) -> nix::Result<Self> {
        let page = page_size()?;
        let read_write = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let consumer = Mapping::new(map, CONSUMER * page, page, read_write)?;
        let producer = Mapping::new(map, PRODUCER * page, page, ProtFlags::PROT_READ)?;
        let word = |offset| producer.u32(offset).load(Relaxed);
        let capacity = word(offset_of!(sys::sleeptimer_ring_producer, capacity));
        let event_size = word(offset_of!(sys::sleeptimer_ring_producer, event_size));
        if event_size as usize != Event::SIZE || !capacity.is_power_of_two() {
            return Err(Errno::EPROTO);
        }
        let size = (capacity as usize * Event::SIZE).next_multiple_of(page);
        let records = Mapping::new(map, RECORDS * page, size, ProtFlags::PROT_READ)?;
        Ok(Self {
            consumer,
            producer,
            records,
            capacity,
        })
    }

    /// How many events the ring holds.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Whether there is no event now. There may be more to come when [`Ring::has_backlog`].
    pub fn is_empty(&self) -> bool {
        self.head().load(Acquire) == self.tail().load(Relaxed)
    }

    /// Whether expirations have found the ring full. When it is empty then, `poll(2)` of the map,
    /// with any timeout, moves on what was counted meanwhile.
    pub fn has_backlog(&self) -> bool {
        let offset = offset_of!(sys::sleeptimer_ring_producer, flags);
        self.producer.u32(offset).load(Acquire) & sys::SLEEPTIMER_RING_BACKLOG != 0
    }

    /// Takes the events that are there, without waiting, and returns their number. If `take`
    /// panics, all of them come again.
    pub fn drain(&mut self, take: impl FnMut(Event)) -> usize {
        self.take(self.capacity, take)
    }

    /// Takes up to `most` of the events that are there, without waiting.
    pub fn next_batch(&mut self, most: usize) -> Vec<Event> {
        let mut events = Vec::new();
        self.take(most.try_into().unwrap_or(u32::MAX), |event| {
            events.push(event);
        });
        events
    }

    fn take(&mut self, most: u32, mut take: impl FnMut(Event)) -> usize {
        // Before the head: a read on another thread moves the tail, maybe beyond a head that is old.
        let tail = self.tail().load(Acquire);
        // Pairs with the kernel's release store: the records before the head are written.
        let head = self.head().load(Acquire);
        // If somebody has scribbled over the tail, the kernel takes the ring for full, and so do we.
        let there = head.wrapping_sub(tail).min(self.capacity);
        let first = head.wrapping_sub(there);
        let number = there.min(most);
        for offset in 0..number {
            take(self.record(first.wrapping_add(offset)));
        }
        // Pairs with the kernel's acquire load: the records are read before they are overwritten.
        self.tail().store(first.wrapping_add(number), Release);
        number as usize
    }

    fn head(&self) -> &AtomicU32 {
        let offset = offset_of!(sys::sleeptimer_ring_producer, head);
        self.producer.u32(offset)
    }

    fn tail(&self) -> &AtomicU32 {
        let offset = offset_of!(sys::sleeptimer_ring_consumer, tail);
        self.consumer.u32(offset)
    }

    /// Record number `number`. Its words may be of several records, if somebody else takes events.
    fn record(&self, number: u32) -> Event {
        let place = (number & (self.capacity - 1)) as usize * Event::SIZE;
        let mut bytes = [0; Event::SIZE];
        for (word, chunk) in (0..WORDS).zip(bytes.chunks_exact_mut(size_of::<u64>())) {
            let value = self.records.u64(place + word * size_of::<u64>());
            chunk.copy_from_slice(&value.load(Relaxed).to_ne_bytes());
        }
        Event::from_bytes(&bytes)
    }
}

fn page_size() -> nix::Result<usize> {
    let size = sysconf(SysconfVar::PAGE_SIZE)?.ok_or(Errno::EINVAL)?;
    usize::try_from(size).map_err(|_| Errno::EINVAL)
}

/// A part of the ring, as long as it lives.
///
/// # Invariants
///
/// `address` is that of a mapping of `size` bytes, which is readable. It is only used for atomic
/// operations, and for writing only where it is writable.
#[derive(Debug)]
struct Mapping {
    address: NonNull<u8>,
    size: usize,
}

// SAFETY: A mapping is the process's, not the thread's, and is only used for atomic operations.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(
        map: BorrowedFd<'_>,
        offset: usize,
        size: usize,
        protection: ProtFlags,
    ) -> nix::Result<Self> {
        let length = NonZeroUsize::new(size).ok_or(Errno::EINVAL)?;
        let offset = offset.try_into().map_err(|_| Errno::EINVAL)?;
        // SAFETY: The kernel chooses a place where nothing is mapped.
        let address = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, map, offset) }?;
        // INVARIANT: The mapping is as large as was asked for.
        Ok(Self {
            address: address.cast(),
            size,
        })
    }

    fn u32(&self, offset: usize) -> &AtomicU32 {
        let word = self.word::<AtomicU32>(offset);
        // SAFETY: The word is in the mapping and aligned. The mapping lives as long as `self`, and by
        // the invariants nobody here accesses it otherwise; what others write is atomic, too, or is
        // another process's.
        unsafe { word.as_ref() }
    }

    fn u64(&self, offset: usize) -> &AtomicU64 {
        let word = self.word::<AtomicU64>(offset);
        // SAFETY: As above.
        unsafe { word.as_ref() }
    }

    /// A word of the mapping.
    fn word<T>(&self, offset: usize) -> NonNull<T> {
        assert!(offset % align_of::<T>() == 0 && offset + size_of::<T>() <= self.size);
        // SAFETY: The word is in the mapping, as was just checked.
        unsafe { self.address.add(offset) }.cast()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: The mapping is ours, and by the type's invariants nobody uses it any more.
        let _ = unsafe { munmap(self.address.cast(), self.size) };
    }
}
