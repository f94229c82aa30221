// SPDX-License-Identifier: GPL-2.0

//! The requests of user space: decoded and validated here, once, and handed to the map.

#![deny(unsafe_code)]

use crate::{
    bpf_hrtimer::{
        flags::{Clock, Flags, Kind},
        resolution_ns, BpfHrtimer, Expiry,
    },
    context::Process,
    device::Session,
    failure::Failure,
    map::Map,
    program::{Program, MAX_SLEEP_NS},
    table::Handle,
    uapi,
};
use kernel::{
    bindings,
    ioctl::_IOC_SIZE,
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice},
};

/// The most timers of one map: what the flags word could name, less what a table of that size
/// would take before the first timer exists.
const MAX_TIMERS: u32 = Flags::MAX_TIMERS >> 4;

kernel::static_assert!(uapi::MAX_TIMERS == Flags::MAX_TIMERS);
kernel::static_assert!(uapi::MAX_PROGRAMS == Flags::MAX_PROGRAMS);

/// The argument of a request: a structure of the caller's.
struct Argument {
    address: UserPtr,
    size: usize,
}

impl Argument {
    fn read<T: FromBytes>(&self) -> Result<T, Failure> {
        UserSlice::new(self.address, self.size)
            .reader()
            .read()
            .map_err(|_| Failure::BadAddress)
    }

    fn write<T: AsBytes>(&self, value: &T) -> Result<(), Failure> {
        UserSlice::new(self.address, self.size)
            .writer()
            .write(value)
            .map_err(|_| Failure::BadAddress)
    }
}

/// Serves one request; the result is what `ioctl` returns.
pub(crate) fn dispatch(
    session: &Session,
    process: &Process<'_>,
    request: u32,
    address: usize,
) -> Result<isize, Failure> {
    let argument = Argument {
        address: UserPtr::from_addr(address),
        size: _IOC_SIZE(request),
    };
    match request {
        uapi::IOC_GET_INFO => get_info(&argument),
        uapi::IOC_SETUP => setup(session, &argument),
        uapi::IOC_PROGRAM_CREATE => program_create(session.map()?, &argument),
        uapi::IOC_TIMER_INIT => timer_init(session.map()?, process, &argument),
        uapi::IOC_TIMER_SET_CALLBACK => set_callback(session.map()?, Kind::Softirq, &argument),
        uapi::IOC_TIMER_SET_SLEEPABLE_CB => {
            set_callback(session.map()?, Kind::Sleepable, &argument)
        }
        uapi::IOC_TIMER_START => timer_start(session.map()?, &argument),
        uapi::IOC_TIMER_CANCEL => timer_cancel(session.map()?, process, &argument),
        uapi::IOC_FREE => free(session.map()?, &argument),
        _ => Err(Failure::UnknownRequest),
    }
}

/// Refuses a request whose reserved parts are not zero.
fn expect_zero(reserved: &[u64]) -> Result<(), Failure> {
    if reserved.iter().all(|&value| value == 0) {
        Ok(())
    } else {
        Err(Failure::BadArgument)
    }
}

fn get_info(argument: &Argument) -> Result<isize, Failure> {
    argument.write(&uapi::Info {
        features: 0,
        resolution_ns: resolution_ns(),
        max_sleep_ns: MAX_SLEEP_NS,
        max_timers: MAX_TIMERS,
        max_programs: Flags::MAX_PROGRAMS,
        max_events: uapi::MAX_EVENTS,
        max_steps: uapi::MAX_STEPS,
        event_size: size_of::<uapi::Event>() as u32,
        timer_size: size_of::<BpfHrtimer>() as u32,
        reserved: [0; 2],
    })?;
    Ok(0)
}

fn setup(session: &Session, argument: &Argument) -> Result<isize, Failure> {
    let setup: uapi::Setup = argument.read()?;
    expect_zero(&setup.reserved)?;
    let sizes_are_valid = (1..=MAX_TIMERS).contains(&setup.max_timers)
        && (1..=Flags::MAX_PROGRAMS).contains(&setup.max_programs)
        && (1..=uapi::MAX_EVENTS).contains(&setup.max_events);
    if setup.flags != 0 || !sizes_are_valid {
        return Err(Failure::BadArgument);
    }
    session.set_up(&setup)?;
    Ok(0)
}

fn program_create(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::ProgramCreate = argument.read()?;
    if request.flags != 0
        || request.reserved != 0
        || !(1..=uapi::MAX_STEPS).contains(&request.nr_steps)
    {
        return Err(Failure::BadArgument);
    }
    let address = usize::try_from(request.steps).map_err(|_| Failure::BadAddress)?;
    let nr_steps = request.nr_steps as usize;
    let size = nr_steps.wrapping_mul(size_of::<uapi::Step>());
    let mut reader = UserSlice::new(UserPtr::from_addr(address), size).reader();
    let mut steps = KVec::with_capacity(nr_steps, GFP_KERNEL)?;
    for _ in 0..nr_steps {
        let step: uapi::Step = reader.read().map_err(|_| Failure::BadAddress)?;
        steps.push_within_capacity(step)?;
    }
    let program = Program::new(&steps)?;
    map.program_create(program, |number| {
        argument.write(&uapi::ProgramCreate {
            program: number,
            pad: 0,
            ..request
        })
    })?;
    Ok(0)
}

fn timer_init(map: &Map, process: &Process<'_>, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::TimerInit = argument.read()?;
    expect_zero(&[request.reserved])?;
    let kind = match request.flags {
        0 => Kind::Softirq,
        uapi::TIMER_SLEEPABLE => Kind::Sleepable,
        _ => return Err(Failure::BadArgument),
    };
    let clock = match request.clock {
        bindings::CLOCK_MONOTONIC => Clock::Monotonic,
        bindings::CLOCK_REALTIME => Clock::Realtime,
        bindings::CLOCK_BOOTTIME => Clock::Boottime,
        bindings::CLOCK_TAI => Clock::Tai,
        _ => return Err(Failure::BadArgument),
    };
    let handle = map.timer_init(kind, clock, request.user_data, process)?;
    let written = argument.write(&uapi::TimerInit {
        handle: handle.into(),
        ..request
    });
    if let Err(failure) = written {
        // Nobody knows the handle, so nobody could free the timer; a guess has done it already.
        let _ = map.free(handle);
        return Err(failure);
    }
    Ok(0)
}

fn set_callback(map: &Map, kind: Kind, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::SetCallback = argument.read()?;
    if request.flags != 0 {
        return Err(Failure::BadArgument);
    }
    map.set_callback(Handle::from(request.handle), kind, request.program)?;
    Ok(0)
}

fn timer_start(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::TimerStart = argument.read()?;
    expect_zero(&request.reserved)?;
    expect_zero(&[request.pad.into()])?;
    let expiry = match request.flags {
        0 => Expiry::In(request.expires_ns),
        uapi::START_ABS => Expiry::At(request.expires_ns),
        _ => return Err(Failure::BadArgument),
    };
    map.timer_start(Handle::from(request.handle), expiry)?;
    Ok(0)
}

/// The timer of a request that gives nothing else.
fn timer_ref(argument: &Argument) -> Result<Handle, Failure> {
    let request: uapi::TimerRef = argument.read()?;
    if request.flags != 0 || request.pad != 0 {
        return Err(Failure::BadArgument);
    }
    Ok(Handle::from(request.handle))
}

fn timer_cancel(map: &Map, process: &Process<'_>, argument: &Argument) -> Result<isize, Failure> {
    let was_armed = map.timer_cancel(timer_ref(argument)?, process)?;
    Ok(was_armed.into())
}

fn free(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    map.free(timer_ref(argument)?)?;
    Ok(0)
}
