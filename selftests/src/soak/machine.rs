// SPDX-License-Identifier: GPL-2.0
//! What the kernel says of memory and of the module's objects, and whether something was left.

use super::sample::{Memory, Objects};
use crate::{check, numbers::totals, ok, Outcome, TOLERANCE};
use nix::{errno::Errno, unistd::sync};
use std::{
    collections::BTreeMap,
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

/// The slab caches of the module.
const TIMERS: &str = "sleeptimer";
const HIGHRES: &str = "sleeptimer_highres";

/// How much more memory of the kernel's, in KiB, is no leak: what it keeps at hand of its own, for each
/// of its threads that has come, and besides.
const SLACK: u64 = 4096;
const SLACK_OF_THREAD: u64 = 64;

/// How much less memory is available at most, in KiB: programs have grown, too.
const AVAILABLE_SLACK: u64 = 24576;

/// How many more objects of one size that are charged to memory cgroups, and for each thread that has
/// come, are no leak. The module's are such, but timers; few others are.
const OBJECTS_SLACK: u64 = 128;
const OBJECTS_SLACK_OF_THREAD: u64 = 16;
const BY_SIZE: &str = "kmalloc-cg-";

/// How many caches are named that have grown most.
const NAMED: usize = 5;

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}

/// The memory of the machine now.
pub fn memory() -> Result<Memory, String> {
    let text = read("/proc/meminfo")?;
    let field = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        number.ok_or(format!("/proc/meminfo does not tell {name}"))
    };
    Ok(Memory {
        available: field("MemAvailable")?,
        slab: field("Slab")?,
        unreclaimable: field("SUnreclaim")?,
        percpu: field("Percpu")?,
        vmalloc: field("VmallocUsed")?,
    })
}

/// How many objects each slab cache has.
fn caches() -> Result<BTreeMap<String, u64>, String> {
    let text = read("/proc/slabinfo")?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let cache = |line: &str| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
    };
    lines.map(cache).collect::<Option<_>>().ok_or(text.clone())
}

/// How long a grace period of RCU takes now, in ns.
pub fn grace_period() -> Result<u64, String> {
    /// `MEMBARRIER_CMD_GLOBAL`, which is a `synchronize_rcu()` if there is more than one CPU.
    const GLOBAL: libc::c_int = 1;
    let start = Instant::now();
    // SAFETY: the call takes no address.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0, 0) };
    ok!(Errno::result(result));
    Ok(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// The objects of the module now.
pub fn objects() -> Result<Objects, String> {
    let (totals, caches) = (totals()?, caches()?);
    let total = |name: &str| {
        totals
            .get(name)
            .copied()
            .ok_or(format!("no {name} in totals"))
    };
    let cache = |name: &str| caches.get(name).copied().ok_or(format!("no cache {name}"));
    Ok(Objects {
        maps: total("maps")?,
        users: total("users")?,
        timers: total("timers")?,
        programs: total("programs")?,
        events: total("events")?,
        timer_objects: cache(TIMERS)?,
        highres_objects: cache(HIGHRES)?,
        workers: threads(|name| name.contains("+sleeptimer/"))?,
    })
}

/// How many tasks have such names. Those that end meanwhile do not count.
fn threads(is_meant: impl Fn(&str) -> bool) -> Result<u64, String> {
    let tasks = ok!(fs::read_dir("/proc"));
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    let names = tasks.filter_map(|task| name(task.ok()?));
    Ok(names.filter(|name| is_meant(name.trim_end())).count() as u64)
}

/// What there is when everything is closed.
pub struct Footprint {
    memory: Memory,
    /// Workers of the kernel's.
    workers: u64,
    caches: BTreeMap<String, u64>,
}

impl Footprint {
    /// Waits until the module has no object left, and looks. Fails if one is left.
    pub fn when_closed() -> Result<Self, String> {
        let end = Instant::now() + TOLERANCE;
        loop {
            // Frees are late: they wait for RCU, and for the reaper.
            sleep(Duration::from_millis(500));
            shrink()?;
            let objects = objects()?;
            if objects == Objects::default() {
                break;
            }
            check!(Instant::now() < end, "everything is closed: {objects:?}");
        }
        Ok(Self {
            memory: memory()?,
            workers: threads(|name| name.starts_with("kworker/"))?,
            caches: caches()?,
        })
    }

    /// Memory that only the kernel's objects take, in KiB.
    fn kernel(&self) -> u64 {
        self.memory.unreclaimable + self.memory.percpu + self.memory.vmalloc
    }

    /// Fails if there is more now than there was before.
    pub fn compare(&self, before: &Self) -> Outcome {
        let grown = self.kernel().saturating_sub(before.kernel());
        let gone = before
            .memory
            .available
            .saturating_sub(self.memory.available);
        let workers = self.workers.saturating_sub(before.workers);
        let caches = self.grown_caches(before);
        let named: Vec<_> = caches
            .iter()
            .take(NAMED)
            .map(|(by, name)| format!("{name} +{by}"))
            .collect();
        println!(
            "# the kernel has {grown} KiB more, {gone} KiB less are available, \
             {workers} workers have come; caches that have grown: {}",
            named.join(", ")
        );
        let most = SLACK + workers * SLACK_OF_THREAD;
        check!(
            grown <= most,
            "the kernel has {grown} KiB more, of at most {most}"
        );
        check!(gone <= AVAILABLE_SLACK, "{gone} KiB less are available");
        let most = OBJECTS_SLACK + workers * OBJECTS_SLACK_OF_THREAD;
        for (by, name) in caches {
            let is_leak = by > most && name.contains(BY_SIZE);
            check!(!is_leak, "{name} has {by} objects more, of at most {most}");
        }
        Ok(())
    }

    /// The slab caches that have grown, by how many objects, those that have grown most first.
    fn grown_caches(&self, before: &Self) -> Vec<(u64, &str)> {
        let by = |(name, number): (&'_ String, &u64)| {
            number.saturating_sub(before.caches.get(name).copied().unwrap_or(0))
        };
        let grown = self
            .caches
            .iter()
            .map(|cache| (by(cache), cache.0.as_str()));
        let mut grown: Vec<_> = grown.filter(|&(by, _)| by > 0).collect();
        grown.sort_unstable_by(|a, b| b.cmp(a));
        grown
    }
}

/// Has the kernel give back what it keeps for later: then what is left is in use.
fn shrink() -> Outcome {
    sync();
    ok!(fs::write("/proc/sys/vm/drop_caches", "3"));
    for cache in ok!(fs::read_dir("/sys/kernel/slab")) {
        let file = ok!(cache).path().join("shrink");
        fs::write(&file, "1").map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}
