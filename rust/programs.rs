// SPDX-License-Identifier: GPL-2.0

//! The programs of a map, counted: by their name, by each timer they are bound to, and by each
//! worker that runs them.
//!
//! A program whose last reference goes is freed after a grace period, and its number is given away
//! again only then: whoever has read a number from a timer under RCU finds the program that the
//! timer was bound to, or none.

use crate::{
    context::{Process, RcuRead},
    failure::Failure,
    numbers::Usage,
    places::{Name, Places},
    program::Program,
};
use core::{
    ops::Deref,
    ptr::{null_mut, NonNull},
};
use kernel::{
    bindings, container_of,
    prelude::*,
    sync::atomic::{Acquire, Atomic, Full, Relaxed, Release},
    types::Opaque,
};

/// A program, and who uses it.
struct Counted {
    program: Program,
    references: Atomic<u32>,
    /// Whether user space can still name it; the name has a reference.
    named: Atomic<bool>,
    index: u32,
    programs: *const Programs,
    rcu: Opaque<bindings::callback_head>,
}

/// A place for a program. Null: free.
type Slot = crate::places::Slot<Atomic<*mut Counted>>;

/// The programs of a map.
///
/// # Invariants
///
/// A slot's program is null, or valid; and it stays valid for an RCU grace period after it was made
/// null.
#[pin_data]
pub(crate) struct Programs {
    #[pin]
    places: Places<Atomic<*mut Counted>>,
}

/// What user space calls a program: 12 bits of index, 20 bits of generation.
const INDEX_BITS: u32 = 12;

impl From<u32> for Name {
    fn from(raw: u32) -> Self {
        Self {
            index: raw & ((1 << INDEX_BITS) - 1),
            generation: raw >> INDEX_BITS,
        }
    }
}

impl From<Name> for u32 {
    fn from(name: Name) -> Self {
        name.generation << INDEX_BITS | name.index
    }
}

impl Counted {
    /// Takes a reference, unless the last one has gone.
    fn get(&self) -> bool {
        let mut old = self.references.load(Relaxed);
        loop {
            let Some(new) = old.checked_add(1).filter(|_| old != 0) else {
                return false;
            };
            match self.references.cmpxchg(old, new, Full) {
                Ok(_) => return true,
                Err(current) => old = current,
            }
        }
    }
}

impl Programs {
    pub(crate) fn new(max: u32) -> Result<impl PinInit<Self>, Failure> {
        let last_generation = u32::MAX >> INDEX_BITS;
        let places = Places::new(max, last_generation, || Atomic::new(null_mut()))?;
        Ok(pin_init!(Self { places <- places }))
    }

    /// How many programs there are, and how many there may be.
    pub(crate) fn usage(&self) -> Usage {
        self.places.usage()
    }

    /// Adds a program, if `announce` succeeds in telling its number.
    pub(crate) fn create(
        &self,
        program: Program,
        process: &Process<'_>,
        announce: impl FnOnce(u32) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let counted = KBox::new_uninit(GFP_KERNEL_ACCOUNT)?;
        let (index, slot) = self.places.take(process)?;
        let generation = slot.generation();
        if let Err(failure) = announce(Name { index, generation }.into()) {
            self.places.untake(index);
            return Err(failure);
        }
        let counted = KBox::into_raw(counted.write(Counted {
            program,
            references: Atomic::new(1),
            named: Atomic::new(true),
            index,
            programs: self,
            rcu: Opaque::uninit(),
        }));
        // Release: whoever finds the program sees it whole. Pairs with `find`.
        slot.value.store(counted, Release);
        Ok(())
    }

    fn slot(&self, index: u32) -> Option<&Slot> {
        self.places.get(index)
    }

    fn find<'r>(&self, index: u32, _: &'r RcuRead) -> Option<&'r Counted> {
        let program = self.slot(index)?.value.load(Acquire);
        // SAFETY: By the type invariants, the program is valid while the token lives.
        NonNull::new(program).map(|program| unsafe { program.as_ref() })
    }

    /// The program that user space calls `number`.
    fn find_named<'r>(&self, number: u32, rcu: &'r RcuRead) -> Result<&'r Counted, Failure> {
        let name = Name::from(number);
        let counted = self.find(name.index, rcu).ok_or(Failure::NoSuchProgram)?;
        let slot = self.slot(name.index);
        // The generation is read after the program, so that of one that came later is not taken
        // for the one that the number means.
        let is_same = slot.is_some_and(|slot| slot.generation() == name.generation);
        if is_same && counted.named.load(Relaxed) {
            Ok(counted)
        } else {
            Err(Failure::NoSuchProgram)
        }
    }

    /// Takes a reference to the program that user space calls `number`, for a timer to be bound to
    /// it if `suits` agrees, and returns its index. Any context.
    pub(crate) fn get_named(
        &self,
        number: u32,
        rcu: &RcuRead,
        suits: impl FnOnce(&Program) -> Result<(), Failure>,
    ) -> Result<u32, Failure> {
        let counted = self.find_named(number, rcu)?;
        suits(&counted.program)?;
        if counted.get() {
            Ok(counted.index)
        } else {
            Err(Failure::NoSuchProgram)
        }
    }

    /// Looks at the program that user space calls `number`. Any context.
    pub(crate) fn look_at<R>(
        &self,
        number: u32,
        rcu: &RcuRead,
        look: impl FnOnce(&Program) -> R,
    ) -> Result<R, Failure> {
        Ok(look(&self.find_named(number, rcu)?.program))
    }

    /// Takes the name of a program away; it is freed when nothing uses it any more. Any context.
    pub(crate) fn destroy(&self, number: u32, rcu: &RcuRead) -> Result<(), Failure> {
        let counted = self.find_named(number, rcu)?;
        if !counted.named.xchg(false, Full) {
            return Err(Failure::NoSuchProgram);
        }
        self.put(counted.index);
        Ok(())
    }

    /// Drops a reference to program `index`, which the caller has. Any context.
    pub(crate) fn put(&self, index: u32) {
        let Some(slot) = self.slot(index) else {
            return;
        };
        let program = slot.value.load(Acquire);
        // SAFETY: The caller's reference keeps the program valid.
        let Some(counted) = (unsafe { program.as_ref() }) else {
            return;
        };
        if counted.references.fetch_sub(1, Full) == 1 {
            self.places.note_ending();
            // Whoever finds the program from here on would find it too late for the grace period.
            slot.value.store(null_mut(), Relaxed);
            // SAFETY: The last reference has gone, so nobody else comes here, and the program is
            // freed by the callback only.
            unsafe { bindings::call_rcu(counted.rcu.get(), Some(after_grace_period)) };
        }
    }

    /// Program `index`, for softirq to run it, where RCU alone keeps it.
    pub(crate) fn look<'r>(&self, index: u32, rcu: &'r RcuRead) -> Option<&'r Program> {
        self.find(index, rcu).map(|counted| &counted.program)
    }

    /// Takes a reference to program `index`, for a worker to run it.
    pub(crate) fn get(&self, index: u32, rcu: &RcuRead) -> Option<ProgramRef<'_>> {
        let counted = self.find(index, rcu)?;
        // INVARIANT: The reference was just taken.
        counted.get().then(|| ProgramRef {
            counted: NonNull::from(counted),
            programs: self,
        })
    }

    /// Frees all programs, and waits until that has happened. No timer is left.
    pub(crate) fn close(&self, process: &Process<'_>) {
        for (index, slot) in self.places.ever_taken() {
            let program = slot.value.load(Acquire);
            // SAFETY: A program that has its name has a reference, so it is valid.
            if unsafe { program.as_ref() }.is_some_and(|counted| counted.named.xchg(false, Full)) {
                slot.value.store(null_mut(), Relaxed);
                self.places.note_ending();
                // SAFETY: The name has had the last reference, as no timer is left. Nobody else
                // looks at programs any more, so this needs no grace period.
                drop(unsafe { KBox::from_raw(program) });
                self.places.give_back(index);
            }
        }
        self.places.wait_empty(process);
    }
}

/// # Safety
///
/// Called by RCU with the `rcu` of a program that has no reference.
unsafe extern "C" fn after_grace_period(head: *mut bindings::callback_head) {
    let head = head.cast::<Opaque<bindings::callback_head>>();
    // SAFETY: By the safety requirements: it came from a box, and nobody uses it any more.
    let counted = unsafe { KBox::from_raw(container_of!(head, Counted, rcu)) };
    // SAFETY: The programs of a map stay until all their places are free.
    let programs = unsafe { &*counted.programs };
    let index = counted.index;
    drop(counted);
    // This comes last: the map may be gone once its last place is free.
    programs.places.give_back(index);
}

/// A counted reference to a program.
///
/// # Invariants
///
/// `counted` is valid and of `programs`, and one of its references is this one.
pub(crate) struct ProgramRef<'a> {
    counted: NonNull<Counted>,
    programs: &'a Programs,
}

impl Deref for ProgramRef<'_> {
    type Target = Program;

    fn deref(&self) -> &Program {
        // SAFETY: By the type invariants, the program is valid.
        unsafe { &self.counted.as_ref().program }
    }
}

impl Drop for ProgramRef<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the program is valid.
        let index = unsafe { self.counted.as_ref().index };
        self.programs.put(index);
    }
}

// SAFETY: Programs do not change, and what does is atomic.
unsafe impl Send for Programs {}
// SAFETY: As above.
unsafe impl Sync for Programs {}
