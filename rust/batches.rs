// SPDX-License-Identifier: GPL-2.0

//! What waits for which step of its end: the bookkeeping of [`super::reaper`].
//!
//! This file is pure: no bindings, no kernel crate and no `unsafe`, so that a model checker can
//! include it. Whoever uses it holds a lock, and begins what these functions say has to begin.

#![deny(unsafe_code)]

/// A list of things that end.
pub(crate) trait Batch {
    fn is_empty(&self) -> bool;

    /// Takes all that is in the list.
    fn take(&mut self) -> Self;
}

/// See the [module documentation](self).
pub(crate) struct Batches<L> {
    /// What waits for the next grace period.
    pub(crate) waiting: L,
    /// What the grace period which is running is for.
    batch: L,
    /// What a worker is to end.
    pub(crate) late: L,
    /// Whether the RCU head is with RCU, or its callback runs.
    rcu_in_use: bool,
    /// Whether the work is queued or runs.
    work_in_use: bool,
}

impl<L: Batch> Batches<L> {
    /// Nothing waits; the lists are empty ones.
    pub(crate) const fn new(waiting: L, batch: L, late: L) -> Self {
        Self {
            waiting,
            batch,
            late,
            rcu_in_use: false,
            work_in_use: false,
        }
    }

    /// After something was added to `waiting`: whether a grace period has to begin for it now. If
    /// not, one is running, and [`Self::grace_period_done`] sees to it.
    #[must_use]
    pub(crate) fn begin_grace_period(&mut self) -> bool {
        if self.rcu_in_use {
            return false;
        }
        self.rcu_in_use = true;
        self.batch = self.waiting.take();
        true
    }

    /// What the grace period that is over was for.
    pub(crate) fn take_batch(&mut self) -> L {
        self.batch.take()
    }

    /// After the batch is dealt with: whether another grace period has to begin. If not, the RCU
    /// head is unused.
    #[must_use]
    pub(crate) fn grace_period_done(&mut self) -> bool {
        self.rcu_in_use = false;
        !self.waiting.is_empty() && self.begin_grace_period()
    }

    /// After something was added to `late`: whether the work has to be queued for it.
    #[must_use]
    pub(crate) fn begin_work(&mut self) -> bool {
        !core::mem::replace(&mut self.work_in_use, true)
    }

    /// What the worker is to end next; if there is nothing, the work is unused.
    pub(crate) fn take_late(&mut self) -> Option<L> {
        if self.late.is_empty() {
            self.work_in_use = false;
            None
        } else {
            Some(self.late.take())
        }
    }

    /// Whether neither the RCU head nor the work is in use.
    pub(crate) fn is_idle(&self) -> bool {
        !self.rcu_in_use && !self.work_in_use
    }
}
