// SPDX-License-Identifier: GPL-2.0

//! What the ring of events had no room for: how many expirations, per timer, and of which timers.
//!
//! A count is exact up to 2^48 - 1, which are ninety years of the shortest period: its lower half is
//! the word of the timer's slot in the table, its upper half is here. Timers that have a count are
//! marked in a bitmap, and get their turn in the order of their slots, round and round.

#![deny(unsafe_code)]

use crate::{failure::Failure, large::LargeVec, table::Table};
use kernel::{alloc::flags::__GFP_NOWARN, bitmap::BitmapVec, prelude::*, sync::atomic::Relaxed};

/// The largest count.
const MAX_COUNT: u64 = (1 << 48) - 1;

/// See the [module documentation](self). Whoever has it has the lock of the events.
pub(crate) struct Backlog {
    /// The upper halves of the counts.
    upper: LargeVec<u16>,
    /// Timers whose count is not 0.
    marks: BitmapVec,
    /// How many are marked.
    marked: u32,
    /// Whose turn it is, or the next one's that is marked.
    turn: usize,
}

impl Backlog {
    pub(crate) fn new(max_timers: u32) -> Result<Self, Failure> {
        let max_timers = max_timers as usize;
        Ok(Self {
            upper: LargeVec::from_elem(0, max_timers, GFP_KERNEL_ACCOUNT)?,
            // The kernel logs a failure to allocate that much in one piece, unless told not to.
            marks: BitmapVec::new(max_timers, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?,
            marked: 0,
            turn: 0,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.marked == 0
    }

    /// The count of the timer in slot `index`.
    pub(crate) fn count(&self, table: &Table, index: u32) -> u64 {
        let lower = table.word(index).map_or(0, |word| word.load(Relaxed));
        let upper = self.upper.get(index as usize).copied().unwrap_or(0);
        u64::from(upper) << 32 | u64::from(lower)
    }

    fn set_count(&mut self, table: &Table, index: u32, count: u64) {
        if let Some(word) = table.word(index) {
            word.store(count as u32, Relaxed);
        }
        if let Some(upper) = self.upper.get_mut(index as usize) {
            *upper = (count >> 32) as u16;
        }
    }

    /// Adds so many expirations, at least one, to the count of a timer.
    pub(crate) fn add(&mut self, table: &Table, index: u32, expirations: u64) {
        let count = self.count(table, index);
        if count == 0 {
            self.marks.set_bit(index as usize);
            self.marked = self.marked.wrapping_add(1);
        }
        self.set_count(
            table,
            index,
            count.saturating_add(expirations).min(MAX_COUNT),
        );
    }

    /// Makes the count of a timer 0, and returns what it was.
    pub(crate) fn take(&mut self, table: &Table, index: u32) -> u64 {
        let count = self.count(table, index);
        if count > 0 {
            self.set_count(table, index, 0);
            self.marks.clear_bit(index as usize);
            self.marked = self.marked.wrapping_sub(1);
        }
        count
    }

    /// The timer whose turn it is.
    pub(crate) fn next(&mut self) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let marks = &self.marks;
        let index = marks.next_bit(self.turn).or_else(|| marks.next_bit(0))?;
        self.turn = index.wrapping_add(1);
        u32::try_from(index).ok()
    }
}
