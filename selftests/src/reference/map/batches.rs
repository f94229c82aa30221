// SPDX-License-Identifier: GPL-2.0
//! Batches of calls.

use super::{Answer, Reference};
use crate::reference::{
    calls::{Arguments, Op, Target, WrongOp},
    timer::Moment,
};
use nix::errno::Errno;
use sleeptimer::Sizes;

impl Reference {
    pub(super) fn submit(
        &mut self,
        sizes: &Sizes,
        ops: &[Op],
        moment: &Moment,
    ) -> Result<Vec<Answer>, Errno> {
        if ops.is_empty() {
            return Err(Errno::EINVAL);
        }
        // What is made in the batch has no name there.
        let numbers = ops.iter().map(|op| self.timer_names.number(op.call.timer));
        let numbers: Vec<Option<usize>> = numbers.collect();
        let (mut last, mut stirred, mut is_cancelled) = (None, None, false);
        let mut answers = Vec::new();
        for (op, number) in ops.iter().zip(numbers) {
            let is_init = matches!(op.call.with, Arguments::Init(_)) && op.wrong != WrongOp::Opcode;
            if is_init {
                last = None;
            }
            let number = match op.call.timer {
                Target::Zero => last,
                _ => number,
            };
            let before = self.numbers;
            self.stirred = None;
            let answer = match op.wrong {
                _ if is_cancelled => Err(Errno::ECANCELED),
                WrongOp::No if op.call.timer == Target::Zero && last.is_none() => {
                    Err(Errno::ENOENT)
                }
                WrongOp::No => self.enter(sizes, &op.call, number, moment),
                _ => Err(Errno::EINVAL),
            };
            if is_init && answer.is_ok() {
                last = self.nr_timers.checked_sub(1);
            }
            // Once a callback is on its way, others do not get in its way.
            let is_quiet = self.stirred.is_none() && self.numbers == before;
            self.expect(stirred.is_none() || is_quiet && number != stirred);
            stirred = stirred.or(self.stirred);
            is_cancelled = answer.is_err() && op.is_linked;
            answers.push(answer);
        }
        self.stirred = stirred;
        Ok(answers)
    }
}
