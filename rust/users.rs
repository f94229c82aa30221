// SPDX-License-Identifier: GPL-2.0

//! What each user has taken: maps, timers, workers and files, counted by who opened the device.
//!
//! A map is charged for the timers that it may have and the workers that may run its callbacks, not
//! for those that it has: so a start and an init never fail for another map of the same user, and
//! cost nothing. The files that programs keep are charged one by one.
//!
//! Lock order: `Users::accounts` (a mutex) is taken with no other lock of ours held.

use crate::{context::Process, failure::Failure, limits::Limits};
use kernel::{
    bindings,
    ffi::{c_int, c_uint, c_ulong},
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex,
    },
    task::Kuid,
};

// In c/helpers.c: the kernel has it as an inline function only.
extern "C" {
    fn sleeptimer_rlimit(limit: c_uint) -> c_ulong;
}

/// How much of what a map is charged for at once.
#[derive(Clone, Copy, Default)]
struct Usage {
    timers: u32,
    workers: u32,
    maps: u32,
}

impl Usage {
    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            timers: self.timers.checked_add(other.timers)?,
            workers: self.workers.checked_add(other.workers)?,
            maps: self.maps.checked_add(other.maps)?,
        })
    }

    /// What is left when `other` is given back, which is a part of this.
    fn minus(self, other: Self) -> Self {
        Self {
            timers: self.timers.saturating_sub(other.timers),
            workers: self.workers.saturating_sub(other.workers),
            maps: self.maps.saturating_sub(other.maps),
        }
    }

    fn is_within(self, limits: &Limits) -> bool {
        self.timers <= limits.user_timers
            && self.workers <= limits.user_workers
            && self.maps <= limits.user_maps
    }
}

/// What a user has taken.
struct Account {
    usage: Usage,
    /// How many files the user's programs keep.
    files: Arc<Atomic<usize>>,
}

/// The users that have maps.
///
/// # Invariants
///
/// The usage of a user's account is the sum of the [`Charge`]s of that user, its files are the number
/// of the [`FileCharge`]s, and there is no account without a charge.
/// `timers` is the sum of the timers of all charges.
#[pin_data]
pub(crate) struct Users {
    #[pin]
    accounts: Mutex<RBTree<u32, Account>>,
    timers: Atomic<u64>,
}

impl Users {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            accounts <- new_mutex!(RBTree::new(), "sleeptimer_users"),
            timers: Atomic::new(0),
        })
    }

    /// Charges a user for a map of so many timers, unless that would exceed the limits and the
    /// caller is held to them.
    pub(crate) fn charge(
        &'static self,
        limits: &Limits,
        user: Kuid,
        timers: u32,
    ) -> Result<Charge, Failure> {
        let user = user.into_raw().val;
        let usage = Usage {
            timers,
            workers: limits.map_workers,
            maps: 1,
        };
        let mut accounts = self.accounts.lock();
        let old = accounts
            .get(&user)
            .map_or(Usage::default(), |account| account.usage);
        let new = old.plus(usage).ok_or(Failure::OverQuota)?;
        if !new.is_within(limits) && !may_exceed_limits() {
            return Err(Failure::OverQuota);
        }
        let files = match accounts.get_mut(&user) {
            Some(account) => {
                account.usage = new;
                account.files.clone()
            }
            None => {
                let files = Arc::new(Atomic::new(0), GFP_KERNEL_ACCOUNT)?;
                let account = Account {
                    usage: new,
                    files: files.clone(),
                };
                accounts
                    .try_create_and_insert(user, account, GFP_KERNEL_ACCOUNT)
                    .map_err(|_| Failure::NoMemory)?;
                files
            }
        };
        self.timers.fetch_add(usage.timers.into(), Relaxed);
        // INVARIANT: The account counts this charge now.
        Ok(Charge {
            users: self,
            user,
            usage,
            files,
        })
    }

    /// How many timers all maps together may have. Any context.
    pub(crate) fn timers(&self) -> u64 {
        self.timers.load(Relaxed)
    }

    /// How many users have maps. May sleep.
    pub(crate) fn number(&self) -> u32 {
        let accounts = self.accounts.lock();
        let mut number: u32 = 0;
        accounts
            .values()
            .for_each(|_| number = number.wrapping_add(1));
        number
    }
}

/// Whether the current task is above the limits of users.
fn may_exceed_limits() -> bool {
    // SAFETY: A task calls this, in process context.
    unsafe { bindings::capable(bindings::CAP_SYS_RESOURCE as c_int) }
}

/// What a user is charged for a map, until this is dropped.
///
/// # Invariants
///
/// The account of `user` counts `usage`.
pub(crate) struct Charge {
    users: &'static Users,
    user: u32,
    usage: Usage,
    files: Arc<Atomic<usize>>,
}

impl Charge {
    /// The user that is charged, as the initial user namespace numbers it.
    pub(crate) fn user(&self) -> u32 {
        self.user
    }

    /// Charges the user for a file that a program keeps, unless the user's programs have as many as
    /// the calling task may have open, and the task is held to limits.
    pub(crate) fn file(&self, _: &Process<'_>) -> Result<FileCharge, Failure> {
        // INVARIANT: The account counts this charge from here on.
        let charge = FileCharge {
            files: self.files.clone(),
        };
        let before = self.files.fetch_add(1, Relaxed);
        // SAFETY: The current task reads its own limit, which has this number.
        let limit = unsafe { sleeptimer_rlimit(bindings::RLIMIT_NOFILE) };
        if before >= limit as usize && !may_exceed_limits() {
            return Err(Failure::TooManyFiles);
        }
        Ok(charge)
    }
}

/// What a user is charged for a file, until this is dropped, which any context may do.
///
/// # Invariants
///
/// `files` counts this.
pub(crate) struct FileCharge {
    files: Arc<Atomic<usize>>,
}

impl Drop for FileCharge {
    fn drop(&mut self) {
        self.files.fetch_sub(1, Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let mut accounts = self.users.accounts.lock();
        self.users
            .timers
            .fetch_sub(self.usage.timers.into(), Relaxed);
        let Some(account) = accounts.get_mut(&self.user) else {
            return;
        };
        account.usage = account.usage.minus(self.usage);
        if account.usage.maps == 0 {
            accounts.remove(&self.user);
        }
    }
}
