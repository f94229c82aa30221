// SPDX-License-Identifier: GPL-2.0

//! What user space gives, made into typed requests: every field is validated here, once.

#![deny(unsafe_code)]

use crate::{
    bpf_hrtimer::{
        flags::{Clock, Kind},
        Arming, Expiry,
    },
    failure::Failure,
    map::Map,
    table::Handle,
    timens, uapi,
};
use kernel::{
    bindings,
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice},
};

/// Memory of the caller's: the argument of a request, or an array that it points to.
#[derive(Clone, Copy)]
pub(crate) struct Argument {
    address: UserPtr,
    size: usize,
}

impl Argument {
    pub(crate) fn new(address: usize, size: usize) -> Self {
        Self {
            address: UserPtr::from_addr(address),
            size,
        }
    }

    /// The part that is `offset` bytes from the start, and so long.
    pub(crate) fn part(&self, offset: usize, size: usize) -> Self {
        Self {
            address: self.address.wrapping_byte_add(offset),
            size,
        }
    }

    pub(crate) fn read<T: FromBytes>(&self) -> Result<T, Failure> {
        UserSlice::new(self.address, self.size)
            .reader()
            .read()
            .map_err(|_| Failure::BadAddress)
    }

    pub(crate) fn write<T: AsBytes>(&self, value: &T) -> Result<(), Failure> {
        UserSlice::new(self.address, self.size)
            .writer()
            .write(value)
            .map_err(|_| Failure::BadAddress)
    }

    /// Reads as many values as there are in `into`.
    pub(crate) fn read_all<T: FromBytes + AsBytes>(&self, into: &mut [T]) -> Result<(), Failure> {
        UserSlice::new(self.address, self.size)
            .reader()
            .read_slice(into.as_bytes_mut())
            .map_err(|_| Failure::BadAddress)
    }

    pub(crate) fn write_all<T: AsBytes>(&self, values: &[T]) -> Result<(), Failure> {
        UserSlice::new(self.address, self.size)
            .writer()
            .write_slice(values.as_bytes())
            .map_err(|_| Failure::BadAddress)
    }
}

/// Refuses a request unless this, which it should be, is true.
pub(crate) fn expect(is_valid: bool) -> Result<(), Failure> {
    if is_valid {
        Ok(())
    } else {
        Err(Failure::BadArgument)
    }
}

pub(crate) fn timer_kind(flags: u32) -> Option<Kind> {
    match flags {
        0 => Some(Kind::Timer),
        uapi::TIMER_SLEEPABLE => Some(Kind::SleepableTimer),
        _ => None,
    }
}

pub(crate) fn wq_kind(flags: u32) -> Option<Kind> {
    (flags == 0).then_some(Kind::Wq)
}

pub(crate) fn delayed_wq_kind(flags: u32) -> Option<Kind> {
    match flags {
        0 => Some(Kind::DelayedWq),
        uapi::DELAYED_WQ_HIGHRES => Some(Kind::HighresDelayedWq),
        _ => None,
    }
}

fn clock(id: u32) -> Option<Clock> {
    match id {
        bindings::CLOCK_MONOTONIC => Some(Clock::Monotonic),
        bindings::CLOCK_REALTIME => Some(Clock::Realtime),
        bindings::CLOCK_BOOTTIME => Some(Clock::Boottime),
        bindings::CLOCK_TAI => Some(Clock::Tai),
        _ => None,
    }
}

/// What kind of timer an init is for, and on which clock.
pub(crate) fn new_timer(
    request: &uapi::Init,
    kind: fn(u32) -> Option<Kind>,
) -> Result<(Kind, Clock), Failure> {
    expect(request.reserved == 0)?;
    let kind = kind(request.flags).ok_or(Failure::BadArgument)?;
    let clock = clock(request.clock).ok_or(Failure::BadArgument)?;
    expect(kind.has_hrtimer() || clock == Clock::Monotonic || kind == Kind::SleepableTimer)?;
    Ok((kind, clock))
}

/// A time of the clock of a timer, as the caller's time namespace shows it.
fn absolute(map: &Map, handle: Handle, ns: u64) -> Expiry {
    if !timens::is_other() {
        return Expiry::At(ns);
    }
    match map.clock(handle) {
        Ok(clock) => Expiry::At(timens::to_host(clock, ns)),
        // The start says that there is no such timer.
        Err(_) => Expiry::At(ns),
    }
}

/// How a request wants a timer armed, and the CPU that it names.
pub(crate) fn arming(map: &Map, request: &uapi::Start) -> Result<(Arming, Option<u32>), Failure> {
    const KNOWN: u32 = uapi::START_ABS | uapi::START_CPU_PIN | uapi::START_CPU;
    let has = |flag| request.flags & flag != 0;
    expect(request.flags & !KNOWN == 0 && request.reserved == 0)?;
    expect(!(has(uapi::START_CPU) && has(uapi::START_CPU_PIN)))?;
    expect(has(uapi::START_CPU) || request.cpu == 0)?;
    let expiry = if has(uapi::START_ABS) {
        absolute(map, Handle::from(request.handle), request.expires_ns)
    } else {
        Expiry::In(request.expires_ns)
    };
    let arming = Arming {
        expiry,
        slack: request.slack_ns,
        period: request.period_ns,
        pinned: has(uapi::START_CPU_PIN),
    };
    Ok((arming, has(uapi::START_CPU).then_some(request.cpu)))
}
