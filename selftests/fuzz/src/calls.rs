// SPDX-License-Identifier: GPL-2.0
//! Making the calls of an input.

use crate::{
    arena::Arena,
    features::Features,
    mappings::{scribble, Mapping, Tail},
    record::{Call, Oddity, Record, NOWHERE},
    scratch::Scratch,
    values::{
        now, pick, CLOCKS, CPUS, DELAYS, EVENTS, LENGTHS, OFFSETS, PERIODS, PLACES, SLACKS, SLEEPS,
        START_FLAGS, USER_DATA,
    },
};
use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags},
    sys::mman::{MapFlags, ProtFlags},
};
use sleeptimer::Kind;
use sleeptimer_selftests::{raw, KINDS};
use sleeptimer_sys as sys;
use std::{
    fs::File,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    thread::sleep,
    time::Duration,
};

/// Makes calls, in one thread.
pub struct Caller<'a> {
    arena: &'a Arena,
    scratch: &'a Scratch,
    features: Features,
}

/// What a call returns.
type Ending = Result<i32, Errno>;

/// A device for which a structure has been filled in.
struct Request<'a> {
    map: &'a OwnedFd,
    number: u32,
    record: Record,
}

impl<'a> Caller<'a> {
    /// Makes the calls, and adds what they do to the features.
    pub fn run(
        arena: &'a Arena,
        scratch: &'a Scratch,
        features: Features,
        records: &[Record],
    ) -> Features {
        let mut caller = Self {
            arena,
            scratch,
            features,
        };
        let mut rest = records;
        while let Some((record, others)) = rest.split_first() {
            rest = others;
            if let Some(ending) = caller.call(*record, &mut rest) {
                let result = ending.unwrap_or_else(|errno| -(errno as i32));
                caller.features.ended(record.call(), result);
            }
        }
        caller.features
    }

    /// Makes a call, which takes some of the records behind it for its steps or ops; nothing if it
    /// needs a map that is not open.
    fn call(&mut self, record: Record, rest: &mut &[Record]) -> Option<Ending> {
        let first = record.argument(0);
        match record.call() {
            Call::Open => return Some(self.open(record)),
            Call::Close => {
                self.arena.set_map(record.map(), None);
                return Some(Ok(0));
            }
            Call::Munmap => return Some(self.munmap(first)),
            Call::Protect => return Some(self.protect(record)),
            Call::Scribble => return Some(self.scribble(record)),
            Call::Wait => {
                sleep(Duration::from_micros(pick(
                    &[10, 100, 500, 2_000, 10_000],
                    first,
                )));
                return Some(Ok(0));
            }
            Call::Drain => {
                self.arena.files.drain(first);
                return Some(Ok(0));
            }
            _ => {}
        }
        let map = self.arena.map(record.map())?;
        let request = |number| Request {
            map: &map,
            number,
            record,
        };
        Some(match record.call() {
            Call::Setup => self.setup(&request(sys::SLEEPTIMER_IOC_SETUP)),
            Call::Dup => map.try_clone().map_err(errno_of).map(|copy| {
                self.arena
                    .set_map(usize::from(first) % crate::record::MAPS, Some(copy));
                0
            }),
            Call::Info => {
                let request = request(sys::SLEEPTIMER_IOC_GET_INFO);
                self.request(&request, sys::sleeptimer_info::default())
            }
            Call::ProgramCreate => {
                let steps = take(rest, first, sys::SLEEPTIMER_MAX_STEPS as usize + 1);
                self.program_create(&request(sys::SLEEPTIMER_IOC_PROGRAM_CREATE), steps)
            }
            Call::ProgramDestroy => {
                let value = sys::sleeptimer_program_ref {
                    program: self.arena.program(first),
                    flags: 0,
                };
                self.request(&request(sys::SLEEPTIMER_IOC_PROGRAM_DESTROY), value)
            }
            Call::ProgramQuery => self.program_query(&request(sys::SLEEPTIMER_IOC_PROGRAM_QUERY)),
            Call::Init => self.init(&map, record),
            Call::SetCallback => self.set_callback(&map, record),
            Call::Start => self.start(&map, record, false),
            Call::Mod => self.start(&map, record, true),
            Call::Cancel | Call::CancelNoDrop | Call::CancelAsync | Call::Free => {
                self.stop(&map, record)
            }
            Call::Query => {
                let value = sys::sleeptimer_query {
                    handle: self.arena.timer(first).0,
                    ..Default::default()
                };
                let ending = self.request(&request(sys::SLEEPTIMER_IOC_QUERY), value);
                let told: sys::sleeptimer_query = self.scratch.get();
                self.features.add(&(ending.is_ok(), told.kind, told.state));
                ending
            }
            Call::Submit => {
                let ops = take(rest, first, 20);
                self.submit(&request(sys::SLEEPTIMER_IOC_SUBMIT), ops)
            }
            Call::Mmap => self.mmap(&map, record),
            Call::Read => self.read(&map, record),
            Call::Poll => {
                let events = pick(&[PollFlags::POLLIN, PollFlags::all()], first);
                let mut file = [PollFd::new(map.as_fd(), events)];
                let time = pick(&[0u8, 0, 1, 10], record.argument(1));
                poll(&mut file, time)
            }
            Call::Request => {
                let number = pick(&REQUESTS, first);
                self.request(&request(number), [record.argument(1); 128])
            }
            // All of these were made above.
            _ => return None,
        })
    }

    /// Makes a request with a structure, in the way in which the record is odd.
    fn request<T: Copy>(&self, request: &Request, value: T) -> Ending {
        let scratch = self.scratch;
        let mut number = request.number;
        let mappings;
        let address = match request.record.oddity() {
            Oddity::None => scratch.put(value),
            Oddity::At(address) => address,
            Oddity::Cut => scratch.cut::<T>(request.record.argument(5)),
            Oddity::ReadOnly => scratch.put_read_only(value),
            Oddity::InRing => {
                mappings = self.arena.mappings();
                mappings.first().map_or(0, Mapping::address)
            }
            Oddity::Unaligned => scratch.put_unaligned(value),
            Oddity::Size => {
                number = number.wrapping_add(u32::from(request.record.argument(5)) << 16);
                scratch.put(value)
            }
            Oddity::Direction => {
                number ^= 1 << (30 + request.record.argument(5) % 2);
                scratch.put(value)
            }
            Oddity::Byte => {
                let address = scratch.put(value);
                scratch.change_byte::<T>(request.record.argument(5), request.record.argument(4));
                address
            }
        };
        raw::request(request.map, number, address)
    }

    fn open(&self, record: Record) -> Ending {
        let mut options = File::options();
        match record.argument(0) {
            0..=223 => options.read(true).write(true),
            224..=239 => options.read(true),
            240..=255 => options.write(true),
        };
        let file = options
            .custom_flags(libc::O_NONBLOCK)
            .open(sleeptimer::DEVICE);
        let map = OwnedFd::from(file.map_err(errno_of)?);
        let ending = match record.argument(1) {
            0..=199 => set_up_small(&map),
            _ => Ok(0),
        };
        self.arena.set_map(record.map(), Some(map));
        ending
    }

    fn setup(&self, request: &Request) -> Ending {
        let record = request.record;
        let value = sys::sleeptimer_setup {
            max_timers: pick(&PLACES, record.argument(0)),
            max_programs: pick(&PLACES, record.argument(1)),
            max_events: pick(&EVENTS, record.argument(2)),
            ..Default::default()
        };
        self.request(request, value)
    }

    fn program_create(&self, request: &Request, steps: &[Record]) -> Ending {
        let steps: Vec<_> = steps.iter().map(|step| self.step(*step)).collect();
        let value = sys::sleeptimer_program_create {
            steps: self.array(request.record, &steps),
            nr_steps: steps.len() as u32,
            ..Default::default()
        };
        let ending = self.request(request, value);
        if ending.is_ok() && request.record.oddity() == Oddity::None {
            let told: sys::sleeptimer_program_create = self.scratch.get();
            self.arena
                .set_program(request.record.argument(1), told.program);
        }
        ending
    }

    /// The address of an array that goes with a request.
    fn array<T: Copy>(&self, record: Record, values: &[T]) -> u64 {
        match record.argument(2) {
            0..=239 => self.scratch.put_array(values) as u64,
            byte => pick(&NOWHERE, byte) as u64,
        }
    }

    fn step(&self, record: Record) -> sys::sleeptimer_step {
        const OPS: [u32; 12] = [
            sys::SLEEPTIMER_STEP_EVENT,
            sys::SLEEPTIMER_STEP_EVENT,
            sys::SLEEPTIMER_STEP_EVENT,
            sys::SLEEPTIMER_STEP_SLEEP,
            sys::SLEEPTIMER_STEP_SLEEP,
            sys::SLEEPTIMER_STEP_EVENTFD,
            sys::SLEEPTIMER_STEP_WRITE,
            sys::SLEEPTIMER_STEP_WRITE,
            sys::SLEEPTIMER_STEP_FSYNC,
            sys::SLEEPTIMER_STEP_FDATASYNC,
            0,
            7,
        ];
        let [op, file, sleep, len, offset, address, odd, _] = record.bytes();
        let mut step = sys::sleeptimer_step {
            op: pick(&OPS, op),
            flags: u32::from(odd >= 248),
            ..Default::default()
        };
        let fd = match file {
            0..=239 => self.arena.files.fd(file),
            240..=251 => self
                .arena
                .map(record.map())
                .map_or(-1, |map| map.as_raw_fd()),
            252..=255 => -1,
        };
        match step.op {
            sys::SLEEPTIMER_STEP_SLEEP => step.arg = pick(&SLEEPS, sleep),
            sys::SLEEPTIMER_STEP_WRITE => {
                step.fd = fd;
                step.arg = match address {
                    0..=239 => self.scratch.put_array::<u8>(&[]) as u64,
                    _ => pick(&NOWHERE, address) as u64,
                };
                step.len = pick(&LENGTHS, len);
                step.offset = pick(&OFFSETS, offset);
            }
            sys::SLEEPTIMER_STEP_EVENT => {}
            _ => step.fd = fd,
        }
        step
    }

    fn program_query(&mut self, request: &Request) -> Ending {
        let space = [sys::sleeptimer_step_status::default(); 16];
        let value = sys::sleeptimer_program_query {
            status: self.array(request.record, &space),
            nr_status: pick(&[16, 16, 1, 0, u32::MAX], request.record.argument(1)),
            program: self.arena.program(request.record.argument(0)),
            ..Default::default()
        };
        let ending = self.request(request, value);
        for step in 0..space.len() {
            let status: sys::sleeptimer_step_status = self.scratch.get_array(step);
            self.features.add(&(step, status.last_error));
        }
        ending
    }

    fn init(&self, map: &OwnedFd, record: Record) -> Ending {
        let kind = pick(&KINDS, record.argument(0));
        let number = match kind {
            Kind::Timer | Kind::SleepableTimer => sys::SLEEPTIMER_IOC_TIMER_INIT,
            Kind::Wq => sys::SLEEPTIMER_IOC_WQ_INIT,
            _ => sys::SLEEPTIMER_IOC_DELAYED_WQ_INIT,
        };
        let value = sys::sleeptimer_init {
            clock: clock(kind, record.argument(2)),
            flags: init_flags(kind),
            user_data: pick(&USER_DATA, record.argument(3)),
            ..Default::default()
        };
        let request = Request {
            map,
            number,
            record,
        };
        let ending = self.request(&request, value);
        if ending.is_ok() && record.oddity() == Oddity::None {
            let told: sys::sleeptimer_init = self.scratch.get();
            self.arena.set_timer(record.argument(1), told.handle, kind);
        }
        ending
    }

    /// The timer of a record, and the kind to take it for, which is seldom another than its own.
    fn timer(&self, record: Record) -> (u64, Kind) {
        let (handle, kind) = self.arena.timer(record.argument(0));
        match record.argument(5) {
            0..=239 => (handle, kind),
            byte => (handle, pick(&KINDS, byte)),
        }
    }

    fn set_callback(&self, map: &OwnedFd, record: Record) -> Ending {
        let (handle, kind) = self.timer(record);
        let number = match kind {
            Kind::Timer => sys::SLEEPTIMER_IOC_TIMER_SET_CALLBACK,
            Kind::SleepableTimer => sys::SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB,
            Kind::Wq => sys::SLEEPTIMER_IOC_WQ_SET_CALLBACK,
            _ => sys::SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK,
        };
        let value = sys::sleeptimer_set_callback {
            handle,
            program: self.arena.program(record.argument(1)),
            flags: 0,
        };
        let request = Request {
            map,
            number,
            record,
        };
        self.request(&request, value)
    }

    fn start(&self, map: &OwnedFd, record: Record, is_mod: bool) -> Ending {
        let (handle, kind) = self.timer(record);
        let number = match kind {
            _ if is_mod => sys::SLEEPTIMER_IOC_DELAYED_WQ_MOD,
            Kind::Timer | Kind::SleepableTimer => sys::SLEEPTIMER_IOC_TIMER_START,
            Kind::Wq => sys::SLEEPTIMER_IOC_WQ_START,
            _ => sys::SLEEPTIMER_IOC_DELAYED_WQ_START,
        };
        let mut value = sys::sleeptimer_start {
            handle,
            ..Default::default()
        };
        // What a kind does not take is an error, which is of interest now and then only.
        let takes_all = record.argument(5) >= 224;
        if takes_all || !matches!(kind, Kind::SleepableTimer | Kind::Wq) {
            value.expires_ns = pick(&DELAYS, record.argument(1));
        }
        if takes_all || matches!(kind, Kind::Timer | Kind::HighresDelayedWq) {
            value.flags = pick(&START_FLAGS, record.argument(2));
            if value.flags & sys::SLEEPTIMER_START_ABS != 0 {
                value.expires_ns = value.expires_ns.wrapping_add(now(1));
            }
            if value.flags & sys::SLEEPTIMER_START_CPU != 0 {
                value.cpu = pick(&CPUS, record.argument(5));
            }
            value.period_ns = pick(&PERIODS, record.argument(3));
            value.slack_ns = pick(&SLACKS, record.argument(4));
        }
        let request = Request {
            map,
            number,
            record,
        };
        self.request(&request, value)
    }

    /// Cancels or frees a timer.
    fn stop(&self, map: &OwnedFd, record: Record) -> Ending {
        let (handle, kind) = self.timer(record);
        let number = match (record.call(), kind) {
            (Call::Free, _) => sys::SLEEPTIMER_IOC_FREE,
            (Call::CancelAsync, _) => sys::SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC,
            (Call::CancelNoDrop, _) => sys::SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP,
            (_, Kind::Timer | Kind::SleepableTimer) => sys::SLEEPTIMER_IOC_TIMER_CANCEL,
            (_, Kind::Wq) => sys::SLEEPTIMER_IOC_WQ_CANCEL,
            _ => sys::SLEEPTIMER_IOC_DELAYED_WQ_CANCEL,
        };
        let value = sys::sleeptimer_ref {
            handle,
            ..Default::default()
        };
        let request = Request {
            map,
            number,
            record,
        };
        self.request(&request, value)
    }

    fn submit(&mut self, request: &Request, records: &[Record]) -> Ending {
        let ops: Vec<_> = records.iter().map(|record| self.op(*record)).collect();
        let value = sys::sleeptimer_submit {
            ops: self.array(request.record, &ops),
            nr_ops: ops.len() as u32,
            ..Default::default()
        };
        let ending = self.request(request, value);
        for (index, record) in records.iter().enumerate() {
            let done: sys::sleeptimer_op = self.scratch.get_array(index);
            self.features.add(&(done.opcode, done.result));
            let kind = KINDS.into_iter().find(|&kind| {
                opcode(kind) == u32::from(done.opcode) && init_flags(kind) == u32::from(done.flags)
            });
            if let (Some(kind), 0) = (kind, done.result) {
                self.arena.set_timer(record.argument(0), done.handle, kind);
            }
        }
        ending
    }

    fn op(&self, record: Record) -> sys::sleeptimer_op {
        let (handle, kind) = self.timer(record);
        let program = self.arena.program(record.argument(1));
        let delay = pick(&DELAYS, record.argument(2));
        let mut op = sys::sleeptimer_op {
            opcode: pick(&OPCODES, record.bytes()[0]) as u8,
            op_flags: pick(&[0, 0, 0, 0, 1, 1, 2, 2, 3, 4], record.argument(3)),
            handle: match record.argument(4) {
                0..=191 => handle,
                _ => sys::SLEEPTIMER_HANDLE_LAST.into(),
            },
            result: raw::POISON,
            ..Default::default()
        };
        match op.opcode.into() {
            sys::SLEEPTIMER_OP_TIMER_INIT
            | sys::SLEEPTIMER_OP_WQ_INIT
            | sys::SLEEPTIMER_OP_DELAYED_WQ_INIT => {
                op.flags = u8::from(
                    record.argument(4) % 2 == 1 && op.opcode as u32 != sys::SLEEPTIMER_OP_WQ_INIT,
                );
                op.clock = clock(kind, record.argument(2)) as u8;
                op.program = program;
                op.handle = 0;
                op.op_flags &= !(sys::SLEEPTIMER_OP_PERIODIC as u8);
            }
            sys::SLEEPTIMER_OP_TIMER_SET_CALLBACK
            | sys::SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB
            | sys::SLEEPTIMER_OP_WQ_SET_CALLBACK
            | sys::SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK => op.program = program,
            sys::SLEEPTIMER_OP_TIMER_START
            | sys::SLEEPTIMER_OP_DELAYED_WQ_START
            | sys::SLEEPTIMER_OP_DELAYED_WQ_MOD
                if kind != Kind::SleepableTimer =>
            {
                op.value = delay;
            }
            _ => {}
        }
        op
    }

    fn mmap(&self, map: &OwnedFd, record: Record) -> Ending {
        const PROTECTIONS: [ProtFlags; 6] = [
            ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE),
            ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE),
            ProtFlags::PROT_READ,
            ProtFlags::PROT_WRITE,
            ProtFlags::PROT_NONE,
            ProtFlags::PROT_READ.union(ProtFlags::PROT_EXEC),
        ];
        let flags = match record.argument(3) {
            0..=223 => MapFlags::MAP_SHARED,
            _ => MapFlags::MAP_PRIVATE,
        };
        let mapping = Mapping::new(
            map,
            pick(&[0, 0, 1, 1, 2, 3, 1000], record.argument(0)),
            pick(&[1, 1, 1, 2, 3, 4, 48, 1000], record.argument(1)),
            pick(&PROTECTIONS, record.argument(2)),
            flags,
        )?;
        self.arena.mappings().push(mapping);
        Ok(0)
    }

    fn munmap(&self, byte: u8) -> Ending {
        let mut mappings = self.arena.mappings();
        let number = mappings.len().min(usize::from(byte % 4));
        if number < mappings.len() {
            mappings.swap_remove(number);
        }
        Ok(number as i32)
    }

    fn protect(&self, record: Record) -> Ending {
        let mut mappings = self.arena.mappings();
        let number = usize::from(record.argument(0) % 4);
        let mapping = mappings.get_mut(number).ok_or(Errno::ENOENT)?;
        let protection = match record.argument(1) % 4 {
            0 => ProtFlags::PROT_READ,
            1 => ProtFlags::PROT_NONE,
            _ => ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
        };
        mapping.protect(protection)?;
        Ok(0)
    }

    fn scribble(&self, record: Record) -> Ending {
        let tail = match record.argument(0) {
            0..=127 => Tail::Behind(pick(&[0, 0, 0, 1, 2, 16], record.argument(1))),
            _ => Tail::At(pick(&[0, 1, 17, 1 << 31, u32::MAX], record.argument(1))),
        };
        scribble(&self.arena.mappings(), tail);
        Ok(0)
    }

    fn read(&mut self, map: &OwnedFd, record: Record) -> Ending {
        const EVENT: usize = size_of::<sys::sleeptimer_event>();
        let len = pick(
            &[
                EVENT,
                EVENT,
                2 * EVENT,
                16 * EVENT,
                200 * EVENT,
                0,
                EVENT - 1,
                EVENT + 1,
            ],
            record.argument(0),
        );
        let mappings;
        let address = match record.oddity() {
            Oddity::At(address) => address,
            Oddity::Cut => self
                .scratch
                .cut::<sys::sleeptimer_event>(record.argument(1)),
            Oddity::ReadOnly => self.scratch.put_read_only(0u8),
            Oddity::InRing => {
                mappings = self.arena.mappings();
                mappings.first().map_or(0, Mapping::address)
            }
            _ => self.scratch.put_array::<u8>(&[]),
        };
        // SAFETY: The kernel checks the address, where there is memory for this or nothing of ours.
        let result = unsafe { libc::read(map.as_raw_fd(), address as *mut libc::c_void, len) };
        let ending = Errno::result(result).map(|bytes| bytes as i32);
        if record.oddity() == Oddity::None && ending.is_ok_and(|bytes| bytes > 0) {
            let event: sys::sleeptimer_event = self.scratch.get_array(0);
            let count = event.count.min(2);
            self.features
                .add(&(event.context, event.flags, count, event.worker == 0));
        }
        ending
    }
}

/// Sets a map up so that it is full soon.
pub fn set_up_small(map: &OwnedFd) -> Ending {
    let mut value = sys::sleeptimer_setup {
        max_timers: 6,
        max_programs: 5,
        max_events: 4,
        ..Default::default()
    };
    raw::request(map, sys::SLEEPTIMER_IOC_SETUP, &raw mut value as usize)
}

/// Takes the first of the records, as many as a byte says: mostly few.
fn take<'a>(rest: &mut &'a [Record], byte: u8, most: usize) -> &'a [Record] {
    let number = match byte {
        0..=199 => usize::from(byte % 4) + 1,
        200..=255 => usize::from(byte) % (most + 1),
    };
    let (taken, others) = rest.split_at(number.min(rest.len()));
    *rest = others;
    taken
}

fn errno_of(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

fn opcode(kind: Kind) -> u32 {
    match kind {
        Kind::Timer | Kind::SleepableTimer => sys::SLEEPTIMER_OP_TIMER_INIT,
        Kind::Wq => sys::SLEEPTIMER_OP_WQ_INIT,
        _ => sys::SLEEPTIMER_OP_DELAYED_WQ_INIT,
    }
}

fn init_flags(kind: Kind) -> u32 {
    match kind {
        Kind::SleepableTimer => sys::SLEEPTIMER_TIMER_SLEEPABLE,
        Kind::HighresDelayedWq => sys::SLEEPTIMER_DELAYED_WQ_HIGHRES,
        _ => 0,
    }
}

/// The clock that a byte stands for; most kinds have only one.
fn clock(kind: Kind, byte: u8) -> u32 {
    match (kind, byte) {
        (Kind::Timer | Kind::HighresDelayedWq, _) | (_, 240..=255) => pick(&CLOCKS, byte),
        _ => 1,
    }
}

/// The opcodes of a batch.
const OPCODES: [u32; 19] = [
    sys::SLEEPTIMER_OP_TIMER_INIT,
    sys::SLEEPTIMER_OP_TIMER_SET_CALLBACK,
    sys::SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB,
    sys::SLEEPTIMER_OP_TIMER_START,
    sys::SLEEPTIMER_OP_TIMER_CANCEL,
    sys::SLEEPTIMER_OP_TIMER_CANCEL_NO_DROP,
    sys::SLEEPTIMER_OP_TIMER_CANCEL_ASYNC,
    sys::SLEEPTIMER_OP_WQ_INIT,
    sys::SLEEPTIMER_OP_WQ_SET_CALLBACK,
    sys::SLEEPTIMER_OP_WQ_START,
    sys::SLEEPTIMER_OP_WQ_CANCEL,
    sys::SLEEPTIMER_OP_DELAYED_WQ_INIT,
    sys::SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK,
    sys::SLEEPTIMER_OP_DELAYED_WQ_START,
    sys::SLEEPTIMER_OP_DELAYED_WQ_MOD,
    sys::SLEEPTIMER_OP_DELAYED_WQ_CANCEL,
    sys::SLEEPTIMER_OP_FREE,
    0,
    255,
];

/// Requests that are made with any bytes at all.
const REQUESTS: [u32; 12] = [
    sys::SLEEPTIMER_IOC_SETUP,
    sys::SLEEPTIMER_IOC_PROGRAM_CREATE,
    sys::SLEEPTIMER_IOC_PROGRAM_DESTROY,
    sys::SLEEPTIMER_IOC_SUBMIT,
    sys::SLEEPTIMER_IOC_QUERY,
    sys::SLEEPTIMER_IOC_PROGRAM_QUERY,
    sys::SLEEPTIMER_IOC_TIMER_INIT,
    sys::SLEEPTIMER_IOC_TIMER_START,
    sys::SLEEPTIMER_IOC_TIMER_CANCEL,
    sys::SLEEPTIMER_IOC_FREE,
    sys::SLEEPTIMER_IOC_GET_INFO,
    0x5401,
];
