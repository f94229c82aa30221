// SPDX-License-Identifier: GPL-2.0
//! Batches: many calls for one system call.

use crate::{start::nanoseconds, Clock, Cpu, Error, Expiry, Kind, Program, Result, Timer};
use nix::errno::Errno;
use sleeptimer_sys as sys;

/// Calls to be made one after the other by [`Map::submit`](crate::Map::submit), and their results.
///
/// Each method appends a call, or changes the one that was appended last:
///
/// ```no_run
/// # use sleeptimer::{Batch, Clock, Expiry, Kind, Map, Sizes, Step, Timer};
/// # use std::time::Duration;
/// # let map = Map::open(Sizes::default())?;
/// # let program = map.program(&[Step::Event])?;
/// let mut batch = Batch::new();
/// for user_data in 0..1000 {
///     batch
///         .init(Kind::Timer, Clock::Monotonic, user_data, Some(program))
///         .link()
///         .start(Timer::last(Kind::Timer), Expiry::In(Duration::from_secs(5)));
/// }
/// while batch.done() < batch.len() {
///     map.submit(&mut batch)?;
/// }
/// let timers: Vec<Timer> = (0..batch.len()).filter_map(|number| batch.timer(number)).collect();
/// # Ok::<(), sleeptimer::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    ops: Vec<sys::sleeptimer_op>,
    /// How many of these have a result.
    done: usize,
}

/// What came of a submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// How many calls have been made.
    pub done: usize,
    /// How many of these have failed.
    pub failed: usize,
}

/// An opcode, flag or clock as ops have it: in one byte.
fn byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

impl Batch {
    /// No calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// No calls, and memory for as many.
    pub fn with_capacity(number: usize) -> Self {
        Self {
            ops: Vec::with_capacity(number),
            done: 0,
        }
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// How many have been made, and have a result.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Takes all calls and results out, and keeps the memory.
    pub fn clear(&mut self) {
        self.ops.clear();
        self.done = 0;
    }

    fn push(&mut self, opcode: u32, timer: Timer) -> &mut sys::sleeptimer_op {
        let index = self.ops.len();
        self.ops.push(sys::sleeptimer_op {
            opcode: byte(opcode),
            handle: timer.handle,
            ..Default::default()
        });
        &mut self.ops[index]
    }
}

/// The calls.
impl Batch {
    /// Adds a timer to the map, and binds a program to it.
    pub fn init(
        &mut self,
        kind: Kind,
        clock: Clock,
        user_data: u64,
        program: Option<Program>,
    ) -> &mut Self {
        let opcode = match kind {
            Kind::Timer | Kind::SleepableTimer => sys::SLEEPTIMER_OP_TIMER_INIT,
            Kind::Wq => sys::SLEEPTIMER_OP_WQ_INIT,
            Kind::DelayedWq | Kind::HighresDelayedWq => sys::SLEEPTIMER_OP_DELAYED_WQ_INIT,
        };
        let op = self.push(opcode, Timer { handle: 0, kind });
        op.flags = byte(kind.init_flags());
        op.clock = byte(clock.id());
        op.value = user_data;
        op.program = program.map_or(0, |program| program.0);
        self
    }

    /// Binds a program to a timer, in place of the one before.
    pub fn set_callback(&mut self, timer: Timer, program: Program) -> &mut Self {
        let opcode = match timer.kind {
            Kind::Timer => sys::SLEEPTIMER_OP_TIMER_SET_CALLBACK,
            Kind::SleepableTimer => sys::SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB,
            Kind::Wq => sys::SLEEPTIMER_OP_WQ_SET_CALLBACK,
            Kind::DelayedWq | Kind::HighresDelayedWq => sys::SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK,
        };
        self.push(opcode, timer).program = program.0;
        self
    }

    /// Arms a timer. A sleepable timer and a wq take a delay of zero only.
    pub fn start(&mut self, timer: Timer, expiry: Expiry) -> &mut Self {
        let opcode = match timer.kind {
            Kind::Timer | Kind::SleepableTimer => sys::SLEEPTIMER_OP_TIMER_START,
            Kind::Wq => sys::SLEEPTIMER_OP_WQ_START,
            Kind::DelayedWq | Kind::HighresDelayedWq => sys::SLEEPTIMER_OP_DELAYED_WQ_START,
        };
        self.arm(opcode, timer, expiry)
    }

    /// Arms a delayed_wq anew. The result is 1 if it was armed.
    pub fn modify(&mut self, timer: Timer, expiry: Expiry) -> &mut Self {
        self.arm(sys::SLEEPTIMER_OP_DELAYED_WQ_MOD, timer, expiry)
    }

    fn arm(&mut self, opcode: u32, timer: Timer, expiry: Expiry) -> &mut Self {
        let op = self.push(opcode, timer);
        (op.value, op.flags) = match expiry {
            Expiry::In(delay) => (nanoseconds(delay), 0),
            Expiry::At(time) => (nanoseconds(time), byte(sys::SLEEPTIMER_START_ABS)),
        };
        self
    }

    /// Disarms a timer and waits for its callback. The result is 1 if it was armed. Drops the
    /// callback of a timer or a sleepable timer, not that of a wq or a delayed_wq.
    pub fn cancel(&mut self, timer: Timer) -> &mut Self {
        let opcode = match timer.kind {
            Kind::Timer | Kind::SleepableTimer => sys::SLEEPTIMER_OP_TIMER_CANCEL,
            Kind::Wq => sys::SLEEPTIMER_OP_WQ_CANCEL,
            Kind::DelayedWq | Kind::HighresDelayedWq => sys::SLEEPTIMER_OP_DELAYED_WQ_CANCEL,
        };
        self.push(opcode, timer);
        self
    }

    /// Like [`Batch::cancel`], for timers and sleepable timers, and keeps the callback.
    pub fn cancel_no_drop(&mut self, timer: Timer) -> &mut Self {
        self.push(sys::SLEEPTIMER_OP_TIMER_CANCEL_NO_DROP, timer);
        self
    }

    /// Like [`Batch::cancel_no_drop`], without waiting: fails with `EPERM` while the callback runs.
    pub fn cancel_async(&mut self, timer: Timer) -> &mut Self {
        self.push(sys::SLEEPTIMER_OP_TIMER_CANCEL_ASYNC, timer);
        self
    }

    /// Frees a timer, without waiting for its callback.
    pub fn free(&mut self, timer: Timer) -> &mut Self {
        self.push(sys::SLEEPTIMER_OP_FREE, timer);
        self
    }
}

/// Changes to the call that was appended last; they do nothing if there is none.
impl Batch {
    /// If this call fails, the next one is not made: it fails with `ECANCELED`.
    pub fn link(&mut self) -> &mut Self {
        self.change(|op| op.op_flags |= byte(sys::SLEEPTIMER_OP_LINK))
    }

    /// This start is for again and again, as far apart as its delay is long.
    pub fn periodic(&mut self) -> &mut Self {
        self.change(|op| op.op_flags |= byte(sys::SLEEPTIMER_OP_PERIODIC))
    }

    /// This start is for a CPU.
    pub fn on(&mut self, cpu: Cpu) -> &mut Self {
        self.change(|op| match cpu {
            Cpu::Any => {}
            Cpu::Current => op.flags |= byte(sys::SLEEPTIMER_START_CPU_PIN),
            Cpu::Number(number) => {
                op.flags |= byte(sys::SLEEPTIMER_START_CPU);
                op.program = number;
            }
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut sys::sleeptimer_op)) -> &mut Self {
        if let Some(op) = self.ops.last_mut() {
            change(op);
        }
        self
    }
}

/// The results.
impl Batch {
    /// What call `number` returned; none if it has not been made.
    pub fn result(&self, number: usize) -> Option<Result<u32>> {
        let op = self.ops[..self.done].get(number)?;
        Some(u32::try_from(op.result).map_err(|_| Error {
            call: name_of(op.opcode.into()),
            errno: Errno::from_raw(op.result.wrapping_neg()),
        }))
    }

    /// The results of all calls that have been made, in their order.
    pub fn results(&self) -> impl Iterator<Item = Result<u32>> + '_ {
        (0..self.done).filter_map(|number| self.result(number))
    }

    /// The timer that call `number` made; none if that was no init, or failed.
    pub fn timer(&self, number: usize) -> Option<Timer> {
        let op = self.ops[..self.done].get(number)?;
        let kind = kind_of_init(op)?;
        let handle = op.handle;
        (op.result >= 0).then_some(Timer { handle, kind })
    }
}

/// What a submit needs.
impl Batch {
    /// The calls that have not been made. They begin a batch of their own for the kernel, which
    /// knows neither what came before them was linked to, nor the last timer.
    pub(crate) fn rest(&mut self) -> &mut [sys::sleeptimer_op] {
        let (made, rest) = self.ops.split_at_mut(self.done);
        let last = made.iter().rev().find(|op| kind_of_init(op).is_some());
        if let Some(init) = last.filter(|init| init.result >= 0) {
            rest.iter_mut()
                .take_while(|op| kind_of_init(op).is_none())
                .filter(|op| op.handle == u64::from(sys::SLEEPTIMER_HANDLE_LAST))
                .for_each(|op| op.handle = init.handle);
        }
        rest
    }

    /// Gives the calls their result that are linked to one that has failed, and counts them.
    pub(crate) fn cancel_linked(&mut self) -> usize {
        let before = self.done;
        while let Some([last, next, ..]) = self.ops.get_mut(self.done.wrapping_sub(1)..) {
            if last.result >= 0 || last.op_flags & byte(sys::SLEEPTIMER_OP_LINK) == 0 {
                break;
            }
            next.result = -(Errno::ECANCELED as i32);
            self.done += 1;
        }
        self.done - before
    }

    /// So many more of the calls have been made.
    pub(crate) fn advance(&mut self, number: usize) {
        self.done = self.ops.len().min(self.done + number);
    }
}

/// The kind that an op makes, if it makes one.
fn kind_of_init(op: &sys::sleeptimer_op) -> Option<Kind> {
    let has_flag = op.flags & 1 != 0;
    Some(match op.opcode.into() {
        sys::SLEEPTIMER_OP_TIMER_INIT if has_flag => Kind::SleepableTimer,
        sys::SLEEPTIMER_OP_TIMER_INIT => Kind::Timer,
        sys::SLEEPTIMER_OP_WQ_INIT => Kind::Wq,
        sys::SLEEPTIMER_OP_DELAYED_WQ_INIT if has_flag => Kind::HighresDelayedWq,
        sys::SLEEPTIMER_OP_DELAYED_WQ_INIT => Kind::DelayedWq,
        _ => return None,
    })
}

/// The name of the entry point that an op calls.
fn name_of(opcode: u32) -> &'static str {
    match opcode {
        sys::SLEEPTIMER_OP_TIMER_INIT => "timer_init",
        sys::SLEEPTIMER_OP_TIMER_SET_CALLBACK => "timer_set_callback",
        sys::SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB => "timer_set_sleepable_cb",
        sys::SLEEPTIMER_OP_TIMER_START => "timer_start",
        sys::SLEEPTIMER_OP_TIMER_CANCEL => "timer_cancel",
        sys::SLEEPTIMER_OP_TIMER_CANCEL_NO_DROP => "timer_cancel_no_drop",
        sys::SLEEPTIMER_OP_TIMER_CANCEL_ASYNC => "timer_cancel_async",
        sys::SLEEPTIMER_OP_WQ_INIT => "wq_init",
        sys::SLEEPTIMER_OP_WQ_SET_CALLBACK => "wq_set_callback",
        sys::SLEEPTIMER_OP_WQ_START => "wq_start",
        sys::SLEEPTIMER_OP_WQ_CANCEL => "wq_cancel",
        sys::SLEEPTIMER_OP_DELAYED_WQ_INIT => "delayed_wq_init",
        sys::SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK => "delayed_wq_set_callback",
        sys::SLEEPTIMER_OP_DELAYED_WQ_START => "delayed_wq_start",
        sys::SLEEPTIMER_OP_DELAYED_WQ_MOD => "delayed_wq_mod",
        sys::SLEEPTIMER_OP_DELAYED_WQ_CANCEL => "delayed_wq_cancel",
        sys::SLEEPTIMER_OP_FREE => "free",
        _ => "submit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const KINDS: [Kind; 5] = [
        Kind::Timer,
        Kind::SleepableTimer,
        Kind::Wq,
        Kind::DelayedWq,
        Kind::HighresDelayedWq,
    ];

    /// The fields of an op that calls set.
    fn fields(op: &sys::sleeptimer_op) -> (u8, u8, u8, u8, u32, u64, u64) {
        assert_eq!((op.result, op.pad), (0, 0));
        (
            op.opcode,
            op.op_flags,
            op.flags,
            op.clock,
            op.program,
            op.value,
            op.handle,
        )
    }

    #[test]
    fn every_call_has_the_opcode_of_its_kind() {
        let opcodes = KINDS.map(|kind| {
            let timer = Timer { handle: 9, kind };
            let mut batch = Batch::new();
            batch
                .init(kind, Clock::Monotonic, 0, None)
                .set_callback(timer, Program(3))
                .start(timer, Expiry::default())
                .modify(timer, Expiry::default())
                .cancel(timer)
                .cancel_no_drop(timer)
                .cancel_async(timer)
                .free(timer);
            let opcodes: Vec<u8> = batch.ops.iter().map(|op| op.opcode).collect();
            assert!(batch.ops[1..].iter().all(|op| op.handle == 9));
            assert_eq!(kind_of_init(&batch.ops[0]), Some(kind));
            opcodes
        });
        assert_eq!(
            opcodes,
            [
                [0x10, 0x11, 0x13, 0x33, 0x14, 0x15, 0x16, 0x40],
                [0x10, 0x12, 0x13, 0x33, 0x14, 0x15, 0x16, 0x40],
                [0x20, 0x21, 0x22, 0x33, 0x23, 0x15, 0x16, 0x40],
                [0x30, 0x31, 0x32, 0x33, 0x34, 0x15, 0x16, 0x40],
                [0x30, 0x31, 0x32, 0x33, 0x34, 0x15, 0x16, 0x40],
            ]
        );
    }

    #[test]
    fn fields_go_where_the_header_says() {
        let mut batch = Batch::new();
        let timer = Timer {
            handle: 9,
            kind: Kind::Timer,
        };
        batch
            .init(Kind::SleepableTimer, Clock::Tai, 7, Some(Program(5)))
            .link()
            .set_callback(Timer::last(Kind::SleepableTimer), Program(6))
            .start(timer, Expiry::At(Duration::from_nanos(8)))
            .periodic()
            .on(Cpu::Number(3))
            .start(timer, Expiry::In(Duration::MAX))
            .on(Cpu::Current);
        let ops: Vec<_> = batch.ops.iter().map(fields).collect();
        assert_eq!(
            ops,
            [
                (0x10, 1, 1, 11, 5, 7, 0),
                (0x12, 0, 0, 0, 6, 0, 0),
                (0x13, 2, 1 | 8, 0, 3, 8, 9),
                (0x13, 0, 2, 0, 0, u64::MAX, 9),
            ]
        );
    }

    #[test]
    fn changes_of_an_empty_batch_do_nothing() {
        let mut batch = Batch::new();
        batch.link().periodic().on(Cpu::Current);
        assert!(batch.is_empty());
    }

    /// What a submit of one op does.
    fn made(batch: &mut Batch, result: i32, handle: u64) {
        let op = &mut batch.rest()[0];
        op.result = result;
        op.handle = handle;
        batch.advance(1);
    }

    #[test]
    fn results_come_with_the_name_of_their_call() {
        let mut batch = Batch::new();
        let timer = Timer {
            handle: 9,
            kind: Kind::DelayedWq,
        };
        batch
            .init(Kind::Wq, Clock::Monotonic, 0, None)
            .modify(timer, Expiry::default())
            .free(timer);
        assert_eq!(batch.result(0), None);
        made(&mut batch, 0, 44);
        made(&mut batch, 1, 9);
        made(&mut batch, -(Errno::ENOENT as i32), 9);
        let error = Error {
            call: "free",
            errno: Errno::ENOENT,
        };
        let results: Vec<_> = batch.results().collect();
        assert_eq!(results, [Ok(0), Ok(1), Err(error)]);
        let new = Timer {
            handle: 44,
            kind: Kind::Wq,
        };
        assert_eq!(batch.timer(0), Some(new));
        assert_eq!((batch.timer(1), batch.timer(3)), (None, None));
    }

    #[test]
    fn the_rest_knows_the_last_timer() {
        let mut batch = Batch::new();
        let last = Timer::last(Kind::Wq);
        batch
            .init(Kind::Wq, Clock::Monotonic, 0, None)
            .start(last, Expiry::default())
            .init(Kind::Wq, Clock::Monotonic, 0, None)
            .start(last, Expiry::default());
        made(&mut batch, 0, 44);
        let handles: Vec<u64> = batch.rest().iter().map(|op| op.handle).collect();
        assert_eq!(handles, [44, 0, 0]);
    }

    #[test]
    fn the_rest_of_a_chain_that_failed_is_cancelled() {
        let mut batch = Batch::new();
        let last = Timer::last(Kind::Wq);
        batch
            .init(Kind::Wq, Clock::Monotonic, 0, None)
            .link()
            .start(last, Expiry::default())
            .link()
            .cancel(last)
            .free(last);
        made(&mut batch, -(Errno::ENOSPC as i32), 0);
        assert_eq!(batch.cancel_linked(), 2);
        assert_eq!(batch.rest().len(), 1);
        let errnos: Vec<_> = batch.results().map(|r| r.map_err(Errno::from)).collect();
        let cancelled = Err(Errno::ECANCELED);
        assert_eq!(errnos, [Err(Errno::ENOSPC), cancelled, cancelled]);
    }
}
