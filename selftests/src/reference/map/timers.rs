// SPDX-License-Identifier: GPL-2.0
//! The entry points.

use super::{Answer, Reference};
use crate::reference::{
    calls::{Arguments, Entry, EntryCall, Init, Start, Target, Wrong},
    timer::{later, Moment, Timer, AGE, CLOCKS, END_OF_TIME, FAR, SOON},
};
use nix::errno::Errno;
use sleeptimer::{Kind, Sizes};
use sleeptimer_sys as sys;

impl Reference {
    pub(super) fn timer(&self, number: Option<usize>) -> Result<&Timer, Errno> {
        let timer = number.and_then(|number| self.timers.get(&number));
        timer.ok_or(Errno::ENOENT)
    }

    /// Nobody knows who gets the place of a timer that has gone.
    pub(super) fn expect_known_timer(&mut self, target: Target) {
        if let Target::Next(name) = target {
            self.expect(self.kind(name).is_some());
        }
    }

    /// Calls an entry point for timer `number`.
    pub(super) fn enter(
        &mut self,
        sizes: &Sizes,
        call: &EntryCall,
        number: Option<usize>,
        moment: &Moment,
    ) -> Answer {
        self.expect_known_timer(call.timer);
        if let Arguments::Init(init) = &call.with {
            return self.init(sizes, call.entry, call.timer, init);
        }
        if let Arguments::Start(start) = &call.with {
            check_flags(call.entry, start)?;
        }
        let mut timer = number
            .and_then(|number| self.timers.remove(&number))
            .ok_or(Errno::ENOENT)?;
        let answer = match &call.with {
            _ if !call.entry.is_for(timer.kind) => Err(Errno::EINVAL),
            Arguments::Program(program) => self.bind(&mut timer, *program),
            Arguments::Start(start) => self.start(&mut timer, call.entry, start, moment),
            Arguments::Nothing if call.entry == Entry::Free => {
                self.free(timer, moment);
                return Ok(0);
            }
            Arguments::Nothing => self.cancel(&mut timer, call.entry, moment),
            Arguments::Init(_) => Ok(0),
        };
        self.timers.insert(timer.id, timer);
        answer
    }

    fn init(&mut self, sizes: &Sizes, entry: Entry, name: Target, init: &Init) -> Answer {
        self.expect(self.timer(self.timer_names.number(name)).is_err());
        let kind = match (entry, init.flags) {
            (Entry::TimerInit, 0) => Kind::Timer,
            (Entry::TimerInit, sys::SLEEPTIMER_TIMER_SLEEPABLE) => Kind::SleepableTimer,
            (Entry::WqInit, 0) => Kind::Wq,
            (Entry::DelayedWqInit, 0) => Kind::DelayedWq,
            (Entry::DelayedWqInit, sys::SLEEPTIMER_DELAYED_WQ_HIGHRES) => Kind::HighresDelayedWq,
            _ => return Err(Errno::EINVAL),
        };
        let has_one_clock = matches!(kind, Kind::Wq | Kind::DelayedWq);
        if !CLOCKS.contains(&init.clock) || has_one_clock && init.clock != CLOCKS[0] {
            return Err(Errno::EINVAL);
        }
        if self.timers.len() >= sizes.timers as usize {
            return Err(Errno::ENOSPC);
        }
        let id = self.nr_timers;
        let mut timer = Timer::new(id, kind, init.clock, init.user_data);
        if init.program != Target::Zero {
            self.bind(&mut timer, init.program)?;
        }
        self.nr_timers += 1;
        self.timer_names.give(name, id);
        self.timers.insert(id, timer);
        Ok(0)
    }

    fn bind(&mut self, timer: &mut Timer, program: Target) -> Answer {
        self.expect_known_program(program);
        let number = self.named(program, Wrong::No)?;
        if timer.kind == Kind::Timer && self.programs[number].is_sleepable() {
            return Err(Errno::EINVAL);
        }
        self.programs[number].references += 1;
        let old = timer.program.replace(number);
        self.put_program(old);
        Ok(0)
    }

    fn start(&mut self, timer: &mut Timer, entry: Entry, start: &Start, moment: &Moment) -> Answer {
        const MIN_PERIOD: u64 = 10_000;
        let is_absolute = start.flags & sys::SLEEPTIMER_START_ABS != 0;
        let is_delay = start.flags == 0 && start.slack == 0 && start.period == 0;
        let is_possible = match timer.kind {
            Kind::Timer | Kind::HighresDelayedWq => start.period == 0 || start.period >= MIN_PERIOD,
            Kind::SleepableTimer | Kind::Wq => is_delay && start.expires == 0,
            Kind::DelayedWq => is_delay,
        };
        if !is_possible || timer.program.is_none() {
            return Err(Errno::EINVAL);
        }
        let names_cpu = start.flags & sys::SLEEPTIMER_START_CPU != 0;
        if names_cpu && start.cpu >= self.cpus {
            return Err(Errno::ENXIO);
        }
        let is_change = entry == Entry::DelayedWqMod;
        if timer.is_armed() && !is_change && timer.kind != Kind::Timer {
            return Ok(0);
        }
        let was_armed = timer.disarm();
        if timer.has_hrtimer() {
            timer.period = start.period.min(END_OF_TIME);
        }
        let expiry = match is_absolute {
            true => later(&(0..=0), start.expires),
            false => later(moment.on(timer.clock), start.expires),
        };
        // Else it is far away.
        if start.expires < SOON {
            self.expect(start.slack == 0);
            if timer.period > 0 {
                // It expires once, and then not before the end of the run.
                let shortest = if is_absolute { AGE } else { FAR };
                self.expect(timer.period >= shortest);
                timer.expiry = Some(later(&expiry, timer.period));
            }
            let cpu = match start.flags {
                _ if timer.kind != Kind::Timer => None,
                _ if names_cpu => Some(start.cpu),
                flags if flags & sys::SLEEPTIMER_START_CPU_PIN != 0 => Some(moment.cpu),
                _ => None,
            };
            self.expire(timer, moment, cpu);
        } else {
            timer.expiry = Some(expiry);
        }
        Ok((is_change && was_armed).into())
    }

    fn cancel(&mut self, timer: &mut Timer, entry: Entry, moment: &Moment) -> Answer {
        let was_armed = timer.disarm();
        if entry == Entry::TimerCancelAsync {
            return match timer.run {
                Some(_) if !was_armed => Err(Errno::EPERM),
                _ => Ok(was_armed.into()),
            };
        }
        self.wake(timer, moment);
        if entry == Entry::TimerCancel {
            let program = timer.program.take();
            self.put_program(program);
        }
        Ok(was_armed.into())
    }

    fn free(&mut self, mut timer: Timer, moment: &Moment) {
        self.put_program(timer.program.take());
        if timer.run.is_some() {
            self.stirred = Some(timer.id);
            let before = self.nr_programs();
            let backlog = timer.backlog;
            self.wake(&mut timer, moment);
            self.lingering += before - self.nr_programs();
            // What it counts now is forgotten, or not, if somebody reads before the timer has ended.
            self.expect(timer.backlog == backlog);
        }
    }
}

/// Refuses a start that is wrong whatever it is for.
fn check_flags(entry: Entry, start: &Start) -> Result<(), Errno> {
    const KNOWN: u32 =
        sys::SLEEPTIMER_START_ABS | sys::SLEEPTIMER_START_CPU_PIN | sys::SLEEPTIMER_START_CPU;
    let has = |flag| start.flags & flag != 0;
    let names_cpu = has(sys::SLEEPTIMER_START_CPU);
    let is_right = start.flags & !KNOWN == 0
        && !(names_cpu && has(sys::SLEEPTIMER_START_CPU_PIN))
        && (names_cpu || start.cpu == 0)
        && !(names_cpu && entry == Entry::DelayedWqMod);
    is_right.then_some(()).ok_or(Errno::EINVAL)
}
