// SPDX-License-Identifier: GPL-2.0
//! A soak: a load that resembles use, which accounts for every expiration, and what is measured
//! meanwhile.

pub mod batches;
pub mod churn;
pub mod load;
pub mod machine;
pub mod periods;
pub mod sample;
mod scripts;
pub mod timeouts;
