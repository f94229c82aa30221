// SPDX-License-Identifier: GPL-2.0-only

//! What the tools that make kernel build trees share: their place in the cache, the commands they
//! run, and the progress they show.

#![deny(unsafe_code)]

pub mod cache;
pub mod command;
pub mod config;
pub mod package;
pub mod progress;
pub mod rust_part;
