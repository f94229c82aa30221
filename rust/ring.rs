// SPDX-License-Identifier: GPL-2.0

//! The ring of events: memory that user space may map, and consume without system calls.
//!
//! | page     | what                     | mapped by user space |
//! |----------|--------------------------|----------------------|
//! | 0        | `sleeptimer_ring_consumer` | may be written     |
//! | 1        | `sleeptimer_ring_producer` | read only          |
//! | 2 and on | the records              | read only            |
//!
//! Nothing here trusts what user space may write: its tail says how many records it has not taken,
//! and if that makes no sense, the ring is full. Numbers of records count modulo 2^32.

use crate::{failure::Failure, large::LargePages, uapi};
use core::{mem::offset_of, ptr::NonNull};
use kernel::{
    alloc::allocator::VmallocPageIter,
    mm::virt::{flags, VmaNew},
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{Acquire, Atomic, Relaxed, Release},
};

/// Where the consumer's page, the producer's and the records are, in bytes.
const CONSUMER: usize = 0;
const PRODUCER: usize = PAGE_SIZE;
const RECORDS: usize = 2 * PAGE_SIZE;

/// How far the consumer is.
pub(crate) struct Tail {
    /// What user space has written.
    word: u32,
    /// The number of the oldest record that was not taken.
    pub(crate) number: u32,
}

/// See the [module documentation](self).
///
/// # Invariants
///
/// `memory` has at least `size` bytes, which are the pages of the table above, with `capacity`
/// records. `capacity` is a power of two. There are no references to what is in there but atomic
/// ones to the words of pages 0 and 1.
pub(crate) struct Ring {
    memory: LargePages<u64>,
    size: usize,
    capacity: u32,
}

// SAFETY: The words that several threads use at once are atomic; records are written by whoever
// has the lock of the events, and read as bytes that may be anything.
unsafe impl Sync for Ring {}

impl Ring {
    /// Makes a ring for at least `records` records, at most 2^31. May sleep.
    pub(crate) fn new(records: u32) -> Result<Self, Failure> {
        let capacity = records
            .checked_next_power_of_two()
            .ok_or(Failure::BadArgument)?;
        let size = (capacity as usize)
            .checked_mul(size_of::<uapi::Event>())
            .and_then(|bytes| bytes.checked_add(RECORDS))
            .and_then(|bytes| bytes.checked_next_multiple_of(PAGE_SIZE))
            .ok_or(Failure::BadArgument)?;
        let memory = LargePages::with_capacity(size / size_of::<u64>(), GFP_KERNEL_ACCOUNT)?;
        // INVARIANT: The memory is as large as that, and zeroed.
        let ring = Self {
            memory,
            size,
            capacity,
        };
        let (capacity_at, size_at) = (
            offset_of!(uapi::RingProducer, capacity),
            offset_of!(uapi::RingProducer, event_size),
        );
        ring.producer(capacity_at).store(capacity, Relaxed);
        let event_size = size_of::<uapi::Event>() as u32;
        ring.producer(size_at).store(event_size, Relaxed);
        Ok(ring)
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The address of what is at an offset, which is below `size`.
    fn address(&self, offset: usize) -> *mut u8 {
        self.memory
            .as_ptr()
            .cast_mut()
            .cast::<u8>()
            .wrapping_add(offset)
    }

    /// A word of the producer's page.
    fn producer(&self, offset: usize) -> &Atomic<u32> {
        // SAFETY: By the type invariants, this is an aligned word of the ring, which is accessed
        // like this only.
        unsafe { Atomic::from_ptr(self.address(PRODUCER.wrapping_add(offset)).cast()) }
    }

    fn consumer_tail(&self) -> &Atomic<u32> {
        let offset = CONSUMER.wrapping_add(offset_of!(uapi::RingConsumer, tail));
        // SAFETY: By the type invariants, this is an aligned word of the ring, which the kernel
        // accesses like this only. User space may write to it at any time.
        unsafe { Atomic::from_ptr(self.address(offset).cast()) }
    }

    /// How far the consumer is, of the records before `head`.
    pub(crate) fn tail(&self, head: u32) -> Tail {
        // Acquire: the records before it were read. Pairs with the consumer's store.
        let word = self.consumer_tail().load(Acquire);
        let number = if head.wrapping_sub(word) <= self.capacity {
            word
        } else {
            head.wrapping_sub(self.capacity)
        };
        Tail { word, number }
    }

    /// Takes so many records from the tail on, as user space would; unless user space has moved the
    /// tail since that was read, which stays so.
    pub(crate) fn take(&self, tail: &Tail, records: u32) {
        let after = tail.number.wrapping_add(records);
        // Release: the records before it were read. Pairs with `tail`.
        let _ = self.consumer_tail().cmpxchg(tail.word, after, Release);
    }

    /// Tells user space that the records before number `head` are there.
    pub(crate) fn publish(&self, head: u32) {
        let head_at = offset_of!(uapi::RingProducer, head);
        // Release: the records before it were written. Pairs with the consumer's load.
        self.producer(head_at).store(head, Release);
    }

    /// Tells user space whether expirations have found the ring full.
    pub(crate) fn set_backlog(&self, is_there: bool) {
        let flags_at = offset_of!(uapi::RingProducer, flags);
        let flags = if is_there { uapi::RING_BACKLOG } else { 0 };
        self.producer(flags_at).store(flags, Relaxed);
    }

    fn record(&self, number: u32) -> *mut uapi::Event {
        let place = number & self.capacity.wrapping_sub(1);
        let offset = (place as usize).wrapping_mul(size_of::<uapi::Event>());
        self.address(RECORDS.wrapping_add(offset)).cast()
    }

    /// Writes record `number`, which was taken. Under the lock of the events.
    pub(crate) fn write(&self, number: u32, event: uapi::Event) {
        // SAFETY: By the type invariants, this is an aligned record of the ring.
        unsafe { self.record(number).write_volatile(event) };
    }

    /// Reads record `number`.
    pub(crate) fn read(&self, number: u32) -> uapi::Event {
        // SAFETY: By the type invariants, this is an aligned record of the ring, of integers.
        unsafe { self.record(number).read_volatile() }
    }

    /// Maps pages of the ring from number `first` on, of which user space may write the first only.
    pub(crate) fn map(&self, vma: &VmaNew, first: usize) -> Result<(), Failure> {
        let length = vma.end().wrapping_sub(vma.start());
        let offset = first.checked_mul(PAGE_SIZE).ok_or(Failure::BadArgument)?;
        let end = offset.checked_add(length).ok_or(Failure::BadArgument)?;
        if end > self.size || vma.flags() & flags::SHARED == 0 {
            return Err(Failure::BadArgument);
        }
        if end > PRODUCER {
            vma.try_clear_maywrite().map_err(|_| Failure::ReadOnly)?;
        }
        vma.try_clear_mayexec().map_err(|_| Failure::ReadOnly)?;
        vma.set_dontcopy();
        vma.set_dontexpand();
        let pages = NonNull::new(self.address(offset)).ok_or(Failure::BadArgument)?;
        // SAFETY: By the type invariants and the check above, that many bytes follow, up to the end
        // of the ring, which begins at a page.
        let pages = unsafe { VmallocPageIter::new(pages, length) };
        let mixed = vma.set_mixedmap();
        let addresses = (vma.start()..vma.end()).step_by(PAGE_SIZE);
        for (address, page) in addresses.zip(pages) {
            mixed
                .vm_insert_page(address, &page)
                .map_err(|_| Failure::NoMemory)?;
        }
        Ok(())
    }
}
