// SPDX-License-Identifier: GPL-2.0
//! Every bad input gets its error number, writes nothing to user memory, and loses nothing.

use nix::{
    errno::Errno,
    fcntl::{open, OFlag},
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::{signal, stat::Mode},
    unistd::{read, write},
};
use sleeptimer::{Clock, Kind, Map, Program, Sizes, Step, Timer, DEVICE};
use sleeptimer_selftests::{
    blocked::spawn_into,
    bound_timer,
    busy::Faulting,
    check, check_eq, check_errno, expect_events, map, ok,
    pages::Pages,
    raw::{bytes, device, request},
    settle, tests, Outcome,
};
use sleeptimer_sys as sys;
use std::{
    os::fd::{AsFd, AsRawFd},
    process::ExitCode,
    time::Duration,
};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_map_has_to_be_set_up_first,
        a_map_is_set_up_once,
        sizes_are_checked,
        unknown_requests_are_enotty,
        bad_pointers_are_efault,
        structures_may_be_anywhere,
        structures_that_are_not_all_there_are_efault,
        files_that_are_no_map_are_refused,
        reserved_fields_have_to_be_zero,
        programs_are_validated_whole,
        timers_need_a_known_clock_and_flags,
        unknown_handles_and_programs_are_enoent,
        handles_of_another_map_are_stale,
        start_needs_a_callback,
        a_full_map_is_enospc,
        a_timer_whose_handle_cannot_be_told_is_freed,
        a_read_that_fails_loses_no_event,
        a_signal_interrupts_a_read,
        a_read_waits_for_another,
        other_file_operations_are_refused,
    ])
}

/// A request with a structure, which has to come back as it was.
fn refused<T: Copy>(file: &impl AsRawFd, number: u32, argument: T) -> nix::Result<i32> {
    let mut given = argument;
    let result = request(file, number, &raw mut given as usize);
    assert!(
        bytes(&given) == bytes(&argument),
        "request {number:#x} wrote to its argument"
    );
    result
}

const REQUESTS: &[u32] = &[
    sys::SLEEPTIMER_IOC_GET_INFO,
    sys::SLEEPTIMER_IOC_SETUP,
    sys::SLEEPTIMER_IOC_PROGRAM_CREATE,
    sys::SLEEPTIMER_IOC_PROGRAM_DESTROY,
    sys::SLEEPTIMER_IOC_SUBMIT,
    sys::SLEEPTIMER_IOC_QUERY,
    sys::SLEEPTIMER_IOC_PROGRAM_QUERY,
    sys::SLEEPTIMER_IOC_TIMER_INIT,
    sys::SLEEPTIMER_IOC_TIMER_SET_CALLBACK,
    sys::SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB,
    sys::SLEEPTIMER_IOC_TIMER_START,
    sys::SLEEPTIMER_IOC_TIMER_CANCEL,
    sys::SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP,
    sys::SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC,
    sys::SLEEPTIMER_IOC_WQ_INIT,
    sys::SLEEPTIMER_IOC_WQ_SET_CALLBACK,
    sys::SLEEPTIMER_IOC_WQ_START,
    sys::SLEEPTIMER_IOC_WQ_CANCEL,
    sys::SLEEPTIMER_IOC_DELAYED_WQ_INIT,
    sys::SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK,
    sys::SLEEPTIMER_IOC_DELAYED_WQ_START,
    sys::SLEEPTIMER_IOC_DELAYED_WQ_MOD,
    sys::SLEEPTIMER_IOC_DELAYED_WQ_CANCEL,
    sys::SLEEPTIMER_IOC_FREE,
];

const POISON: u32 = 0x5a5a_5a5a;

fn setup() -> sys::sleeptimer_setup {
    sys::sleeptimer_setup {
        max_timers: 1,
        max_programs: 1,
        max_events: 1,
        ..Default::default()
    }
}

fn create(steps: &[sys::sleeptimer_step]) -> sys::sleeptimer_program_create {
    sys::sleeptimer_program_create {
        steps: steps.as_ptr() as u64,
        nr_steps: steps.len() as u32,
        program: POISON,
        pad: POISON,
        ..Default::default()
    }
}

fn init() -> sys::sleeptimer_init {
    sys::sleeptimer_init {
        clock: 1,
        handle: u64::from(POISON),
        ..Default::default()
    }
}

fn event() -> sys::sleeptimer_step {
    sys::sleeptimer_step {
        op: sys::SLEEPTIMER_STEP_EVENT,
        ..Default::default()
    }
}

fn a_map_has_to_be_set_up_first() -> Outcome {
    let device = device()?;
    for &number in REQUESTS.iter().skip(2) {
        check_errno!(request(&device, number, 0), Errno::EBADFD);
    }
    check_errno!(read(&device, &mut [0; 48]), Errno::EBADFD);
    let mut polled = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
    check_eq!(ok!(poll(&mut polled, PollTimeout::ZERO)), 1);
    check_eq!(polled[0].revents(), Some(PollFlags::POLLERR));
    let mut info = sys::sleeptimer_info::default();
    ok!(request(
        &device,
        sys::SLEEPTIMER_IOC_GET_INFO,
        &raw mut info as usize
    ));
    check_eq!(info.max_steps, 16);
    Ok(())
}

fn a_map_is_set_up_once() -> Outcome {
    let map = map()?;
    check_errno!(
        refused(&map, sys::SLEEPTIMER_IOC_SETUP, setup()),
        Errno::EBUSY
    );
    Ok(())
}

fn sizes_are_checked() -> Outcome {
    let device = device()?;
    let good = setup();
    let bad = [
        sys::sleeptimer_setup {
            max_timers: 0,
            ..good
        },
        sys::sleeptimer_setup {
            max_timers: u32::MAX,
            ..good
        },
        sys::sleeptimer_setup {
            max_programs: 0,
            ..good
        },
        sys::sleeptimer_setup {
            max_programs: sys::SLEEPTIMER_MAX_PROGRAMS + 1,
            ..good
        },
        sys::sleeptimer_setup {
            max_events: 0,
            ..good
        },
        sys::sleeptimer_setup {
            max_events: sys::SLEEPTIMER_MAX_EVENTS + 1,
            ..good
        },
        sys::sleeptimer_setup { flags: 1, ..good },
        sys::sleeptimer_setup {
            reserved: [0, 1],
            ..good
        },
    ];
    for setup in bad {
        check_errno!(
            refused(&device, sys::SLEEPTIMER_IOC_SETUP, setup),
            Errno::EINVAL
        );
    }
    // None of these has set the map up.
    ok!(refused(&device, sys::SLEEPTIMER_IOC_SETUP, good));
    Ok(())
}

fn unknown_requests_are_enotty() -> Outcome {
    let map = map()?;
    for &number in REQUESTS {
        let one_byte_more = number + (1 << 16);
        let eight_bytes_less = number - (8 << 16);
        let other_direction = number ^ (1 << 31);
        for unknown in [
            one_byte_more,
            eight_bytes_less,
            other_direction,
            number ^ 0x80,
        ] {
            check_errno!(request(&map, unknown, 0), Errno::ENOTTY);
        }
    }
    check_errno!(request(&map, 0, 0), Errno::ENOTTY);
    Ok(())
}

fn bad_pointers_are_efault() -> Outcome {
    let device = device()?;
    check_errno!(
        request(&device, sys::SLEEPTIMER_IOC_SETUP, 0),
        Errno::EFAULT
    );
    let map = map()?;
    let kernel_address = 0xffff_8000_0000_0000;
    for &number in REQUESTS {
        for address in [0, 8, usize::MAX, kernel_address] {
            check_errno!(request(&map, number, address), Errno::EFAULT);
        }
    }
    Ok(())
}

fn structures_may_be_anywhere() -> Outcome {
    let pages = Pages::new(2)?;
    // Odd addresses, and some across the border of two pages.
    for address in [pages.page(0) + 1, pages.page(1) - 7, pages.page(1) - 1] {
        let device = device()?;
        ok!(request(&device, sys::SLEEPTIMER_IOC_GET_INFO, address));
        let info: sys::sleeptimer_info = pages.get(address);
        check_eq!(info.max_steps, 16);
        pages.put(address, setup());
        ok!(request(&device, sys::SLEEPTIMER_IOC_SETUP, address));
        pages.put(address, init());
        ok!(request(&device, sys::SLEEPTIMER_IOC_TIMER_INIT, address));
        let init: sys::sleeptimer_init = pages.get(address);
        let named = sys::sleeptimer_ref {
            handle: init.handle,
            ..Default::default()
        };
        pages.put(address, named);
        ok!(request(&device, sys::SLEEPTIMER_IOC_FREE, address));
    }
    Ok(())
}

/// The size of the structure of a request.
fn size(number: u32) -> usize {
    ((number >> 16) & 0x3fff) as usize
}

fn structures_that_are_not_all_there_are_efault() -> Outcome {
    const KEPT: [u8; 96] = [0x5a; 96];
    let map = map()?;
    let pages = Pages::new(2)?;
    pages.protect(1, libc::PROT_NONE);
    for &number in REQUESTS {
        for missing in [1, 4, size(number) - 1] {
            let there = size(number) - missing;
            let address = pages.page(1) - there;
            pages.put(pages.page(1) - KEPT.len(), KEPT);
            check_errno!(request(&map, number, address), Errno::EFAULT);
            // What GET_INFO writes may be half written.
            let kept = pages.get::<[u8; 96]>(pages.page(1) - KEPT.len()) == KEPT;
            check!(
                kept || number == sys::SLEEPTIMER_IOC_GET_INFO,
                "request {number:#x}"
            );
        }
    }
    Ok(())
}

fn files_that_are_no_map_are_refused() -> Outcome {
    let null = ok!(open("/dev/null", OFlag::O_RDWR, Mode::empty()));
    let path = ok!(open(DEVICE, OFlag::O_PATH, Mode::empty()));
    let mut info = sys::sleeptimer_info::default();
    let address = &raw mut info as usize;
    for &number in REQUESTS {
        check_errno!(request(&null, number, address), Errno::ENOTTY);
        check_errno!(request(&path, number, address), Errno::EBADF);
        check_errno!(request(&-1, number, address), Errno::EBADF);
    }
    let closed = device()?.as_raw_fd();
    check_errno!(
        request(&closed, sys::SLEEPTIMER_IOC_GET_INFO, address),
        Errno::EBADF
    );
    Ok(())
}

fn reserved_fields_have_to_be_zero() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    let program = Program(0);
    let good = sys::sleeptimer_start {
        handle: timer.handle,
        expires_ns: 1 << 60,
        ..Default::default()
    };
    let starts = [
        sys::sleeptimer_start { flags: 4, ..good },
        sys::sleeptimer_start {
            flags: 1 << 31,
            ..good
        },
        sys::sleeptimer_start { cpu: 1, ..good },
        sys::sleeptimer_start {
            reserved: 1,
            ..good
        },
    ];
    for start in starts {
        check_errno!(
            refused(&map, sys::SLEEPTIMER_IOC_TIMER_START, start),
            Errno::EINVAL
        );
    }
    let set = sys::sleeptimer_set_callback {
        handle: timer.handle,
        program: program.0,
        flags: 1,
    };
    check_errno!(
        refused(&map, sys::SLEEPTIMER_IOC_TIMER_SET_CALLBACK, set),
        Errno::EINVAL
    );
    check_errno!(
        refused(&map, sys::SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB, set),
        Errno::EINVAL
    );
    for number in [sys::SLEEPTIMER_IOC_TIMER_CANCEL, sys::SLEEPTIMER_IOC_FREE] {
        let good = sys::sleeptimer_ref {
            handle: timer.handle,
            ..Default::default()
        };
        check_errno!(
            refused(&map, number, sys::sleeptimer_ref { flags: 1, ..good }),
            Errno::EINVAL
        );
        check_errno!(
            refused(&map, number, sys::sleeptimer_ref { pad: 1, ..good }),
            Errno::EINVAL
        );
    }
    // The timer is there, was never armed, and is still bound.
    check_eq!(ok!(map.cancel(timer)), false);
    Ok(())
}

fn programs_are_validated_whole() -> Outcome {
    let map = ok!(Map::open(Sizes {
        programs: 1,
        ..Sizes::default()
    }));
    let number = sys::SLEEPTIMER_IOC_PROGRAM_CREATE;
    let info = ok!(map.info());
    let sleep = sys::sleeptimer_step {
        op: sys::SLEEPTIMER_STEP_SLEEP,
        ..Default::default()
    };
    let bad_steps = [
        sys::sleeptimer_step { op: 0, ..event() },
        sys::sleeptimer_step { op: 7, ..event() },
        sys::sleeptimer_step {
            flags: 1,
            ..event()
        },
        sys::sleeptimer_step { arg: 1, ..event() },
        sys::sleeptimer_step { len: 1, ..event() },
        sys::sleeptimer_step { fd: 1, ..event() },
        sys::sleeptimer_step {
            offset: 1,
            ..event()
        },
        sys::sleeptimer_step {
            arg: info.max_sleep_ns + 1,
            ..sleep
        },
    ];
    for bad in bad_steps {
        check_errno!(
            refused(&map, number, create(&[event(), bad])),
            Errno::EINVAL
        );
    }
    let steps = [event(); 17];
    check_errno!(refused(&map, number, create(&[])), Errno::EINVAL);
    check_errno!(refused(&map, number, create(&steps)), Errno::EINVAL);
    let good = create(&steps[..16]);
    let (flags, reserved) = (1, 1);
    check_errno!(
        refused(
            &map,
            number,
            sys::sleeptimer_program_create { flags, ..good }
        ),
        Errno::EINVAL
    );
    check_errno!(
        refused(
            &map,
            number,
            sys::sleeptimer_program_create { reserved, ..good }
        ),
        Errno::EINVAL
    );
    for steps in [0, 8, u64::MAX] {
        check_errno!(
            refused(
                &map,
                number,
                sys::sleeptimer_program_create { steps, ..good }
            ),
            Errno::EFAULT
        );
    }
    // None of these took the only place.
    ok!(map.program(&[Step::Event; 16]));
    Ok(())
}

fn timers_need_a_known_clock_and_flags() -> Outcome {
    let map = ok!(Map::open(Sizes {
        timers: 1,
        ..Sizes::default()
    }));
    let number = sys::SLEEPTIMER_IOC_TIMER_INIT;
    for clock in [2, 3, 4, 5, 6, 8, 9, 10, 12, 16, u32::MAX] {
        check_errno!(
            refused(&map, number, sys::sleeptimer_init { clock, ..init() }),
            Errno::EINVAL
        );
    }
    for flags in [2, 3, 16, 1 << 31] {
        check_errno!(
            refused(&map, number, sys::sleeptimer_init { flags, ..init() }),
            Errno::EINVAL
        );
    }
    check_errno!(
        refused(
            &map,
            number,
            sys::sleeptimer_init {
                reserved: 1,
                ..init()
            }
        ),
        Errno::EINVAL
    );
    // None of these took the only place.
    ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    Ok(())
}

fn unknown_handles_and_programs_are_enoent() -> Outcome {
    let map = map()?;
    let program = ok!(map.program(&[Step::Event]));
    for timer in [0, 1, 1 << 32, u64::MAX, 1 << 20].map(|handle| Timer {
        handle,
        kind: Kind::Timer,
    }) {
        check_errno!(map.set_callback(timer, program), Errno::ENOENT);
        check_errno!(map.start(timer, Duration::ZERO), Errno::ENOENT);
        check_errno!(map.cancel(timer), Errno::ENOENT);
        check_errno!(map.free(timer), Errno::ENOENT);
    }
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    for program in [0, 1, 63, 64, program.0 + 1, u32::MAX].map(Program) {
        check_errno!(map.set_callback(timer, program), Errno::ENOENT);
    }
    Ok(())
}

fn handles_of_another_map_are_stale() -> Outcome {
    let (map, other) = (map()?, map()?);
    let kept = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let foreign = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let own = ok!(other.timer(Kind::Timer, Clock::Monotonic, 0));
    // Handles are per map: the first timers of two maps share theirs, and mean their own.
    check_eq!(own, kept);
    check_errno!(other.free(foreign), Errno::ENOENT);
    ok!(other.free(own));
    ok!(map.free(kept));
    ok!(map.free(foreign));
    Ok(())
}

fn start_needs_a_callback() -> Outcome {
    let map = map()?;
    for kind in [Kind::Timer, Kind::SleepableTimer] {
        let timer = ok!(map.timer(kind, Clock::Monotonic, 0));
        check_errno!(map.start(timer, Duration::ZERO), Errno::EINVAL);
    }
    Ok(())
}

fn a_full_map_is_enospc() -> Outcome {
    let map = ok!(Map::open(Sizes {
        timers: 3,
        programs: 2,
        events: 1
    }));
    for _ in 0..3 {
        ok!(map.timer(Kind::SleepableTimer, Clock::Monotonic, 0));
    }
    check_errno!(
        refused(&map, sys::SLEEPTIMER_IOC_TIMER_INIT, init()),
        Errno::ENOSPC
    );
    ok!(map.program(&[Step::Event]));
    ok!(map.program(&[Step::Event]));
    check_errno!(
        refused(&map, sys::SLEEPTIMER_IOC_PROGRAM_CREATE, create(&[event()])),
        Errno::ENOSPC
    );
    Ok(())
}

/// A page that can be read and not written, filled with a structure.
fn read_only<T: Copy>(value: &T) -> Result<Pages, String> {
    let page = Pages::new(1)?;
    page.put(page.page(0), *value);
    page.protect(0, libc::PROT_READ);
    Ok(page)
}

fn a_timer_whose_handle_cannot_be_told_is_freed() -> Outcome {
    let map = ok!(Map::open(Sizes {
        timers: 1,
        programs: 1,
        events: 1
    }));
    let page = read_only(&init())?;
    check_errno!(
        request(&map, sys::SLEEPTIMER_IOC_TIMER_INIT, page.page(0)),
        Errno::EFAULT
    );
    ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
    let steps = [event()];
    let page = read_only(&create(&steps))?;
    check_errno!(
        request(&map, sys::SLEEPTIMER_IOC_PROGRAM_CREATE, page.page(0)),
        Errno::EFAULT
    );
    ok!(map.program(&[Step::Event]));
    Ok(())
}

fn a_read_that_fails_loses_no_event() -> Outcome {
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event, Step::Event])?;
    ok!(map.start(timer, Duration::ZERO));
    settle(&map, timer)?;
    check_errno!(read(&map, &mut [0; 47]), Errno::EINVAL);
    check_errno!(read(&map, &mut []), Errno::EINVAL);
    // SAFETY: The kernel checks the address.
    let result = unsafe { libc::read(map.as_raw_fd(), 8 as *mut libc::c_void, 4096) };
    check_errno!(Errno::result(result), Errno::EFAULT);
    let page = read_only(&0u64)?;
    // SAFETY: The kernel checks the address, and cannot write there.
    let result = unsafe { libc::read(map.as_raw_fd(), page.page(0) as *mut _, 4096) };
    check_errno!(Errno::result(result), Errno::EFAULT);
    expect_events(&map, 2)?;
    Ok(())
}

extern "C" fn ignore_signal(_: libc::c_int) {}

/// Has a signal come in a second, which does nothing else than to interrupt.
fn signal_later() -> Outcome {
    let action = signal::SigAction::new(
        signal::SigHandler::Handler(ignore_signal),
        signal::SaFlags::empty(),
        signal::SigSet::empty(),
    );
    // SAFETY: The handler does nothing.
    ok!(unsafe { signal::sigaction(signal::Signal::SIGALRM, &action) });
    nix::unistd::alarm::set(1);
    Ok(())
}

fn a_signal_interrupts_a_read() -> Outcome {
    let map = ok!(Map::open(Sizes::default()));
    signal_later()?;
    check_errno!(map.read(1), Errno::EINTR);
    Ok(())
}

fn a_read_waits_for_another() -> Outcome {
    const EVENT: usize = size_of::<sys::sleeptimer_event>();
    let map = map()?;
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event, Step::Event])?;
    ok!(map.start(timer, Duration::ZERO));
    settle(&map, timer)?;
    let file = map.as_raw_fd();
    // SAFETY: The page is mapped for as long as the process lives.
    let first = Faulting::new(move |page| unsafe { libc::read(file, page as *mut _, EVENT) })?;
    // Unless a signal comes.
    signal_later()?;
    check_errno!(map.read(1), Errno::EINTR);
    let file = ok!(map.as_fd().try_clone_to_owned());
    let second = spawn_into(libc::SYS_read, move || read(&file, &mut [0; EVENT]))?;
    check!(!second.is_finished());
    check_eq!(first.let_go()?, EVENT as isize);
    let second = second.join().map_err(|_| "the second reader died")?;
    check_eq!(second, Ok(EVENT));
    Ok(())
}

fn other_file_operations_are_refused() -> Outcome {
    let map = map()?;
    check_errno!(write(&map, &[0; 48]), Errno::EINVAL);
    check_errno!(nix::sys::uio::pread(&map, &mut [0; 48], 0), Errno::ESPIPE);
    check_errno!(
        nix::unistd::lseek(&map, 0, nix::unistd::Whence::SeekSet),
        Errno::ESPIPE
    );
    Ok(())
}
