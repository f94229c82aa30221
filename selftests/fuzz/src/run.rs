// SPDX-License-Identifier: GPL-2.0
//! Running an input: a map is opened, one or two threads make their calls, and all is closed.

use crate::{
    arena::Arena,
    calls::{set_up_small, Caller},
    features::Features,
    kcov::Kcov,
    record::{records, Record},
    scratch::Scratch,
};
use std::{
    sync::{
        mpsc::{channel, Receiver, Sender},
        Arc, Barrier,
    },
    thread,
};

/// What the second thread has to do.
struct Job {
    arena: Arc<Arena>,
    records: Vec<Record>,
    /// Where both threads meet, to begin at once.
    start: Arc<Barrier>,
}

/// Runs inputs.
pub struct Runner {
    scratch: Scratch,
    kcov: Option<Kcov>,
    jobs: Sender<Job>,
    done: Receiver<Features>,
}

impl Runner {
    /// Prepares this thread and a second one.
    pub fn new() -> Result<Self, String> {
        let (jobs, work) = channel();
        let (report, done) = channel();
        thread::spawn(move || second_thread(&work, &report));
        Ok(Self {
            scratch: Scratch::new()?,
            kcov: Kcov::start(),
            jobs,
            done,
        })
    }

    /// Whether the coverage of the module is seen.
    pub fn has_kcov(&self) -> bool {
        self.kcov.is_some()
    }

    /// Runs an input; returns what it has done.
    pub fn run(&self, input: &[u8]) -> Result<Features, String> {
        let (second, first): (Vec<_>, Vec<_>) = records(input)
            .into_iter()
            .partition(|record| record.is_second_thread());
        if let Some(kcov) = &self.kcov {
            kcov.clear();
        }
        let arena = Arc::new(Arena::new()?);
        if let Some(map) = arena.map(0) {
            set_up_small(&map).map_err(|errno| errno.to_string())?;
        }
        let has_second = !second.is_empty();
        if has_second {
            let start = Arc::new(Barrier::new(2));
            let job = Job {
                arena: arena.clone(),
                records: second,
                start: start.clone(),
            };
            self.jobs.send(job).map_err(|error| error.to_string())?;
            start.wait();
        }
        let features = Features::new(self.kcov.is_none());
        let mut features = Caller::run(&arena, &self.scratch, features, &first);
        if has_second {
            features.join(self.done.recv().map_err(|error| error.to_string())?);
        }
        // The close is a part of the input.
        drop(arena);
        if let Some(kcov) = &self.kcov {
            features.add_blocks(kcov);
        }
        Ok(features)
    }
}

/// Ends, and the first thread sees that, if there is no memory for it.
fn second_thread(work: &Receiver<Job>, report: &Sender<Features>) {
    let Ok(scratch) = Scratch::new() else {
        return;
    };
    let kcov = Kcov::start();
    for Job {
        arena,
        records,
        start,
    } in work
    {
        if let Some(kcov) = &kcov {
            kcov.clear();
        }
        start.wait();
        let features = Features::new(kcov.is_none());
        let mut features = Caller::run(&arena, &scratch, features, &records);
        drop(arena);
        if let Some(kcov) = &kcov {
            features.add_blocks(kcov);
        }
        if report.send(features).is_err() {
            return;
        }
    }
}
