// SPDX-License-Identifier: GPL-2.0
//! What an input has done that others may not have: how calls ended, and pairs of blocks of the module
//! that ran one after the other. Without KCOV, pairs of calls stand in for these.

use crate::{kcov::Kcov, record::Call};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many features are told apart.
pub const SIZE: usize = 1 << 15;

/// The features that a thread has seen.
#[derive(Default)]
pub struct Features {
    seen: Vec<usize>,
    last: Option<(Call, i32)>,
    is_blind: bool,
}

impl Features {
    /// Nothing yet, of a thread with KCOV or without it.
    pub fn new(is_blind: bool) -> Self {
        Self {
            is_blind,
            ..Self::default()
        }
    }

    /// Notes how a call ended.
    pub fn ended(&mut self, call: Call, result: i32) {
        let this = (call, result);
        self.add(&this);
        if self.is_blind {
            self.add(&(self.last, this));
        }
        self.last = Some(this);
    }

    /// Notes something else that was seen.
    pub fn add(&mut self, feature: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        feature.hash(&mut hasher);
        self.seen.push(hasher.finish() as usize % SIZE);
    }

    /// Notes what ran in the kernel.
    pub fn add_blocks(&mut self, kcov: &Kcov) {
        let mut last = 0;
        for block in kcov.blocks() {
            // As AFL does, so that there and back are two. Neighbours differ in the lower bits.
            let block = (block as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            self.seen.push((block ^ last) as usize % SIZE);
            last = block >> 1;
        }
    }

    /// Adds what another thread has seen.
    pub fn join(&mut self, other: Self) {
        self.seen.extend(other.seen);
    }

    /// Their numbers, below [`SIZE`].
    pub fn numbers(&self) -> &[usize] {
        &self.seen
    }
}
