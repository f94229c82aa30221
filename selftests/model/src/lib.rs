// SPDX-License-Identifier: GPL-2.0

//! The lifecycle of a timer, checked by machine.
//!
//! The transitions of the flags word and the bookkeeping of the reaper are the module's own files.
//! Around them stands, in the primitives of [loom], what the kernel gives (hrtimers, work items,
//! RCU, wait queues), and the steps that the module makes with it. Loom runs each test once for
//! every interleaving of its threads, and every value that a load may see under the C11 memory
//! model, within the bound that the test gives.
//!
//! A [`Fault`](fault::Fault) makes one step of the protocol wrong. A test that expects loom to find
//! it shows that the model can fail.
//!
//! [loom]: https://docs.rs/loom

#[cfg(test)]
#[path = "../../../rust/batches.rs"]
mod batches;
#[cfg(test)]
mod fault;
#[cfg(test)]
#[path = "../../../rust/bpf_hrtimer/flags.rs"]
mod flags;
#[cfg(test)]
mod kernel;
#[cfg(test)]
mod map;
#[cfg(test)]
mod programs;
#[cfg(test)]
#[path = "../../../rust/throttle.rs"]
mod throttle;
#[cfg(test)]
mod timer;

#[cfg(test)]
mod test_handles;
#[cfg(test)]
mod test_highres;
#[cfg(test)]
mod test_lifecycle;
#[cfg(test)]
mod test_periods;
#[cfg(test)]
mod test_programs;
#[cfg(test)]
mod test_reaper;
#[cfg(test)]
mod test_sleepers;
#[cfg(test)]
mod test_throttle;
#[cfg(test)]
mod test_transitions;
