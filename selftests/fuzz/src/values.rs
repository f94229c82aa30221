// SPDX-License-Identifier: GPL-2.0
//! The values of arguments: those that matter, and a few that are wild.

use nix::time::{clock_gettime, ClockId};

/// The value that a byte of an input stands for.
pub fn pick<T: Copy>(from: &[T], byte: u8) -> T {
    from[usize::from(byte) % from.len()]
}

/// Delays. Short ones meet a running callback, long ones a free.
pub const DELAYS: [u64; 12] = [
    0,
    0,
    1_000,
    50_000,
    1_000_000,
    5_000_000,
    20_000_000,
    60_000_000_000,
    60_000_000_000,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX,
];

/// Periods: most timers have none.
pub const PERIODS: [u64; 12] = [
    0,
    0,
    0,
    0,
    0,
    100_000,
    200_000,
    1_000_000,
    1_000_000_000,
    1,
    i64::MAX as u64,
    u64::MAX,
];

/// How much later a timer may fire.
pub const SLACKS: [u64; 8] = [0, 0, 0, 0, 1, 1_000_000, 1 << 40, u64::MAX];

/// Flags of a start.
pub const START_FLAGS: [u32; 16] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 8, 9, 10, 4, u32::MAX];

/// Processors: the machine has two.
pub const CPUS: [u32; 8] = [0, 0, 1, 1, 0, 2, 4096, u32::MAX];

/// Clocks.
pub const CLOCKS: [u32; 12] = [1, 1, 1, 1, 1, 0, 7, 11, 2, 3, 16, u32::MAX];

/// Sizes of a map: timers and programs, and events.
pub const PLACES: [u32; 12] = [1, 2, 2, 4, 8, 16, 64, 4095, 4096, 65536, 0, u32::MAX];
/// As above.
pub const EVENTS: [u32; 12] = [1, 1, 2, 2, 3, 4, 16, 64, 4096, 0, (1 << 20) + 1, u32::MAX];

/// How long a step sleeps. A cancel or the close ends what would take too long.
pub const SLEEPS: [u64; 10] = [
    0,
    1_000,
    100_000,
    300_000,
    3_000_000,
    10_000_000_000,
    600_000_000_000,
    3_600_000_000_000,
    3_600_000_000_001,
    u64::MAX,
];

/// How many bytes a step writes.
pub const LENGTHS: [u32; 10] = [1, 1, 8, 8, 100, 4095, 4096, 4097, 0, u32::MAX];

/// Where a step writes.
pub const OFFSETS: [u64; 8] = [0, 0, 0, 0, 1, 4000, i64::MAX as u64, i64::MAX as u64 - 4096];

/// Data of the user's.
pub const USER_DATA: [u64; 4] = [0, 1, 1 << 63, u64::MAX];

/// The time of a clock, in ns; 0 if there is no such clock.
pub fn now(clock: u32) -> u64 {
    let Ok(clock) = i32::try_from(clock) else {
        return 0;
    };
    let time = clock_gettime(ClockId::from_raw(clock)).map(std::time::Duration::from);
    time.map_or(0, |time| time.as_nanos() as u64)
}
