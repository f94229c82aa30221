// SPDX-License-Identifier: GPL-2.0
//! Programs of a map, and the files by which their runs are counted.

use crate::{check, check_eq, ok, Outcome, TOLERANCE_MS};
use nix::{
    errno::Errno,
    fcntl::OFlag,
    poll::{poll, PollFd, PollFlags},
    sys::{
        eventfd::{EfdFlags, EventFd},
        memfd::{memfd_create, MFdFlags},
    },
    unistd::{pipe2, read},
};
use sleeptimer::{Map, Program, Step, StepStatus};
use std::{
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Duration,
};

/// What is written to the pipe.
const MESSAGE: &[u8] = b"a message of 24 bytes...";

/// How long callbacks sleep.
const SHORT: Duration = Duration::from_micros(300);
const LONG: Duration = Duration::from_millis(10);

/// A program, and what its runs bring.
pub struct Script {
    pub program: Program,
    /// So many events.
    pub events: u64,
    /// The first step is an event: its time is when the callback began.
    pub leads: bool,
    /// Only what runs in a worker takes it.
    pub sleeps: bool,
    /// A run adds 1 to the counter.
    counts: bool,
    /// A run writes a message.
    writes: bool,
}

impl Script {
    /// Whether files tell how often it has run.
    pub fn leaves_traces(&self) -> bool {
        self.counts || self.writes
    }
}

/// The programs of a map, and what their runs have to have left in files.
pub struct Scripts {
    pub all: Vec<Script>,
    counter: EventFd,
    counted: u64,
    pipe: OwnedFd,
    /// In bytes.
    written: u64,
    read: u64,
}

impl Scripts {
    /// Makes the programs in a map.
    pub fn new(map: &Map) -> Result<Self, String> {
        let counter = ok!(EventFd::from_flags(EfdFlags::EFD_NONBLOCK));
        let (pipe, writer) = ok!(pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC));
        let file = ok!(memfd_create(c"soak", MFdFlags::MFD_CLOEXEC));
        let count = Step::EventFd(counter.as_fd());
        let write = |fd| Step::Write {
            fd,
            bytes: MESSAGE,
            offset: 0,
        };
        let say = write(writer.as_fd());
        let keep = write(file.as_fd());
        let programs: [&[Step]; 7] = [
            &[Step::Event],
            &[Step::Event, count, Step::Event],
            &[count, Step::Event],
            &[Step::Event, Step::Sleep(SHORT), say, Step::Event],
            &[Step::Event, Step::Sleep(LONG), count],
            &[keep, Step::Fsync(file.as_fd()), Step::Event],
            &[Step::Event, keep, Step::Fdatasync(file.as_fd()), say, count],
        ];
        let script = |steps: &&[Step]| {
            let number = |is: &dyn Fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
            Ok(Script {
                program: ok!(map.program(steps)),
                events: number(&|step| matches!(step, Step::Event)) as u64,
                leads: matches!(steps.first(), Some(Step::Event)),
                sleeps: number(&|step| !matches!(step, Step::Event | Step::EventFd(_))) > 0,
                counts: number(&|step| matches!(step, Step::EventFd(_))) > 0,
                writes: number(&|step| writes_to(step, &writer)) > 0,
            })
        };
        Ok(Self {
            all: programs.iter().map(script).collect::<Result<_, String>>()?,
            counter,
            counted: 0,
            // The programs have the other end, and nobody else.
            pipe,
            written: 0,
            read: 0,
        })
    }

    /// So many runs of a program have to be accounted for.
    pub fn has_run(&mut self, script: usize, runs: u64) {
        let script = &self.all[script];
        self.counted += runs * u64::from(script.counts);
        self.written += runs * u64::from(script.writes) * MESSAGE.len() as u64;
    }

    /// Makes room in the pipe: a write that finds none fails. Returns whether there may be more.
    pub fn make_room(&mut self) -> Result<bool, String> {
        let mut buffer = [0; 4096];
        match read(&self.pipe, &mut buffer) {
            Ok(number) => {
                self.read += number as u64;
                Ok(number > 0)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Fails if a step has failed.
    pub fn check_steps(&self, map: &Map) -> Outcome {
        for script in &self.all {
            for status in ok!(map.program_query(script.program)) {
                check_eq!(status, StepStatus::default());
            }
        }
        Ok(())
    }

    /// Checks that each run has left its traces, of a map that is closed; if it was closed in the
    /// middle, some have not begun.
    pub fn check_closed(mut self, in_the_middle: bool) -> Outcome {
        while self.make_room()? {}
        // The programs are gone when nobody has the other end of the pipe. A process that another
        // thread has just started has copies of our files for a moment, and keeps the map as long.
        let mut pipe = [PollFd::new(self.pipe.as_fd(), PollFlags::empty())];
        check!(ok!(poll(&mut pipe, TOLERANCE_MS)) == 1, "the programs stay");
        while self.make_room()? {}
        let counted = self.counter.read().unwrap_or(0);
        if in_the_middle {
            check!(counted <= self.counted, "{counted} of {}", self.counted);
            check!(
                self.read <= self.written,
                "{} of {}",
                self.read,
                self.written
            );
        } else {
            check_eq!(counted, self.counted);
            check_eq!(self.read, self.written);
        }
        Ok(())
    }
}

fn writes_to(step: &Step, file: &OwnedFd) -> bool {
    matches!(step, Step::Write { fd, .. } if fd.as_raw_fd() == file.as_raw_fd())
}
