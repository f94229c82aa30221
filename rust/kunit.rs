// SPDX-License-Identifier: GPL-2.0

//! Tests that need the kernel and no user space: they run as the module is loaded, in a kernel with
//! KUnit.

use kernel::prelude::*;

#[kunit_tests(sleeptimer)]
mod tests {
    use super::*;
    use crate::{
        bpf_hrtimer::{
            flags::{Clock, Flags, Kind, Refusal},
            Arming, BpfHrtimer, Expiry,
        },
        context::Process,
        facility::Facility,
        failure::Failure,
        map::{Family, Map},
        opener::Opener,
        program::Program,
        spinlock_irqsave::{new_spinlock_irqsave, SpinLockIrqSave},
        uapi,
    };
    use core::ptr::NonNull;

    const KINDS: [(Kind, Family); 5] = [
        (Kind::Timer, Family::Timer),
        (Kind::SleepableTimer, Family::SleepableTimer),
        (Kind::Wq, Family::Wq),
        (Kind::DelayedWq, Family::DelayedWq),
        (Kind::HighresDelayedWq, Family::DelayedWq),
    ];

    #[test]
    fn a_timer_is_as_aligned_as_its_slab() {
        assert_eq!(align_of::<BpfHrtimer>(), 8);
        assert_eq!(size_of::<BpfHrtimer>() % 8, 0);
    }

    #[test]
    fn the_fields_of_the_word_do_not_touch_each_other() {
        for (kind, _) in KINDS {
            let new = Flags::new(kind, Clock::Tai, Flags::MAX_TIMERS - 1);
            let bound = new.bind(Flags::MAX_PROGRAMS - 1).and_then(Flags::get);
            let Ok(flags) = bound.map(Flags::fall_asleep) else {
                return assert!(false);
            };
            assert!(flags.kind() == kind && flags.clock() == Clock::Tai);
            assert_eq!(flags.index(), Flags::MAX_TIMERS - 1);
            assert_eq!(flags.program(), Some(Flags::MAX_PROGRAMS - 1));
            assert!(flags.is_asleep() && flags.is_waited_for() && !flags.dying());
            let told = flags.miss().tell_missed().leave();
            assert!(told.is_told() && told.is_left() && !told.has_missed());
            assert!(told.put_or_take().is_waited_for());
            let back = told.put_or_take().wake_up().put().unbind();
            assert_eq!(back.bits(), new.bits());
        }
    }

    #[test]
    fn a_dying_timer_takes_nothing_new() {
        let new = Flags::new(Kind::Timer, Clock::Monotonic, 0);
        let Ok(dying) = new.kill() else {
            return assert!(false);
        };
        assert!(dying.dying() && dying.hurry());
        assert!(dying.bind(0) == Err(Refusal::Dying));
        assert!(dying.get() == Err(Refusal::Dying));
        assert!(dying.kill() == Err(Refusal::Dying));
        assert!(dying.put().unreferenced());
    }

    /// What later callers of the core, such as kfuncs, may do in any context.
    #[test]
    fn entry_points_work_with_interrupts_off() {
        assert_eq!(with_interrupts_off(), Ok(()));
    }

    fn with_interrupts_off() -> Result<(), Failure> {
        let facility = Facility::new(c"sleeptimer_kunit", c"sleeptimer_kunit_highres");
        let facility = KBox::pin_init(facility, GFP_KERNEL).map_err(|_| Failure::NoMemory)?;
        let shared = NonNull::<Facility>::from(&*facility);
        // SAFETY: The box is not freed before the map, which is all that uses it.
        calls_with_interrupts_off(unsafe { shared.as_ref() })
    }

    fn calls_with_interrupts_off(facility: &'static Facility) -> Result<(), Failure> {
        // SAFETY: KUnit runs tests in a task, without locks.
        let process = unsafe { Process::assume() };
        let lock = KBox::pin_init(new_spinlock_irqsave!((), "sleeptimer_kunit"), GFP_KERNEL);
        let lock: Pin<KBox<SpinLockIrqSave<()>>> = lock.map_err(|_| Failure::NoMemory)?;
        let map = Map::new(
            facility,
            Opener::current(),
            &uapi::Setup {
                max_timers: 8,
                max_programs: 1,
                max_events: 1,
                ..uapi::Setup::default()
            },
        )?;
        let event = uapi::Step {
            op: uapi::STEP_EVENT,
            ..uapi::Step::default()
        };
        let mut number = 0;
        let program = Program::new(&[event], &map, &process)?;
        map.programs().create(program, &process, |named| {
            number = named;
            Ok(())
        })?;
        let now = Arming {
            expiry: Expiry::In(0),
            slack: 0,
            period: 0,
            pinned: false,
        };
        for (kind, family) in KINDS {
            let handle = map.init(kind, Clock::Monotonic, 0, &process)?;
            let _interrupts_are_off = lock.lock();
            map.set_callback(handle, family, number)?;
            map.start(handle, family, &now)?;
            if matches!(family, Family::Timer | Family::SleepableTimer) {
                map.timer_cancel_async(handle)?;
            } else if family == Family::DelayedWq {
                map.modify(handle, &now)?;
            }
            map.free(handle)?;
        }
        Ok(())
    }
}
