// SPDX-License-Identifier: GPL-2.0

//! Running the program of a timer whose callback it is time for.

#![deny(unsafe_code)]

use crate::{
    bpf_hrtimer::BpfHrtimer,
    map::Map,
    program::{Action, Program, Runner},
    trace, uapi,
};
use kernel::{cpu::CpuId, current, prelude::*, sync::rcu};

impl Map {
    /// Runs what is bound to `timer`, for so many expirations at once.
    pub(crate) fn run(&self, timer: &BpfHrtimer, expirations: u64, runner: &Runner<'_>) {
        let rcu = rcu::read_lock();
        // Not before the lock: the program could go, and its number be given to another.
        let mut flags = timer.flags(&rcu);
        let run = Run {
            map: self,
            timer,
            index: flags.index(),
            expirations,
            runner,
        };
        while let Some(number) = flags.program() {
            match runner {
                Runner::Softirq(_) => {
                    if let Some(program) = self.programs().look(number, &rcu) {
                        return run.all(program);
                    }
                }
                Runner::Worker(_) => {
                    // A callback that sleeps keeps the program by a reference.
                    if let Some(program) = self.programs().get(number, &rcu) {
                        drop(rcu);
                        return run.all(&program);
                    }
                }
            }
            // Its last reference went with the binding, which was replaced before that.
            flags = timer.flags(&rcu);
        }
        timer.miss();
    }
}

/// One run of a program.
struct Run<'a> {
    map: &'a Map,
    timer: &'a BpfHrtimer,
    index: u32,
    expirations: u64,
    runner: &'a Runner<'a>,
}

impl Run<'_> {
    fn all(&self, program: &Program) {
        trace::expire(self.map, self.index, self.runner, self.expirations);
        for (number, step) in (0..uapi::MAX_STEPS).zip(program.steps()) {
            if let Err(error) = self.one(step.action()) {
                step.count_failure(error);
                self.map.step_failed(self.index, number, error);
            }
        }
    }

    fn one(&self, action: &Action) -> Result {
        match (action, self.runner) {
            (Action::Event, _) => self.deliver(),
            (Action::EventFd(eventfd), _) => eventfd.signal(),
            (Action::Sleep(ns), Runner::Worker(worker)) => {
                self.timer.sleep(self.map.sleepers(), worker, *ns);
            }
            (Action::File(step), Runner::Worker(worker)) => {
                return self.map.act(worker, || step.run(worker));
            }
            // A program that sleeps is not bound to a timer of the softirq kind.
            (Action::Sleep(_) | Action::File(_), Runner::Softirq(_)) => {}
        }
        Ok(())
    }

    /// The step EVENT.
    fn deliver(&self) {
        let Some((handle, user_data)) = self.map.table().describe(self.index) else {
            return;
        };
        let (context, worker) = match self.runner {
            Runner::Softirq(_) => (uapi::CONTEXT_SOFTIRQ, 0),
            Runner::Worker(_) => (uapi::CONTEXT_PROCESS, current!().pid() as u32),
        };
        self.map.events().push(
            self.map.table(),
            self.index,
            uapi::Event {
                handle: handle.into(),
                user_data,
                count: self.expirations,
                time_ns: self.map.events().now(),
                context,
                cpu: CpuId::current().as_u32(),
                worker,
                flags: 0,
            },
        );
    }
}
