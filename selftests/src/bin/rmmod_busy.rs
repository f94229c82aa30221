// SPDX-License-Identifier: GPL-2.0
//! The module cannot be unloaded while the device is open, and all goes on then.

use nix::{
    errno::Errno,
    kmod::{delete_module, DeleteModuleFlags},
};
use sleeptimer::{Kind, Step};
use sleeptimer_selftests::{bound_timer, check_errno, expect_events, map, ok, tests, Outcome};
use std::{process::ExitCode, time::Duration};

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        an_open_file_keeps_the_module,
        a_sleeping_callback_keeps_the_module,
    ])
}

fn unload() -> nix::Result<()> {
    delete_module(c"sleeptimer", DeleteModuleFlags::O_NONBLOCK)
}

fn an_open_file_keeps_the_module() -> Outcome {
    let map = map()?;
    check_errno!(unload(), Errno::EWOULDBLOCK);
    let timer = bound_timer(&map, Kind::Timer, &[Step::Event])?;
    ok!(map.start(timer, Duration::from_millis(5)));
    check_errno!(unload(), Errno::EWOULDBLOCK);
    expect_events(&map, 1)?;
    Ok(())
}

fn a_sleeping_callback_keeps_the_module() -> Outcome {
    let map = map()?;
    let steps = [
        Step::Event,
        Step::Sleep(Duration::from_millis(50)),
        Step::Event,
    ];
    let timer = bound_timer(&map, Kind::SleepableTimer, &steps)?;
    ok!(map.start(timer, Duration::ZERO));
    expect_events(&map, 1)?;
    ok!(map.free(timer));
    check_errno!(unload(), Errno::EWOULDBLOCK);
    expect_events(&map, 1)?;
    Ok(())
}
