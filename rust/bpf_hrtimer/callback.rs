// SPDX-License-Identifier: GPL-2.0

//! The functions that the kernel calls when a timer expires or its work runs.
//!
//! A timer stays valid while its callback runs: it is freed only after the engine was found idle
//! and can no longer be armed.

use super::{
    engine::{Arming, Expiry},
    flags::Flags,
    layout::{BpfHrtimer, Highres},
};
use crate::{
    compat,
    context::{Softirq, Worker},
    map::Map,
    program::Runner,
    schedules::Turn,
    throttle,
};
use kernel::{
    bindings, container_of,
    sync::atomic::{Acquire, Full},
    types::Opaque,
};

/// What the hrtimer core calls.
pub(super) type HrtimerCallback =
    unsafe extern "C" fn(*mut bindings::hrtimer) -> bindings::hrtimer_restart;

/// The timer with this engine.
///
/// # Safety
///
/// `engine` is the address of the engine of a timer that is valid during `'a`, or of the field
/// that this engine begins with.
unsafe fn timer_of<'a, T>(engine: *mut T) -> &'a BpfHrtimer {
    // SAFETY: The engine is the first field of a timer.
    unsafe { &*engine.cast::<BpfHrtimer>() }
}

/// Runs a timer, in softirq.
///
/// # Safety
///
/// Called by the hrtimer core, in softirq, with the hrtimer of a timer of that kind.
pub(super) unsafe extern "C" fn timer(
    hrtimer: *mut bindings::hrtimer,
) -> bindings::hrtimer_restart {
    // SAFETY: By the safety requirements; the timer is valid while its callback runs.
    let timer = unsafe { timer_of(hrtimer) };
    if let Some((map, flags)) = timer.live() {
        // SAFETY: The timer is in a soft mode, so this is the hrtimer softirq.
        let softirq = unsafe { Softirq::assume() };
        let (expirations, _turn) = timer.rearm_periodic(map, flags);
        map.run(timer, expirations, &Runner::Softirq(softirq));
    }
    compat::HRTIMER_NORESTART
}

/// Queues the work of a high-resolution delayed_wq, in softirq.
///
/// # Safety
///
/// Called by the hrtimer core, in softirq, with the hrtimer of a timer of that kind.
pub(super) unsafe extern "C" fn highres_timer(
    hrtimer: *mut bindings::hrtimer,
) -> bindings::hrtimer_restart {
    // SAFETY: By the safety requirements; the timer is valid while its callback runs.
    let timer = unsafe { timer_of(hrtimer) };
    if let Some((map, flags)) = timer.live() {
        let (expirations, _turn) = timer.rearm_periodic(map, flags);
        let highres = timer.highres();
        highres.expirations.fetch_add(expirations, Full);
        // SAFETY: The timer and the map stay until the work has run or was cancelled: whoever ends
        // the timer cancels the work after the hrtimer.
        unsafe { map.workqueue().queue(highres.work.get()) };
    }
    compat::HRTIMER_NORESTART
}

/// Runs a sleepable timer or a wq.
///
/// # Safety
///
/// Called by a worker, with the work item of a timer of that kind.
pub(super) unsafe extern "C" fn work(work: *mut bindings::work_struct) {
    // SAFETY: By the safety requirements; the timer is valid while its callback runs.
    let timer = unsafe { timer_of(work) };
    // SAFETY: Workers call this.
    unsafe { run_in_worker(timer, 1) };
}

/// Runs a delayed_wq.
///
/// # Safety
///
/// Called by a worker, with the work item of a timer of that kind.
pub(super) unsafe extern "C" fn delayed_work(work: *mut bindings::work_struct) {
    // SAFETY: By the safety requirements: a `delayed_work` begins with its work item.
    let timer = unsafe { timer_of(work) };
    // SAFETY: Workers call this.
    unsafe { run_in_worker(timer, 1) };
}

/// Runs a high-resolution delayed_wq.
///
/// # Safety
///
/// Called by a worker, with the work item of a [`Highres`].
pub(super) unsafe extern "C" fn highres_work(work: *mut bindings::work_struct) {
    let work = work.cast::<Opaque<bindings::work_struct>>();
    // SAFETY: By the safety requirements; the timer is valid while its callback runs.
    let highres = unsafe { &*container_of!(work, Highres, work) };
    let expirations = highres.expirations.xchg(0, Full);
    if expirations > 0 {
        // SAFETY: Workers call this.
        unsafe { run_in_worker(&highres.timer, expirations) };
    }
}

/// # Safety
///
/// Called by a worker of an unbound workqueue.
unsafe fn run_in_worker(timer: &BpfHrtimer, expirations: u64) {
    if let Some((map, _)) = timer.live() {
        // SAFETY: A worker is a task, and holds no lock here.
        let worker = unsafe { Worker::assume() };
        map.run(timer, expirations, &Runner::Worker(worker));
    }
}

impl BpfHrtimer {
    /// The map and the flags of a timer whose callback has been called, unless it is dying.
    fn live(&self) -> Option<(&Map, Flags)> {
        // Acquire: read before the flags. `reclaim` is overwritten after the dying bit is set, so
        // whoever sees the timer alive now has read the map. Pairs with `BpfHrtimer::kill` and
        // `List::push`.
        let map = self.reclaim.load(Acquire);
        let flags = self.flags.load();
        if flags.dying() {
            return None;
        }
        // SAFETY: This is the map, which outlives its timers.
        Some((unsafe { &*map.cast::<Map>() }, flags))
    }

    /// Arms a periodic timer for its next expiry, from its own callback, and returns how many
    /// expirations this one stands for, and its turn in the schedule of this CPU.
    fn rearm_periodic<'a>(&self, map: &'a Map, flags: Flags) -> (u64, Option<Turn<'a>>) {
        if self.period().load().is_once() {
            return (1, None);
        }
        let _periods = map.periods().lock();
        let period = self.period().load();
        let timer = self.hrtimer();
        // A start came while we were on our way: it has said when the timer fires next.
        if period.is_once() || self.is_queued() {
            return (1, None);
        }
        // SAFETY: The hrtimer is set up. A start that took no lock may write these meanwhile: it
        // looks at the period after that, and then starts the timer again with the lock, after us.
        let (soft, hard) = unsafe {
            (
                (&raw const (*timer)._softexpires).read_volatile(),
                (&raw const (*timer).node.expires).read_volatile(),
            )
        };
        let facility = map.facility();
        let (quiet, turn) = facility.schedules.arrive(facility.users.timers());
        let now = nanoseconds(flags.clock().now());
        let next = throttle::next(nanoseconds(soft), now, period, quiet);
        self.period().store(next.period);
        self.start_hrtimer(&Arming {
            expiry: Expiry::At(next.expires),
            slack: hard.saturating_sub(soft).unsigned_abs(),
            period: next.period.ns(),
            pinned: false,
        });
        (next.expirations, turn)
    }
}

/// A time of the kernel's, which has a sign; before the epoch there is none.
fn nanoseconds(time: bindings::ktime_t) -> u64 {
    time.max(0).unsigned_abs()
}
