// SPDX-License-Identifier: GPL-2.0
//! What timers run, and the events of that.

use super::Reference;
use crate::reference::{
    calls::{Step, Wrong},
    timer::{Moment, Record, Run, Timer, CLOCKS},
};
use nix::errno::Errno;
use sleeptimer::Kind;

impl Reference {
    pub(super) fn expire(&mut self, timer: &mut Timer, moment: &Moment, cpu: Option<u32>) {
        self.stirred = Some(timer.id);
        match (timer.run, timer.program) {
            (Some(_), _) => timer.waits = true,
            (None, Some(program)) => {
                // Else nobody sees it begin, and what comes next may come before that.
                self.expect(self.programs[program].steps[0] != Step::Sleep);
                self.run(timer, Run { program, next: 0 }, false, moment, cpu);
            }
            (None, None) => {}
        }
    }

    /// Has the callback of a timer not sleep any more, and end.
    pub(super) fn wake(&mut self, timer: &mut Timer, moment: &Moment) {
        if let Some(run) = timer.run.take() {
            self.run(timer, run, true, moment, None);
            self.put_program(Some(run.program));
        }
    }

    fn run(
        &mut self,
        timer: &mut Timer,
        run: Run,
        is_awake: bool,
        moment: &Moment,
        cpu: Option<u32>,
    ) {
        let steps = self.programs[run.program].steps.clone();
        for (number, step) in steps.iter().enumerate().skip(run.next) {
            match step {
                Step::Event => self.tell(timer, moment, cpu),
                Step::EventFd => self.numbers.signals += 1,
                Step::Fail => {
                    self.programs[run.program].failures[number] += 1;
                    self.numbers.step_failures += 1;
                }
                Step::Sleep if !is_awake => {
                    self.programs[run.program].references += 1;
                    let next = number + 1;
                    timer.run = Some(Run { next, ..run });
                    return;
                }
                Step::Sleep | Step::TooLong | Step::Unknown => {}
            }
        }
    }

    fn tell(&mut self, timer: &mut Timer, moment: &Moment, cpu: Option<u32>) {
        self.numbers.expirations += 1;
        let has_backlog = timer.backlog > 0 || self.has_backlog();
        if has_backlog || self.ring.len() >= self.capacity() {
            timer.backlog += 1;
            return;
        }
        self.ring.push_back(Record {
            timer: timer.id,
            user_data: timer.user_data,
            count: 1,
            is_accumulated: false,
            is_softirq: timer.kind == Kind::Timer,
            cpu,
            after: *moment.on(CLOCKS[0]).start(),
        });
    }

    fn has_backlog(&self) -> bool {
        self.timers.values().any(|timer| timer.backlog > 0)
    }

    pub(super) fn read(&mut self, room: usize, wrong: Wrong) -> Result<Vec<Record>, Errno> {
        if room == 0 {
            return Err(Errno::EINVAL);
        }
        if self.ring.is_empty() {
            return Err(Errno::EAGAIN);
        }
        if wrong != Wrong::No {
            return Err(Errno::EFAULT);
        }
        let mut records: Vec<_> = self.ring.drain(..room.min(self.ring.len())).collect();
        let backlog = self.timers.values_mut().filter(|timer| timer.backlog > 0);
        records.extend(backlog.map(|timer| Record {
            timer: timer.id,
            user_data: timer.user_data,
            count: std::mem::take(&mut timer.backlog),
            is_accumulated: true,
            is_softirq: false,
            cpu: None,
            after: 0,
        }));
        // Whose turn it is in a backlog is nobody's business.
        let is_drained = self.ring.is_empty() && records.len() <= room;
        self.expect(is_drained || records.iter().all(|record| !record.is_accumulated));
        Ok(records)
    }
}
