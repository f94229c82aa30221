// SPDX-License-Identifier: GPL-2.0
//! The device beside the model: the same calls, what they return and write, and what can be seen of
//! the map after each.

use super::{
    calls::Call,
    requests::{query_of, Seen},
    Look, Moment, Record, Reference, Told, CLOCKS,
};
use crate::{
    check, check_eq, now,
    numbers::fdinfo,
    ok,
    raw::{bytes, device, request},
    Outcome, TOLERANCE,
};
use nix::{
    errno::Errno,
    fcntl::OFlag,
    sys::eventfd::{EfdFlags, EventFd},
    unistd::pipe2,
};
use sleeptimer::{Kind, Sizes};
use sleeptimer_sys as sys;
use std::{
    os::fd::{AsRawFd, OwnedFd},
    thread::sleep,
    time::{Duration, Instant},
};

/// An open device, and the numbers that it has given to what the model numbers in order.
pub struct Device {
    pub(super) file: OwnedFd,
    pub(super) timers: Vec<u64>,
    pub(super) programs: Vec<u32>,
    pub(super) eventfd: EventFd,
    /// What was read from it.
    signals: u64,
    /// Nobody reads from it.
    pub(super) pipe: OwnedFd,
    /// The CPU that the calling thread stays on.
    cpu: u32,
}

/// How often the device is looked at before it is said to differ, at least: how long that takes goes with
/// how slow the machine is.
const ENOUGH_LOOKS: u32 = 1000;

fn time(clock: u32) -> u64 {
    now(clock as libc::clockid_t).as_nanos() as u64
}

impl Device {
    /// Opens the device, on CPU `cpu`, and sets a map up.
    pub fn new(sizes: Sizes, cpu: u32) -> Result<Self, String> {
        // The end for reading is closed.
        let (_, pipe) = ok!(pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC));
        let this = Self {
            file: device()?,
            timers: Vec::new(),
            programs: Vec::new(),
            eventfd: ok!(EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK)),
            signals: 0,
            pipe,
            cpu,
        };
        ok!(this.set_up(&sizes)?);
        Ok(this)
    }

    /// Makes a call on both, and waits until the device has come to rest.
    pub fn step(&mut self, model: &mut Reference, call: &Call) -> Outcome {
        let before = CLOCKS.map(time);
        let (answer, seen) = self.make(model, call)?;
        let after = CLOCKS.map(time);
        let moment = Moment {
            times: std::array::from_fn(|clock| before[clock]..=after[clock]),
            cpu: self.cpu,
        };
        let reply = model.call(call, &moment);
        check!(
            answer == reply.answer,
            "it returns {answer:?}, not {:?}",
            reply.answer
        );
        if answer.is_ok() {
            self.compare(&moment, seen, &reply.told)?;
        }
        self.settle(model, false)
    }

    /// Closes both, and sees what comes of that.
    pub fn finish(mut self, model: &mut Reference) -> Outcome {
        self.settle(model, true)?;
        // Waits for the callbacks.
        drop(self.file);
        model.close();
        self.signals += self.eventfd.read().unwrap_or(0);
        check_eq!(self.signals, model.numbers().signals);
        Ok(())
    }
}

/// Comparing what is told.
impl Device {
    fn compare(&mut self, moment: &Moment, seen: Seen, told: &Told) -> Outcome {
        match (seen, told) {
            (Seen::Program(program), Told::New) => {
                check!(!self.programs.contains(&program), "its number is not new");
                self.programs.push(program);
            }
            (Seen::Timer(handle), Told::New) => self.add(handle)?,
            (Seen::Query(query), Told::Look(look)) => {
                compare_query(&query, query.handle, moment, look)?;
            }
            (Seen::Statuses(statuses), Told::Failures(failures)) => {
                let wanted = failures
                    .iter()
                    .map(|&failures| sys::sleeptimer_step_status {
                        failures,
                        last_error: if failures > 0 { Errno::EPIPE as u32 } else { 0 },
                        pad: 0,
                    });
                check_eq!(
                    format!("{statuses:?}"),
                    format!("{:?}", wanted.collect::<Vec<_>>())
                );
            }
            (Seen::Ops(ops, request), Told::Results(results)) => {
                let wanted = results.iter().map(|result| match result {
                    Ok(value) => *value as i32,
                    Err(errno) => -(*errno as i32),
                });
                let ops_results: Vec<i32> = ops.iter().map(|op| op.result).collect();
                check_eq!(ops_results, wanted.collect::<Vec<_>>());
                let failed = results.iter().filter(|result| result.is_err());
                check_eq!(request.nr_done as usize, results.len());
                check_eq!(request.nr_failed as usize, failed.count());
                for op in ops.iter().filter(|op| op.result >= 0 && is_init(op.opcode)) {
                    self.add(op.handle)?;
                }
            }
            (Seen::Events(events), Told::Events(records)) => {
                self.compare_events(&events, records)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, handle: u64) -> Outcome {
        check!(
            handle != 0 && !self.timers.contains(&handle),
            "its handle is not new"
        );
        self.timers.push(handle);
        Ok(())
    }

    fn compare_events(&self, events: &[sys::sleeptimer_event], records: &[Record]) -> Outcome {
        let now = time(CLOCKS[0]);
        let mut wanted: Vec<_> = records.iter().map(|record| self.event_of(record)).collect();
        let mut events = events.to_vec();
        // Those that are accumulated come in any order.
        let is_accumulated = |event: &sys::sleeptimer_event| event.flags != 0;
        for events in [&mut events, &mut wanted] {
            let first = events
                .iter()
                .position(is_accumulated)
                .unwrap_or(events.len());
            events[first..].sort_by_key(|event| event.handle);
        }
        for (event, (wanted, record)) in events.iter().zip(wanted.iter_mut().zip(records)) {
            if (record.after..=now).contains(&event.time_ns) {
                wanted.time_ns = event.time_ns;
            }
            if record.cpu.is_none() && !record.is_accumulated {
                wanted.cpu = event.cpu;
            }
            if !record.is_softirq && !record.is_accumulated && event.worker != 0 {
                wanted.worker = event.worker;
            }
        }
        check_eq!(format!("{events:?}"), format!("{wanted:?}"));
        Ok(())
    }

    /// The event that stands for a record, as far as it is known.
    fn event_of(&self, record: &Record) -> sys::sleeptimer_event {
        sys::sleeptimer_event {
            handle: self.timers[record.timer],
            user_data: record.user_data,
            count: record.count,
            context: match (record.is_accumulated, record.is_softirq) {
                (true, _) => 0,
                (false, true) => sys::SLEEPTIMER_CONTEXT_SOFTIRQ,
                (false, false) => sys::SLEEPTIMER_CONTEXT_PROCESS,
            },
            cpu: record.cpu.unwrap_or(0),
            flags: match record.is_accumulated {
                true => sys::SLEEPTIMER_EVENT_ACCUMULATED,
                false => 0,
            },
            ..Default::default()
        }
    }
}

/// Looking at the map.
impl Device {
    /// Waits until the device is as the model says, if it has something to do, and fails if it is not.
    fn settle(&mut self, model: &Reference, is_last: bool) -> Outcome {
        // What ends takes a grace period.
        let pause = Duration::from_micros(if is_last { 2000 } else { 50 });
        let end = Instant::now() + TOLERANCE;
        let mut looks = 0;
        loop {
            let looked = self.look(model, is_last);
            looks += 1;
            // A machine that was stopped in between has had no time, whatever its clock says.
            let is_over = looks > ENOUGH_LOOKS && Instant::now() > end;
            if looked.is_ok() || is_over || !(is_last || model.is_stirred()) {
                return looked;
            }
            sleep(pause);
        }
    }

    fn look(&mut self, model: &Reference, is_last: bool) -> Outcome {
        for (number, look) in model.looks() {
            let mut query = query_of(self.timers[number]);
            let before = time(look.clock);
            ok!(request(
                &self.file,
                sys::SLEEPTIMER_IOC_QUERY,
                &raw mut query as usize
            ));
            let mut moment = Moment::NEVER;
            moment.times.fill(before..=time(look.clock));
            compare_query(&query, self.timers[number], &moment, &look)?;
        }
        if is_last || model.is_stirred() {
            self.signals += self.eventfd.read().unwrap_or(0);
            check_eq!(self.signals, model.numbers().signals);
            self.compare_numbers(model, is_last)?;
        }
        Ok(())
    }

    fn compare_numbers(&self, model: &Reference, is_last: bool) -> Outcome {
        let fields = fdinfo(self.file.as_raw_fd())?;
        let Some(sizes) = model.sizes() else {
            check_eq!(fields["map"].as_str(), "none");
            return Ok(());
        };
        let (numbers, timers) = (model.numbers(), model.looks().count());
        let mut wanted = vec![
            ("expirations", numbers.expirations.to_string()),
            ("step-failures", numbers.step_failures.to_string()),
            (
                "events",
                format!("{}/{}", model.nr_records(), model.capacity()),
            ),
        ];
        // What has gone is counted until it has ended.
        if is_last {
            let programs = format!("{}/{}", model.nr_programs(), sizes.programs);
            wanted.push(("programs", programs));
            wanted.push(("timers", format!("{timers}/{}", sizes.timers)));
        }
        for (name, value) in wanted {
            check!(
                fields[name] == value,
                "{name}: {}, not {value}",
                fields[name]
            );
        }
        Ok(())
    }
}

/// Compares what a query tells, which was made at this moment.
fn compare_query(
    query: &sys::sleeptimer_query,
    handle: u64,
    moment: &Moment,
    look: &Look,
) -> Outcome {
    let mut wanted = sys::sleeptimer_query {
        handle,
        user_data: look.user_data,
        period_ns: look.period,
        backlog: look.backlog,
        kind: match look.kind {
            Kind::Timer => sys::SLEEPTIMER_KIND_TIMER,
            Kind::SleepableTimer => sys::SLEEPTIMER_KIND_SLEEPABLE_TIMER,
            Kind::Wq => sys::SLEEPTIMER_KIND_WQ,
            Kind::DelayedWq => sys::SLEEPTIMER_KIND_DELAYED_WQ,
            Kind::HighresDelayedWq => sys::SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ,
        },
        clock: look.clock,
        ..Default::default()
    };
    if look.is_armed {
        wanted.state |= sys::SLEEPTIMER_STATE_ARMED;
    }
    if look.is_running {
        wanted.state |= sys::SLEEPTIMER_STATE_RUNNING;
    }
    if let Some(expiry) = &look.expiry {
        // Jiffies may be behind the clock.
        let late = match look.kind {
            Kind::DelayedWq => TOLERANCE.as_nanos() as u64,
            _ => 0,
        };
        let (earliest, latest) = (expiry.start() - late, expiry.end().saturating_add(late));
        wanted.expires_ns = query.expires_ns.clamp(earliest, latest);
        let (from, to) = moment.on(look.clock).clone().into_inner();
        let left = |now| wanted.expires_ns.saturating_sub(now);
        wanted.remaining_ns = query.remaining_ns.clamp(left(to), left(from));
    }
    check!(
        bytes(query) == bytes(&wanted),
        "a query tells {query:?}, not {wanted:?}"
    );
    Ok(())
}

/// Whether an op of a batch makes a timer.
fn is_init(opcode: u8) -> bool {
    [
        sys::SLEEPTIMER_OP_TIMER_INIT,
        sys::SLEEPTIMER_OP_WQ_INIT,
        sys::SLEEPTIMER_OP_DELAYED_WQ_INIT,
    ]
    .contains(&opcode.into())
}
