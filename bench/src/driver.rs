// SPDX-License-Identifier: GPL-2.0
//! Does the same to each contender, and measures it.

use crate::{
    idle::{self, PREPARATION},
    memory::Memory,
    row::{Operation, Row},
    slots::{Armed, Limits, Slot, Slots},
    stopwatch::{now_ns, Stopwatch},
    Outcome,
};
use fastrand::Rng;
use std::{thread::sleep, time::Duration};

/// As many timers are worked on in one batch; fewer if there are fewer.
pub const BATCH: u32 = 128;

/// When timers are armed for that do not expire: somewhere in this range, in ns from now.
const FAR: std::ops::Range<u64> = 1_000_000_000_000..2_000_000_000_000;

/// The timeout of timers that are put off again and again, in ns: of all the same.
const SAME: u64 = 1_500_000_000_000;

/// How far apart timers expire one after the other, and periodic ones, in ns: long enough to handle one
/// and have nothing to do.
const GAP: u64 = 50_000;

/// How many of these.
const SPACED: u32 = 1_000;

/// How many timers are enough for what they take together to stand out from what else goes on.
pub const MANY: u32 = 100_000;

/// How far ahead timers are armed that are to expire, for each of them and besides, in ns: so that none does while
/// others are still to be armed.
const LEAD_EACH: u64 = 20_000;
const LEAD: u64 = 100_000_000;

/// How long nothing is done before something is measured: what was freed before waits for grace periods of RCU,
/// those of tasks among them, and its end would be counted.
const SETTLE: Duration = Duration::from_secs(1);

/// How long after a close its work is still counted.
const AFTERMATH: Duration = Duration::from_secs(2);

/// A contender at work.
pub struct Driver<'a> {
    slots: &'a mut dyn Slots,
    limits: Limits,
    live: u32,
    operations: u64,
    random: Rng,
    report: &'a mut dyn FnMut(&Row) -> Outcome,
}

impl<'a> Driver<'a> {
    /// Measures everything, each operation so often, with so many timers armed, and reports each row. The
    /// slots are empty, and empty again afterwards; there are [`BATCH`] more.
    pub fn run(
        slots: &'a mut dyn Slots,
        limits: Limits,
        live: u32,
        operations: u64,
        report: &'a mut dyn FnMut(&Row) -> Outcome,
    ) -> Outcome {
        let mut driver = Self {
            slots,
            limits,
            live,
            operations: limits
                .operations
                .map_or(operations, |most| most.min(operations)),
            random: Rng::with_seed(u64::from(live)),
            report,
        };
        if limits.has_no_time {
            driver.burst_of_started()?;
            driver.creations()?;
            driver.removals()?;
            return driver.close();
        }
        driver.burst()?;
        driver.fill()?;
        driver.creations()?;
        driver.rearms()?;
        driver.removals()?;
        driver.spaced()?;
        driver.periodic()?;
        driver.close()
    }

    /// Makes all of them, which expire at once.
    fn burst(&mut self) -> Outcome {
        let all: Vec<Slot> = (0..self.live).collect();
        let preparation = match self.limits.is_coarse {
            true => PREPARATION.as_nanos() as u64,
            false => 0,
        };
        let time = now_ns() + preparation + LEAD + u64::from(self.live) * LEAD_EACH;
        for slots in all.chunks(BATCH as usize) {
            let armed: Vec<Armed> = slots.iter().map(|&slot| (slot, time)).collect();
            self.slots.create_armed(&armed)?;
        }
        if now_ns() + preparation >= time {
            return Err("they expire before all are armed".to_owned());
        }
        let count = self.live.into();
        if self.limits.is_coarse {
            // Some look each millisecond whether one is due: that is not what is asked here.
            sleep(Duration::from_nanos(time - preparation - now_ns()));
            let cost = idle::busy(|| self.slots.take(count))?;
            self.burst_row(cost)
        } else {
            self.slots.take(count)?;
            self.burst_row((now_ns() - time) as f64)
        }
    }

    /// Makes all of them, and starts them at once.
    fn burst_of_started(&mut self) -> Outcome {
        let all: Vec<Slot> = (0..self.live).collect();
        for slots in all.chunks(BATCH as usize) {
            self.slots.create(slots)?;
        }
        sleep(SETTLE);
        let time = now_ns();
        self.slots.start(self.live)?;
        self.slots.take(self.live.into())?;
        self.burst_row((now_ns() - time) as f64)
    }

    /// Tells what it cost that all of them were due.
    fn burst_row(&mut self, cost: f64) -> Outcome {
        let each = cost / f64::from(self.live);
        let operation = match self.limits.is_sleepable {
            true => Operation::SleepableBurst,
            false => Operation::BurstExpiry,
        };
        self.row(operation, each, self.live.into())
    }

    /// Arms all of them, which have expired, far away.
    fn fill(&mut self) -> Outcome {
        let all: Vec<Slot> = (0..self.live).collect();
        for slots in all.chunks(BATCH as usize) {
            let armed = self.far(slots);
            self.revive(&armed)?;
        }
        Ok(())
    }

    /// Arms timers that have expired, or were cancelled.
    fn revive(&mut self, armed: &[Armed]) -> Outcome {
        if self.limits.arms_when_created {
            self.slots.create_armed(armed)
        } else {
            self.slots.arm(armed)
        }
    }

    /// Timers that are made beside the others.
    fn creations(&mut self) -> Outcome {
        let more: Vec<Slot> = (self.live..self.live + self.batch()).collect();
        if !self.limits.arms_when_created {
            self.measure(
                Operation::Create,
                |driver| Ok(driver.far(&more)),
                |driver, _| driver.slots.create(&more),
                |driver, _| driver.slots.destroy(&more),
            )?;
        }
        if self.limits.has_no_time {
            return Ok(());
        }
        self.measure(
            Operation::CreateArm,
            |driver| Ok(driver.far(&more)),
            |driver, armed| driver.slots.create_armed(armed),
            |driver, _| driver.slots.destroy(&more),
        )
    }

    fn rearms(&mut self) -> Outcome {
        self.measure(
            Operation::RearmSame,
            |driver| Ok(driver.some_far()),
            |driver, armed| driver.slots.arm_in(&slots_of(armed), SAME),
            |driver, armed| driver.slots.arm(armed),
        )?;
        self.measure(
            Operation::RearmRandom,
            |driver| Ok(driver.some_far()),
            |driver, armed| driver.slots.arm(armed),
            |_, _| Ok(()),
        )
    }

    fn removals(&mut self) -> Outcome {
        if !self.limits.has_no_time {
            self.measure(
                Operation::Cancel,
                |driver| Ok(driver.some_far()),
                |driver, armed| driver.slots.cancel(&slots_of(armed)),
                |driver, armed| driver.revive(armed),
            )?;
        }
        if self.limits.arms_when_created {
            // The same.
            return Ok(());
        }
        self.measure(
            Operation::Destroy,
            |driver| Ok(driver.some_far()),
            |driver, armed| driver.slots.destroy(&slots_of(armed)),
            |driver, armed| make_ready(driver.slots, driver.limits, armed),
        )
    }

    /// Some of them, or some more, one after the other.
    fn spaced(&mut self) -> Outcome {
        let slots = match self.limits.arms_when_created {
            true => self.live..self.live + BATCH,
            false => 0..SPACED,
        };
        // Those that round would expire many at a time.
        if self.live < SPACED || self.limits.is_coarse {
            return Ok(());
        }
        let first = now_ns() + PREPARATION.as_nanos() as u64 + LEAD;
        let armed: Vec<Armed> = slots
            .enumerate()
            .map(|(number, slot)| (slot, first + number as u64 * GAP))
            .collect();
        for armed in armed.chunks(BATCH as usize) {
            self.revive(armed)?;
        }
        let count = armed.len() as u64;
        let busy = idle::busy(|| self.slots.take(count))?;
        let operation = match self.limits.is_sleepable {
            true => Operation::SleepableSpaced,
            false => Operation::SpacedExpiry,
        };
        self.row(operation, busy / count as f64, count)
    }

    /// One of them, again and again.
    fn periodic(&mut self) -> Outcome {
        let slots = &mut *self.slots;
        let mut is_possible = false;
        let busy = idle::busy(|| {
            is_possible = slots.arm_periodic(0, GAP)?;
            if is_possible {
                slots.take(SPACED.into())?;
                slots.cancel(&[0])?;
            }
            Ok(())
        })?;
        if is_possible {
            let each = busy / f64::from(SPACED);
            self.row(Operation::Periodic, each, SPACED.into())?;
        }
        Ok(())
    }

    /// All of them go.
    fn close(&mut self) -> Outcome {
        if self.live < MANY {
            return self.slots.close();
        }
        let slots = &mut *self.slots;
        let busy = idle::busy(|| {
            slots.close()?;
            // Some is done when nobody waits for it any more.
            sleep(AFTERMATH);
            Ok(())
        })?;
        let each = busy / f64::from(self.live);
        self.row(Operation::Close, each, self.live.into())
    }

    /// Measures `work` on batches that `prepare` chooses; `repair` has as many timers armed as before.
    fn measure(
        &mut self,
        operation: Operation,
        prepare: impl Fn(&mut Self) -> Outcome<Vec<Armed>>,
        work: impl Fn(&mut Self, &[Armed]) -> Outcome,
        repair: impl Fn(&mut Self, &[Armed]) -> Outcome,
    ) -> Outcome {
        sleep(SETTLE);
        let mut watch = Stopwatch::new(|| self.slots.clock());
        // The first fills caches.
        let mut is_warm = false;
        while watch.count() < self.operations {
            let armed = prepare(self)?;
            let begin = self.slots.clock();
            work(self, &armed)?;
            let end = self.slots.clock();
            if is_warm {
                watch.add(begin, end, armed.len());
            }
            is_warm = true;
            repair(self, &armed)?;
        }
        self.row(operation, watch.mean()?, watch.count())
    }

    fn row(&mut self, operation: Operation, cost: f64, count: u64) -> Outcome {
        let row = Row {
            contender: self.slots.name(),
            operation,
            live: self.live.into(),
            cost,
            count,
        };
        (self.report)(&row)
    }

    /// How many are in a batch.
    fn batch(&self) -> u32 {
        self.live.min(BATCH)
    }

    /// These slots, and random times that are far away.
    fn far(&mut self, slots: &[Slot]) -> Vec<Armed> {
        far(&mut self.random, slots)
    }

    /// A batch of random slots that differ, and random times that are far away.
    fn some_far(&mut self) -> Vec<Armed> {
        let mut slots = Vec::new();
        while slots.len() < self.batch() as usize {
            let slot = self.random.u32(..self.live);
            if !slots.contains(&slot) {
                slots.push(slot);
            }
        }
        self.far(&slots)
    }
}

/// Makes a contender, arms so many timers far away, and reports what memory that takes. There are no more
/// slots.
pub fn measure_memory(
    make: impl FnOnce() -> Outcome<Box<dyn Slots>>,
    limits: Limits,
    live: u32,
    report: &mut dyn FnMut(&Row) -> Outcome,
) -> Outcome {
    let before = Memory::now()?;
    let mut slots = make()?;
    let mut random = Rng::with_seed(u64::from(live));
    let all: Vec<Slot> = (0..live).collect();
    for some in all.chunks(BATCH as usize) {
        make_ready(&mut *slots, limits, &far(&mut random, some))?;
    }
    drop(all);
    let after = Memory::now()?;
    let rows = [
        (Operation::KernelMemory, before.kernel, after.kernel),
        (Operation::UserMemory, before.user, after.user),
    ];
    for (operation, before, after) in rows {
        report(&Row {
            contender: slots.name(),
            operation,
            live: live.into(),
            cost: (after.saturating_sub(before) as f64 / f64::from(live)).round(),
            count: live.into(),
        })?;
    }
    slots.close()
}

/// Makes timers, and arms them if they have a time.
fn make_ready(slots: &mut dyn Slots, limits: Limits, armed: &[Armed]) -> Outcome {
    if limits.has_no_time {
        slots.create(&slots_of(armed))
    } else {
        slots.create_armed(armed)
    }
}

/// These slots, and random times that are far away.
fn far(random: &mut Rng, slots: &[Slot]) -> Vec<Armed> {
    let now = now_ns();
    slots
        .iter()
        .map(|&slot| (slot, now + random.u64(FAR)))
        .collect()
}

fn slots_of(armed: &[Armed]) -> Vec<Slot> {
    armed.iter().map(|&(slot, _)| slot).collect()
}
