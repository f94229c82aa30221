// SPDX-License-Identifier: GPL-2.0

//! The maps that there are, for those who look at all of them.
//!
//! Lock order: `Registry::maps` (a mutex), then whatever a look at a map takes: spinlocks, and the
//! mutex of the users. Maps are added and removed with no lock of ours held.

use crate::{failure::Failure, map::Map};
use core::ptr::NonNull;
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{
        atomic::{Atomic, Relaxed},
        Mutex,
    },
};

/// A map that is registered.
struct Entry(NonNull<Map>);

// SAFETY: A map may be used from any thread.
unsafe impl Send for Entry {}

/// All maps, by their number.
///
/// # Invariants
///
/// The maps in `maps` are valid while its lock is held.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    maps: Mutex<RBTree<u64, Entry>>,
    last_number: Atomic<u64>,
}

impl Registry {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            maps <- new_mutex!(RBTree::new(), "sleeptimer_maps"),
            last_number: Atomic::new(0),
        })
    }

    /// A number for a map, which no other map ever has.
    pub(crate) fn new_number(&self) -> u64 {
        self.last_number.fetch_add(1, Relaxed).wrapping_add(1)
    }

    /// Adds a map. May sleep.
    ///
    /// # Safety
    ///
    /// The map is removed before anything of it goes.
    pub(crate) unsafe fn add(&self, map: &Map) -> Result<(), Failure> {
        // INVARIANT: By the safety requirements, the map is valid until it is removed.
        self.maps
            .lock()
            .try_create_and_insert(map.number(), Entry(NonNull::from(map)), GFP_KERNEL_ACCOUNT)
            .map_err(|_| Failure::NoMemory)?;
        Ok(())
    }

    /// Removes a map, if it was added; nobody looks at it when this returns. May sleep.
    pub(crate) fn remove(&self, map: &Map) {
        self.maps.lock().remove(&map.number());
    }

    /// Calls `look` with each map, in the order of their numbers, until it fails. May sleep.
    pub(crate) fn for_each<E>(&self, mut look: impl FnMut(&Map) -> Result<(), E>) -> Result<(), E> {
        let maps = self.maps.lock();
        for entry in maps.values() {
            // SAFETY: By the type invariants, as the lock is held.
            look(unsafe { entry.0.as_ref() })?;
        }
        Ok(())
    }
}
