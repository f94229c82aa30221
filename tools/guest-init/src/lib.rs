// SPDX-License-Identifier: GPL-2.0

//! What the host and process 1 of the guest say to each other.
//!
//! # Vocabulary
//!
//! - The *plan* is a file in the initramfs, [`PLAN_PATH`]: what the guest is to do.
//! - The *output port* carries what the command writes to its standard output and error.
//! - The *status port* carries one line, the *report*. The host answers it with one byte, the
//!   *acknowledgement*, once all of the output has reached it; only then the guest powers off.
//!
//! ```text
//! guest                                  host
//!   |-- output port: bytes ... ----------->|
//!   |-- status port: report -------------->|  counts the bytes against the report
//!   |<------------- acknowledgement -------|
//!   power off                              reads the console log, judges
//! ```
//!
//! Both sides use the types of this crate, so that the format is written down once.

pub mod plan;
pub mod report;

/// Where the initramfs holds the plan.
pub const PLAN_PATH: &str = "/plan";

/// The name of the virtio serial port that carries the command's output.
pub const OUTPUT_PORT: &str = "sleeptimer.output";

/// The name of the virtio serial port that carries the report.
pub const STATUS_PORT: &str = "sleeptimer.status";
