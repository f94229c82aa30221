// SPDX-License-Identifier: GPL-2.0

//! A look at what a timer does, without stopping it.

use super::{
    engine::NS_PER_JIFFY,
    flags::{Clock, Kind},
    layout::BpfHrtimer,
};
use kernel::{bindings, ffi::c_ulong};

// In c/helpers.c: the core writes these without marking it, so that reading them is to be marked as
// a data race.
extern "C" {
    fn sleeptimer_hrtimer_get_softexpires(timer: *const bindings::hrtimer) -> bindings::ktime_t;
    fn sleeptimer_timer_expires(timer: *const bindings::timer_list) -> c_ulong;
    fn sleeptimer_timer_pending(timer: *const bindings::timer_list) -> bool;
}

/// What a look at a timer has seen. It may be different already.
#[derive(Default)]
pub(crate) struct Observed {
    pub(crate) is_armed: bool,
    pub(crate) is_running: bool,
    /// When it fires next, in ns of its clock; nothing if it is not armed, or waits for a worker.
    pub(crate) expires: Option<i64>,
    /// In ns, 0 for a timer that fires once.
    pub(crate) period: u64,
}

impl Observed {
    /// How long it is until the timer fires, in ns.
    pub(crate) fn remaining(&self, clock: Clock) -> u64 {
        let expires = self.expires.unwrap_or(i64::MIN);
        expires.saturating_sub(clock.now()).max(0).unsigned_abs()
    }
}

impl BpfHrtimer {
    /// Looks at the timer, which the caller keeps alive. Any context.
    pub(crate) fn observe(&self) -> Observed {
        let flags = self.flags.load();
        match flags.kind() {
            Kind::Timer => self.observe_hrtimer(),
            Kind::SleepableTimer | Kind::Wq => self.observe_work(),
            Kind::DelayedWq => Observed {
                expires: self.delayed_expiry(flags.clock()),
                ..self.observe_work()
            },
            Kind::HighresDelayedWq => {
                // In the order in which an expiry is known to them: to one of them it is.
                let timer = self.observe_hrtimer();
                let is_untold = self.highres().has_untold();
                let work = self.observe_work();
                Observed {
                    is_armed: timer.is_armed || timer.is_running || is_untold,
                    is_running: work.is_running,
                    ..timer
                }
            }
        }
    }

    /// Of a timer that is armed again while its callback runs, the latter is not seen.
    fn observe_hrtimer(&self) -> Observed {
        let timer = self.hrtimer();
        let is_queued = self.is_queued();
        // SAFETY: The hrtimer is set up.
        let expires = unsafe { sleeptimer_hrtimer_get_softexpires(timer) };
        Observed {
            is_armed: is_queued,
            // SAFETY: The hrtimer is set up.
            is_running: !is_queued && unsafe { bindings::hrtimer_active(timer) },
            expires: is_queued.then_some(expires),
            period: self.period().load().ns(),
        }
    }

    fn observe_work(&self) -> Observed {
        Observed {
            is_armed: self.is_pending(),
            is_running: self.is_work_running(),
            ..Observed::default()
        }
    }

    /// When a delayed work expires, to the jiffy, unless it waits for no more than a worker.
    fn delayed_expiry(&self, clock: Clock) -> Option<i64> {
        let work = self.delayed_work();
        // SAFETY: The timer is initialised. The core writes these from other CPUs.
        let (is_pending, expires) = unsafe {
            (
                sleeptimer_timer_pending(&raw const (*work).timer),
                sleeptimer_timer_expires(&raw const (*work).timer),
            )
        };
        // SAFETY: The kernel counts jiffies here, from any CPU.
        let jiffies = unsafe { (&raw const bindings::jiffies).read_volatile() };
        let left = (expires.wrapping_sub(jiffies) as isize).max(0);
        let left = (left as u64).saturating_mul(NS_PER_JIFFY);
        is_pending.then(|| clock.now().saturating_add_unsigned(left))
    }
}
