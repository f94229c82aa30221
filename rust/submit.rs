// SPDX-License-Identifier: GPL-2.0

//! Batches: many calls of entry points by one system call, each with a result of its own.

#![deny(unsafe_code)]

use crate::{
    bpf_hrtimer::flags::Kind,
    context::Process,
    decode::{arming, delayed_wq_kind, expect, new_timer, timer_kind, wq_kind, Argument},
    failure::Failure,
    map::{Family, Map},
    table::Handle,
    uapi::{self, Op},
};
use kernel::{current, prelude::*};

/// How many ops are copied at a time, to the stack.
const CHUNK: usize = 32;

/// Runs a batch, and returns what `ioctl` returns.
pub(crate) fn submit(
    map: &Map,
    process: &Process<'_>,
    argument: &Argument,
) -> Result<isize, Failure> {
    let request: uapi::Submit = argument.read()?;
    expect(request.flags == 0 && request.reserved == 0)?;
    expect((1..=uapi::MAX_OPS).contains(&request.nr_ops))?;
    // What cannot be told afterwards is not begun.
    argument.write(&request)?;
    let address = usize::try_from(request.ops).map_err(|_| Failure::BadAddress)?;
    let mut batch = Batch {
        map,
        process,
        ops: Argument::new(address, 0),
        last: None,
        is_cancelled: false,
        done: 0,
        failed: 0,
    };
    let result = batch.run(request.nr_ops);
    if batch.done == 0 {
        result?;
    }
    // Else, who submits the rest is told why it ended here.
    argument.write(&uapi::Submit {
        nr_done: batch.done,
        nr_failed: batch.failed,
        ..request
    })?;
    Ok(0)
}

/// A batch that runs.
struct Batch<'a> {
    map: &'a Map,
    process: &'a Process<'a>,
    ops: Argument,
    /// The timer of the last init.
    last: Option<Handle>,
    /// Whether the op before has failed, and was linked to the next one.
    is_cancelled: bool,
    done: u32,
    failed: u32,
}

impl Batch<'_> {
    /// Runs ops until `nr_ops` of them are done, or something comes in between.
    fn run(&mut self, nr_ops: u32) -> Result<(), Failure> {
        let mut chunk = [Op::default(); CHUNK];
        let mut most = CHUNK;
        while self.done < nr_ops {
            if self.done > 0 {
                no_signal()?;
            }
            let number = (nr_ops.wrapping_sub(self.done) as usize).min(most);
            let (ops, _) = chunk
                .split_at_mut_checked(number)
                .ok_or(Failure::BadArgument)?;
            match self.begin(ops) {
                Ok(()) => self.run_chunk(ops)?,
                // The array ends somewhere in the chunk: the ops before that run, one by one.
                Err(_) if number > 1 => most = 1,
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// The memory of `number` ops from number `first` on, of those that are not done.
    fn memory(&self, first: usize, number: usize) -> Argument {
        let first = first.wrapping_add(self.done as usize);
        self.ops.part(
            first.wrapping_mul(size_of::<Op>()),
            number.wrapping_mul(size_of::<Op>()),
        )
    }

    /// Reads ops, and sees that they can be written: what cannot have a result does not run.
    fn begin(&self, ops: &mut [Op]) -> Result<(), Failure> {
        self.memory(0, ops.len()).read_all(ops)?;
        // All pages of a chunk, which is shorter than a page, have a part of one of these two.
        for (place, op) in [(0, ops.first()), (ops.len().wrapping_sub(1), ops.last())] {
            if let Some(op) = op {
                self.memory(place, 1).write(op)?;
            }
        }
        Ok(())
    }

    /// Runs ops, and tells their results.
    fn run_chunk(&mut self, ops: &mut [Op]) -> Result<(), Failure> {
        let mut result = Ok(());
        let (mut run, mut failed) = (0u32, 0u32);
        for op in ops.iter_mut() {
            match self.run_op(op) {
                Ok(is_failure) => failed = failed.wrapping_add(is_failure.into()),
                Err(failure) => {
                    result = Err(failure);
                    break;
                }
            }
            run = run.wrapping_add(1);
        }
        let ran = ops.get(..run as usize).unwrap_or(&[]);
        if let Err(failure) = self.memory(0, ran.len()).write_all(ran) {
            // It could be written a moment ago. Nobody will know these timers.
            ran.iter().for_each(|op| self.undo(op));
            return Err(failure);
        }
        self.done = self.done.wrapping_add(run);
        self.failed = self.failed.wrapping_add(failed);
        result
    }

    /// Runs an op, gives it its result, and returns whether it has failed. An error is a signal
    /// before the op has done anything.
    fn run_op(&mut self, op: &mut Op) -> Result<bool, Failure> {
        if is_init(op) {
            // Not even if it fails is the timer before it the last one.
            self.last = None;
        }
        let result = if self.is_cancelled {
            Err(Failure::LinkedOpFailed)
        } else {
            self.call(op)
        };
        let failed = match result {
            Ok(value) => {
                op.result = value.into();
                false
            }
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => {
                op.result = Error::from(failure).to_errno();
                true
            }
        };
        self.is_cancelled = failed && u32::from(op.op_flags) & uapi::OP_LINK != 0;
        Ok(failed)
    }

    /// Calls the entry point of an op, and returns whether it says that a timer was armed.
    fn call(&mut self, op: &mut Op) -> Result<bool, Failure> {
        use Family::{AnyTimer, DelayedWq, SleepableTimer, Timer, Wq};

        expect(op.pad == 0 && u32::from(op.op_flags) & !OP_FLAGS == 0)?;
        match u32::from(op.opcode) {
            uapi::OP_TIMER_START => self.start(op, AnyTimer),
            uapi::OP_TIMER_CANCEL => self.timer_cancel(op),
            uapi::OP_TIMER_CANCEL_NO_DROP => self.cancel(op, AnyTimer),
            uapi::OP_TIMER_CANCEL_ASYNC => self.timer_cancel_async(op),
            uapi::OP_TIMER_INIT => self.init(op, timer_kind),
            uapi::OP_TIMER_SET_CALLBACK => self.set_callback(op, Timer),
            uapi::OP_TIMER_SET_SLEEPABLE_CB => self.set_callback(op, SleepableTimer),
            uapi::OP_WQ_INIT => self.init(op, wq_kind),
            uapi::OP_WQ_SET_CALLBACK => self.set_callback(op, Wq),
            uapi::OP_WQ_START => self.start(op, Wq),
            uapi::OP_WQ_CANCEL => self.cancel(op, Wq),
            uapi::OP_DELAYED_WQ_INIT => self.init(op, delayed_wq_kind),
            uapi::OP_DELAYED_WQ_SET_CALLBACK => self.set_callback(op, DelayedWq),
            uapi::OP_DELAYED_WQ_START => self.start(op, DelayedWq),
            uapi::OP_DELAYED_WQ_MOD => self.delayed_wq_mod(op),
            uapi::OP_DELAYED_WQ_CANCEL => self.cancel(op, DelayedWq),
            uapi::OP_FREE => self.free(op),
            _ => Err(Failure::BadArgument),
        }
    }

    /// The timer that an op names.
    fn handle(&self, op: &Op) -> Result<Handle, Failure> {
        match op.handle {
            HANDLE_LAST => self.last.ok_or(Failure::NoSuchTimer),
            handle => Ok(Handle::from(handle)),
        }
    }

    /// The timer of an op that gives nothing else.
    fn only_handle(&self, op: &Op) -> Result<Handle, Failure> {
        expect(op.program == 0 && op.value == 0 && op.flags == 0)?;
        expect(op.clock == 0 && !is_periodic(op))?;
        self.handle(op)
    }

    fn init(&mut self, op: &mut Op, kind: fn(u32) -> Option<Kind>) -> Result<bool, Failure> {
        expect(op.handle == 0 && !is_periodic(op))?;
        let request = uapi::Init {
            clock: op.clock.into(),
            flags: op.flags.into(),
            user_data: op.value,
            ..uapi::Init::default()
        };
        let (kind, clock) = new_timer(&request, kind)?;
        no_signal()?;
        let handle = self.map.init(kind, clock, op.value, self.process)?;
        if op.program != 0 {
            let bound = self.map.set_callback(handle, Family::of(kind), op.program);
            if let Err(failure) = bound {
                // Nobody knows the handle; a guess may have freed it.
                let _ = self.map.free(handle);
                return Err(failure);
            }
        }
        op.handle = handle.into();
        self.last = Some(handle);
        Ok(false)
    }

    /// Frees the timer that an op has made.
    fn undo(&self, op: &Op) {
        if is_init(op) && op.result >= 0 {
            // An op behind it, or a guess, may have freed it.
            let _ = self.map.free(Handle::from(op.handle));
        }
    }

    fn set_callback(&self, op: &Op, family: Family) -> Result<bool, Failure> {
        expect(op.value == 0 && op.flags == 0 && op.clock == 0 && !is_periodic(op))?;
        self.map
            .set_callback(self.handle(op)?, family, op.program)?;
        Ok(false)
    }

    /// The single call that a start is short for.
    fn start_request(&self, op: &Op) -> Result<uapi::Start, Failure> {
        expect(op.clock == 0)?;
        Ok(uapi::Start {
            handle: self.handle(op)?.into(),
            expires_ns: op.value,
            flags: op.flags.into(),
            cpu: op.program,
            period_ns: if is_periodic(op) { op.value } else { 0 },
            ..uapi::Start::default()
        })
    }

    fn start(&self, op: &Op, family: Family) -> Result<bool, Failure> {
        let request = self.start_request(op)?;
        let handle = Handle::from(request.handle);
        let (arming, cpu) = arming(self.map, &request)?;
        match cpu {
            None => self.map.start(handle, family, &arming)?,
            Some(cpu) => self
                .map
                .start_on(handle, family, &arming, cpu, self.process)?,
        }
        Ok(false)
    }

    fn delayed_wq_mod(&self, op: &Op) -> Result<bool, Failure> {
        let request = self.start_request(op)?;
        let (arming, cpu) = arming(self.map, &request)?;
        expect(cpu.is_none())?;
        self.map.modify(Handle::from(request.handle), &arming)
    }

    fn timer_cancel(&self, op: &Op) -> Result<bool, Failure> {
        let handle = self.only_handle(op)?;
        no_signal()?;
        self.map.timer_cancel(handle, self.process)
    }

    fn cancel(&self, op: &Op, family: Family) -> Result<bool, Failure> {
        let handle = self.only_handle(op)?;
        no_signal()?;
        self.map.cancel(handle, family, self.process)
    }

    fn timer_cancel_async(&self, op: &Op) -> Result<bool, Failure> {
        self.map.timer_cancel_async(self.only_handle(op)?)
    }

    fn free(&self, op: &Op) -> Result<bool, Failure> {
        self.map.free(self.only_handle(op)?)?;
        Ok(false)
    }
}

/// Stands for the timer of the last init.
const HANDLE_LAST: u64 = uapi::HANDLE_LAST as u64;

/// The flags of ops that there are.
const OP_FLAGS: u32 = uapi::OP_LINK | uapi::OP_PERIODIC;

fn is_init(op: &Op) -> bool {
    const INITS: [u32; 3] = [
        uapi::OP_TIMER_INIT,
        uapi::OP_WQ_INIT,
        uapi::OP_DELAYED_WQ_INIT,
    ];
    INITS.contains(&u32::from(op.opcode))
}

fn is_periodic(op: &Op) -> bool {
    u32::from(op.op_flags) & uapi::OP_PERIODIC != 0
}

/// An op that may wait does not begin while a signal is to be handled.
fn no_signal() -> Result<(), Failure> {
    if current!().signal_pending() {
        Err(Failure::Interrupted)
    } else {
        Ok(())
    }
}
