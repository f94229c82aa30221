// SPDX-License-Identifier: GPL-2.0

//! What each user has taken: maps and timers, counted by who opened the device.
//!
//! A map is charged for the timers that it may have, not for those that it has: so a start and an
//! init never fail for another map of the same user, and cost nothing.
//!
//! Lock order: `Users::accounts` (a mutex) is taken with no other lock of ours held.

use crate::{failure::Failure, limits::Limits};
use kernel::{
    bindings,
    ffi::c_int,
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{
        atomic::{Atomic, Relaxed},
        Mutex,
    },
    task::Kuid,
};

/// How much of everything.
#[derive(Clone, Copy, Default)]
struct Usage {
    timers: u32,
    maps: u32,
}

impl Usage {
    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            timers: self.timers.checked_add(other.timers)?,
            maps: self.maps.checked_add(other.maps)?,
        })
    }

    /// What is left when `other` is given back, which is a part of this.
    fn minus(self, other: Self) -> Self {
        Self {
            timers: self.timers.saturating_sub(other.timers),
            maps: self.maps.saturating_sub(other.maps),
        }
    }

    fn is_within(self, limits: &Limits) -> bool {
        self.timers <= limits.user_timers && self.maps <= limits.user_maps
    }
}

/// The users that have maps.
///
/// # Invariants
///
/// A user's account is the sum of the [`Charge`]s of that user, and there is none without a charge.
/// `timers` is the sum of the timers of all charges.
#[pin_data]
pub(crate) struct Users {
    #[pin]
    accounts: Mutex<RBTree<u32, Usage>>,
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
        let usage = Usage { timers, maps: 1 };
        let mut accounts = self.accounts.lock();
        let old = accounts.get(&user).copied().unwrap_or_default();
        let new = old.plus(usage).ok_or(Failure::OverQuota)?;
        if !new.is_within(limits) && !may_exceed_limits() {
            return Err(Failure::OverQuota);
        }
        match accounts.get_mut(&user) {
            Some(account) => *account = new,
            None => {
                accounts
                    .try_create_and_insert(user, new, GFP_KERNEL_ACCOUNT)
                    .map_err(|_| Failure::NoMemory)?;
            }
        }
        self.timers.fetch_add(usage.timers.into(), Relaxed);
        // INVARIANT: The account counts this charge now.
        Ok(Charge {
            users: self,
            user,
            usage,
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
}

impl Charge {
    /// The user that is charged, as the initial user namespace numbers it.
    pub(crate) fn user(&self) -> u32 {
        self.user
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
        *account = account.minus(self.usage);
        if account.maps == 0 {
            accounts.remove(&self.user);
        }
    }
}
