// SPDX-License-Identifier: GPL-2.0

//! The numbers of a map that can be seen from outside: in debugfs and in fdinfo.

#![deny(unsafe_code)]

use crate::{facility::Facility, map::Map};
use kernel::{fmt, prelude::fmt, seq_file::SeqFile, seq_print};

/// How many there are, and how many there may be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) used: u32,
    pub(crate) max: u32,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!("{}/{}", self.used, self.max))
    }
}

/// The numbers of a map. They are not of one moment.
#[derive(Default)]
pub(crate) struct Numbers {
    /// Timers, with those that were freed and still end.
    timers: Usage,
    /// Programs, with those that were destroyed and are still in use.
    programs: Usage,
    /// Events in the ring.
    events: Usage,
    /// Expirations for which there was an event.
    expirations: u64,
    /// Steps of programs that have failed.
    failures: u64,
}

impl Numbers {
    fn of(map: &Map) -> Self {
        let statistics = map.events().statistics();
        Self {
            timers: map.table().usage(),
            programs: map.programs().usage(),
            events: Usage {
                used: statistics.waiting,
                max: statistics.capacity,
            },
            expirations: statistics.expirations,
            failures: map.step_failures(),
        }
    }
}

/// Shows a map in the fdinfo of its file.
pub(crate) fn show_fdinfo(map: &Map, file: &SeqFile) {
    let numbers = Numbers::of(map);
    seq_print!(file, "sleeptimer-map:\t{}\n", map.number());
    seq_print!(file, "sleeptimer-timers:\t{}\n", numbers.timers);
    seq_print!(file, "sleeptimer-programs:\t{}\n", numbers.programs);
    seq_print!(file, "sleeptimer-events:\t{}\n", numbers.events);
    seq_print!(file, "sleeptimer-expirations:\t{}\n", numbers.expirations);
    seq_print!(file, "sleeptimer-step-failures:\t{}\n", numbers.failures);
}

/// Shows that a file has no map.
pub(crate) fn show_fdinfo_of_none(file: &SeqFile) {
    seq_print!(file, "sleeptimer-map:\tnone\n");
}

/// The file `maps` of debugfs: a line for each map.
pub(crate) fn show_maps(facility: &Facility, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("map pid uid timers programs events expirations step-failures comm\n")?;
    facility.registry.for_each(|map| {
        let Numbers {
            timers,
            programs,
            events,
            expirations,
            failures,
        } = Numbers::of(map);
        let (number, uid, origin) = (map.number(), map.charge().user(), map.origin());
        let (pid, name) = (origin.pid, origin.name());
        f.write_fmt(fmt!("{number} {pid} {uid} {timers} {programs} {events} "))?;
        f.write_fmt(fmt!("{expirations} {failures} {name}\n"))
    })
}

/// The file `totals` of debugfs: sums over all maps, and the parameters of the module.
pub(crate) fn show_totals(facility: &Facility, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut maps: u64 = 0;
    let mut timers: u64 = 0;
    let mut programs: u64 = 0;
    let mut events: u64 = 0;
    let mut expirations: u64 = 0;
    let mut failures: u64 = 0;
    facility.registry.for_each(|map| {
        let numbers = Numbers::of(map);
        maps = maps.wrapping_add(1);
        timers = timers.wrapping_add(numbers.timers.used.into());
        programs = programs.wrapping_add(numbers.programs.used.into());
        events = events.wrapping_add(numbers.events.used.into());
        expirations = expirations.wrapping_add(numbers.expirations);
        failures = failures.wrapping_add(numbers.failures);
        Ok(())
    })?;
    f.write_fmt(fmt!("maps {maps}\nusers {}\n", facility.users.number()))?;
    f.write_fmt(fmt!(
        "timers {timers}\nprograms {programs}\nevents {events}\n"
    ))?;
    f.write_fmt(fmt!(
        "expirations {expirations}\nstep-failures {failures}\n"
    ))?;
    let limits = &facility.limits;
    f.write_fmt(fmt!("max_timers {}\n", limits.map_timers))?;
    f.write_fmt(fmt!("max_workers {}\n", limits.map_workers))?;
    f.write_fmt(fmt!("user_timers {}\n", limits.user_timers))?;
    f.write_fmt(fmt!("user_workers {}\n", limits.user_workers))?;
    f.write_fmt(fmt!("user_maps {}\n", limits.user_maps))
}
