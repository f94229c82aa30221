// SPDX-License-Identifier: GPL-2.0
//! A fuzzer of `/dev/sleeptimer` that is guided by the coverage of the module.
//!
//! An input is a list of records of eight bytes, and each record is a call ([`record`]). An input
//! runs against a map that is opened for it and closed after it ([`run`]). What the kernel's KCOV
//! tells of the module's code, and how each call ended, are the features that make an input worth
//! keeping ([`features`]). `fuzz_device` runs in the guest, `fuzz_collect` on the host.

pub mod arena;
pub mod calls;
pub mod executor;
pub mod features;
pub mod files;
pub mod fuzzer;
pub mod kcov;
pub mod klog;
pub mod mappings;
pub mod mutator;
pub mod protocol;
pub mod record;
pub mod run;
pub mod scratch;
pub mod supervisor;
pub mod values;
