// SPDX-License-Identifier: GPL-2.0
//! A handle is used while its timer is freed and the slot goes to another timer, which is never what
//! the handle means.

use fastrand::Rng;
use nix::errno::Errno;
use sleeptimer::{Clock, Kind, Map, Program, Sizes, Step, Timer};
use sleeptimer_selftests::{
    check, check_eq, check_errno, errno_of, ok,
    race::{meet, pin, rounds, Tally, FIRST_CPU},
    tests, Outcome, KINDS,
};
use std::{process::ExitCode, time::Duration};

/// A time that no test lasts to, or at once if there is no other.
fn far(kind: Kind) -> Duration {
    match kind {
        Kind::SleepableTimer | Kind::Wq => Duration::ZERO,
        _ => Duration::from_secs(1000),
    }
}

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        a_start_never_meets_the_next_timer,
        a_binding_never_meets_the_next_timer,
        a_free_never_meets_the_next_timer,
    ])
}

type Call = fn(&Map, Timer, Program) -> sleeptimer::Result<()>;

fn a_start_never_meets_the_next_timer() -> Outcome {
    race(|map, timer, _| map.start(timer, far(timer.kind)))
}

fn a_binding_never_meets_the_next_timer() -> Outcome {
    race(|map, timer, program| map.set_callback(timer, program))
}

fn a_free_never_meets_the_next_timer() -> Outcome {
    race(|map, timer, _| map.free(timer))
}

/// Makes a call while the timer is freed, and looks at what has its slot then.
fn race(call: Call) -> Outcome {
    pin(FIRST_CPU)?;
    let mut random = Rng::with_seed(1);
    for kind in KINDS {
        let map = ok!(Map::open_nonblocking(Sizes {
            timers: 1,
            ..Sizes::default()
        }));
        let program = ok!(map.program(&[Step::Event]));
        let mut seen = Tally::default();
        while seen.total() < rounds() || (seen.sorts() < 2 && seen.total() < 20 * rounds()) {
            let timer = ok!(map.timer(kind, Clock::Monotonic, seen.total()));
            ok!(map.set_callback(timer, program));
            let offset = random.i64(-150_000..150_000);
            let next = || {
                let freed = errno_of(map.free(timer));
                (freed, map.timer(kind, Clock::Monotonic, seen.total() + 1))
            };
            let ((freed, next), called) =
                meet(offset, next, || errno_of(call(&map, timer, program)))?;
            let next = ok!(next);
            for result in [freed, called] {
                check!(matches!(result, Ok(()) | Err(Errno::ENOENT)), "{result:?}");
            }
            check!(freed.is_ok() || called.is_ok(), "nobody has freed it");
            // The next timer is as new: it was not bound, armed or freed.
            check!(next.handle != timer.handle);
            let query = ok!(map.query(next));
            check_eq!(query.user_data, seen.total() + 1);
            check_eq!((query.state.armed, query.state.running), (false, false));
            check_errno!(map.start(next, far(kind)), Errno::EINVAL);
            ok!(map.free(next));
            seen.add((freed.is_ok(), called.is_ok()));
        }
        println!("# {kind:?}, (freed, called): {seen}{}", seen.verdict());
    }
    Ok(())
}
