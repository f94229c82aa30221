// SPDX-License-Identifier: GPL-2.0

//! The requests of user space, handed to the map.

#![deny(unsafe_code)]

use crate::{
    bpf_hrtimer::{
        flags::{Flags, Kind},
        resolution_ns, BpfHrtimer, MIN_PERIOD_NS,
    },
    context::Process,
    decode::{arming, delayed_wq_kind, expect, new_timer, timer_kind, wq_kind, Argument},
    device::Session,
    failure::Failure,
    map::{Family, Map},
    program::{Program, MAX_SLEEP_NS},
    submit,
    table::Handle,
    uapi,
};
use kernel::{ioctl::_IOC_SIZE, prelude::*};

kernel::static_assert!(uapi::MAX_TIMERS == Flags::MAX_TIMERS);
kernel::static_assert!(uapi::MAX_PROGRAMS == Flags::MAX_PROGRAMS);

/// What [`uapi::Info::features`] tells.
const FEATURES: u32 = uapi::FEATURE_SUBMIT
    | uapi::FEATURE_QUERY
    | uapi::FEATURE_MMAP
    | uapi::FEATURE_EVENTFD
    | uapi::FEATURE_FILES;

/// Serves one request; the result is what `ioctl` returns.
pub(crate) fn dispatch(
    session: &Session,
    process: &Process<'_>,
    request: u32,
    address: usize,
) -> Result<isize, Failure> {
    use Family::{AnyTimer, DelayedWq, SleepableTimer, Timer, Wq};

    let argument = &Argument::new(address, _IOC_SIZE(request));
    let map = || session.map();
    match request {
        uapi::IOC_GET_INFO => get_info(session, argument),
        uapi::IOC_SETUP => setup(session, argument),
        uapi::IOC_PROGRAM_CREATE => program_create(map()?, process, argument),
        uapi::IOC_PROGRAM_DESTROY => program_destroy(map()?, argument),
        uapi::IOC_SUBMIT => submit::submit(map()?, process, argument),
        uapi::IOC_QUERY => query(map()?, argument),
        uapi::IOC_PROGRAM_QUERY => program_query(map()?, argument),
        uapi::IOC_TIMER_INIT => init(map()?, process, argument, timer_kind),
        uapi::IOC_TIMER_SET_CALLBACK => set_callback(map()?, Timer, argument),
        uapi::IOC_TIMER_SET_SLEEPABLE_CB => set_callback(map()?, SleepableTimer, argument),
        uapi::IOC_TIMER_START => start(map()?, AnyTimer, process, argument),
        uapi::IOC_TIMER_CANCEL => timer_cancel(map()?, process, argument),
        uapi::IOC_TIMER_CANCEL_NO_DROP => cancel(map()?, AnyTimer, process, argument),
        uapi::IOC_TIMER_CANCEL_ASYNC => timer_cancel_async(map()?, argument),
        uapi::IOC_WQ_INIT => init(map()?, process, argument, wq_kind),
        uapi::IOC_WQ_SET_CALLBACK => set_callback(map()?, Wq, argument),
        uapi::IOC_WQ_START => start(map()?, Wq, process, argument),
        uapi::IOC_WQ_CANCEL => cancel(map()?, Wq, process, argument),
        uapi::IOC_DELAYED_WQ_INIT => init(map()?, process, argument, delayed_wq_kind),
        uapi::IOC_DELAYED_WQ_SET_CALLBACK => set_callback(map()?, DelayedWq, argument),
        uapi::IOC_DELAYED_WQ_START => start(map()?, DelayedWq, process, argument),
        uapi::IOC_DELAYED_WQ_MOD => delayed_wq_mod(map()?, argument),
        uapi::IOC_DELAYED_WQ_CANCEL => cancel(map()?, DelayedWq, process, argument),
        uapi::IOC_FREE => free(map()?, argument),
        _ => Err(Failure::UnknownRequest),
    }
}

fn get_info(session: &Session, argument: &Argument) -> Result<isize, Failure> {
    argument.write(&uapi::Info {
        features: FEATURES.into(),
        resolution_ns: resolution_ns(),
        min_period_ns: MIN_PERIOD_NS,
        max_sleep_ns: MAX_SLEEP_NS,
        max_timers: session.limits().map_timers,
        max_programs: Flags::MAX_PROGRAMS,
        max_events: uapi::MAX_EVENTS,
        max_steps: uapi::MAX_STEPS,
        event_size: size_of::<uapi::Event>() as u32,
        timer_size: size_of::<BpfHrtimer>() as u32,
        max_write: uapi::MAX_WRITE,
        max_ops: uapi::MAX_OPS,
        reserved: [0; 4],
    })?;
    Ok(0)
}

fn setup(session: &Session, argument: &Argument) -> Result<isize, Failure> {
    let setup: uapi::Setup = argument.read()?;
    expect(setup.flags == 0 && setup.reserved == [0; 2])?;
    expect((1..=session.limits().map_timers).contains(&setup.max_timers))?;
    expect((1..=Flags::MAX_PROGRAMS).contains(&setup.max_programs))?;
    expect((1..=uapi::MAX_EVENTS).contains(&setup.max_events))?;
    session.set_up(&setup)?;
    Ok(0)
}

fn program_create(map: &Map, process: &Process<'_>, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::ProgramCreate = argument.read()?;
    expect(request.flags == 0 && request.reserved == 0)?;
    expect((1..=uapi::MAX_STEPS).contains(&request.nr_steps))?;
    let program = Program::new(&read_steps(&request)?, map, process)?;
    map.programs().create(program, process, |number| {
        argument.write(&uapi::ProgramCreate {
            program: number,
            pad: 0,
            ..request
        })
    })?;
    Ok(0)
}

fn read_steps(request: &uapi::ProgramCreate) -> Result<KVec<uapi::Step>, Failure> {
    let address = usize::try_from(request.steps).map_err(|_| Failure::BadAddress)?;
    let nr_steps = request.nr_steps as usize;
    let size = nr_steps.wrapping_mul(size_of::<uapi::Step>());
    let mut steps = KVec::from_elem(uapi::Step::default(), nr_steps, GFP_KERNEL)?;
    Argument::new(address, size).read_all(&mut steps)?;
    Ok(steps)
}

/// Tells what a timer does.
fn query(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::Query = argument.read()?;
    expect(request.flags == 0 && request.reserved == 0)?;
    argument.write(&map.query(Handle::from(request.handle))?)?;
    Ok(0)
}

fn program_destroy(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::ProgramRef = argument.read()?;
    expect(request.flags == 0)?;
    map.program_destroy(request.program)?;
    Ok(0)
}

fn program_query(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::ProgramQuery = argument.read()?;
    expect(request.flags == 0 && request.reserved == 0)?;
    let (statuses, nr_steps) = map.program_query(request.program)?;
    let address = usize::try_from(request.status).map_err(|_| Failure::BadAddress)?;
    let nr_status = nr_steps.min(request.nr_status) as usize;
    let size = nr_status.wrapping_mul(size_of::<uapi::StepStatus>());
    let told = statuses.get(..nr_status).ok_or(Failure::BadArgument)?;
    Argument::new(address, size).write_all(told)?;
    argument.write(&uapi::ProgramQuery {
        nr_steps,
        pad: 0,
        ..request
    })?;
    Ok(0)
}

fn init(
    map: &Map,
    process: &Process<'_>,
    argument: &Argument,
    kind: fn(u32) -> Option<Kind>,
) -> Result<isize, Failure> {
    let request: uapi::Init = argument.read()?;
    let (kind, clock) = new_timer(&request, kind)?;
    let handle = map.init(kind, clock, request.user_data, process)?;
    let written = argument.write(&uapi::Init {
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

fn set_callback(map: &Map, family: Family, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::SetCallback = argument.read()?;
    expect(request.flags == 0)?;
    map.set_callback(Handle::from(request.handle), family, request.program)?;
    Ok(0)
}

fn start(
    map: &Map,
    family: Family,
    process: &Process<'_>,
    argument: &Argument,
) -> Result<isize, Failure> {
    let request: uapi::Start = argument.read()?;
    let handle = Handle::from(request.handle);
    match arming(map, &request)? {
        (arming, None) => map.start(handle, family, &arming)?,
        (arming, Some(cpu)) => map.start_on(handle, family, &arming, cpu, process)?,
    }
    Ok(0)
}

fn delayed_wq_mod(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    let request: uapi::Start = argument.read()?;
    let (arming, cpu) = arming(map, &request)?;
    expect(cpu.is_none())?;
    let was_armed = map.modify(Handle::from(request.handle), &arming)?;
    Ok(was_armed.into())
}

/// The timer of a request that gives nothing else.
fn handle_of(argument: &Argument) -> Result<Handle, Failure> {
    let request: uapi::Ref = argument.read()?;
    expect(request.flags == 0 && request.pad == 0)?;
    Ok(Handle::from(request.handle))
}

fn timer_cancel(map: &Map, process: &Process<'_>, argument: &Argument) -> Result<isize, Failure> {
    let was_armed = map.timer_cancel(handle_of(argument)?, process)?;
    Ok(was_armed.into())
}

fn cancel(
    map: &Map,
    family: Family,
    process: &Process<'_>,
    argument: &Argument,
) -> Result<isize, Failure> {
    let was_armed = map.cancel(handle_of(argument)?, family, process)?;
    Ok(was_armed.into())
}

fn timer_cancel_async(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    let was_armed = map.timer_cancel_async(handle_of(argument)?)?;
    Ok(was_armed.into())
}

fn free(map: &Map, argument: &Argument) -> Result<isize, Failure> {
    map.free(handle_of(argument)?)?;
    Ok(0)
}
