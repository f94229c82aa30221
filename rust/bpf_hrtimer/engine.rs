// SPDX-License-Identifier: GPL-2.0

//! The raw calls: setting an engine up, starting, stopping and waiting for it.
//!
//! Everything here dispatches on the kind, which is what says which arm of the union is live. By
//! the type invariants of [`BpfHrtimer`], that arm is initialised.

use super::{
    callback,
    flags::{Clock, Flags, Kind},
    layout::{BpfHrtimer, Engine, Highres},
    period_word::PeriodWord,
};
use crate::{
    compat, context::Process, failure::Failure, map::Map, throttle::Period, workqueue::init_work,
};
use kernel::{
    bindings,
    ffi::{c_int, c_void},
    prelude::*,
    sync::atomic::{Full, Relaxed},
};

/// The resolution of hrtimers, in nanoseconds.
pub(crate) fn resolution_ns() -> u64 {
    // SAFETY: The kernel writes this once, when it switches to high resolution at boot.
    u64::from(unsafe { bindings::hrtimer_resolution })
}

/// The length of a jiffy. Not by `HZ`, which is that of the ABI here.
pub(super) const NS_PER_JIFFY: u64 = 1_000_000_000 / bindings::CONFIG_HZ as u64;

/// When a timer expires, in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) enum Expiry {
    /// So long from now.
    In(u64),
    /// At this time of the timer's clock.
    At(u64),
}

/// How a timer is armed.
#[derive(Clone, Copy)]
pub(crate) struct Arming {
    pub(crate) expiry: Expiry,
    /// How much later than asked it may fire, in ns.
    pub(crate) slack: u64,
    /// In ns, 0 for a timer that fires once.
    pub(crate) period: u64,
    /// Whether the timer stays on the CPU that arms it.
    pub(crate) pinned: bool,
}

impl Arming {
    /// Whether the timer fires as soon as it can, and once.
    pub(crate) fn is_now(&self) -> bool {
        matches!(self.expiry, Expiry::In(0)) && self.is_plain()
    }

    /// Whether this is a delay and nothing else.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.expiry, Expiry::In(_)) && self.slack == 0 && self.period == 0 && !self.pinned
    }

    fn mode(&self) -> bindings::hrtimer_mode {
        let pinned = if self.pinned {
            bindings::hrtimer_mode_HRTIMER_MODE_PINNED
        } else {
            0
        };
        pinned
            | match self.expiry {
                Expiry::In(_) => bindings::hrtimer_mode_HRTIMER_MODE_REL_SOFT,
                Expiry::At(_) => bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT,
            }
    }

    fn time(&self) -> bindings::ktime_t {
        let (Expiry::In(ns) | Expiry::At(ns)) = self.expiry;
        i64::try_from(ns).unwrap_or(i64::MAX)
    }

    /// The delay in jiffies, not less than asked. Only for a plain arming.
    fn jiffies(&self) -> usize {
        // The longest delay that jiffies compare rightly.
        const MAX: u64 = usize::MAX as u64 >> 2;
        let (Expiry::In(ns) | Expiry::At(ns)) = self.expiry;
        match ns.div_ceil(NS_PER_JIFFY) {
            0 => 0,
            // A part of the jiffy that is running has gone by.
            jiffies => jiffies.saturating_add(1).min(MAX) as usize,
        }
    }
}

impl Clock {
    /// What the kernel calls this clock.
    pub(crate) fn id(self) -> bindings::clockid_t {
        let id = match self {
            Clock::Monotonic => bindings::CLOCK_MONOTONIC,
            Clock::Realtime => bindings::CLOCK_REALTIME,
            Clock::Boottime => bindings::CLOCK_BOOTTIME,
            Clock::Tai => bindings::CLOCK_TAI,
        };
        id as bindings::clockid_t
    }

    /// What this clock shows, in ns.
    pub(super) fn now(self) -> i64 {
        // SAFETY: These may be called in any context.
        unsafe {
            match self {
                Clock::Monotonic => bindings::ktime_get(),
                Clock::Realtime => {
                    bindings::ktime_get_with_offset(bindings::tk_offsets_TK_OFFS_REAL)
                }
                Clock::Boottime => {
                    bindings::ktime_get_with_offset(bindings::tk_offsets_TK_OFFS_BOOT)
                }
                Clock::Tai => bindings::ktime_get_with_offset(bindings::tk_offsets_TK_OFFS_TAI),
            }
        }
    }
}

/// Sets up the arm of `engine` that belongs to the kind.
///
/// # Safety
///
/// `engine` is valid for writes and pinned.
pub(super) unsafe fn setup(engine: *mut Engine, flags: Flags) {
    match flags.kind() {
        // SAFETY: By the safety requirements.
        Kind::Timer => unsafe { setup_hrtimer(engine, flags, callback::timer) },
        // SAFETY: By the safety requirements.
        Kind::HighresDelayedWq => unsafe { setup_hrtimer(engine, flags, callback::highres_timer) },
        Kind::SleepableTimer | Kind::Wq => {
            // SAFETY: This computes an address within the union.
            let work = unsafe { &raw mut (*engine).work };
            let class = kernel::static_lock_class!();
            // SAFETY: By the safety requirements; the callback is for this field.
            unsafe { init_work(work, callback::work, c"sleeptimer_work", class) };
        }
        Kind::DelayedWq => {
            // SAFETY: This computes an address within the union.
            let work = unsafe { &raw mut (*engine).delayed_work.work };
            let class = kernel::static_lock_class!();
            // SAFETY: By the safety requirements; the callback is for this field.
            unsafe {
                init_work(
                    work,
                    callback::delayed_work,
                    c"sleeptimer_delayed_work",
                    class,
                )
            };
            // SAFETY: The timer is valid for writes and pinned, the name and the key are static,
            // and this function and flag are those of a `delayed_work`.
            unsafe {
                bindings::timer_init_key(
                    &raw mut (*engine).delayed_work.timer,
                    Some(bindings::delayed_work_timer_fn),
                    bindings::TIMER_IRQSAFE,
                    c"sleeptimer_delayed_work_timer".as_char_ptr(),
                    kernel::static_lock_class!().as_ptr(),
                )
            };
        }
    }
}

/// # Safety
///
/// `engine` is valid for writes and pinned.
unsafe fn setup_hrtimer(engine: *mut Engine, flags: Flags, callback: callback::HrtimerCallback) {
    // SAFETY: By the safety requirements.
    unsafe { (&raw mut (*engine).timer.period).write(0) };
    // SAFETY: By the safety requirements. REALTIME with a relative mode would become MONOTONIC
    // here, so the mode is absolute; each start gives its own.
    unsafe {
        bindings::hrtimer_setup(
            &raw mut (*engine).timer.timer,
            Some(callback),
            flags.clock().id(),
            bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT,
        )
    };
}

/// What a disarm that does not wait has found.
#[derive(Clone, Copy)]
pub(crate) struct Disarmed {
    /// The timer was armed, and is not any more.
    pub(crate) was_armed: bool,
    /// The callback is running. While that of an hrtimer does, the timer stays armed if it is.
    pub(crate) is_running: bool,
}

/// What is to be done on another CPU.
struct StartThere<'a> {
    timer: &'a BpfHrtimer,
    map: &'a Map,
    arming: Arming,
    is_done: bool,
}

/// Arms the timer on this CPU, unless it stays as it is; or unless the lock of the periods is taken:
/// an interrupt does not wait.
///
/// # Safety
///
/// `start` points to a [`StartThere`] that nobody else uses now, whose timer has an hrtimer.
unsafe extern "C" fn start_here(start: *mut c_void) {
    // SAFETY: By the safety requirements.
    let start = unsafe { &mut *start.cast::<StartThere<'_>>() };
    if start.timer.stays_armed() {
        start.is_done = true;
    } else if let Some(_periods) = start.map.periods().try_lock() {
        start.timer.period().store(Period::new(start.arming.period));
        start.timer.start_hrtimer(&start.arming);
        start.is_done = true;
    }
}

impl Highres {
    /// Whether the timer has expired and the callback does not know. This, rather than what the
    /// work is, says whether it waits for a worker: the work may be pending for an expiration that
    /// the run before it has told.
    pub(super) fn has_untold(&self) -> bool {
        self.expirations.load(Relaxed) > 0
    }

    /// Has the callback never know of expirations that it does not know yet, and returns whether
    /// there were any.
    fn discard(&self) -> bool {
        self.expirations.xchg(0, Full) > 0
    }
}

impl BpfHrtimer {
    /// The hrtimer. Only of a timer and of a high-resolution delayed_wq.
    pub(super) fn hrtimer(&self) -> *mut bindings::hrtimer {
        // SAFETY: This computes an address within the union, and reads nothing.
        unsafe { &raw mut (*self.engine.get()).timer.timer }
    }

    /// The period of the hrtimer, for the same kinds.
    pub(super) fn period(&self) -> &PeriodWord {
        // SAFETY: This computes an address within the union, and reads nothing.
        let period = unsafe { &raw mut (*self.engine.get()).timer.period };
        // SAFETY: The field is aligned, lives as long as the timer, and is accessed like this only
        // since it was set up. A `PeriodWord` is an atomic word.
        unsafe { &*period.cast::<PeriodWord>() }
    }

    /// The delayed work. Only of a delayed_wq.
    pub(super) fn delayed_work(&self) -> *mut bindings::delayed_work {
        // SAFETY: This computes an address within the union, and reads nothing.
        unsafe { &raw mut (*self.engine.get()).delayed_work }
    }

    /// The larger object around a high-resolution delayed_wq. Only of that kind.
    pub(super) fn highres(&self) -> &Highres {
        // SAFETY: By the type invariants, a timer of that kind is the first field of a `Highres`.
        unsafe { &*core::ptr::from_ref(self).cast::<Highres>() }
    }

    /// The work item that runs the callback. Not of a timer.
    pub(super) fn work(&self) -> *mut bindings::work_struct {
        match self.flags.load().kind() {
            Kind::HighresDelayedWq => self.highres().work.get(),
            // SAFETY: This computes an address within the union. A `delayed_work` begins with its
            // work item.
            _ => unsafe { &raw mut (*self.engine.get()).work },
        }
    }

    /// Arms the timer, or arms it again; a work that is pending stays as it is. Any context.
    ///
    /// The caller holds off the end of the timer: it has seen under RCU that the timer is not
    /// dying, and is still in that read-side critical section.
    pub(super) fn arm(&self, map: &Map, arming: &Arming) {
        match self.flags.load().kind() {
            Kind::SleepableTimer | Kind::Wq => {
                // SAFETY: The timer and the map stay until the work has run or was cancelled.
                unsafe { map.workqueue().queue(self.work()) };
            }
            Kind::DelayedWq => {
                // SAFETY: As above.
                unsafe {
                    map.workqueue()
                        .queue_delayed(self.delayed_work(), arming.jiffies())
                };
            }
            Kind::Timer => self.arm_hrtimer(map, arming),
            Kind::HighresDelayedWq => {
                if !self.stays_armed() {
                    self.arm_hrtimer(map, arming);
                }
            }
        }
    }

    /// Arms a high-resolution delayed_wq with another delay, and returns whether it was armed. Any
    /// context.
    ///
    /// The caller holds off the end of the timer, as for [`Self::arm`].
    pub(super) fn rearm_highres(&self, map: &Map, arming: &Arming) -> bool {
        let disarmed = self.try_disarm();
        self.arm_hrtimer(map, arming);
        disarmed.was_armed
    }

    /// Arms a delayed_wq in jiffies with another delay, and returns whether it was armed. Any context.
    ///
    /// The caller holds off the end of the timer, as for [`Self::arm`].
    pub(super) fn rearm_delayed(&self, map: &Map, arming: &Arming) -> bool {
        // SAFETY: The timer and the map stay until the work has run or was cancelled.
        unsafe {
            map.workqueue()
                .modify_delayed(self.delayed_work(), arming.jiffies())
        }
    }

    /// Whether a start leaves the timer alone: a high-resolution delayed_wq that waits for its time
    /// or for a worker.
    fn stays_armed(&self) -> bool {
        self.flags.load().kind() == Kind::HighresDelayedWq
            && (self.is_queued() || self.highres().has_untold())
    }

    /// Whether the hrtimer waits for its time. Others may start it meanwhile. Only of a timer and of a
    /// high-resolution delayed_wq.
    pub(super) fn is_queued(&self) -> bool {
        // SAFETY: The hrtimer is set up. The core writes this from other CPUs.
        unsafe { (&raw const (*self.hrtimer()).is_queued).read_volatile() }
    }

    /// Whether the work is queued, or a cancel has just taken it. Not of a timer.
    pub(super) fn is_pending(&self) -> bool {
        // SAFETY: The work is initialised.
        let busy = unsafe { bindings::work_busy(self.work()) };
        busy & bindings::wq_misc_consts_WORK_BUSY_PENDING != 0
    }

    /// A timer that fires once takes no lock. The period of one that has a period is changed
    /// under a lock, because its callback arms it again: without the lock that could undo a start
    /// that comes while the callback runs.
    fn arm_hrtimer(&self, map: &Map, arming: &Arming) {
        if arming.period == 0 && self.period().load().is_once() {
            self.start_hrtimer(arming);
            // A start with a period that came before ours, by the lock of the hrtimer, is seen
            // here: it is undone altogether, lest its period go on from our expiry.
            if self.period().load().is_once() {
                return;
            }
        }
        let _periods = map.periods().lock();
        self.period().store(Period::new(arming.period));
        self.start_hrtimer(arming);
    }

    /// Arms the hrtimer on another CPU, by a call there.
    ///
    /// The caller holds off the end of the timer, as for [`Self::arm`], and may wait.
    pub(super) fn arm_on(&self, map: &Map, arming: &Arming, cpu: u32) -> Result<(), Failure> {
        let cpu = c_int::try_from(cpu).map_err(|_| Failure::NoSuchCpu)?;
        let mut start = StartThere {
            timer: self,
            map,
            arming: Arming {
                pinned: true,
                ..*arming
            },
            is_done: false,
        };
        while !start.is_done {
            // SAFETY: `start` outlives the call, which waits for the function to return.
            let result = unsafe {
                bindings::smp_call_function_single(
                    cpu,
                    Some(start_here),
                    (&raw mut start).cast(),
                    compat::SMP_CALL_WAIT,
                )
            };
            if result != 0 {
                return Err(Failure::NoSuchCpu);
            }
        }
        Ok(())
    }

    pub(super) fn start_hrtimer(&self, arming: &Arming) {
        // SAFETY: The hrtimer is set up, in a soft mode, which these modes repeat.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.hrtimer(),
                arming.time(),
                arming.slack,
                arming.mode(),
            )
        };
    }

    /// Disarms the timer without waiting. Any context.
    pub(super) fn try_disarm(&self) -> Disarmed {
        let (was_armed, is_running) = match self.flags.load().kind() {
            Kind::Timer => self.try_disarm_hrtimer(),
            Kind::SleepableTimer | Kind::Wq => {
                // SAFETY: The work is initialised.
                let was_armed = unsafe { bindings::cancel_work(self.work()) };
                (was_armed, self.is_work_running())
            }
            Kind::DelayedWq => {
                // SAFETY: The delayed work is initialised.
                let was_armed = unsafe { bindings::cancel_delayed_work(self.delayed_work()) };
                (was_armed, self.is_work_running())
            }
            Kind::HighresDelayedWq => {
                let (was_armed, is_expiring) = self.try_disarm_hrtimer();
                // SAFETY: The work is initialised.
                unsafe { bindings::cancel_work(self.work()) };
                let was_armed = self.highres().discard() || was_armed;
                (was_armed, self.is_work_running() || is_expiring)
            }
        };
        Disarmed {
            was_armed,
            is_running,
        }
    }

    /// Whether the hrtimer was armed, and whether its callback is running.
    fn try_disarm_hrtimer(&self) -> (bool, bool) {
        // SAFETY: The hrtimer is set up.
        let result = unsafe { bindings::hrtimer_try_to_cancel(self.hrtimer()) };
        (result > 0, result < 0)
    }

    /// A hint: the kernel looks at one moment, and promises no more.
    pub(super) fn is_work_running(&self) -> bool {
        // SAFETY: The work is initialised.
        let busy = unsafe { bindings::work_busy(self.work()) };
        busy & bindings::wq_misc_consts_WORK_BUSY_RUNNING != 0
    }

    /// Disarms the timer, waits for a running callback, and returns whether it was armed.
    pub(super) fn disarm_sync(&self, process: &Process<'_>) -> bool {
        match self.flags.load().kind() {
            // SAFETY: The hrtimer is set up. A `Process` is not in a callback of ours.
            Kind::Timer => unsafe { bindings::hrtimer_cancel(self.hrtimer()) != 0 },
            Kind::SleepableTimer | Kind::Wq | Kind::DelayedWq => {
                let was_armed = self.try_disarm().was_armed;
                self.flush(process);
                was_armed
            }
            Kind::HighresDelayedWq => {
                // The timer first: after that, nobody but a start queues the work.
                //
                // SAFETY: As above.
                let was_armed = unsafe { bindings::hrtimer_cancel(self.hrtimer()) != 0 };
                // SAFETY: The work is initialised.
                unsafe { bindings::cancel_work(self.work()) };
                self.flush(process);
                self.highres().discard() || was_armed
            }
        }
    }

    /// Waits for a work that runs, or that was queued again meanwhile.
    ///
    /// The kernel waits behind what is queued. If somebody cancels that, the wait is over, and the work may
    /// run still; so this looks again, until there was nothing to wait for. That ends, as starts are
    /// refused while somebody waits, but for those that have looked before that.
    ///
    /// With the cancel before it, this is what `cancel_work_sync` is for, which would have the kernel
    /// refuse to queue the work meanwhile: a start can find that out, but a change of the delay cannot.
    fn flush(&self, _: &Process<'_>) {
        // SAFETY: The work is initialised. A `Process` is not in a callback of ours.
        while unsafe { bindings::flush_work(self.work()) } {}
    }
}
