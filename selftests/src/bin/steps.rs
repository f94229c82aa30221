// SPDX-License-Identifier: GPL-2.0
//! Steps that use files: what they do, with whose credentials, how they fail, which files are
//! refused, and that a program keeps its files no longer than it lives.

use nix::{
    errno::Errno,
    fcntl::{fcntl, FcntlArg, OFlag},
    mount::{mount, umount, MsFlags},
    poll::{poll, PollFd, PollFlags},
    sys::eventfd::{EfdFlags, EventFd},
    unistd::{pipe2, read, seteuid, write, Uid},
};
use sleeptimer::{Clock, Kind, Map, Program, Sizes, Step, StepStatus, Timer, DEVICE};
use sleeptimer_selftests::{
    bound_timer, check, check_eq, check_errno, errno_of, expect_events, map, ok, tests, Outcome,
    KINDS, TOLERANCE, TOLERANCE_MS,
};
use sleeptimer_sys as sys;
use std::{
    fs::{self, File, OpenOptions},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::{
            fs::{OpenOptionsExt, PermissionsExt},
            net::UnixDatagram,
        },
    },
    process::ExitCode,
    time::{Duration, Instant},
};

/// Far longer than any test may take.
const LONG: Duration = Duration::from_secs(3000);
/// Nobody.
const NOBODY: Uid = Uid::from_raw(65534);
/// A setting that only root may change, which the kernel checks when it is written.
const SETTING: &str = "/proc/sys/vm/overcommit_ratio";

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        an_eventfd_counts_runs_in_any_context,
        a_write_reaches_a_pipe_and_a_socket,
        a_write_goes_to_its_offset_or_to_the_end,
        a_write_has_the_bytes_of_the_creation,
        a_full_pipe_is_a_failure_and_delays_nobody,
        a_device_that_would_wait_is_a_failure,
        a_write_that_is_cut_short_is_a_failure,
        files_are_synchronised,
        failures_are_counted_for_each_step,
        a_cancel_runs_the_steps_behind_a_sleep,
        file_steps_are_not_for_softirq,
        a_program_keeps_its_files_open_and_no_longer,
        a_creation_that_fails_keeps_no_file,
        steps_run_with_the_credentials_of_the_opener,
        files_that_cannot_be_used_are_refused,
        files_that_could_keep_the_map_open_are_refused,
        files_that_a_process_serves_are_refused,
        fields_that_a_step_does_not_take_are_zero,
        bytes_are_checked,
        a_query_that_fails_writes_nothing,
    ])
}

/// A pipe, whose reader does not wait.
fn pipe() -> Result<(OwnedFd, OwnedFd), String> {
    let (reader, writer) = ok!(pipe2(OFlag::O_CLOEXEC));
    ok!(fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)));
    Ok((reader, writer))
}

fn write_step<'a>(file: &'a impl AsFd, bytes: &'a [u8], offset: u64) -> Step<'a> {
    let fd = file.as_fd();
    Step::Write { fd, bytes, offset }
}

/// What there is to read now.
fn read_now(file: impl AsFd) -> nix::Result<Vec<u8>> {
    let mut bytes = vec![0; 1 << 16];
    let length = read(file, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Waits until all writers of a pipe are gone.
fn expect_end_of_file(reader: &OwnedFd) -> Outcome {
    let end = Instant::now() + TOLERANCE;
    while read_now(reader) == Err(Errno::EAGAIN) {
        check!(Instant::now() < end, "the writer is still open");
        std::thread::sleep(Duration::from_millis(1));
    }
    check_eq!(read_now(reader), Ok(vec![]));
    Ok(())
}

/// Makes a pipe full, so that the next write would wait.
fn fill(writer: &OwnedFd) -> Outcome {
    ok!(fcntl(writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)));
    while write(writer, &[0; 4096]).is_ok() {}
    ok!(fcntl(writer, FcntlArg::F_SETFL(OFlag::empty())));
    Ok(())
}

/// A program of these steps and an event, and a sleepable timer that is bound to it.
fn bound(map: &Map, steps: &[Step]) -> Result<(Timer, Program), String> {
    let program = ok!(map.program(&[steps, &[Step::Event]].concat()));
    let timer = ok!(map.timer(Kind::SleepableTimer, Clock::Monotonic, 0));
    ok!(map.set_callback(timer, program));
    Ok((timer, program))
}

/// Has a timer run a program that ends with an event.
fn run(map: &Map, timer: Timer) -> Outcome {
    ok!(map.start(timer, Duration::ZERO));
    expect_events(map, 1)?;
    Ok(())
}

/// Runs these steps once, in a worker, and tells how they have fared.
fn run_steps(map: &Map, steps: &[Step]) -> Result<Vec<StepStatus>, String> {
    let (timer, program) = bound(map, steps)?;
    run(map, timer)?;
    let mut statuses = ok!(map.program_query(program));
    check_eq!(statuses.pop(), Some(StepStatus::default()));
    ok!(map.free(timer));
    ok!(map.destroy(program));
    Ok(statuses)
}

fn failed(failures: u64, last_error: Errno) -> StepStatus {
    StepStatus {
        failures,
        last_error: Some(last_error),
    }
}

const GOOD: StepStatus = StepStatus {
    failures: 0,
    last_error: None,
};

fn an_eventfd_counts_runs_in_any_context() -> Outcome {
    let map = map()?;
    for kind in KINDS {
        let eventfd = ok!(EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK));
        let timer = bound_timer(&map, kind, &[Step::EventFd(eventfd.as_fd()), Step::Event])?;
        for _ in 0..5 {
            run(&map, timer)?;
        }
        check_eq!(eventfd.read(), Ok(5));
        check_eq!(eventfd.read(), Err(Errno::EAGAIN));
        // Who waits is woken.
        ok!(map.start(timer, Duration::ZERO));
        let mut wait = [PollFd::new(eventfd.as_fd(), PollFlags::POLLIN)];
        check_eq!(poll(&mut wait, TOLERANCE_MS), Ok(1));
        check_eq!(eventfd.read(), Ok(1));
        expect_events(&map, 1)?;
        // The counter outlives its file.
        drop(eventfd);
        run(&map, timer)?;
        ok!(map.free(timer));
    }
    Ok(())
}

/// Two connected sockets of a family that has no files in its queues, and is in every kernel.
fn sockets() -> Result<[OwnedFd; 2], String> {
    let socket = || -> nix::Result<(OwnedFd, libc::sockaddr_nl)> {
        let flags = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        // SAFETY: The call takes no memory.
        let raw = unsafe { libc::socket(libc::AF_NETLINK, flags, libc::NETLINK_USERSOCK) };
        Errno::result(raw)?;
        // SAFETY: The descriptor was just opened, and is nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        // SAFETY: All bytes may be zero.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as u16;
        let mut size = size_of::<libc::sockaddr_nl>() as u32;
        // SAFETY: The address is that long.
        Errno::result(unsafe { libc::bind(raw, (&raw const address).cast(), size) })?;
        // SAFETY: As above.
        let result = unsafe { libc::getsockname(raw, (&raw mut address).cast(), &mut size) };
        Errno::result(result)?;
        Ok((socket, address))
    };
    let ((one, _), (other, address)) = (ok!(socket()), ok!(socket()));
    let size = size_of::<libc::sockaddr_nl>() as u32;
    // SAFETY: The address is that long.
    let result = unsafe { libc::connect(one.as_raw_fd(), (&raw const address).cast(), size) };
    ok!(Errno::result(result));
    Ok([one, other])
}

fn a_write_reaches_a_pipe_and_a_socket() -> Outcome {
    let map = map()?;
    let (reader, writer) = pipe()?;
    let [one, other] = sockets()?;
    let steps = [
        write_step(&writer, b"to the pipe", 0),
        write_step(&one, b"to the socket", 0),
        write_step(&writer, b", again", 0),
    ];
    check_eq!(run_steps(&map, &steps)?, [GOOD; 3]);
    check_eq!(read_now(&reader), Ok(b"to the pipe, again".to_vec()));
    check_eq!(read_now(&other), Ok(b"to the socket".to_vec()));
    // The longest write.
    let long = [7; sys::SLEEPTIMER_MAX_WRITE as usize];
    check_eq!(run_steps(&map, &[write_step(&writer, &long, 0)])?, [GOOD]);
    check_eq!(read_now(&reader), Ok(long.to_vec()));
    Ok(())
}

/// A new file, which is gone from its directory already.
fn file_in(directory: &str, options: &mut OpenOptions) -> Result<File, String> {
    let path = format!("{directory}/sleeptimer-steps");
    let file = ok!(options.create_new(true).open(&path));
    ok!(fs::remove_file(path));
    Ok(file)
}

fn contents(file: &File) -> Result<Vec<u8>, String> {
    Ok(ok!(fs::read(format!("/proc/self/fd/{}", file.as_raw_fd()))))
}

fn a_write_goes_to_its_offset_or_to_the_end() -> Outcome {
    let map = map()?;
    let file = file_in("/tmp", OpenOptions::new().write(true))?;
    let steps = [write_step(&file, b"789", 6), write_step(&file, b"12", 0)];
    check_eq!(run_steps(&map, &steps)?, [GOOD; 2]);
    check_eq!(contents(&file)?, b"12\0\0\0\x00789");
    // The position of the file is not used, and not moved.
    ok!(write(&file, b"abc"));
    check_eq!(contents(&file)?, b"abc\0\0\x00789");

    let file = file_in("/tmp", OpenOptions::new().append(true))?;
    ok!(write(&file, b"start"));
    let steps = [write_step(&file, b" one", 0), write_step(&file, b" two", 1)];
    check_eq!(run_steps(&map, &steps)?, [GOOD; 2]);
    check_eq!(contents(&file)?, b"start one two");
    Ok(())
}

fn a_write_has_the_bytes_of_the_creation() -> Outcome {
    let map = map()?;
    let (reader, writer) = pipe()?;
    let mut bytes = *b"before";
    let (timer, _) = bound(&map, &[write_step(&writer, &bytes, 0)])?;
    bytes = *b"behind";
    run(&map, timer)?;
    check_eq!(read_now(&reader), Ok(b"before".to_vec()));
    check_eq!(&bytes, b"behind");
    Ok(())
}

fn a_full_pipe_is_a_failure_and_delays_nobody() -> Outcome {
    let map = map()?;
    let (reader, writer) = pipe()?;
    fill(&writer)?;
    let (timer, program) = bound(&map, &[write_step(&writer, b"more", 0)])?;
    let before = Instant::now();
    for _ in 0..3 {
        run(&map, timer)?;
    }
    check_eq!(
        ok!(map.program_query(program)),
        [failed(3, Errno::EAGAIN), GOOD]
    );
    ok!(map.start(timer, Duration::ZERO));
    drop(map);
    check!(before.elapsed() < TOLERANCE);
    drop(writer);
    while !ok!(read_now(&reader)).is_empty() {}
    Ok(())
}

fn a_device_that_would_wait_is_a_failure() -> Outcome {
    let map = map()?;
    let open = |flags| {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true);
        options
            .custom_flags(flags | libc::O_NOCTTY)
            .open("/dev/ptmx")
    };
    let waits = ok!(open(0));
    check_errno!(map.program(&[write_step(&waits, b"x", 0)]), Errno::EINVAL);
    let terminal = ok!(open(libc::O_NONBLOCK));
    let (timer, program) = bound(&map, &[write_step(&terminal, b"x", 0)])?;
    ok!(fcntl(&terminal, FcntlArg::F_SETFL(OFlag::empty())));
    run(&map, timer)?;
    check_eq!(
        ok!(map.program_query(program)),
        [failed(1, Errno::EAGAIN), GOOD]
    );
    // Devices that never wait need no flag.
    let random = ok!(OpenOptions::new().write(true).open("/dev/urandom"));
    check_eq!(run_steps(&map, &[write_step(&random, b"x", 9)])?, [GOOD]);
    Ok(())
}

fn a_write_that_is_cut_short_is_a_failure() -> Outcome {
    const DIRECTORY: &str = "/tmp/sleeptimer-small";
    let map = map()?;
    ok!(fs::create_dir_all(DIRECTORY));
    // One page, of which the write needs two.
    let size = Some("nr_blocks=1");
    let flags = MsFlags::empty();
    ok!(mount(Some("tmpfs"), DIRECTORY, Some("tmpfs"), flags, size));
    let result = file_in(DIRECTORY, OpenOptions::new().write(true)).and_then(|file| {
        let steps = [
            write_step(&file, &[1; 4096], 2048),
            write_step(&file, &[1], 8192),
        ];
        let statuses = run_steps(&map, &steps)?;
        check_eq!(contents(&file)?.len(), 4096);
        Ok(statuses)
    });
    // A file of the program holds the mount until a grace period is over: the close waits for it.
    drop(map);
    let end = Instant::now() + TOLERANCE;
    while umount(DIRECTORY) == Err(Errno::EBUSY) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    ok!(fs::remove_dir(DIRECTORY));
    check_eq!(
        result?,
        [failed(1, Errno::EAGAIN), failed(1, Errno::ENOSPC)]
    );
    Ok(())
}

fn files_are_synchronised() -> Outcome {
    let map = map()?;
    let file = file_in("/tmp", OpenOptions::new().write(true))?;
    // As with fsync(), a file that is open for reading will do.
    let directory = ok!(File::open("/tmp"));
    let steps = [
        write_step(&file, b"x", 0),
        Step::Fsync(file.as_fd()),
        Step::Fdatasync(file.as_fd()),
        Step::Fsync(directory.as_fd()),
    ];
    check_eq!(run_steps(&map, &steps)?, [GOOD; 4]);
    Ok(())
}

fn failures_are_counted_for_each_step() -> Outcome {
    let map = map()?;
    let (_reader, good) = pipe()?;
    let (reader, full) = pipe()?;
    fill(&full)?;
    let (_, broken) = pipe()?;
    let steps = [
        write_step(&full, b"x", 0),
        write_step(&good, b"x", 0),
        write_step(&broken, b"x", 0),
    ];
    let (timer, program) = bound(&map, &steps)?;
    check_eq!(ok!(map.program_query(program)), [GOOD; 4]);
    for _ in 0..2 {
        run(&map, timer)?;
    }
    let broken = |times| failed(times, Errno::EPIPE);
    check_eq!(
        ok!(map.program_query(program)),
        [failed(2, Errno::EAGAIN), GOOD, broken(2), GOOD]
    );
    // The last error is told, and stays.
    drop(reader);
    run(&map, timer)?;
    check_eq!(
        ok!(map.program_query(program)),
        [broken(3), GOOD, broken(3), GOOD]
    );
    ok!(map.destroy(program));
    check_errno!(map.program_query(program), Errno::ENOENT);
    Ok(())
}

fn a_cancel_runs_the_steps_behind_a_sleep() -> Outcome {
    let map = map()?;
    let (reader, writer) = pipe()?;
    let steps = [
        Step::Event,
        Step::Sleep(LONG),
        write_step(&writer, b"woken", 0),
    ];
    let timer = bound_timer(&map, Kind::Wq, &steps)?;
    run(&map, timer)?;
    check_eq!(read_now(&reader), Err(Errno::EAGAIN));
    ok!(map.cancel(timer));
    check_eq!(read_now(&reader), Ok(b"woken".to_vec()));
    Ok(())
}

fn file_steps_are_not_for_softirq() -> Outcome {
    let map = map()?;
    let file = file_in("/tmp", OpenOptions::new().write(true))?;
    for step in [
        write_step(&file, b"x", 0),
        Step::Fsync(file.as_fd()),
        Step::Fdatasync(file.as_fd()),
    ] {
        let program = ok!(map.program(&[Step::Event, step]));
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, 0));
        check_errno!(map.set_callback(timer, program), Errno::EINVAL);
    }
    Ok(())
}

fn a_program_keeps_its_files_open_and_no_longer() -> Outcome {
    // Until the close.
    let first = map()?;
    let (reader, writer) = pipe()?;
    let (timer, _) = bound(&first, &[write_step(&writer, b"still here", 0)])?;
    drop(writer);
    run(&first, timer)?;
    check_eq!(read_now(&reader), Ok(b"still here".to_vec()));
    check_eq!(read_now(&reader), Err(Errno::EAGAIN));
    drop(first);
    expect_end_of_file(&reader)?;

    // Until it is neither named nor bound.
    let second = map()?;
    let (reader, writer) = pipe()?;
    let (timer, program) = bound(&second, &[write_step(&writer, b"still here", 0)])?;
    drop(writer);
    ok!(second.destroy(program));
    run(&second, timer)?;
    check_eq!(read_now(&reader), Ok(b"still here".to_vec()));
    check_eq!(read_now(&reader), Err(Errno::EAGAIN));
    ok!(second.free(timer));
    expect_end_of_file(&reader)
}

fn a_creation_that_fails_keeps_no_file() -> Outcome {
    let map = ok!(Map::open(Sizes {
        programs: 1,
        ..Sizes::default()
    }));
    let (reader, writer) = pipe()?;
    let eventfd = ok!(EventFd::new());
    let good = [
        write_step(&writer, b"x", 0),
        Step::EventFd(eventfd.as_fd()),
        write_step(&writer, b"y", 0),
    ];
    // Each way to fail behind steps that are good.
    for bad in [
        Step::Sleep(Duration::MAX),
        write_step(&reader, b"x", 0),
        write_step(&writer, b"", 0),
        write_step(&writer, b"x", 1),
        Step::EventFd(writer.as_fd()),
        Step::Fsync(writer.as_fd()),
    ] {
        check!(map.program(&[&good[..], &[bad]].concat()).is_err());
    }
    // The map is full.
    ok!(map.program(&[Step::Event]));
    check_errno!(map.program(&good), Errno::ENOSPC);
    drop(writer);
    check_eq!(read_now(&reader), Ok(vec![]));
    Ok(())
}

/// Whether a map that `opener` has opened can change [`SETTING`].
fn change_as(opener: Uid, setting: &File, value: &[u8]) -> Result<StepStatus, String> {
    ok!(seteuid(opener));
    let map = map();
    ok!(seteuid(Uid::from_raw(0)));
    let map = map?;
    Ok(run_steps(&map, &[write_step(setting, value, 0)])?[0])
}

fn steps_run_with_the_credentials_of_the_opener() -> Outcome {
    let before = ok!(fs::read(SETTING));
    let setting = ok!(OpenOptions::new().write(true).open(SETTING));
    let mode = ok!(fs::metadata(DEVICE)).permissions();
    ok!(fs::set_permissions(
        DEVICE,
        PermissionsExt::from_mode(0o666)
    ));
    let by_nobody = change_as(NOBODY, &setting, b"61\n");
    let then = ok!(fs::read(SETTING));
    let by_root = change_as(Uid::from_raw(0), &setting, b"62\n");
    let behind = ok!(fs::read(SETTING));
    ok!(fs::set_permissions(DEVICE, mode));
    ok!(fs::write(SETTING, &before));
    // A worker is root, and so is the caller.
    check_eq!(by_nobody?, failed(1, Errno::EPERM));
    check_eq!(then, before);
    check_eq!(by_root?, GOOD);
    check_eq!(behind, b"62\n");
    Ok(())
}

fn files_that_cannot_be_used_are_refused() -> Outcome {
    let map = map()?;
    let (reader, writer) = pipe()?;
    let directory = ok!(File::open("/tmp"));
    let file = file_in("/tmp", OpenOptions::new().write(true))?;
    let eventfd = ok!(EventFd::new());
    let null = ok!(OpenOptions::new().write(true).open("/dev/null"));
    // SAFETY: The call takes no memory.
    let epoll = ok!(Errno::result(unsafe { libc::epoll_create1(0) }));
    // SAFETY: The descriptor was just opened, and is nobody else's.
    let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
    let path = ok!(OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open("/tmp"));
    let refused = [
        (write_step(&reader, b"x", 0), Errno::EBADF),
        (write_step(&directory, b"x", 0), Errno::EBADF),
        (write_step(&path, b"x", 0), Errno::EBADF),
        (Step::Fsync(path.as_fd()), Errno::EBADF),
        // What only processes can write, or what is not the same for them.
        (write_step(&eventfd, b"12345678", 0), Errno::EOPNOTSUPP),
        (write_step(&null, b"x", 0), Errno::EOPNOTSUPP),
        (write_step(&epoll, b"x", 0), Errno::EINVAL),
        // No positions, and none beyond the end of the world.
        (write_step(&writer, b"x", 1), Errno::EINVAL),
        (write_step(&file, b"x", 1 << 63), Errno::EINVAL),
        (write_step(&file, b"x", u64::MAX), Errno::EINVAL),
        (write_step(&file, b"x", i64::MAX as u64), Errno::EINVAL),
        (Step::Fsync(writer.as_fd()), Errno::EINVAL),
        (Step::Fdatasync(epoll.as_fd()), Errno::EINVAL),
        (Step::EventFd(writer.as_fd()), Errno::EINVAL),
        (Step::EventFd(file.as_fd()), Errno::EINVAL),
        (Step::EventFd(path.as_fd()), Errno::EBADF),
    ];
    for (step, errno) in refused {
        check_errno!(map.program(&[step]), errno);
    }
    let closed = reader.as_raw_fd();
    drop(reader);
    for number in [closed, 1 << 20] {
        // SAFETY: Nothing is done with the descriptor but to give its number to the kernel.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        for step in [
            write_step(&fd, b"x", 0),
            Step::Fsync(fd),
            Step::Fdatasync(fd),
            Step::EventFd(fd),
        ] {
            check_errno!(map.program(&[step]), Errno::EBADF);
        }
    }
    Ok(())
}

fn files_that_could_keep_the_map_open_are_refused() -> Outcome {
    let (one, other) = (map()?, map()?);
    let (socket, _peer) = ok!(UnixDatagram::pair());
    for fd in [one.as_fd(), other.as_fd(), socket.as_fd()] {
        for step in [
            write_step(&fd, b"x", 0),
            Step::Fsync(fd),
            Step::Fdatasync(fd),
        ] {
            check_errno!(one.program(&[step]), Errno::ELOOP);
        }
    }
    Ok(())
}

/// Answers requests of a FUSE mount, with as little as lets its root directory be opened, until the
/// mount is gone.
fn serve(device: &File) -> nix::Result<()> {
    const INIT: u32 = 26;
    const VERSION: [u32; 2] = [7, 31];
    const NO_OPENDIR_SUPPORT: u32 = 1 << 24;
    const HEADER: usize = 16;
    const INIT_SIZE: usize = 64;

    loop {
        let mut request = vec![0; 1 << 17];
        if read(device, &mut request)? < HEADER {
            return Err(Errno::EPROTO);
        }
        let is_init = request[4..8] == INIT.to_ne_bytes();
        // The size, the error, and the number of the request.
        let (size, error) = if is_init {
            (HEADER + INIT_SIZE, 0)
        } else {
            (HEADER, -libc::ENOSYS)
        };
        let mut answer = Vec::new();
        answer.extend((size as u32).to_ne_bytes());
        answer.extend(error.to_ne_bytes());
        answer.extend(&request[8..16]);
        if is_init {
            for word in [VERSION[0], VERSION[1], 0, NO_OPENDIR_SUPPORT, 0, 4096] {
                answer.extend(word.to_ne_bytes());
            }
            answer.resize(size, 0);
        }
        write(device, &answer)?;
    }
}

fn files_that_a_process_serves_are_refused() -> Outcome {
    const DIRECTORY: &str = "/tmp/sleeptimer-served";
    let device = match OpenOptions::new().read(true).write(true).open("/dev/fuse") {
        Ok(device) => device,
        // The kernel has no such files.
        Err(_) => return Ok(()),
    };
    let map = map()?;
    ok!(fs::create_dir_all(DIRECTORY));
    let data = format!(
        "fd={},rootmode=40755,user_id=0,group_id=0",
        device.as_raw_fd()
    );
    let (kind, data) = (Some("fuse"), Some(data.as_str()));
    ok!(mount(Some("test"), DIRECTORY, kind, MsFlags::empty(), data));
    let server = std::thread::spawn(move || serve(&device));
    let refused = File::open(DIRECTORY).map(|root| {
        let steps = [Step::Fsync(root.as_fd()), Step::Fdatasync(root.as_fd())];
        steps.map(|step| errno_of(map.program(&[step])))
    });
    ok!(umount(DIRECTORY));
    ok!(fs::remove_dir(DIRECTORY));
    check_eq!(server.join().ok(), Some(Err(Errno::ENODEV)));
    check_eq!(ok!(refused), [Err(Errno::EOPNOTSUPP); 2]);
    Ok(())
}

/// Gives a step to the kernel as it is.
fn create(map: &Map, step: sys::sleeptimer_step) -> nix::Result<i32> {
    let mut request = sys::sleeptimer_program_create {
        steps: &raw const step as u64,
        nr_steps: 1,
        ..Default::default()
    };
    // SAFETY: The file is the device; the structure and the step outlive the call.
    unsafe { sys::program_create(map.as_raw_fd(), &mut request) }
}

fn fields_that_a_step_does_not_take_are_zero() -> Outcome {
    let map = map()?;
    let file = file_in("/tmp", OpenOptions::new().write(true))?;
    let eventfd = ok!(EventFd::new());
    let bytes = [0; 8];
    let good = |op| sys::sleeptimer_step {
        op,
        ..Default::default()
    };
    let with_file = |op, fd: &dyn AsRawFd| sys::sleeptimer_step {
        fd: fd.as_raw_fd(),
        ..good(op)
    };
    let write = sys::sleeptimer_step {
        arg: bytes.as_ptr() as u64,
        len: bytes.len() as u32,
        ..with_file(sys::SLEEPTIMER_STEP_WRITE, &file)
    };
    let steps = [
        good(sys::SLEEPTIMER_STEP_EVENT),
        good(sys::SLEEPTIMER_STEP_SLEEP),
        with_file(sys::SLEEPTIMER_STEP_EVENTFD, &eventfd.as_fd()),
        with_file(sys::SLEEPTIMER_STEP_FSYNC, &file),
        with_file(sys::SLEEPTIMER_STEP_FDATASYNC, &file),
        write,
    ];
    for step in steps {
        ok!(create(&map, step));
        let bad = sys::sleeptimer_step { flags: 1, ..step };
        check_errno!(create(&map, bad), Errno::EINVAL);
        if step.op == sys::SLEEPTIMER_STEP_WRITE {
            continue;
        }
        let mut bad = vec![
            sys::sleeptimer_step { len: 1, ..step },
            sys::sleeptimer_step { offset: 1, ..step },
        ];
        if step.op != sys::SLEEPTIMER_STEP_SLEEP {
            bad.push(sys::sleeptimer_step { arg: 1, ..step });
        }
        if step.fd == 0 {
            bad.push(sys::sleeptimer_step { fd: 1, ..step });
        }
        for bad in bad {
            check_errno!(create(&map, bad), Errno::EINVAL);
        }
    }
    Ok(())
}

fn bytes_are_checked() -> Outcome {
    let map = map()?;
    let (_reader, writer) = pipe()?;
    let long = [0; 4097];
    check_errno!(map.program(&[write_step(&writer, b"", 0)]), Errno::EINVAL);
    check_errno!(map.program(&[write_step(&writer, &long, 0)]), Errno::EINVAL);
    ok!(map.program(&[write_step(&writer, &long[..4096], 0)]));
    let step = sys::sleeptimer_step {
        op: sys::SLEEPTIMER_STEP_WRITE,
        fd: writer.as_raw_fd(),
        len: 16,
        ..Default::default()
    };
    let kernel_address = 0xffff_8000_0000_0000;
    for arg in [0, 8, u64::MAX, kernel_address] {
        check_errno!(
            create(&map, sys::sleeptimer_step { arg, ..step }),
            Errno::EFAULT
        );
    }
    Ok(())
}

fn a_query_that_fails_writes_nothing() -> Outcome {
    const POISON: sys::sleeptimer_step_status = sys::sleeptimer_step_status {
        failures: 0x5a5a_5a5a_5a5a_5a5a,
        last_error: 0x5a5a_5a5a,
        pad: 0x5a5a_5a5a,
    };
    let map = map()?;
    let program = ok!(map.program(&[Step::Event; 3]));
    let mut statuses = [POISON; 5];
    let good = sys::sleeptimer_program_query {
        status: statuses.as_mut_ptr() as u64,
        nr_status: 5,
        program: program.0,
        nr_steps: 77,
        pad: 77,
        ..Default::default()
    };
    let query = |request: sys::sleeptimer_program_query| {
        let mut request = request;
        // SAFETY: The file is the device; the kernel checks the address of the array.
        let result = unsafe { sys::program_query(map.as_raw_fd(), &mut request) };
        (result, request.nr_steps, request.pad)
    };
    let bad = [
        (
            sys::sleeptimer_program_query { flags: 1, ..good },
            Errno::EINVAL,
        ),
        (
            sys::sleeptimer_program_query {
                reserved: 1,
                ..good
            },
            Errno::EINVAL,
        ),
        (
            sys::sleeptimer_program_query {
                program: 4711,
                ..good
            },
            Errno::ENOENT,
        ),
        (
            sys::sleeptimer_program_query { status: 8, ..good },
            Errno::EFAULT,
        ),
        (
            sys::sleeptimer_program_query {
                status: u64::MAX,
                ..good
            },
            Errno::EFAULT,
        ),
    ];
    let raw =
        |status: &sys::sleeptimer_step_status| (status.failures, status.last_error, status.pad);
    for (request, errno) in bad {
        check_eq!(query(request), (Err(errno), 77, 77));
        check!(statuses.iter().all(|status| raw(status) == raw(&POISON)));
    }
    // Only so many are told, and no more than there are steps.
    for (nr_status, told) in [(0, 0), (2, 2), (5, 3), (u32::MAX, 3)] {
        statuses = [POISON; 5];
        let status = statuses.as_mut_ptr() as u64;
        let request = sys::sleeptimer_program_query {
            nr_status,
            status,
            ..good
        };
        check_eq!(query(request), (Ok(0), 3, 0));
        for (index, status) in statuses.iter().enumerate() {
            let wanted = if index < told {
                (0, 0, 0)
            } else {
                raw(&POISON)
            };
            check_eq!(raw(status), wanted);
        }
    }
    Ok(())
}
