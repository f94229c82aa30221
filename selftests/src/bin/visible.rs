// SPDX-License-Identifier: GPL-2.0
//! What can be seen of maps from outside: in debugfs, and in the fdinfo of their files.

use sleeptimer::{Clock, Kind, Map, Sizes, Step};
use sleeptimer_selftests::{
    check, check_eq,
    child::{as_user, in_child},
    expect_events, module,
    numbers::{fdinfo, read, totals, DIRECTORY},
    ok, tests, Outcome,
};
use std::{
    collections::HashMap,
    fs,
    os::fd::AsRawFd,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const SIZES: Sizes = Sizes {
    timers: 20,
    programs: 5,
    events: 8,
};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        fdinfo_tells_the_numbers_of_a_map,
        a_file_without_a_map_says_so,
        maps_lists_the_maps,
        totals_are_sums,
        totals_tell_the_parameters,
        only_root_may_look,
        readers_meet_maps_that_come_and_go,
        an_open_file_keeps_the_module,
    ])
}

/// The lines of the file `maps` by the names of its columns, in the order of the lines.
fn maps() -> Result<Vec<HashMap<String, String>>, String> {
    let text = read("maps")?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let fields = |line: &str| {
        let values: Vec<_> = line.splitn(names.len(), ' ').map(str::to_owned).collect();
        let names = names.iter().map(|&name| name.to_owned());
        (values.len() == names.len()).then(|| names.zip(values).collect())
    };
    lines.map(fields).collect::<Option<_>>().ok_or(text)
}

/// A map with 3 timers and 2 programs, that has told 4 expirations, of which 1 was read.
fn used_map() -> Result<Map, String> {
    let map = ok!(Map::open_nonblocking(SIZES));
    ok!(map.program(&[Step::Event]));
    let program = ok!(map.program(&[Step::Event, Step::Event]));
    for number in 0..3 {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number));
        ok!(map.set_callback(timer, program));
        if number < 2 {
            ok!(map.start(timer, Duration::ZERO));
        }
    }
    let events = expect_events(&map, 1)?;
    check_eq!(events.len(), 1);
    let end = std::time::Instant::now() + sleeptimer_selftests::TOLERANCE;
    while fdinfo(map.as_raw_fd())?["expirations"] != "4" {
        check!(std::time::Instant::now() < end, "an expiration is missing");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(map)
}

fn fdinfo_tells_the_numbers_of_a_map() -> Outcome {
    let map = used_map()?;
    let fields = fdinfo(map.as_raw_fd())?;
    let number = ok!(fields["map"].parse::<u64>());
    check!(number > 0);
    check_eq!(&fields["timers"], "3/20");
    check_eq!(&fields["programs"], "2/5");
    check_eq!(&fields["events"], "3/8");
    check_eq!(&fields["expirations"], "4");
    check_eq!(&fields["step-failures"], "0");
    check_eq!(fields.len(), 6);
    Ok(())
}

fn a_file_without_a_map_says_so() -> Outcome {
    let file = ok!(fs::File::open(sleeptimer::DEVICE));
    let fields = fdinfo(file.as_raw_fd())?;
    check_eq!(fields.len(), 1);
    check_eq!(&fields["map"], "none");
    check_eq!(maps()?.len(), 0);
    Ok(())
}

fn maps_lists_the_maps() -> Outcome {
    check_eq!(maps()?.len(), 0);
    let first = used_map()?;
    let second = ok!(Map::open(SIZES));
    let lines = maps()?;
    check_eq!(lines.len(), 2);
    for (line, map) in lines.iter().zip([&first, &second]) {
        for (name, value) in fdinfo(map.as_raw_fd())? {
            check_eq!(&line[&name], &value);
        }
        check_eq!(&line["pid"], &std::process::id().to_string());
        check_eq!(&line["uid"], "0");
        check_eq!(&line["comm"], "visible");
    }
    drop(first);
    let lines = maps()?;
    check_eq!(lines.len(), 1);
    check_eq!(&lines[0]["timers"], "0/20");
    drop(second);
    check_eq!(maps()?.len(), 0);
    Ok(())
}

fn totals_are_sums() -> Outcome {
    check_eq!(totals()?["maps"], 0);
    check_eq!(totals()?["users"], 0);
    let _maps = [used_map()?, used_map()?];
    let totals = totals()?;
    let wanted = [
        ("maps", 2),
        ("users", 1),
        ("timers", 6),
        ("programs", 4),
        ("events", 6),
        ("expirations", 8),
        ("step-failures", 0),
    ];
    for (name, value) in wanted {
        check!(totals[name] == value, "{name}: {totals:?}");
    }
    Ok(())
}

fn totals_tell_the_parameters() -> Outcome {
    module::reload(c"max_timers=9 max_workers=8 user_timers=7 user_maps=6 user_workers=5")?;
    let totals = totals()?;
    for (name, value) in [
        ("max_timers", 9),
        ("max_workers", 8),
        ("user_timers", 7),
        ("user_maps", 6),
        ("user_workers", 5),
    ] {
        check!(totals[name] == value, "{name}: {totals:?}");
    }
    module::reload(c"")
}

fn only_root_may_look() -> Outcome {
    as_user(1000, || {
        check!(read("totals").is_err());
        check!(read("maps").is_err());
        Ok(())
    })
}

/// While maps are opened, used and closed by others, what is read makes sense.
fn readers_meet_maps_that_come_and_go() -> Outcome {
    static STOP: AtomicBool = AtomicBool::new(false);
    let reader = thread::spawn(|| -> Outcome {
        while !STOP.load(Ordering::Relaxed) {
            for line in maps()? {
                check!(line["timers"].ends_with("/20"), "{line:?}");
            }
            totals()?;
        }
        Ok(())
    });
    let mut outcome = Ok(());
    for _ in 0..30 {
        outcome = outcome.and_then(|()| used_map().map(drop));
    }
    STOP.store(true, Ordering::Relaxed);
    reader.join().map_err(|_| "the reader panicked")??;
    outcome?;
    in_child(|| {
        check_eq!(maps()?.len(), 0);
        Ok(())
    })
}

/// Its close needs the module.
fn an_open_file_keeps_the_module() -> Outcome {
    for name in ["maps", "totals"] {
        let file = ok!(fs::File::open(format!("{DIRECTORY}/{name}")));
        check!(module::unload().is_err(), "unloaded with {name} open");
        drop(file);
    }
    module::reload(c"")
}
