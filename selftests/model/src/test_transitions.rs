// SPDX-License-Identifier: GPL-2.0

//! The flags word by itself: sequences of transitions, and the limits of its fields.

use crate::flags::{Clock, Flags, Kind, Refusal};
use proptest::prelude::*;

const KINDS: [Kind; 5] = [
    Kind::Timer,
    Kind::SleepableTimer,
    Kind::Wq,
    Kind::DelayedWq,
    Kind::HighresDelayedWq,
];
const CLOCKS: [Clock; 4] = [
    Clock::Monotonic,
    Clock::Realtime,
    Clock::Boottime,
    Clock::Tai,
];
/// The most references that a word counts.
const MAX_REFERENCES: u32 = 0xfff;

#[derive(Clone, Copy, Debug)]
enum Step {
    Bind(u32),
    Unbind,
    /// So many at once, that the limit is met.
    Get(u32),
    Put(u32),
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..Flags::MAX_PROGRAMS).prop_map(Step::Bind),
        2 => Just(Step::Unbind),
        4 => (1..3000u32).prop_map(Step::Get),
        4 => (1..3000u32).prop_map(Step::Put),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 0..40)
}

/// What a word should say.
#[derive(Clone, Copy)]
struct Model {
    kind: Kind,
    clock: Clock,
    index: u32,
    program: Option<u32>,
    references: u32,
    dying: bool,
}

impl Model {
    fn assert_is(&self, flags: Flags) {
        assert_eq!(flags.kind(), self.kind);
        assert_eq!(flags.clock(), self.clock);
        assert_eq!(flags.index(), self.index);
        assert_eq!(flags.program(), self.program);
        assert_eq!(flags.dying(), self.dying);
        assert_eq!(flags.hurry(), self.dying || self.references > 1);
        assert_eq!(flags.unreferenced(), self.references == 0);
        assert_eq!(Flags::from_bits(flags.bits()), flags);
    }

    fn bind(&mut self, program: u32) -> Result<(), Refusal> {
        if self.dying {
            return Err(Refusal::Dying);
        }
        self.program = Some(program);
        Ok(())
    }

    fn get(&mut self) -> Result<(), Refusal> {
        if self.dying {
            return Err(Refusal::Dying);
        }
        if self.references == MAX_REFERENCES {
            return Err(Refusal::TooManyWaiters);
        }
        self.references += 1;
        Ok(())
    }

    fn kill(&mut self) -> Result<(), Refusal> {
        if self.dying {
            return Err(Refusal::Dying);
        }
        self.dying = true;
        self.program = None;
        Ok(())
    }
}

/// What `old` becomes by a transition, on which the model agrees whether it takes place.
fn after(old: Flags, new: Result<Flags, Refusal>, model: Result<(), Refusal>) -> Flags {
    assert_eq!(new.map(|_| ()), model);
    new.unwrap_or(old)
}

proptest! {
    /// Whatever the sequence: what a timer is never changes, dying is final, references count, and
    /// the program is the one that was bound last.
    #[test]
    fn sequences(
        kind in 0..KINDS.len(),
        clock in 0..CLOCKS.len(),
        index in 0..Flags::MAX_TIMERS,
        steps in steps(),
    ) {
        let (kind, clock) = (KINDS[kind], CLOCKS[clock]);
        let mut flags = Flags::new(kind, clock, index);
        let mut model = Model {
            kind,
            clock,
            index,
            program: None,
            references: 1,
            dying: false,
        };
        model.assert_is(flags);
        for step in steps {
            match step {
                Step::Bind(program) => {
                    flags = after(flags, flags.bind(program), model.bind(program));
                }
                Step::Unbind => {
                    flags = flags.unbind();
                    model.program = None;
                }
                Step::Get(count) => {
                    for _ in 0..count {
                        flags = after(flags, flags.get(), model.get());
                    }
                }
                Step::Put(count) => {
                    for _ in 0..count.min(model.references) {
                        flags = flags.put();
                        model.references -= 1;
                    }
                    model.assert_is(flags);
                    if flags.unreferenced() {
                        return Ok(());
                    }
                }
                Step::Kill => flags = after(flags, flags.kill(), model.kill()),
            }
            model.assert_is(flags);
        }
    }
}

/// The count goes up to its limit, and not into the field above it.
#[test]
fn most_references() {
    let mut flags = Flags::new(Kind::Wq, Clock::Tai, 7).bind(3).unwrap();
    for _ in 1..MAX_REFERENCES {
        flags = flags.get().unwrap();
    }
    assert_eq!(flags.get(), Err(Refusal::TooManyWaiters));
    assert_eq!((flags.program(), flags.index()), (Some(3), 7));
    for _ in 0..MAX_REFERENCES {
        assert!(!flags.unreferenced());
        flags = flags.put();
    }
    assert!(flags.unreferenced());
    assert_eq!((flags.program(), flags.index()), (Some(3), 7));
}

/// The last program that a map can have is not taken for none.
#[test]
fn last_program() {
    let flags = Flags::new(Kind::Timer, Clock::Monotonic, 0);
    let last = Flags::MAX_PROGRAMS - 1;
    let bound = flags.bind(last).unwrap();
    assert_eq!((bound.program(), bound.index()), (Some(last), 0));
    assert_eq!(bound.bind(0).unwrap().program(), Some(0));
    assert_eq!(bound.unbind(), flags);
}

/// The last place of the largest table.
#[test]
fn last_index() {
    let last = Flags::MAX_TIMERS - 1;
    let flags = Flags::new(Kind::HighresDelayedWq, Clock::Tai, last);
    assert_eq!(flags.index(), last);
    assert_eq!(
        (flags.kind(), flags.clock(), flags.program()),
        (Kind::HighresDelayedWq, Clock::Tai, None)
    );
    // The reserved bits are clear.
    assert_eq!(flags.bits() & 0xffc0, 0);
}

/// What each kind is.
#[test]
fn kinds() {
    let sleepable = KINDS.map(Kind::is_sleepable);
    assert_eq!(sleepable, [false, true, true, true, true]);
    let has_hrtimer = KINDS.map(Kind::has_hrtimer);
    assert_eq!(has_hrtimer, [true, false, false, false, true]);
}
