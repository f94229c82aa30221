// SPDX-License-Identifier: GPL-2.0
//! What an operation on a timer costs: ours and its peers, by the same driver, in the same boot.
//!
//! In a machine that counts instructions (`tools/vm --mode icount`) the clock advances by a nanosecond an
//! instruction, whoever executes it: so a difference of times is a number of instructions, those of
//! interrupts and of the kernel's threads among them, and the same in each boot.

pub mod contenders;
pub mod driver;
pub mod idle;
pub mod memory;
pub mod report;
pub mod row;
pub mod slots;
pub mod stopwatch;

/// What may go wrong: a text that says what, and where.
pub type Outcome<T = ()> = Result<T, String>;

/// The value of a call that should succeed.
#[macro_export]
macro_rules! ok {
    ($call:expr) => {
        match $call {
            Ok(value) => value,
            Err(error) => return Err(format!("{}:{}: {error}", file!(), line!())),
        }
    };
}
