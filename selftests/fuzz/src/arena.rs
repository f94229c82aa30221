// SPDX-License-Identifier: GPL-2.0
//! What the calls of an input share: maps, names in them that may be stale, files, mappings.

use crate::{files::Files, mappings::Mapping, record::MAPS, values::pick};
use sleeptimer::Kind;
use sleeptimer_selftests::{raw, KINDS};
use std::{
    os::fd::OwnedFd,
    sync::{
        atomic::{AtomicU32, AtomicU64, Ordering},
        Arc, Mutex, MutexGuard, PoisonError,
    },
};

/// How many names of timers are kept, and of programs. Few, so that calls meet.
const TIMERS: usize = 4;
const PROGRAMS: usize = 4;

/// A name of a timer that was told, and what the timer was.
#[derive(Default)]
struct Name {
    handle: AtomicU64,
    kind: AtomicU32,
}

/// What the calls of an input share.
#[derive(Default)]
pub struct Arena {
    maps: [Mutex<Option<Arc<OwnedFd>>>; MAPS],
    timers: [Name; TIMERS],
    programs: [AtomicU32; PROGRAMS],
    mappings: Mutex<Vec<Mapping>>,
    /// The files of steps.
    pub files: Files,
}

/// A lock is as good after a panic: whatever the values are, the calls may be made.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Arena {
    /// An arena whose first map is open.
    pub fn new() -> Result<Self, String> {
        let arena = Self::default();
        arena.set_map(0, Some(raw::device()?));
        Ok(arena)
    }

    /// A map, if it is open.
    pub fn map(&self, number: usize) -> Option<Arc<OwnedFd>> {
        lock(&self.maps[number]).clone()
    }

    /// Puts a map into this place; the one that was there is closed.
    pub fn set_map(&self, number: usize, map: Option<OwnedFd>) {
        let old = std::mem::replace(&mut *lock(&self.maps[number]), map.map(Arc::new));
        drop(old);
    }

    /// The handle and the kind that a byte stands for: a few are of no timer.
    pub fn timer(&self, byte: u8) -> (u64, Kind) {
        let name = &self.timers[usize::from(byte) % TIMERS];
        let handle = name.handle.load(Ordering::Relaxed);
        let kind = pick(&KINDS, name.kind.load(Ordering::Relaxed) as u8);
        let handle = match byte {
            240..=243 => handle ^ (1 << 32),
            244..=247 => handle.wrapping_add(1),
            248..=251 => 0,
            252..=255 => u64::MAX,
            _ => handle,
        };
        (handle, kind)
    }

    /// Keeps the name of a timer, where the same byte finds it.
    pub fn set_timer(&self, byte: u8, handle: u64, kind: Kind) {
        let name = &self.timers[usize::from(byte) % TIMERS];
        let number = KINDS.iter().position(|&one| one == kind);
        name.handle.store(handle, Ordering::Relaxed);
        name.kind
            .store(number.unwrap_or_default() as u32, Ordering::Relaxed);
    }

    /// The program that a byte stands for: a few are none.
    pub fn program(&self, byte: u8) -> u32 {
        match byte {
            248..=251 => 0,
            252..=255 => u32::MAX,
            _ => self.programs[usize::from(byte) % PROGRAMS].load(Ordering::Relaxed),
        }
    }

    /// Keeps the name of a program, where the same byte finds it.
    pub fn set_program(&self, byte: u8, program: u32) {
        self.programs[usize::from(byte) % PROGRAMS].store(program, Ordering::Relaxed);
    }

    /// The mappings. Who puts something into one holds them, so that it stays there.
    pub fn mappings(&self) -> MutexGuard<'_, Vec<Mapping>> {
        lock(&self.mappings)
    }
}
