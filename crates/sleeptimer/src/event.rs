// SPDX-License-Identifier: GPL-2.0
//! What `read` returns, and the ring holds.

use sleeptimer_sys as sys;
use std::mem::offset_of;

/// Where a callback ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// In the timer softirq.
    Softirq,
    /// In a worker, whose thread id this is.
    Process(u32),
    /// Not told: an accumulated event stands for callbacks that ran anywhere.
    Unknown,
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The handle of the timer.
    pub handle: u64,
    /// The word that the timer was given.
    pub user_data: u64,
    /// For how many expirations this stands.
    pub count: u64,
    /// When the step ran, or the record of an accumulated event was made, in ns of
    /// `CLOCK_MONOTONIC`.
    pub time_ns: u64,
    /// Where it ran.
    pub context: Context,
    /// On which CPU.
    pub cpu: u32,
    /// Whether this stands for all that the timer had to tell while the ring was full.
    pub accumulated: bool,
}

impl Event {
    /// The size of a record, in bytes.
    pub(crate) const SIZE: usize = size_of::<sys::sleeptimer_event>();

    /// Decodes a record, which is [`Event::SIZE`] bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let word = |offset| u64::from_ne_bytes(field(bytes, offset));
        let half = |offset| u32::from_ne_bytes(field(bytes, offset));
        Self {
            handle: word(offset_of!(sys::sleeptimer_event, handle)),
            user_data: word(offset_of!(sys::sleeptimer_event, user_data)),
            count: word(offset_of!(sys::sleeptimer_event, count)),
            time_ns: word(offset_of!(sys::sleeptimer_event, time_ns)),
            context: match half(offset_of!(sys::sleeptimer_event, context)) {
                sys::SLEEPTIMER_CONTEXT_SOFTIRQ => Context::Softirq,
                sys::SLEEPTIMER_CONTEXT_PROCESS => {
                    Context::Process(half(offset_of!(sys::sleeptimer_event, worker)))
                }
                _ => Context::Unknown,
            },
            cpu: half(offset_of!(sys::sleeptimer_event, cpu)),
            accumulated: half(offset_of!(sys::sleeptimer_event, flags))
                & sys::SLEEPTIMER_EVENT_ACCUMULATED
                != 0,
        }
    }
}

/// The `N` bytes of a record at an offset.
fn field<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[offset..offset + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_decoded_field_by_field() {
        let mut bytes = [0; Event::SIZE];
        bytes[..8].copy_from_slice(&7u64.to_ne_bytes());
        bytes[8..16].copy_from_slice(&8u64.to_ne_bytes());
        bytes[16..24].copy_from_slice(&9u64.to_ne_bytes());
        bytes[24..32].copy_from_slice(&10u64.to_ne_bytes());
        bytes[32..36].copy_from_slice(&sys::SLEEPTIMER_CONTEXT_PROCESS.to_ne_bytes());
        bytes[36..40].copy_from_slice(&1u32.to_ne_bytes());
        bytes[40..44].copy_from_slice(&77u32.to_ne_bytes());
        let event = Event {
            handle: 7,
            user_data: 8,
            count: 9,
            time_ns: 10,
            context: Context::Process(77),
            cpu: 1,
            accumulated: false,
        };
        assert_eq!(Event::from_bytes(&bytes), event);
        bytes[32..36].fill(0);
        bytes[44..48].copy_from_slice(&sys::SLEEPTIMER_EVENT_ACCUMULATED.to_ne_bytes());
        let accumulated = Event {
            context: Context::Unknown,
            accumulated: true,
            ..event
        };
        assert_eq!(Event::from_bytes(&bytes), accumulated);
    }
}
