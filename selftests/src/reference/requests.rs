// SPDX-License-Identifier: GPL-2.0
//! Making the calls: what the structures of a request hold before it, and what they may not hold
//! after it.

use super::{
    calls::{Arguments, Call, EntryCall, Op, Step, Target, Wrong, WrongOp},
    device::Device,
    Answer, Reference,
};
use crate::{
    check, check_eq, ok,
    raw::{bytes, device, op, read_at, request, POISON},
};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use sleeptimer::Sizes;
use sleeptimer_sys as sys;
use std::os::fd::{AsFd, AsRawFd};

/// What a call has written to memory.
pub(super) enum Seen {
    Nothing,
    Program(u32),
    Timer(u64),
    Statuses(Vec<sys::sleeptimer_step_status>),
    Query(sys::sleeptimer_query),
    Ops(Vec<sys::sleeptimer_op>, sys::sleeptimer_submit),
    Events(Vec<sys::sleeptimer_event>),
}

const POISON_32: u32 = POISON as u32;
const POISON_64: u64 = POISON_32 as u64 * 0x1_0000_0001;

impl Device {
    /// Makes a request, which has to leave the memory as it was if it fails.
    fn ask<T: Copy>(&self, number: u32, argument: &mut T, wrong: Wrong) -> Result<Answer, String> {
        let before = *argument;
        let address = match wrong {
            Wrong::Address => 0,
            _ => &raw mut *argument as usize,
        };
        let answer = request(&self.file, number, address).map(|value| value as u32);
        check!(
            answer.is_ok() || bytes(&before) == bytes(argument),
            "it has failed, and has written to memory"
        );
        Ok(answer)
    }

    pub(super) fn make(
        &mut self,
        model: &Reference,
        call: &Call,
    ) -> Result<(Answer, Seen), String> {
        let nothing = |answer| Ok((answer, Seen::Nothing));
        match call {
            Call::GetInfo => {
                let mut info = sys::sleeptimer_info::default();
                let answer = self.ask(sys::SLEEPTIMER_IOC_GET_INFO, &mut info, Wrong::No)?;
                check_eq!(info.reserved, [0; 4]);
                nothing(answer)
            }
            Call::SetUp(sizes) => nothing(self.set_up(sizes)?),
            Call::Create(_, steps, wrong) => self.create(steps, *wrong),
            Call::Destroy(program, wrong) => {
                let mut request = sys::sleeptimer_program_ref {
                    program: self.program(model, *program),
                    flags: flag_of(*wrong) | reserved_of(*wrong),
                };
                nothing(self.ask(sys::SLEEPTIMER_IOC_PROGRAM_DESTROY, &mut request, *wrong)?)
            }
            Call::QueryProgram(program, room, wrong) => {
                self.query_program(self.program(model, *program), *room, *wrong)
            }
            Call::Query(timer, wrong) => {
                let mut query = query_of(self.timer(model, *timer));
                query.flags = flag_of(*wrong);
                query.reserved = reserved_of(*wrong);
                let answer = self.ask(sys::SLEEPTIMER_IOC_QUERY, &mut query, *wrong)?;
                Ok((answer, Seen::Query(query)))
            }
            Call::Single(call, wrong) => self.enter(model, call, *wrong),
            Call::Submit(ops, wrong) => self.submit(model, ops, *wrong),
            Call::Read(room, wrong) => self.read(model, *room, *wrong),
            Call::Duplicate => {
                self.file = ok!(self.file.try_clone());
                nothing(Ok(0))
            }
            Call::Reopen => {
                self.file = device()?;
                self.timers.clear();
                self.programs.clear();
                nothing(Ok(0))
            }
            Call::Unknown => {
                let number = sys::SLEEPTIMER_IOC_FREE + 1;
                nothing(self.ask(number, &mut sys::sleeptimer_ref::default(), Wrong::No)?)
            }
        }
    }

    pub(super) fn set_up(&self, sizes: &Sizes) -> Result<Answer, String> {
        let mut setup = sys::sleeptimer_setup {
            max_timers: sizes.timers,
            max_programs: sizes.programs,
            max_events: sizes.events,
            ..Default::default()
        };
        self.ask(sys::SLEEPTIMER_IOC_SETUP, &mut setup, Wrong::No)
    }

    fn create(&self, steps: &[Step], wrong: Wrong) -> Result<(Answer, Seen), String> {
        let steps: Vec<_> = steps.iter().map(|step| self.step_of(*step)).collect();
        let given = sys::sleeptimer_program_create {
            steps: steps.as_ptr() as u64,
            nr_steps: steps.len() as u32,
            flags: flag_of(wrong),
            reserved: reserved_of(wrong).into(),
            program: POISON_32,
            pad: POISON_32,
        };
        let mut request = given;
        let answer = self.ask(sys::SLEEPTIMER_IOC_PROGRAM_CREATE, &mut request, wrong)?;
        let program = request.program;
        if answer.is_ok() {
            let pad = 0;
            let wanted = sys::sleeptimer_program_create {
                program,
                pad,
                ..given
            };
            check_eq!(bytes(&request), bytes(&wanted));
        }
        Ok((answer, Seen::Program(program)))
    }

    fn step_of(&self, step: Step) -> sys::sleeptimer_step {
        const LONGEST: u64 = 3600 * 1_000_000_000;
        let (op, arg, len, fd) = match step {
            Step::Event => (sys::SLEEPTIMER_STEP_EVENT, 0, 0, 0),
            Step::EventFd => (
                sys::SLEEPTIMER_STEP_EVENTFD,
                0,
                0,
                self.eventfd.as_fd().as_raw_fd(),
            ),
            Step::Sleep => (sys::SLEEPTIMER_STEP_SLEEP, LONGEST, 0, 0),
            Step::Fail => {
                let text = b"x".as_ptr() as u64;
                (sys::SLEEPTIMER_STEP_WRITE, text, 1, self.pipe.as_raw_fd())
            }
            Step::TooLong => (sys::SLEEPTIMER_STEP_SLEEP, LONGEST + 1, 0, 0),
            Step::Unknown => (99, 0, 0, 0),
        };
        sys::sleeptimer_step {
            op,
            arg,
            len,
            fd,
            ..Default::default()
        }
    }

    fn query_program(
        &self,
        program: u32,
        room: u32,
        wrong: Wrong,
    ) -> Result<(Answer, Seen), String> {
        let untouched = sys::sleeptimer_step_status {
            failures: POISON_64,
            last_error: POISON_32,
            pad: POISON_32,
        };
        let mut statuses = [untouched; sys::SLEEPTIMER_MAX_STEPS as usize];
        let given = sys::sleeptimer_program_query {
            status: statuses.as_mut_ptr() as u64,
            nr_status: room,
            program,
            flags: flag_of(wrong),
            reserved: reserved_of(wrong),
            nr_steps: POISON_32,
            pad: POISON_32,
        };
        let mut request = given;
        let answer = self.ask(sys::SLEEPTIMER_IOC_PROGRAM_QUERY, &mut request, wrong)?;
        let mut told = 0;
        if answer.is_ok() {
            let nr_steps = request.nr_steps;
            let pad = 0;
            let wanted = sys::sleeptimer_program_query {
                nr_steps,
                pad,
                ..given
            };
            check_eq!(bytes(&request), bytes(&wanted));
            told = room.min(nr_steps) as usize;
        }
        check!(
            statuses[told..]
                .iter()
                .all(|s| bytes(s) == bytes(&untouched)),
            "it has written behind what it tells"
        );
        Ok((answer, Seen::Statuses(statuses[..told].to_vec())))
    }

    fn enter(
        &self,
        model: &Reference,
        call: &EntryCall,
        wrong: Wrong,
    ) -> Result<(Answer, Seen), String> {
        let number = call.entry.request();
        let (flag, reserved) = (flag_of(wrong), reserved_of(wrong));
        let handle = self.timer(model, call.timer);
        let answer = match call.with {
            Arguments::Init(init) => {
                let given = sys::sleeptimer_init {
                    clock: init.clock,
                    flags: init.flags | flag,
                    user_data: init.user_data,
                    reserved: reserved.into(),
                    handle: POISON_64,
                };
                let mut request = given;
                let answer = self.ask(number, &mut request, wrong)?;
                let handle = request.handle;
                let wanted = sys::sleeptimer_init { handle, ..given };
                check_eq!(bytes(&request), bytes(&wanted));
                return Ok((answer, Seen::Timer(handle)));
            }
            Arguments::Program(program) => {
                let program = self.program(model, program);
                let flags = flag | reserved;
                let mut request = sys::sleeptimer_set_callback {
                    handle,
                    program,
                    flags,
                };
                self.ask(number, &mut request, wrong)?
            }
            Arguments::Start(start) => {
                let mut request = sys::sleeptimer_start {
                    handle,
                    expires_ns: start.expires,
                    flags: start.flags | flag,
                    cpu: start.cpu,
                    slack_ns: start.slack,
                    period_ns: start.period,
                    reserved: reserved.into(),
                };
                self.ask(number, &mut request, wrong)?
            }
            Arguments::Nothing => {
                let mut request = sys::sleeptimer_ref {
                    handle,
                    flags: flag,
                    pad: reserved,
                };
                self.ask(number, &mut request, wrong)?
            }
        };
        Ok((answer, Seen::Nothing))
    }

    fn submit(
        &self,
        model: &Reference,
        ops: &[Op],
        wrong: Wrong,
    ) -> Result<(Answer, Seen), String> {
        let mut raw: Vec<_> = ops.iter().map(|op| self.op_of(model, op)).collect();
        let given = sys::sleeptimer_submit {
            ops: raw.as_mut_ptr() as u64,
            nr_ops: raw.len() as u32,
            flags: flag_of(wrong),
            reserved: reserved_of(wrong).into(),
            nr_done: POISON_32,
            nr_failed: POISON_32,
        };
        let mut request = given;
        let answer = self.ask(sys::SLEEPTIMER_IOC_SUBMIT, &mut request, wrong)?;
        if answer.is_ok() {
            let wanted = sys::sleeptimer_submit {
                nr_done: request.nr_done,
                nr_failed: request.nr_failed,
                ..given
            };
            check_eq!(bytes(&request), bytes(&wanted));
        }
        // What the call has not told must be as it was.
        for (op, raw) in ops.iter().zip(&raw) {
            let before = self.op_of(model, op);
            let wanted = sys::sleeptimer_op {
                result: raw.result,
                handle: match op.call.with {
                    Arguments::Init(_) if raw.result >= 0 && answer.is_ok() => raw.handle,
                    _ => before.handle,
                },
                ..before
            };
            check_eq!(bytes(raw), bytes(&wanted));
            check!(answer.is_ok() || raw.result == POISON);
        }
        Ok((answer, Seen::Ops(raw, request)))
    }

    fn op_of(&self, model: &Reference, of: &Op) -> sys::sleeptimer_op {
        let handle = match of.call.with {
            Arguments::Init(_) => 0,
            _ => self.timer(model, of.call.timer),
        };
        let mut op = op(of.call.entry.opcode().into(), handle);
        let byte = |value: u32| value.to_le_bytes()[0];
        if of.is_linked {
            op.op_flags |= byte(sys::SLEEPTIMER_OP_LINK);
        }
        match of.call.with {
            Arguments::Init(init) => {
                op.flags = byte(init.flags);
                op.clock = byte(init.clock);
                op.value = init.user_data;
                op.program = self.program(model, init.program);
            }
            Arguments::Program(program) => op.program = self.program(model, program),
            Arguments::Start(start) => {
                op.flags = byte(start.flags);
                op.value = start.expires;
                op.program = start.cpu;
                if start.period != 0 {
                    op.op_flags |= byte(sys::SLEEPTIMER_OP_PERIODIC);
                }
            }
            Arguments::Nothing => {}
        }
        match (of.wrong, of.call.with) {
            (WrongOp::No, _) => {}
            (WrongOp::Pad, _) => op.pad = 1,
            (WrongOp::Flag, _) => op.op_flags |= 1 << 7,
            (WrongOp::Opcode, _) => op.opcode = 0x7f,
            (WrongOp::Field, Arguments::Init(_)) => op.handle = 1,
            (WrongOp::Field, Arguments::Program(_)) => op.value = 1,
            (WrongOp::Field, Arguments::Start(_)) => op.clock = 1,
            (WrongOp::Field, Arguments::Nothing) => op.program = 1,
        }
        op
    }

    fn read(&self, model: &Reference, room: usize, wrong: Wrong) -> Result<(Answer, Seen), String> {
        let has_some = model.nr_records() > 0;
        let mut polled = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        ok!(poll(&mut polled, PollTimeout::ZERO));
        let wanted = match model.sizes() {
            None => PollFlags::POLLERR,
            Some(_) if has_some => PollFlags::POLLIN,
            Some(_) => PollFlags::empty(),
        };
        check_eq!(polled[0].revents(), Some(wanted));
        let mut events = vec![sys::sleeptimer_event::default(); room];
        let size = size_of::<sys::sleeptimer_event>();
        let (address, length) = match (room, wrong) {
            (0, _) => (events.as_mut_ptr() as usize, size - 1),
            (_, Wrong::No) => (events.as_mut_ptr() as usize, room * size),
            _ => (0, room * size),
        };
        let result = read_at(&self.file, address, length);
        events.truncate(result.unwrap_or(0) / size);
        Ok((result.map(|_| 0), Seen::Events(events)))
    }

    /// The handle of a timer.
    fn timer(&self, model: &Reference, target: Target) -> u64 {
        let known = |target| self.timers.get(model.timer_number(target)?).copied();
        match target {
            Target::Last(_) | Target::Former(_) => known(target).unwrap_or(u64::MAX),
            Target::Next(name) => {
                known(Target::Last(name)).map_or(u64::MAX, |handle| handle.wrapping_add(1 << 32))
            }
            Target::Zero => sys::SLEEPTIMER_HANDLE_LAST.into(),
            Target::Nobody => u64::MAX,
        }
    }

    /// The number of a program.
    fn program(&self, model: &Reference, target: Target) -> u32 {
        let known = |target| self.programs.get(model.program_number(target)?).copied();
        match target {
            Target::Last(_) | Target::Former(_) => known(target).unwrap_or(u32::MAX),
            Target::Next(name) => {
                known(Target::Last(name)).map_or(u32::MAX, |number| number.wrapping_add(1 << 12))
            }
            Target::Zero => 0,
            Target::Nobody => u32::MAX,
        }
    }
}

fn flag_of(wrong: Wrong) -> u32 {
    u32::from(wrong == Wrong::Flag) << 31
}

fn reserved_of(wrong: Wrong) -> u32 {
    (wrong == Wrong::Reserved).into()
}

pub(super) fn query_of(handle: u64) -> sys::sleeptimer_query {
    sys::sleeptimer_query {
        handle,
        flags: 0,
        reserved: 0,
        user_data: POISON_64,
        expires_ns: POISON_64,
        remaining_ns: POISON_64,
        period_ns: POISON_64,
        backlog: POISON_64,
        kind: POISON_32,
        clock: POISON_32,
        state: POISON_32,
        pad: POISON_32,
    }
}
