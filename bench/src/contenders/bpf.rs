// SPDX-License-Identifier: GPL-2.0
//! `bpf_timer` and `bpf_wq`: fields of a map's elements, worked on by programs in BPF (`bench/bpf`), which
//! user space runs with a batch in memory that both have mapped. What expires, it reads from a ring.

use crate::{
    ok,
    slots::{Armed, Slot, Slots},
    stopwatch::now_ns,
    Outcome,
};
use libbpf_rs::{MapCore, Object, ObjectBuilder, ProgramInput, RingBuffer, RingBufferBuilder};
use nix::errno::Errno;
use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    ptr::{null_mut, NonNull},
    time::Duration,
};

/// Entries of a batch, as `bench/bpf/batch.h` has it.
const BATCH: usize = 128;

/// What an event takes in the ring, in bytes.
const EVENT: u32 = 16;

/// The least size of a ring: a page.
const RING: u32 = 4096;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `bpf_timer` in an array, which has all elements always.
    TimerArray,
    /// `bpf_timer` in a hash table, where elements come and go.
    TimerHash,
    /// `bpf_wq` in an array.
    WqArray,
}

impl Kind {
    /// Its programs and maps.
    fn object(self) -> &'static [u8] {
        match self {
            Self::TimerArray => include_bytes!(concat!(env!("OUT_DIR"), "/timer_array.o")),
            Self::TimerHash => include_bytes!(concat!(env!("OUT_DIR"), "/timer_hash.o")),
            Self::WqArray => include_bytes!(concat!(env!("OUT_DIR"), "/wq.o")),
        }
    }
}

/// Elements of one map.
pub struct Bpf {
    kind: Kind,
    open: Option<Open>,
    /// How many have expired that nobody has taken.
    expired: u64,
}

/// What is loaded.
struct Open {
    ring: RingBuffer<'static>,
    batch: Batch,
    object: Object,
}

impl Open {
    fn new(kind: Kind, slots: u32) -> Outcome<Self> {
        let mut object = ok!(ObjectBuilder::default().open_memory(kind.object()));
        for mut map in object.maps_mut() {
            let entries = match map.name().to_str() {
                Some("elements") => slots,
                Some("events") => (slots * EVENT).next_power_of_two().max(RING),
                _ => continue,
            };
            ok!(map.set_max_entries(entries));
        }
        let object = ok!(object.load());
        let (mut ring, mut batch) = (None, None);
        for map in object.maps() {
            match map.name().to_str() {
                Some("events") => {
                    let mut rings = RingBufferBuilder::new();
                    ok!(rings.add(&map, |_| 0));
                    ring = Some(ok!(rings.build()));
                }
                Some(".data.batch") => {
                    if map.value_size() as usize != size_of::<RawBatch>() {
                        return Err(format!("a batch has {} bytes", map.value_size()));
                    }
                    batch = Some(Batch::map(map.as_fd())?);
                }
                _ => {}
            }
        }
        Ok(Self {
            ring: ring.ok_or("there is no ring")?,
            batch: batch.ok_or("there is no batch")?,
            object,
        })
    }

    /// Runs a program. It returns 0, or an error.
    fn call(&self, name: &str) -> Outcome {
        let mut programs = self.object.progs_mut();
        let program = programs
            .find(|program| program.name() == name)
            .ok_or_else(|| format!("there is no {name}"))?;
        match ok!(program.test_run(ProgramInput::default())).return_value as i32 {
            0 => Ok(()),
            error => Err(format!("{name}: {}", Errno::from_raw(-error))),
        }
    }
}

impl Bpf {
    /// Room for so many, and for an event of each.
    pub fn new(kind: Kind, slots: u32) -> Outcome<Self> {
        Ok(Self {
            kind,
            open: Some(Open::new(kind, slots)?),
            expired: 0,
        })
    }

    fn open(&mut self) -> Outcome<&mut Open> {
        self.open.as_mut().ok_or_else(|| "it is closed".to_owned())
    }

    /// Runs a program with a batch of these.
    fn run(&mut self, name: &str, entries: impl Iterator<Item = Armed>) -> Outcome {
        let open = self.open()?;
        let mut count = 0;
        for armed in entries {
            open.batch.set_entry(count, armed)?;
            count += 1;
        }
        open.batch.set_count(count as u32);
        open.call(name)
    }
}

/// Slots that take no time.
fn timeless(slots: &[Slot]) -> impl Iterator<Item = Armed> + '_ {
    slots.iter().map(|&slot| (slot, 0))
}

impl Slots for Bpf {
    fn name(&self) -> String {
        match self.kind {
            Kind::TimerArray => "bpf_timer, array",
            Kind::TimerHash => "bpf_timer, hash",
            Kind::WqArray => "bpf_wq, array",
        }
        .to_owned()
    }

    fn create(&mut self, slots: &[Slot]) -> Outcome {
        self.run("create", timeless(slots))
    }

    fn create_armed(&mut self, armed: &[Armed]) -> Outcome {
        self.run("create_armed", armed.iter().copied())
    }

    fn arm(&mut self, armed: &[Armed]) -> Outcome {
        self.run("arm", armed.iter().copied())
    }

    fn arm_in(&mut self, slots: &[Slot], delay: u64) -> Outcome {
        self.run("arm_in", slots.iter().map(|&slot| (slot, delay)))
    }

    fn start(&mut self, count: u32) -> Outcome {
        let open = self.open()?;
        open.batch.set_count(count);
        open.call("start")
    }

    fn cancel(&mut self, slots: &[Slot]) -> Outcome {
        self.run("cancel", timeless(slots))?;
        self.open()?.batch.set_period(0, 0);
        Ok(())
    }

    fn destroy(&mut self, slots: &[Slot]) -> Outcome {
        self.run("destroy", timeless(slots))
    }

    fn close(&mut self) -> Outcome {
        self.open = None;
        Ok(())
    }

    fn take(&mut self, expirations: u64) -> Outcome {
        while self.expired < expirations {
            let events = self.open()?.ring.poll_raw(Duration::MAX);
            // A ring of io_uring that is torn down, of another contender, interrupts calls.
            if events != -libc::EINTR {
                self.expired +=
                    u64::try_from(events).map_err(|_| Errno::from_raw(-events).desc())?;
            }
        }
        self.expired -= expirations;
        Ok(())
    }

    fn arm_periodic(&mut self, slot: Slot, period: u64) -> Outcome<bool> {
        if self.kind == Kind::WqArray {
            return Ok(false);
        }
        let first = now_ns() + period;
        self.open()?.batch.set_period(period, first);
        self.arm(&[(slot, first)])?;
        Ok(true)
    }
}

/// As in `bench/bpf/batch.h`.
#[repr(C)]
struct RawEntry {
    time: u64,
    slot: u32,
    _unused: u32,
}

/// As in `bench/bpf/batch.h`.
#[repr(C)]
struct RawBatch {
    count: u32,
    _unused: u32,
    period: u64,
    next: u64,
    entries: [RawEntry; BATCH],
}

/// The batch that the programs read, mapped.
///
/// # Invariants
///
/// It is mapped until the value is dropped. Programs may write to it at any time, so that it is reached by
/// volatile accesses only.
struct Batch(NonNull<RawBatch>);

impl Batch {
    /// Maps it: the only element of this map, which is large enough.
    fn map(map: BorrowedFd<'_>) -> Outcome<Self> {
        // SAFETY: This maps new pages, wherever there is room.
        let pages = unsafe {
            libc::mmap(
                null_mut(),
                size_of::<RawBatch>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        if pages == libc::MAP_FAILED {
            return Err(format!("mmap: {}", Errno::last()));
        }
        NonNull::new(pages.cast())
            .map(Self)
            .ok_or_else(|| "mmap returned null".to_owned())
    }

    fn set_entry(&mut self, number: usize, (slot, time): Armed) -> Outcome {
        if number >= BATCH {
            return Err(format!("more than {BATCH} in a batch"));
        }
        let entry = RawEntry {
            time,
            slot,
            _unused: 0,
        };
        // SAFETY: There is such an entry, and by the type's invariant it is mapped.
        unsafe {
            (&raw mut (*self.0.as_ptr()).entries)
                .cast::<RawEntry>()
                .add(number)
                .write_volatile(entry);
        }
        Ok(())
    }

    fn set_count(&mut self, count: u32) {
        // SAFETY: By the type's invariant it is mapped.
        unsafe { (&raw mut (*self.0.as_ptr()).count).write_volatile(count) }
    }

    /// Has each that expires be armed anew, so long after the time before; 0 for nothing of the sort.
    fn set_period(&mut self, period: u64, next: u64) {
        // SAFETY: By the type's invariant it is mapped.
        unsafe { (&raw mut (*self.0.as_ptr()).next).write_volatile(next) };
        // SAFETY: As above.
        unsafe { (&raw mut (*self.0.as_ptr()).period).write_volatile(period) };
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant it is mapped, and it is not used any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<RawBatch>()) };
    }
}

/// Debian's static libelf lacks this function. It sets up a tree, in zeroed memory, that stays empty: only
/// `elf_getdata_rawchunk` fills it, which libbpf does not call.
#[no_mangle]
extern "C" fn eu_search_tree_init(_tree: *mut libc::c_void, _compare: *const libc::c_void) {}

/// As above: frees what is in the tree.
#[no_mangle]
extern "C" fn eu_search_tree_fini(_tree: *mut libc::c_void, _free: *const libc::c_void) {}
