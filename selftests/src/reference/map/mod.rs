// SPDX-License-Identifier: GPL-2.0
//! A map of the model.

mod batches;
mod runs;
mod seen;
mod timers;

use super::{
    calls::{Arguments, Call, Step, Target, Wrong},
    timer::{Look, Moment, Record, Timer},
};
use nix::errno::Errno;
use sleeptimer::Sizes;
use std::collections::{BTreeMap, VecDeque};

/// What a call returns.
pub type Answer = Result<u32, Errno>;

/// What comes of a call.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What it returns.
    pub answer: Answer,
    /// What it tells beside that, if it succeeds.
    pub told: Told,
}

/// What a call writes to memory.
#[derive(Clone, Debug)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// The name of something new.
    New,
    /// What a timer does.
    Look(Look),
    /// How many runs of each step have failed.
    Failures(Vec<u64>),
    /// The results of ops.
    Results(Vec<Answer>),
    /// Events. Those that are accumulated come last, in any order.
    Events(Vec<Record>),
}

/// Who has had which name: for each the numbers of all, the last one behind.
#[derive(Clone, Debug, Default)]
struct Names(BTreeMap<u8, Vec<usize>>);

impl Names {
    fn give(&mut self, target: Target, number: usize) {
        if let Target::Last(name) = target {
            self.0.entry(name).or_default().push(number);
        }
    }

    fn number(&self, target: Target) -> Option<usize> {
        let numbers = |name| self.0.get(&name).into_iter().flatten().rev().copied();
        match target {
            Target::Last(name) => numbers(name).next(),
            Target::Former(name) => numbers(name).nth(1),
            Target::Next(_) | Target::Zero | Target::Nobody => None,
        }
    }
}

/// A program of the model.
#[derive(Clone, Debug)]
struct Program {
    steps: Vec<Step>,
    has_name: bool,
    /// Of timers and of runs.
    references: u32,
    failures: Vec<u64>,
}

impl Program {
    fn exists(&self) -> bool {
        self.has_name || self.references > 0
    }

    fn is_sleepable(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Sleep | Step::Fail))
    }
}

/// A map of the model, as it is when the device has come to rest.
#[derive(Clone, Debug)]
pub struct Reference {
    /// None before the setup.
    sizes: Option<Sizes>,
    /// How many CPUs the machine has.
    cpus: u32,
    /// The timers that there are, by their numbers.
    timers: BTreeMap<usize, Timer>,
    timer_names: Names,
    nr_timers: usize,
    /// All programs that ever were.
    programs: Vec<Program>,
    program_names: Names,
    /// How many programs may have gone already, or still be run for a moment by a timer that was freed.
    lingering: usize,
    ring: VecDeque<Record>,
    numbers: Numbers,
    /// Whose callback the last call has had run, if it does not wait for that.
    stirred: Option<usize>,
    /// Whether all that has happened could be predicted.
    is_predictable: bool,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Expirations that were told.
    pub expirations: u64,
    /// Steps that have failed.
    pub step_failures: u64,
    /// Of the eventfd, which outlives the map.
    pub signals: u64,
}

impl Reference {
    /// A map that was just set up, on a machine with so many CPUs.
    pub fn new(sizes: Sizes, cpus: u32) -> Self {
        Self {
            sizes: Some(sizes),
            ..Self::without_map(cpus)
        }
    }

    fn without_map(cpus: u32) -> Self {
        Self {
            sizes: None,
            cpus,
            timers: BTreeMap::new(),
            timer_names: Names::default(),
            nr_timers: 0,
            programs: Vec::new(),
            program_names: Names::default(),
            lingering: 0,
            ring: VecDeque::new(),
            numbers: Numbers::default(),
            stirred: None,
            is_predictable: true,
        }
    }

    /// The last close.
    pub fn close(&mut self) {
        let ids: Vec<usize> = self.timers.keys().copied().collect();
        for id in ids {
            if let Some(mut timer) = self.timers.remove(&id) {
                self.wake(&mut timer, &Moment::NEVER);
            }
        }
        let signals = self.numbers.signals;
        *self = Self::without_map(self.cpus);
        self.numbers.signals = signals;
    }

    /// Makes a call, at a moment.
    pub fn call(&mut self, call: &Call, moment: &Moment) -> Reply {
        self.stirred = None;
        let mut told = Told::Nothing;
        let answer = self.try_call(call, moment, &mut told);
        Reply { answer, told }
    }

    fn try_call(&mut self, call: &Call, moment: &Moment, told: &mut Told) -> Answer {
        match call {
            Call::GetInfo => return Ok(0),
            Call::SetUp(sizes) => return self.set_up(sizes),
            Call::Duplicate => return Ok(0),
            Call::Reopen => {
                self.close();
                return Ok(0);
            }
            Call::Unknown => return Err(Errno::ENOTTY),
            _ => {}
        }
        let sizes = self.sizes.ok_or(Errno::EBADFD)?;
        match call {
            Call::Create(name, steps, wrong) => {
                self.create(&sizes, *name, steps, *wrong)?;
                *told = Told::New;
            }
            Call::Destroy(program, wrong) => self.destroy(*program, *wrong)?,
            Call::QueryProgram(program, room, wrong) => {
                self.expect_known_program(*program);
                let number = self.named(*program, *wrong)?;
                let failures = &self.programs[number].failures;
                let room = *room as usize;
                *told = Told::Failures(failures.iter().copied().take(room).collect());
            }
            Call::Query(timer, wrong) => {
                check_memory(*wrong)?;
                self.expect_known_timer(*timer);
                *told = Told::Look(self.timer(self.timer_names.number(*timer))?.look());
            }
            Call::Single(call, wrong) => {
                check_memory(*wrong)?;
                if matches!(call.with, Arguments::Init(_)) {
                    *told = Told::New;
                }
                let number = self.timer_names.number(call.timer);
                return self.enter(&sizes, call, number, moment);
            }
            Call::Submit(ops, wrong) => {
                check_memory(*wrong)?;
                *told = Told::Results(self.submit(&sizes, ops, moment)?);
            }
            Call::Read(room, wrong) => *told = Told::Events(self.read(*room, *wrong)?),
            Call::GetInfo | Call::SetUp(_) | Call::Duplicate | Call::Reopen | Call::Unknown => {}
        }
        Ok(0)
    }

    fn set_up(&mut self, sizes: &Sizes) -> Answer {
        if sizes.timers == 0 || sizes.programs == 0 || sizes.events == 0 {
            return Err(Errno::EINVAL);
        }
        if self.sizes.is_some() {
            return Err(Errno::EBUSY);
        }
        self.sizes = Some(*sizes);
        Ok(0)
    }
}

/// Programs.
impl Reference {
    fn create(
        &mut self,
        sizes: &Sizes,
        name: u8,
        steps: &[Step],
        wrong: Wrong,
    ) -> Result<(), Errno> {
        let target = Target::Last(name);
        self.expect(!self.is_named(target));
        check_memory(wrong)?;
        let is_bad = |step: &Step| matches!(step, Step::TooLong | Step::Unknown);
        if steps.is_empty() || steps.len() > 16 || steps.iter().any(is_bad) {
            return Err(Errno::EINVAL);
        }
        let existing = self.nr_programs();
        if existing >= sizes.programs as usize {
            return Err(Errno::ENOSPC);
        }
        self.expect(existing + self.lingering < sizes.programs as usize);
        self.program_names.give(target, self.programs.len());
        self.programs.push(Program {
            steps: steps.to_vec(),
            has_name: true,
            references: 0,
            failures: vec![0; steps.len()],
        });
        Ok(())
    }

    fn destroy(&mut self, target: Target, wrong: Wrong) -> Result<(), Errno> {
        self.expect_known_program(target);
        let number = self.named(target, wrong)?;
        self.programs[number].has_name = false;
        Ok(())
    }

    /// The number of a program that can be named.
    fn named(&self, target: Target, wrong: Wrong) -> Result<usize, Errno> {
        check_memory(wrong)?;
        let number = self.program_names.number(target);
        let number = number.filter(|&number| self.programs[number].has_name);
        number.ok_or(Errno::ENOENT)
    }

    /// Nobody knows who gets the place of a program that has gone.
    fn expect_known_program(&mut self, target: Target) {
        if let Target::Next(name) = target {
            self.expect(self.is_named(Target::Last(name)));
        }
    }

    fn put_program(&mut self, number: Option<usize>) {
        if let Some(number) = number {
            self.programs[number].references -= 1;
        }
    }
}

/// Refuses what is wrong with the memory of a request.
fn check_memory(wrong: Wrong) -> Result<(), Errno> {
    match wrong {
        Wrong::No => Ok(()),
        Wrong::Flag | Wrong::Reserved => Err(Errno::EINVAL),
        Wrong::Address => Err(Errno::EFAULT),
    }
}
