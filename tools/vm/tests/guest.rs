// SPDX-License-Identifier: GPL-2.0

//! Boots machines: what has to pass passes, and whatever has to fail fails, by the right status.
//!
//! Needs QEMU, a root with kernels and busybox in SLEEPTIMER_ROOT, and static programs:
//!
//! ```text
//! export RUSTFLAGS='-C target-feature=+crt-static'
//! cargo build --target x86_64-unknown-linux-gnu -p guest-init
//! cargo test --target x86_64-unknown-linux-gnu -p vm --features guest-tests
//! ```

mod support;

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use support::{children, example, is_running, root, sh, status, Vm};

#[test]
fn the_commands_status_is_passed_on() {
    let result = Vm::new().sh("echo out; echo err >/dev/stderr; exit 3");
    assert_eq!(result.status, 3);
    assert_eq!(result.stdout, b"out\nerr\n");
    assert_eq!(result.stderr, "");
}

#[test]
fn every_series_boots() {
    for series in ["7.2", "7.3"] {
        let result = Vm::new().option(&["--series", series]).sh("uname -r");
        assert_eq!(result.status, 0, "{}", result.stderr);
        let release = String::from_utf8(result.stdout).unwrap();
        assert!(release.starts_with(series), "{release}");
        assert!(result.log.contains("reboot: Power down"));
    }
}

#[test]
fn a_signal_is_told_from_a_status() {
    let result = Vm::new().sh("kill -KILL $$");
    assert_eq!(result.status, 128 + 9);
    assert_eq!(result.stderr, "vm: signal 9 ended the command\n");
    // A real-time signal has no name.
    assert_eq!(Vm::new().sh("kill -40 $$").status, 128 + 40);
}

#[test]
fn a_missing_command_is_said_so() {
    let result = Vm::new().run(&["nonsense"]);
    assert_eq!(result.status, 127);
    let message = "vm: cannot execute `nonsense`: not found in the guest\n";
    assert_eq!(result.stderr, message);
    let result = Vm::new()
        .option(&["--file", "/bin/true"])
        .run(&["/bin/true"]);
    assert_eq!(result.status, 127);
    assert!(
        result.stderr.contains("linked statically"),
        "{}",
        result.stderr
    );
}

#[test]
fn a_program_comes_with_its_libraries() {
    let result = Vm::new()
        .option(&["--program", "env"])
        .run(&["env", "A=b", "env"]);
    assert_eq!(result.status, 0, "{}", result.stderr);
    let output = String::from_utf8(result.stdout).unwrap();
    assert!(output.lines().any(|line| line == "A=b"), "{output}");
}

#[test]
fn large_output_is_complete() {
    const SIZE: usize = 10 << 20;
    let command = format!("yes 0123456 | head -c {SIZE}");
    let result = Vm::new().sh(&command);
    assert_eq!(result.status, 0, "{}", result.stderr);
    assert_eq!(result.stdout.len(), SIZE);
    assert!(result.stdout.chunks(8).all(|line| line == b"0123456\n"));
}

#[test]
fn a_slow_reader_gets_everything() {
    let mut run = Vm::new().spawn(sh("head -c 1000000 /dev/zero"));
    sleep(Duration::from_secs(10));
    let mut output = Vec::new();
    let mut stdout = run.child.stdout.take().unwrap();
    stdout.read_to_end(&mut output).unwrap();
    assert_eq!(output.len(), 1_000_000);
    assert_eq!(status(run.child.wait().unwrap()), 0);
}

#[test]
fn a_reader_that_leaves_is_an_error() {
    let mut run = Vm::new().spawn(sh("yes | head -c 1000000"));
    drop(run.child.stdout.take());
    assert_eq!(status(run.child.wait().unwrap()), 126);
}

#[test]
fn a_hung_command_is_stopped() {
    let start = Instant::now();
    let result = Vm::new()
        .option(&["--timeout", "30"])
        .sh("echo started; sleep 1000");
    assert_eq!(result.status, 124);
    assert_eq!(result.stdout, b"started\n");
    assert!(result.stderr.contains("the time limit was reached"));
    assert!(result.stderr.contains("Run /init as init process"));
    // Some time to boot before the limit and to end after it, also beside other work.
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_spinning_kernel_is_stopped() {
    // With panic=0 the kernel loops for ever after the panic.
    let result = Vm::new()
        .option(&["--timeout", "30", "--append", "panic=0"])
        .sh("echo c >/proc/sysrq-trigger");
    assert_eq!(result.status, 124);
    assert!(result
        .stderr
        .contains("Kernel panic - not syncing: sysrq triggered crash"));
}

#[test]
fn a_panic_ends_the_run() {
    let result = Vm::new().sh("echo before; sleep 1; echo c >/proc/sysrq-trigger; sleep 1000");
    assert_eq!(result.status, 125);
    assert_eq!(result.stdout, b"before\n");
    assert!(result.stderr.contains("the guest ended without a report"));
    assert!(result
        .stderr
        .contains("Kernel panic - not syncing: sysrq triggered crash"));
}

#[test]
fn a_warning_fails_a_success() {
    let result = Vm::new().sh("echo '<4>WARNING: x.c:1 at f+0x1/0x2, CPU#0: x/1' >/dev/kmsg");
    assert_eq!(result.status, 125);
    assert!(
        result.stderr.contains("WARNING: x.c:1 at f"),
        "{}",
        result.stderr
    );
}

#[test]
fn a_taint_fails_a_success() {
    let result = Vm::new().sh("echo 512 >/proc/sys/kernel/tainted");
    assert_eq!(result.status, 125);
    assert!(result.stderr.contains("tainted: W (the kernel has warned)"));
}

#[test]
fn a_guest_that_just_ends_has_failed() {
    for command in ["poweroff -f", "reboot -f"] {
        let result = Vm::new().sh(command);
        assert_eq!(result.status, 125, "{command}");
        assert!(result.stderr.contains("the guest ended without a report"));
    }
}

#[test]
fn the_console_says_nothing_about_success() {
    let token = "sleeptimer-guest: exited 0 output=0 tainted=0 lockdep=absent ";
    let result = Vm::new().sh(&format!("echo '{token}' >/dev/kmsg; exit 4"));
    assert_eq!(result.status, 4);
}

#[test]
fn processes_left_behind_do_not_matter() {
    let start = Instant::now();
    let result = Vm::new().sh("sleep 1000 & (trap '' TERM; sleep 1000) & echo done");
    assert_eq!(result.status, 0, "{}", result.stderr);
    assert_eq!(result.stdout, b"done\n");
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn modules_are_loaded_with_their_parameters() {
    let module = find_module("dummy.ko.xz");
    let option = format!("{}:numdummies=3", module.display());
    let result = Vm::new()
        .option(&["--module", &option])
        .sh("ls /sys/class/net | grep -c dummy");
    assert_eq!(result.status, 0, "{}", result.stderr);
    assert_eq!(result.stdout, b"3\n");
}

#[test]
fn a_module_that_does_not_load_fails_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("nonsense.ko");
    fs::write(&module, "nonsense").unwrap();
    let result = Vm::new()
        .option(&["--module", module.to_str().unwrap()])
        .sh("echo not reached");
    assert_eq!(result.status, 125);
    assert_eq!(result.stdout, b"");
    let message = "the guest failed: cannot load module nonsense.ko: ENOEXEC";
    assert!(result.stderr.contains(message), "{}", result.stderr);
}

#[test]
fn files_are_copied() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    fs::write(directory.path().join("sub/file"), "text").unwrap();
    let option = format!("{}:/a/b", directory.path().display());
    let result = Vm::new()
        .option(&["--file", &option])
        .sh("cat /a/b/sub/file");
    assert_eq!(result.stdout, b"text");
}

#[test]
fn what_is_missing_is_said_so() {
    let cases: [(&[&str], &str); 5] = [
        (&["--file", "/nonexistent"], "vm: cannot find /nonexistent"),
        (
            &["--module", "/nonexistent.ko"],
            "vm: cannot find /nonexistent.ko",
        ),
        (
            &["--series", "1.2"],
            "vm: no cloud kernel of series 1.2 in ",
        ),
        (
            &["--init", "/bin/true"],
            "vm: /bin/true is linked dynamically",
        ),
        (
            &["--qemu", "qemu-nonsense"],
            "vm: qemu-nonsense not found: apt-get install qemu-system-x86\n",
        ),
    ];
    for (option, message) in cases {
        let result = Vm::new().option(option).run(&["true"]);
        assert_eq!(result.status, 126, "{option:?}");
        assert!(result.stderr.starts_with(message), "{}", result.stderr);
        assert_eq!(result.stderr.lines().count(), 1);
    }
    assert_eq!(Vm::new().option(&["--nonsense"]).run(&["true"]).status, 126);
}

#[test]
fn runs_may_overlap() {
    let directory = tempfile::tempdir().unwrap();
    let start = |n: u32| {
        let mut vm = Vm::new().in_directory(directory.path());
        let script = format!("sleep 2; echo {n}; exit {n}");
        vm.command(sh(&script)).spawn().unwrap()
    };
    let runs: Vec<_> = (1..=3).map(start).collect();
    for (n, run) in (1..).zip(runs) {
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.stdout, format!("{n}\n").as_bytes());
        assert_eq!(status(output.status), n);
    }
    let logs = fs::read_dir(directory.path().join("build/vm")).unwrap();
    assert_eq!(logs.count(), 3);
}

#[test]
fn qemu_does_not_outlive_vm() {
    for (signal, expected) in [
        (Signal::SIGTERM, 128 + 15),
        (Signal::SIGINT, 128 + 2),
        (Signal::SIGKILL, 128 + 9),
    ] {
        let mut run = Vm::new().spawn(sh("echo started; sleep 1000"));
        let mut started = [0; 8];
        let stdout = run.child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut started).unwrap();
        let qemu = children(run.child.id());
        assert_eq!(qemu.len(), 1);
        kill(Pid::from_raw(run.child.id() as i32), signal).unwrap();
        assert_eq!(status(run.child.wait().unwrap()), expected);
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_running(qemu[0]) {
            assert!(Instant::now() < deadline, "QEMU still runs after {signal}");
            sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn counted_time_repeats() {
    let clock = example("clock");
    for processors in ["1", "2"] {
        let measure = || {
            let result = Vm::new()
                .option(&["--mode", "icount", "--smp", processors])
                .option(&["--file", clock.to_str().unwrap()])
                .run(&["clock"]);
            assert_eq!(result.status, 0, "{}", result.stderr);
            String::from_utf8(result.stdout).unwrap()
        };
        let first = measure();
        assert!(first
            .trim_end()
            .split(' ')
            .all(|n| n.parse::<u64>().is_ok_and(|n| n > 0)));
        assert_eq!(first, measure(), "{processors} processors");
    }
}

#[test]
fn the_shell_is_interactive() {
    let mut shell = support::Shell::start(37, 101);
    shell.expect("Leave with `exit`");
    shell.expect("# ");
    shell.send("stty size\r");
    shell.expect("37 101");
    shell.send("sleep 1000\r");
    sleep(Duration::from_secs(1));
    shell.send("\x03");
    shell.send("echo status $?\r");
    shell.expect("status 130");
    shell.send("sleep 1000\r");
    sleep(Duration::from_secs(1));
    shell.send("\x1a");
    shell.expect("Stopped");
    shell.send("jobs; tty; exit 5\r");
    shell.expect("Stopped");
    shell.expect("/dev/ttyS0");
    shell.expect("You have stopped jobs");
    shell.send("exit 5\r");
    assert_eq!(shell.wait(), 5);
}

/// Finds a module of the kernel that is booted by default.
fn find_module(name: &str) -> PathBuf {
    let modules = root().join("usr/lib/modules");
    let series = fs::read_dir(&modules).unwrap().flatten();
    series
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("7.3"))
        .map(|entry| entry.path().join("kernel/drivers/net").join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("no {name} in {}", modules.display()))
}
