// SPDX-License-Identifier: GPL-2.0
//! What can be seen of a map of the model.

use super::{Numbers, Reference};
use crate::reference::{
    calls::{Call, Target, Wrong},
    timer::{Look, Moment},
};
use sleeptimer::{Kind, Sizes};

impl Reference {
    /// Whether the model can say what comes of a call; else it depends on who comes first.
    pub fn predicts(&self, call: &Call) -> bool {
        let mut copy = self.clone();
        copy.call(call, &Moment::NEVER);
        copy.is_predictable
    }

    pub(super) fn expect(&mut self, is_predictable: bool) {
        self.is_predictable &= is_predictable;
    }

    /// Whether the last call has had a callback run, and has not waited for it.
    pub fn is_stirred(&self) -> bool {
        self.stirred.is_some()
    }

    /// What it was set up for.
    pub fn sizes(&self) -> Option<Sizes> {
        self.sizes
    }

    /// How many records the ring holds.
    pub fn capacity(&self) -> usize {
        let events = self.sizes.map_or(0, |sizes| sizes.events);
        events.next_power_of_two() as usize
    }

    /// How many records are in it.
    pub fn nr_records(&self) -> usize {
        self.ring.len()
    }

    /// How many programs there are.
    pub fn nr_programs(&self) -> usize {
        let programs = self.programs.iter();
        programs.filter(|program| program.exists()).count()
    }

    /// What is counted.
    pub fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// The numbers of all timers that there are, and what they do.
    pub fn looks(&self) -> impl Iterator<Item = (usize, Look)> + '_ {
        self.timers.iter().map(|(&id, timer)| (id, timer.look()))
    }

    /// The kind of the timer that has a name, if there is one.
    pub fn kind(&self, name: u8) -> Option<Kind> {
        let timer = self.timer(self.timer_names.number(Target::Last(name)));
        timer.ok().map(|timer| timer.kind)
    }

    /// Whether a program is bound to the timer that has a name.
    pub fn is_bound(&self, name: u8) -> bool {
        let timer = self.timer(self.timer_names.number(Target::Last(name)));
        timer.is_ok_and(|timer| timer.program.is_some())
    }

    /// Whether there is a program that can be named like this.
    pub fn is_named(&self, program: Target) -> bool {
        self.named(program, Wrong::No).is_ok()
    }

    /// Which timer of the map this is, in the order in which they were made.
    pub fn timer_number(&self, timer: Target) -> Option<usize> {
        self.timer_names.number(timer)
    }

    /// Which program of the map this is, in the order in which they were made.
    pub fn program_number(&self, program: Target) -> Option<usize> {
        self.program_names.number(program)
    }
}
