// SPDX-License-Identifier: GPL-2.0
//! Timers whose callbacks may sleep: a safe client of `/dev/sleeptimer`.
//!
//! ```no_run
//! use sleeptimer::{Clock, Kind, Map, Sizes, Step};
//! use std::time::Duration;
//!
//! let map = Map::open(Sizes::default())?;
//! let program = map.program(&[Step::Event, Step::Sleep(Duration::from_millis(5)), Step::Event])?;
//! let timer = map.timer(Kind::SleepableTimer, Clock::Monotonic, 42)?;
//! map.set_callback(timer, program)?;
//! map.start(timer, Duration::ZERO)?;
//! for event in map.read(16)? {
//!     println!("timer {} fired {} time(s)", event.user_data, event.count);
//! }
//! # Ok::<(), sleeptimer::Error>(())
//! ```

mod batch;
mod error;
mod event;
mod map;
mod program;
mod query;
mod ring;
mod start;
mod timer;

pub use batch::{Batch, Submitted};
pub use error::{Error, Result};
pub use event::{Context, Event};
pub use map::{Map, Sizes, DEVICE};
pub use program::{Program, Step, StepStatus};
pub use query::{Query, State};
pub use ring::Ring;
pub use start::{Cpu, Expiry, Start};
pub use timer::{Clock, Kind, Timer};
