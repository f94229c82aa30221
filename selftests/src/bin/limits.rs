// SPDX-License-Identifier: GPL-2.0
//! What a map, a user and a memory cgroup may take, and that what was refused costs nothing.

use nix::{
    errno::Errno,
    fcntl::{fcntl, FcntlArg, OFlag},
    sys::{
        eventfd::EventFd,
        memfd::{memfd_create, MFdFlags},
        resource::{setrlimit, Resource},
    },
};
use sleeptimer::{Clock, Kind, Map, Sizes, Step};
use sleeptimer_selftests::{
    bound_timer,
    cgroup::Cgroup,
    check, check_eq, check_errno,
    child::{as_user, become_user, in_child},
    events_within, expect_events, map, module, ok, tests, Outcome, TOLERANCE,
};
use std::{
    fs,
    os::{fd::AsFd, unix::fs::PermissionsExt},
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

const USER: u32 = 1000;
const OTHER_USER: u32 = 1001;

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        parameters_limit_maps,
        nonsense_in_parameters_does_no_harm,
        workers_of_a_map_are_limited,
        a_user_has_so_many_timers,
        a_user_has_so_many_maps,
        a_user_has_so_many_workers,
        a_users_programs_keep_so_many_files,
        what_a_user_takes_comes_back,
        users_do_not_count_for_each_other,
        the_opener_is_charged,
        root_is_not_limited,
        a_memory_cgroup_limits_maps,
        what_steps_write_is_charged,
    ])
}

/// Loads the module anew, and opens the device to all.
fn reload(parameters: &std::ffi::CStr) -> Outcome {
    module::reload(parameters)?;
    let all = fs::Permissions::from_mode(0o666);
    fs::set_permissions(sleeptimer::DEVICE, all).map_err(|error| error.to_string())
}

/// A map of so many timers.
fn map_of(timers: u32) -> sleeptimer::Result<Map> {
    Map::open_nonblocking(Sizes {
        timers,
        programs: 4,
        events: 16,
    })
}

fn parameters_limit_maps() -> Outcome {
    reload(c"max_timers=100")?;
    check_eq!(ok!(ok!(map_of(100)).info()).max_timers, 100);
    check_errno!(map_of(101), Errno::EINVAL);
    reload(c"")?;
    check_eq!(ok!(map()?.info()).max_timers, 1 << 20);
    Ok(())
}

fn nonsense_in_parameters_does_no_harm() -> Outcome {
    reload(c"max_timers=0 max_workers=0")?;
    check_eq!(ok!(ok!(map_of(1)).info()).max_timers, 1);
    reload(c"max_timers=4294967295 max_workers=4294967295")?;
    check_eq!(ok!(map()?.info()).max_timers, 1 << 24);
    reload(c"")
}

fn workers_of_a_map_are_limited() -> Outcome {
    reload(c"max_workers=2")?;
    let map = map()?;
    let sleep = Step::Sleep(Duration::from_millis(300));
    let program = ok!(map.program(&[Step::Event, sleep, Step::Event]));
    for number in 0..3 {
        let timer = ok!(map.timer(Kind::Wq, Clock::Monotonic, number));
        ok!(map.set_callback(timer, program));
        ok!(map.start(timer, Duration::ZERO));
    }
    // The third one starts when one of the others has ended.
    let events = events_within(&map, 6, TOLERANCE)?;
    check_eq!(events.len(), 6);
    let third = events.iter().position(|event| {
        let others = events.iter().filter(|other| other.handle == event.handle);
        others.map(|other| other.time_ns).min() == Some(event.time_ns)
            && events
                .iter()
                .filter(|other| other.time_ns < event.time_ns)
                .map(|other| other.handle)
                .collect::<std::collections::HashSet<_>>()
                .len()
                == 2
    });
    check!(third >= Some(3), "{events:?}");
    drop(map);
    reload(c"")
}

fn a_user_has_so_many_timers() -> Outcome {
    reload(c"user_timers=100")?;
    as_user(USER, || {
        check_errno!(map_of(101), Errno::EDQUOT);
        let first = ok!(map_of(60));
        check_errno!(map_of(41), Errno::EDQUOT);
        let second = ok!(map_of(40));
        check_errno!(map_of(1), Errno::EDQUOT);
        drop(first);
        let _third = ok!(map_of(60));
        check_errno!(map_of(1), Errno::EDQUOT);
        drop(second);
        Ok(())
    })
}

fn a_user_has_so_many_maps() -> Outcome {
    reload(c"user_maps=3")?;
    as_user(USER, || {
        let mut maps = vec![ok!(map_of(1)), ok!(map_of(1)), ok!(map_of(1))];
        for _ in 0..5 {
            check_errno!(map_of(1), Errno::EDQUOT);
            maps.pop();
            maps.push(ok!(map_of(1)));
        }
        Ok(())
    })
}

fn a_user_has_so_many_workers() -> Outcome {
    reload(c"max_workers=4 user_workers=10")?;
    as_user(USER, || {
        let first = ok!(map_of(1));
        let _second = ok!(map_of(1));
        check_errno!(map_of(1), Errno::EDQUOT);
        drop(first);
        let _third = ok!(map_of(1));
        check_errno!(map_of(1), Errno::EDQUOT);
        Ok(())
    })?;
    let maps: Vec<_> = (0..4).map(|_| map_of(1)).collect();
    check!(maps.iter().all(Result::is_ok));
    Ok(())
}

/// Otherwise a program could keep what its process may not have open.
fn a_users_programs_keep_so_many_files() -> Outcome {
    const MOST: usize = 40;
    reload(c"")?;
    as_user(USER, || {
        ok!(setrlimit(Resource::RLIMIT_NOFILE, MOST as u64, MOST as u64));
        let file = ok!(memfd_create(c"kept", MFdFlags::empty()));
        let eventfd = ok!(EventFd::new());
        let sync = Step::Fsync(file.as_fd());
        let signal = Step::EventFd(eventfd.as_fd());
        let (first, second) = (ok!(map_of(1)), ok!(map_of(1)));
        let program = ok!(first.program(&[sync; 16]));
        ok!(second.program(&[signal; 16]));
        ok!(second.program(&[Step::Event; 16]));
        check_errno!(first.program(&[sync; 9]), Errno::EMFILE);
        // Refused, and not kept in part.
        ok!(second.program(&[sync; 8]));
        check_errno!(second.program(&[signal]), Errno::EMFILE);
        ok!(first.destroy(program));
        // It ends after a grace period.
        let end = Instant::now() + TOLERANCE;
        while let Err(error) = first.program(&[signal; 16]) {
            check_eq!(Errno::from(error), Errno::EMFILE);
            check!(Instant::now() < end, "the files are not given back");
            sleep(Duration::from_millis(1));
        }
        Ok(())
    })?;
    // Root is not held to it.
    in_child(|| {
        ok!(setrlimit(Resource::RLIMIT_NOFILE, MOST as u64, MOST as u64));
        let file = ok!(memfd_create(c"kept", MFdFlags::empty()));
        let map = ok!(map_of(1));
        for _ in 0..4 {
            ok!(map.program(&[Step::Fsync(file.as_fd()); 16]));
        }
        Ok(())
    })
}

fn what_a_user_takes_comes_back() -> Outcome {
    reload(c"user_timers=1000 user_maps=1")?;
    for _ in 0..20 {
        as_user(USER, || {
            let map = ok!(map_of(1000));
            let program = ok!(map.program(&[Step::Event]));
            for number in 0..10 {
                let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number));
                ok!(map.set_callback(timer, program));
                ok!(map.start(timer, Duration::from_micros(number)));
            }
            // The exit closes the map.
            std::mem::forget(map);
            Ok(())
        })?;
    }
    Ok(())
}

fn users_do_not_count_for_each_other() -> Outcome {
    reload(c"user_timers=100")?;
    as_user(USER, || {
        let _map = ok!(map_of(100));
        check_errno!(map_of(1), Errno::EDQUOT);
        Ok(())
    })?;
    let mine = map_of(100);
    as_user(USER, || {
        let _map = ok!(map_of(100));
        Ok(())
    })?;
    as_user(OTHER_USER, || {
        let _map = ok!(map_of(100));
        Ok(())
    })?;
    drop(mine);
    Ok(())
}

/// Who opened the device is charged, whoever has the file now.
fn the_opener_is_charged() -> Outcome {
    reload(c"user_timers=100")?;
    in_child(|| {
        let roots = ok!(map_of(100));
        become_user(USER)?;
        let map = ok!(map_of(100));
        check_errno!(map_of(1), Errno::EDQUOT);
        drop(roots);
        check_errno!(map_of(1), Errno::EDQUOT);
        drop(map);
        let _map = ok!(map_of(100));
        Ok(())
    })
}

fn root_is_not_limited() -> Outcome {
    reload(c"user_timers=10 user_maps=1")?;
    let _first = ok!(map_of(10));
    let _second = ok!(map_of(1000));
    let _third = ok!(map_of(1));
    Ok(())
}

fn a_memory_cgroup_limits_maps() -> Outcome {
    const MIB: u64 = 1 << 20;
    reload(c"")?;
    let Some(group) = Cgroup::new(Some(24 * MIB))? else {
        println!("# no memory cgroups in this kernel");
        return Ok(());
    };
    in_child(|| {
        group.join()?;
        let before = group.number("memory.current", None)?;
        for _ in 0..5 {
            let refused = map_of(1 << 20);
            // While the memory is on its way back, whatever takes a little more would have the
            // kernel kill this process: do nothing for a moment.
            sleep(Duration::from_millis(300));
            check_errno!(refused, Errno::ENOMEM);
            group.wait_for(before + MIB)?;
        }
        let map = ok!(map_of(50_000));
        let with = group.number("memory.current", None)?;
        check!(with > before + 2 * MIB, "{with} with, {before} before");
        drop(map);
        group.wait_for(before + MIB)
    })?;
    check_eq!(group.number("memory.events", Some("oom_kill"))?, 0);
    Ok(())
}

/// A worker writes, but not at the cost of the whole machine.
fn what_steps_write_is_charged() -> Outcome {
    const BYTES: [u8; 4096] = [7; 4096];
    const RUNS: u64 = 64;
    let Some(group) = Cgroup::new(None)? else {
        println!("# no memory cgroups in this kernel");
        return Ok(());
    };
    in_child(|| {
        group.join()?;
        let file = ok!(memfd_create(c"written", MFdFlags::empty()));
        ok!(fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND)));
        let map = ok!(map_of(1));
        let write = Step::Write {
            fd: file.as_fd(),
            bytes: &BYTES,
            offset: 0,
        };
        let mut steps = [write; 16];
        steps[15] = Step::Event;
        let timer = bound_timer(&map, Kind::Wq, &steps)?;
        let before = group.number("memory.current", None)?;
        for _ in 0..RUNS {
            ok!(map.start(timer, Duration::ZERO));
            expect_events(&map, 1)?;
        }
        let with = group.number("memory.current", None)?;
        // The kernel keeps some pages that are charged already at hand.
        let least = RUNS * 15 * BYTES.len() as u64 / 2;
        check!(with > before + least, "{with} with, {before} before");
        Ok(())
    })
}
