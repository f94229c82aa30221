// SPDX-License-Identifier: GPL-2.0
//! Every allocation and every copy that any call makes is made to fail once: the call fails as the
//! documentation says, and changes nothing; or it gets by without. For kernels with fault injection.

use nix::{
    errno::Errno,
    sys::{
        eventfd::EventFd,
        resource::{setrlimit, Resource},
    },
};
use sleeptimer::{Clock, Kind, Map, Sizes, Step, Timer, DEVICE};
use sleeptimer_selftests::{
    bound_timer, check, check_eq,
    child::as_user,
    faults::{self, Faults},
    ok,
    pages::PAGE,
    raw::{self, bytes, device, request, POISON},
    settle, skip_all, Outcome, Test, TOLERANCE,
};
use sleeptimer_sys as sys;
use std::{
    collections::BTreeSet,
    ffi::CString,
    fs::{self, File},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

const TESTS: &[Test] = &[
    ("open", open),
    ("mmap", mmap),
    ("read", read_events),
    ("poll", poll),
    ("epoll_ctl", epoll_ctl),
    ("GET_INFO", get_info),
    ("SETUP", setup),
    ("PROGRAM_CREATE", program_create),
    ("PROGRAM_DESTROY", program_destroy),
    ("PROGRAM_QUERY", program_query),
    ("QUERY", query),
    ("init calls", inits),
    ("set_callback calls", set_callbacks),
    ("start calls", starts),
    ("DELAYED_WQ_MOD", modify),
    ("cancel calls", cancels),
    ("FREE", free),
    ("SUBMIT of one op", submit_one),
    ("SUBMIT of many ops", submit_many),
];

fn main() -> ExitCode {
    if !faults::can_be_injected() {
        return skip_all("this kernel cannot inject faults (CONFIG_FAULT_INJECTION_DEBUG_FS)");
    }
    if let Err(why) = faults::set_up() {
        return skip_all(&why);
    }
    sleeptimer_selftests::run(TESTS)
}

/// More faults than any call can meet.
const MOST: u32 = 2000;

/// How long the timers here wait, which are not to expire.
const LONG: Duration = Duration::from_secs(3600);

/// What there is in all maps, as debugfs tells it.
#[derive(Debug, PartialEq, Eq)]
struct Totals(String);

impl Totals {
    fn now() -> Result<Self, String> {
        Ok(Self(ok!(fs::read_to_string(
            "/sys/kernel/debug/sleeptimer/totals"
        ))))
    }

    /// Waits until there is as much again: what was freed goes after a grace period.
    fn come_back(&self) -> Outcome {
        let end = Instant::now() + TOLERANCE;
        while Self::now()? != *self {
            check!(
                Instant::now() < end,
                "{:?} instead of {self:?}",
                Self::now()?
            );
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// How many there are of something.
    fn number(&self, name: &str) -> Option<u32> {
        let mut fields = self.0.lines().filter_map(|line| line.split_once(' '));
        fields.find(|field| field.0 == name)?.1.parse().ok()
    }
}

/// What the faults of a call came to.
#[derive(Default)]
struct Met {
    without_copy: u32,
    without_memory: u32,
    passed: u32,
}

impl Met {
    /// Notes a fault that the call got by without.
    fn pass(&mut self) {
        self.passed += 1;
    }

    /// Notes a fault that has failed the call.
    fn refuse(&mut self, errno: Errno) {
        match errno {
            Errno::EFAULT => self.without_copy += 1,
            _ => self.without_memory += 1,
        }
    }

    /// Tells of a call that has met all its faults; it has some, or the test is worth nothing.
    fn end(&self, name: &str) -> Outcome {
        println!(
            "# {name}: {} faults: EFAULT {}, ENOMEM {}, success {}",
            self.without_copy + self.without_memory + self.passed,
            self.without_copy,
            self.without_memory,
            self.passed
        );
        check!(self.without_copy + self.without_memory > 0);
        Ok(())
    }
}

/// A call that is made again and again.
trait Call: Sized {
    /// The call.
    fn call(&mut self) -> nix::Result<i32>;

    /// Whether all that the call may write to is as it was.
    fn is_untouched(&self) -> bool;

    /// Looks at what the call has done, after a success.
    fn check(&mut self) -> Outcome {
        Ok(())
    }
}

/// Makes a call in the same state again and again, of which another allocation or copy fails each
/// time, until it has no more of them.
fn enumerate<C: Call>(name: &str, prepare: impl Fn() -> Result<C, String>) -> Outcome {
    let faults = Faults::new()?;
    let mut met = Met::default();
    let mut first = prepare()?;
    let wanted = ok!(first.call());
    first.check()?;
    drop(first);
    for nth in 1..MOST {
        let mut state = prepare()?;
        let before = Totals::now()?;
        let (result, is_injected) = faults.inject(nth, || state.call())?;
        match result {
            Ok(value) => {
                check!(value == wanted, "{name}, fault {nth}: {value}");
                state.check()?;
                if !is_injected {
                    return met.end(name);
                }
                met.pass();
            }
            Err(errno @ (Errno::ENOMEM | Errno::EFAULT)) if is_injected => {
                check!(state.is_untouched(), "{name}, fault {nth}");
                before.come_back()?;
                let again = state.call();
                check!(again == Ok(wanted), "{name}, after fault {nth}: {again:?}");
                state.check()?;
                met.refuse(errno);
            }
            Err(errno) => {
                return Err(format!(
                    "{name}, fault {nth} (injected: {is_injected}): {errno}"
                ));
            }
        }
    }
    Err(format!("{name}: no end of faults"))
}

/// The place for the file that a call opens.
struct Opening(CString, Option<OwnedFd>);

impl Call for Opening {
    fn call(&mut self) -> nix::Result<i32> {
        // SAFETY: The name outlives the call.
        let file = Errno::result(unsafe { libc::open(self.0.as_ptr(), libc::O_RDWR) })?;
        // SAFETY: The file is new, and ours.
        self.1 = Some(unsafe { OwnedFd::from_raw_fd(file) });
        Ok(0)
    }

    fn is_untouched(&self) -> bool {
        true
    }

    fn check(&mut self) -> Outcome {
        let mut info = sys::sleeptimer_info::default();
        let file = self.1.as_ref().ok_or("there is no file")?;
        ok!(request(
            file,
            sys::SLEEPTIMER_IOC_GET_INFO,
            &raw mut info as usize
        ));
        Ok(())
    }
}

fn open() -> Outcome {
    enumerate("open", || Ok(Opening(ok!(CString::new(DEVICE)), None)))
}

/// Pages of a map's ring.
struct Mapping {
    map: Map,
    address: *mut libc::c_void,
}

impl Mapping {
    /// The first of two pages that only the kernel writes.
    const OFFSET: libc::off_t = PAGE as libc::off_t;
    const LENGTH: usize = 2 * PAGE;
}

impl Call for Mapping {
    fn call(&mut self) -> nix::Result<i32> {
        // SAFETY: A new mapping, where nothing is.
        self.address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                Self::LENGTH,
                libc::PROT_READ,
                libc::MAP_SHARED,
                self.map.as_raw_fd(),
                Self::OFFSET,
            )
        };
        match self.address {
            libc::MAP_FAILED => Err(Errno::last()),
            _ => Ok(0),
        }
    }

    fn is_untouched(&self) -> bool {
        true
    }

    fn check(&mut self) -> Outcome {
        // SAFETY: The page is mapped, and begins with this structure.
        let producer = unsafe { &*self.address.cast::<sys::sleeptimer_ring_producer>() };
        check_eq!(producer.capacity, 64);
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.address != libc::MAP_FAILED {
            // SAFETY: The pages are ours, and nobody has references to them.
            unsafe { libc::munmap(self.address, Self::LENGTH) };
        }
    }
}

fn mmap() -> Outcome {
    enumerate("mmap", || {
        Ok(Mapping {
            map: map(1)?,
            address: libc::MAP_FAILED,
        })
    })
}

/// A map with events, and a buffer for them.
struct Reading {
    map: Map,
    buffer: Vec<sys::sleeptimer_event>,
    read: usize,
}

impl Reading {
    /// As many as are copied in several goes.
    const EVENTS: usize = 40;

    fn new() -> Result<Self, String> {
        let (map, timer) = bound(Kind::Timer, &[Step::Event; 10])?;
        for _ in 0..Self::EVENTS / 10 {
            ok!(map.start(timer, Duration::ZERO));
            settle(&map, timer)?;
        }
        let poison = sys::sleeptimer_event {
            handle: u64::MAX,
            ..Default::default()
        };
        Ok(Self {
            map,
            buffer: vec![poison; Self::EVENTS],
            read: 0,
        })
    }
}

impl Call for Reading {
    fn call(&mut self) -> nix::Result<i32> {
        let length = size_of_val(&self.buffer[..]);
        // SAFETY: The buffer is as long as said.
        let read = unsafe {
            libc::read(
                self.map.as_raw_fd(),
                self.buffer.as_mut_ptr().cast(),
                length,
            )
        };
        self.read = Errno::result(read)? as usize / size_of::<sys::sleeptimer_event>();
        Ok(0)
    }

    fn is_untouched(&self) -> bool {
        self.buffer.iter().all(|event| event.handle == u64::MAX)
    }

    /// What was not read, because a fault came, is still there.
    fn check(&mut self) -> Outcome {
        let told = |event: &&sys::sleeptimer_event| event.handle != u64::MAX;
        check_eq!(self.buffer.iter().filter(told).count(), self.read);
        let rest = match self.map.read(Self::EVENTS) {
            Err(error) if error.errno == Errno::EAGAIN => 0,
            rest => ok!(rest).len(),
        };
        check_eq!(self.read + rest, Self::EVENTS);
        Ok(())
    }
}

fn read_events() -> Outcome {
    enumerate("read", Reading::new)
}

/// A poll of a map that has an event.
struct Polling {
    map: Map,
    poll: libc::pollfd,
}

impl Call for Polling {
    fn call(&mut self) -> nix::Result<i32> {
        self.poll.fd = self.map.as_raw_fd();
        // SAFETY: The structure outlives the call.
        Errno::result(unsafe { libc::poll(&mut self.poll, 1, 0) })
    }

    fn is_untouched(&self) -> bool {
        self.poll.revents == -1
    }

    fn check(&mut self) -> Outcome {
        check_eq!(self.poll.revents, libc::POLLIN);
        Ok(())
    }
}

fn poll() -> Outcome {
    enumerate("poll", || {
        Ok(Polling {
            map: Reading::new()?.map,
            poll: libc::pollfd {
                fd: -1,
                events: libc::POLLIN,
                revents: -1,
            },
        })
    })
}

/// A map, and an epoll that is to take it.
struct Adding(Map, OwnedFd);

impl Call for Adding {
    fn call(&mut self) -> nix::Result<i32> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: 1,
        };
        let (epoll, map) = (self.1.as_raw_fd(), self.0.as_raw_fd());
        // SAFETY: The structure outlives the call.
        Errno::result(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, map, &mut event) })
    }

    fn is_untouched(&self) -> bool {
        true
    }

    fn check(&mut self) -> Outcome {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: The structure outlives the call.
        let events = unsafe { libc::epoll_wait(self.1.as_raw_fd(), &mut event, 1, 0) };
        check_eq!(events, 1);
        Ok(())
    }
}

fn epoll_ctl() -> Outcome {
    enumerate("epoll_ctl", || {
        // SAFETY: This makes a file.
        let epoll = ok!(Errno::result(unsafe {
            libc::epoll_create1(libc::EPOLL_CLOEXEC)
        }));
        // SAFETY: The file is new, and ours.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        Ok(Adding(Reading::new()?.map, epoll))
    })
}

/// A request with a structure. What has to stay with it is in `kept`.
struct Request<F, T, K = ()> {
    file: F,
    number: u32,
    argument: T,
    given: T,
    _kept: K,
}

impl<F: AsRawFd, T: Copy, K> Request<F, T, K> {
    fn new(file: F, number: u32, argument: T, kept: K) -> Self {
        Self {
            file,
            number,
            argument,
            given: argument,
            _kept: kept,
        }
    }
}

impl<F: AsRawFd, T: Copy, K> Call for Request<F, T, K> {
    fn call(&mut self) -> nix::Result<i32> {
        request(&self.file, self.number, &raw mut self.argument as usize)
    }

    fn is_untouched(&self) -> bool {
        bytes(&self.argument) == bytes(&self.given)
    }
}

/// A map with room for `timers` timers and one program: what is lost is missed at once.
fn map(timers: u32) -> Result<Map, String> {
    let sizes = Sizes {
        timers,
        programs: 1,
        events: 64,
    };
    Map::open_nonblocking(sizes).map_err(|error| error.to_string())
}

/// A map with a timer that is bound to a program of these steps.
fn bound(kind: Kind, steps: &[Step]) -> Result<(Map, Timer), String> {
    let map = map(1)?;
    let timer = bound_timer(&map, kind, steps)?;
    Ok((map, timer))
}

/// The same, armed for long if the kind has a delay.
fn armed(kind: Kind) -> Result<(Map, Timer), String> {
    let (map, timer) = bound(kind, &[Step::Event])?;
    if !matches!(kind, Kind::SleepableTimer | Kind::Wq) {
        ok!(map.start(timer, LONG));
    }
    Ok((map, timer))
}

fn get_info() -> Outcome {
    enumerate("GET_INFO", || {
        let info = sys::sleeptimer_info::default();
        Ok(Request::new(
            device()?,
            sys::SLEEPTIMER_IOC_GET_INFO,
            info,
            (),
        ))
    })
}

/// A large map and a small one: what does not fit a few pages is allocated in another way.
fn setup() -> Outcome {
    for (name, max) in [("SETUP, small", 1), ("SETUP, large", 20_000)] {
        enumerate(name, || {
            let setup = sys::sleeptimer_setup {
                max_timers: max,
                max_programs: max.min(sys::SLEEPTIMER_MAX_PROGRAMS),
                max_events: max,
                ..Default::default()
            };
            Ok(Request::new(
                device()?,
                sys::SLEEPTIMER_IOC_SETUP,
                setup,
                (),
            ))
        })?;
    }
    Ok(())
}

/// With a step of each kind. What is charged for their files comes back: who is held to the limit may
/// have as many as ever.
fn program_create() -> Outcome {
    const FILES: u64 = 16;
    const USER: u32 = 1000;
    // The account lasts for as long as its user has a map.
    let map = map(1)?;
    create_programs()?;
    as_user(USER, || {
        let eventfd = ok!(EventFd::new());
        ok!(setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES));
        ok!(map.program(&[Step::EventFd(eventfd.as_fd()); FILES as usize]));
        Ok(())
    })
}

fn create_programs() -> Outcome {
    enumerate("PROGRAM_CREATE", || {
        let eventfd = ok!(EventFd::new());
        let file = ok!(File::create("/tmp-fail-nth"));
        let text = Box::new([b'x'; 64]);
        let step = |op, arg, len, file: Option<&dyn AsRawFd>| sys::sleeptimer_step {
            op,
            arg,
            len,
            fd: file.map_or(0, AsRawFd::as_raw_fd),
            ..Default::default()
        };
        let steps = Box::new([
            step(sys::SLEEPTIMER_STEP_EVENT, 0, 0, None),
            step(sys::SLEEPTIMER_STEP_SLEEP, 1, 0, None),
            step(sys::SLEEPTIMER_STEP_EVENTFD, 0, 0, Some(&eventfd)),
            step(
                sys::SLEEPTIMER_STEP_WRITE,
                text.as_ptr() as u64,
                64,
                Some(&file),
            ),
            step(sys::SLEEPTIMER_STEP_FSYNC, 0, 0, Some(&file)),
            step(sys::SLEEPTIMER_STEP_FDATASYNC, 0, 0, Some(&file)),
        ]);
        let create = sys::sleeptimer_program_create {
            steps: steps.as_ptr() as u64,
            nr_steps: steps.len() as u32,
            program: POISON as u32,
            ..Default::default()
        };
        let kept = (steps, text, eventfd, file);
        let number = sys::SLEEPTIMER_IOC_PROGRAM_CREATE;
        Ok(Request::new(map(1)?, number, create, kept))
    })
}

fn program_destroy() -> Outcome {
    enumerate("PROGRAM_DESTROY", || {
        let map = map(1)?;
        let program = ok!(map.program(&[Step::Event])).0;
        let number = sys::SLEEPTIMER_IOC_PROGRAM_DESTROY;
        let named = sys::sleeptimer_program_ref { program, flags: 0 };
        Ok(Request::new(map, number, named, ()))
    })
}

fn program_query() -> Outcome {
    enumerate("PROGRAM_QUERY", || {
        let map = map(1)?;
        let program = ok!(map.program(&[Step::Event; 16])).0;
        let statuses = Box::new([sys::sleeptimer_step_status::default(); 16]);
        let query = sys::sleeptimer_program_query {
            status: statuses.as_ptr() as u64,
            nr_status: 16,
            program,
            nr_steps: POISON as u32,
            ..Default::default()
        };
        let number = sys::SLEEPTIMER_IOC_PROGRAM_QUERY;
        Ok(Request::new(map, number, query, statuses))
    })
}

fn query() -> Outcome {
    enumerate("QUERY", || {
        let (map, timer) = armed(Kind::Timer)?;
        let query = sys::sleeptimer_query {
            handle: timer.handle,
            user_data: u64::MAX,
            ..Default::default()
        };
        Ok(Request::new(map, sys::SLEEPTIMER_IOC_QUERY, query, ()))
    })
}

/// The requests and opcodes of a kind: init, set_callback, start, cancels.
struct Calls {
    kind: Kind,
    /// The flags of its init.
    flags: u32,
    init: u32,
    set_callback: u32,
    start: u32,
    cancels: &'static [u32],
}

const TIMER_CANCELS: &[u32] = &[
    sys::SLEEPTIMER_IOC_TIMER_CANCEL,
    sys::SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP,
    sys::SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC,
];

const CALLS: &[Calls] = &[
    Calls {
        kind: Kind::Timer,
        flags: 0,
        init: sys::SLEEPTIMER_IOC_TIMER_INIT,
        set_callback: sys::SLEEPTIMER_IOC_TIMER_SET_CALLBACK,
        start: sys::SLEEPTIMER_IOC_TIMER_START,
        cancels: TIMER_CANCELS,
    },
    Calls {
        kind: Kind::SleepableTimer,
        flags: sys::SLEEPTIMER_TIMER_SLEEPABLE,
        init: sys::SLEEPTIMER_IOC_TIMER_INIT,
        set_callback: sys::SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB,
        start: sys::SLEEPTIMER_IOC_TIMER_START,
        cancels: TIMER_CANCELS,
    },
    Calls {
        kind: Kind::Wq,
        flags: 0,
        init: sys::SLEEPTIMER_IOC_WQ_INIT,
        set_callback: sys::SLEEPTIMER_IOC_WQ_SET_CALLBACK,
        start: sys::SLEEPTIMER_IOC_WQ_START,
        cancels: &[sys::SLEEPTIMER_IOC_WQ_CANCEL],
    },
    Calls {
        kind: Kind::DelayedWq,
        flags: 0,
        init: sys::SLEEPTIMER_IOC_DELAYED_WQ_INIT,
        set_callback: sys::SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK,
        start: sys::SLEEPTIMER_IOC_DELAYED_WQ_START,
        cancels: &[sys::SLEEPTIMER_IOC_DELAYED_WQ_CANCEL],
    },
    Calls {
        kind: Kind::HighresDelayedWq,
        flags: sys::SLEEPTIMER_DELAYED_WQ_HIGHRES,
        init: sys::SLEEPTIMER_IOC_DELAYED_WQ_INIT,
        set_callback: sys::SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK,
        start: sys::SLEEPTIMER_IOC_DELAYED_WQ_START,
        cancels: &[sys::SLEEPTIMER_IOC_DELAYED_WQ_CANCEL],
    },
];

impl Calls {
    /// The delay of a start.
    fn delay(&self) -> u64 {
        match self.kind {
            Kind::SleepableTimer | Kind::Wq => 0,
            _ => LONG.as_nanos() as u64,
        }
    }
}

fn inits() -> Outcome {
    for calls in CALLS {
        enumerate(&format!("init of {:?}", calls.kind), || {
            let init = sys::sleeptimer_init {
                clock: libc::CLOCK_MONOTONIC as u32,
                flags: calls.flags,
                handle: u64::MAX,
                ..Default::default()
            };
            Ok(Request::new(map(1)?, calls.init, init, ()))
        })?;
    }
    Ok(())
}

fn set_callbacks() -> Outcome {
    for calls in CALLS {
        enumerate(&format!("set_callback of {:?}", calls.kind), || {
            let map = map(1)?;
            let program = ok!(map.program(&[Step::Event])).0;
            let handle = ok!(map.timer(calls.kind, Clock::Monotonic, 0)).handle;
            let set = sys::sleeptimer_set_callback {
                handle,
                program,
                flags: 0,
            };
            Ok(Request::new(map, calls.set_callback, set, ()))
        })?;
    }
    Ok(())
}

fn start(calls: &Calls, timer: Timer) -> sys::sleeptimer_start {
    sys::sleeptimer_start {
        handle: timer.handle,
        expires_ns: calls.delay(),
        ..Default::default()
    }
}

fn starts() -> Outcome {
    for calls in CALLS {
        enumerate(&format!("start of {:?}", calls.kind), || {
            let (map, timer) = bound(calls.kind, &[Step::Event])?;
            Ok(Request::new(map, calls.start, start(calls, timer), ()))
        })?;
    }
    let timers = CALLS
        .iter()
        .filter(|calls| matches!(calls.kind, Kind::Timer | Kind::HighresDelayedWq));
    for calls in timers {
        enumerate(&format!("start of {:?} on a CPU", calls.kind), || {
            let (map, timer) = bound(calls.kind, &[Step::Event])?;
            let start = sys::sleeptimer_start {
                flags: sys::SLEEPTIMER_START_CPU,
                cpu: 0,
                ..start(calls, timer)
            };
            Ok(Request::new(map, calls.start, start, ()))
        })?;
    }
    Ok(())
}

fn modify() -> Outcome {
    for calls in CALLS {
        if !matches!(calls.kind, Kind::DelayedWq | Kind::HighresDelayedWq) {
            continue;
        }
        enumerate(&format!("DELAYED_WQ_MOD of {:?}", calls.kind), || {
            let (map, timer) = armed(calls.kind)?;
            let number = sys::SLEEPTIMER_IOC_DELAYED_WQ_MOD;
            Ok(Request::new(map, number, start(calls, timer), ()))
        })?;
    }
    Ok(())
}

fn named(timer: Timer) -> sys::sleeptimer_ref {
    sys::sleeptimer_ref {
        handle: timer.handle,
        ..Default::default()
    }
}

/// A cancel that has failed leaves the timer armed.
fn cancels() -> Outcome {
    for calls in CALLS {
        for &number in calls.cancels {
            let name = format!("cancel {:#x} of {:?}", opcode(number), calls.kind);
            enumerate(&name, || {
                let (map, timer) = armed(calls.kind)?;
                Ok(Request::new(map, number, named(timer), ()))
            })?;
        }
    }
    Ok(())
}

fn free() -> Outcome {
    for calls in CALLS {
        enumerate(&format!("FREE of {:?}", calls.kind), || {
            let (map, timer) = armed(calls.kind)?;
            Ok(Request::new(
                map,
                sys::SLEEPTIMER_IOC_FREE,
                named(timer),
                (),
            ))
        })?;
    }
    Ok(())
}

/// The opcode of a request.
fn opcode(number: u32) -> u32 {
    number & 0xff
}

/// Submits an op, and returns its result.
fn result_of(map: &Map, op: sys::sleeptimer_op) -> Result<i32, String> {
    let mut ops = [op];
    check_eq!(ok!(raw::submit(map, &mut ops)).nr_done, 1);
    Ok(ops[0].result)
}

/// As [`enumerate`], of a batch of one op. What the batch has done when it fails is told by the op,
/// unless that could not be written: then it has run or not, and a timer that it has made is gone.
fn enumerate_op(
    name: &str,
    prepare: impl Fn() -> Result<(Map, sys::sleeptimer_op), String>,
) -> Outcome {
    let faults = Faults::new()?;
    let mut met = Met::default();
    let (map, op) = prepare()?;
    let (wanted, again) = (result_of(&map, op)?, result_of(&map, op)?);
    drop(map);
    check!(wanted >= 0, "{name}: {wanted}");
    for nth in 1..MOST {
        let (map, given) = prepare()?;
        let before = Totals::now()?;
        let mut ops = [given];
        let mut submit = sys::sleeptimer_submit {
            ops: ops.as_mut_ptr() as u64,
            nr_ops: 1,
            nr_done: POISON as u32,
            ..Default::default()
        };
        let address = &raw mut submit as usize;
        let (result, is_injected) =
            faults.inject(nth, || request(&map, sys::SLEEPTIMER_IOC_SUBMIT, address))?;
        let (told, handle) = (ops[0].result, ops[0].handle);
        match result {
            Ok(_) if told == wanted => {
                check_eq!((submit.nr_done, submit.nr_failed), (1, 0));
                if !is_injected {
                    return met.end(name);
                }
                met.pass();
            }
            Ok(_) => {
                check!(
                    is_injected && told == -(Errno::ENOMEM as i32),
                    "{name}, fault {nth}: {told}"
                );
                check_eq!((submit.nr_done, submit.nr_failed), (1, 1));
                check_eq!(handle, given.handle);
                before.come_back()?;
                check_eq!(result_of(&map, given)?, wanted);
                met.refuse(Errno::ENOMEM);
            }
            Err(errno @ (Errno::ENOMEM | Errno::EFAULT)) if is_injected => {
                check_eq!(submit.nr_done, POISON as u32);
                let next = result_of(&map, given)?;
                if told == POISON {
                    let was_lost = given.handle != 0 && next == again;
                    check!(next == wanted || was_lost, "{name}, fault {nth}: {next}");
                } else {
                    check!(
                        (told, next) == (wanted, again),
                        "{name}, fault {nth}: {told}, {next}"
                    );
                }
                met.refuse(errno);
            }
            Err(errno) => return Err(format!("{name}, fault {nth}: {errno}")),
        }
    }
    Err(format!("{name}: no end of faults"))
}

/// Each opcode once, with the first kind that takes it.
fn submit_one() -> Outcome {
    let mut seen = BTreeSet::new();
    for calls in CALLS {
        let kind = calls.kind;
        let mut is_new = |number| seen.insert(opcode(number));
        if is_new(calls.init) {
            enumerate_op(&format!("op: init of {kind:?}"), || {
                let init = sys::sleeptimer_op {
                    clock: libc::CLOCK_MONOTONIC as u8,
                    flags: calls.flags as u8,
                    ..raw::op(opcode(calls.init), 0)
                };
                Ok((map(1)?, init))
            })?;
        }
        if is_new(calls.set_callback) {
            enumerate_op(&format!("op: set_callback of {kind:?}"), || {
                let map = map(1)?;
                let program = ok!(map.program(&[Step::Event])).0;
                let handle = ok!(map.timer(kind, Clock::Monotonic, 0)).handle;
                let set = sys::sleeptimer_op {
                    program,
                    ..raw::op(opcode(calls.set_callback), handle)
                };
                Ok((map, set))
            })?;
        }
        if is_new(calls.start) {
            enumerate_op(&format!("op: start of {kind:?}"), || {
                let (map, timer) = bound(kind, &[Step::Event])?;
                let start = sys::sleeptimer_op {
                    value: calls.delay(),
                    ..raw::op(opcode(calls.start), timer.handle)
                };
                Ok((map, start))
            })?;
        }
        if kind == Kind::DelayedWq {
            enumerate_op("op: DELAYED_WQ_MOD", || {
                let (map, timer) = armed(kind)?;
                let modify = sys::sleeptimer_op {
                    value: calls.delay(),
                    ..raw::op(sys::SLEEPTIMER_OP_DELAYED_WQ_MOD, timer.handle)
                };
                Ok((map, modify))
            })?;
        }
        let others = calls.cancels.iter().copied();
        for number in others.chain([sys::SLEEPTIMER_IOC_FREE]) {
            if is_new(number) {
                let name = format!("op: {:#x} of {kind:?}", opcode(number));
                enumerate_op(&name, || {
                    let (map, timer) = armed(kind)?;
                    Ok((map, raw::op(opcode(number), timer.handle)))
                })?;
            }
        }
    }
    Ok(())
}

/// Whatever a batch tells of is there, and nothing else.
fn submit_many() -> Outcome {
    /// More than are copied at a time.
    const OPS: usize = 33;
    let faults = Faults::new()?;
    let mut met = Met::default();
    for nth in 1..MOST {
        let map = map(OPS as u32)?;
        let init = sys::sleeptimer_op {
            clock: libc::CLOCK_MONOTONIC as u8,
            program: ok!(map.program(&[Step::Event])).0,
            ..raw::op(sys::SLEEPTIMER_OP_TIMER_INIT, 0)
        };
        let mut ops = [init; OPS];
        let mut submit = sys::sleeptimer_submit {
            ops: ops.as_mut_ptr() as u64,
            nr_ops: OPS as u32,
            ..Default::default()
        };
        let address = &raw mut submit as usize;
        let (result, is_injected) =
            faults.inject(nth, || request(&map, sys::SLEEPTIMER_IOC_SUBMIT, address))?;
        let count = |wanted| ops.iter().filter(|op| op.result == wanted).count();
        let (made, failed) = (count(0), count(-(Errno::ENOMEM as i32)));
        check_eq!(made + failed + count(POISON), OPS);
        match result {
            Ok(_) => {
                check_eq!(submit.nr_done as usize, made + failed);
                check_eq!(submit.nr_failed as usize, failed);
                if made == OPS && !is_injected {
                    return met.end("SUBMIT of many ops");
                }
                check!(is_injected, "{made} of {OPS} ops have run");
                match (made, failed) {
                    (OPS, _) => met.pass(),
                    (_, 0) => met.refuse(Errno::EFAULT),
                    _ => met.refuse(Errno::ENOMEM),
                }
            }
            Err(errno @ (Errno::ENOMEM | Errno::EFAULT)) if is_injected => met.refuse(errno),
            Err(errno) => return Err(format!("fault {nth}: {errno}")),
        }
        let end = Instant::now() + TOLERANCE;
        while Totals::now()?.number("timers") != Some(made as u32) {
            check!(
                Instant::now() < end,
                "fault {nth}: not {made}: {:?}",
                Totals::now()?
            );
            sleep(Duration::from_millis(1));
        }
        for op in ops.iter().filter(|op| op.result == 0) {
            let timer = Timer {
                handle: op.handle,
                kind: Kind::Timer,
            };
            ok!(map.free(timer));
        }
        let mut ops = [init; OPS];
        let again = ok!(raw::submit(&map, &mut ops));
        check_eq!((again.nr_done, again.nr_failed), (OPS as u32, 0));
    }
    Err("no end of faults".to_owned())
}
