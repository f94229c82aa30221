// SPDX-License-Identifier: GPL-2.0
//! The mapped ring: what it holds, who may write to it, and that nobody is harmed by what they write.

use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags},
        mman::{mmap, mprotect, munmap, MapFlags, ProtFlags},
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, ForkResult},
};
use sleeptimer::{Clock, Event, Expiry, Kind, Map, Ring, Sizes, Start, State, Step, Timer};
use sleeptimer_selftests::{
    check, check_eq, check_errno, expect_events, map, ok,
    pages::{Pages, PAGE},
    raw::device,
    tests, Outcome, TOLERANCE, TOLERANCE_MS,
};
use std::{
    collections::HashMap,
    num::NonZeroUsize,
    os::fd::{AsFd, AsRawFd},
    process::ExitCode,
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(20);
const READ_WRITE: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

fn main() -> ExitCode {
    sleeptimer_selftests::run(tests![
        events_come_without_a_system_call,
        the_capacity_is_a_power_of_two,
        read_and_the_ring_share_their_events,
        a_read_takes_nothing_back,
        numbers_of_records_wrap,
        what_the_ring_has_no_room_for_is_counted,
        free_discards_what_is_counted,
        poll_tells_what_the_ring_holds,
        poll_fills_the_ring,
        an_edge_comes_with_each_event,
        what_the_kernel_writes_is_read_only,
        mappings_that_are_no_part_of_the_ring_are_refused,
        a_map_has_to_be_set_up_first,
        the_ring_keeps_the_map_open,
        a_child_does_not_have_the_ring,
        a_tail_that_makes_no_sense_is_a_full_ring,
        scribbling_harms_nobody_else,
    ])
}

/// A map with room for so many events, and its ring.
fn map_of(events: u32) -> Result<(Map, Ring), String> {
    let sizes = Sizes {
        events,
        ..Sizes::default()
    };
    let map = ok!(Map::open_nonblocking(sizes));
    let ring = ok!(map.ring());
    Ok((map, ring))
}

/// A timer that has `user_data` and delivers an event.
fn timer_with(map: &Map, user_data: u64) -> Result<Timer, String> {
    let program = ok!(map.program(&[Step::Event]));
    let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, user_data));
    ok!(map.set_callback(timer, program));
    Ok(timer)
}

/// Fires a timer once, and waits until it has.
fn fire(map: &Map, timer: Timer) -> Outcome {
    ok!(map.start(timer, Duration::ZERO));
    let end = Instant::now() + TOLERANCE;
    while ok!(map.query(timer)).state != State::default() {
        check!(Instant::now() < end);
        std::thread::yield_now();
    }
    Ok(())
}

/// Takes events from a ring until `number` have come.
fn drained(ring: &mut Ring, number: usize) -> Result<Vec<Event>, String> {
    let end = Instant::now() + TOLERANCE;
    let mut events = Vec::new();
    while events.len() < number {
        ring.drain(|event| events.push(event));
        check!(Instant::now() < end, "{} of {number} came", events.len());
        std::thread::yield_now();
    }
    check_eq!(events.len(), number);
    Ok(events)
}

/// Whether there is something to read, as poll has it.
fn is_readable(map: &Map) -> Result<bool, String> {
    let mut files = [PollFd::new(map.as_fd(), PollFlags::POLLIN)];
    Ok(ok!(poll(&mut files, PollTimeout::ZERO)) == 1)
}

fn events_come_without_a_system_call() -> Outcome {
    let (map, mut ring) = map_of(64)?;
    check!(ring.is_empty() && !ring.has_backlog());
    let timers = [timer_with(&map, 7)?, timer_with(&map, 8)?];
    for timer in timers {
        ok!(map.start(timer, SHORT));
    }
    let mut events = drained(&mut ring, 2)?;
    events.sort_by_key(|event| event.user_data);
    for (event, timer) in events.iter().zip(timers) {
        check_eq!(event.handle, timer.handle);
        check_eq!((event.count, event.accumulated), (1, false));
        check!(event.time_ns > 0);
    }
    check_eq!([events[0].user_data, events[1].user_data], [7, 8]);
    check!(ring.is_empty() && !is_readable(&map)?);
    Ok(())
}

fn the_capacity_is_a_power_of_two() -> Outcome {
    for (events, capacity) in [(1, 1), (2, 2), (3, 4), (100, 128), (4096, 4096)] {
        check_eq!(map_of(events)?.1.capacity(), capacity);
    }
    Ok(())
}

fn read_and_the_ring_share_their_events() -> Outcome {
    let (map, mut ring) = map_of(8)?;
    let timers: Vec<_> = (0..6)
        .map(|n| timer_with(&map, n))
        .collect::<Result<_, _>>()?;
    for timer in &timers {
        fire(&map, *timer)?;
    }
    let mut other = ok!(map.ring());
    let mut users = Vec::new();
    for _ in 0..2 {
        users.extend(ring.next_batch(1).iter().map(|event| event.user_data));
        users.extend(expect_events(&map, 1)?.iter().map(|event| event.user_data));
        users.extend(other.next_batch(1).iter().map(|event| event.user_data));
    }
    check_eq!(users, [0, 1, 2, 3, 4, 5]);
    check_errno!(map.read(1), Errno::EAGAIN);
    check!(ring.next_batch(1).is_empty() && other.is_empty());
    Ok(())
}

/// While one thread reads and another one takes events from the ring, the latter does not get what
/// it has taken already.
fn a_read_takes_nothing_back() -> Outcome {
    // So many that none is overwritten while somebody looks at it.
    let (map, mut ring) = map_of(1 << 16)?;
    let timer = timer_with(&map, 0)?;
    let start = Start {
        period: Duration::from_micros(50),
        ..Start::default()
    };
    ok!(map.start_with(timer, &start));
    let stop = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(2);
    let outcome = scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                read_slowly(&map);
            }
        });
        let mut last = 0;
        let mut number = 0;
        while Instant::now() < end {
            let events = ring.next_batch(usize::MAX);
            number += events.len();
            if let Some(early) = events.iter().find(|event| event.time_ns <= last) {
                stop.store(true, Relaxed);
                return Err(format!("{} came after {last}", early.time_ns));
            }
            last = events.last().map_or(last, |event| event.time_ns);
        }
        stop.store(true, Relaxed);
        println!("# {number} events were taken from the ring");
        Ok(())
    });
    ok!(map.cancel(timer));
    outcome
}

/// Reads events to a page that is not there yet, which takes a while.
fn read_slowly(map: &Map) {
    let Ok(pages) = Pages::new(1) else { return };
    // SAFETY: The page is ours.
    unsafe { libc::read(map.as_raw_fd(), pages.page(0) as *mut _, PAGE) };
}

/// Sets the tail of a ring, as a consumer of its own.
struct Tail(NonNull<AtomicU32>);

// SAFETY: The word is atomic, and stays mapped as long as the process lives.
unsafe impl Sync for Tail {}

impl Tail {
    fn of(map: &Map) -> Result<Self, String> {
        Ok(Self(ok!(mapped(map, 0, 1, READ_WRITE)).cast()))
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: The page was mapped and is never unmapped, and the word is aligned.
        unsafe { self.0.as_ref() }
    }
}

/// The head, which the kernel writes.
fn head(map: &Map) -> Result<u32, String> {
    let page = ok!(mapped(map, 1, 1, ProtFlags::PROT_READ));
    // SAFETY: The page is mapped, and the word is aligned.
    let head = unsafe { page.cast::<AtomicU32>().as_ref() }.load(Relaxed);
    // SAFETY: The page is ours, and nobody uses it any more.
    ok!(unsafe { munmap(page, PAGE) });
    Ok(head)
}

/// Maps pages of a map.
fn mapped(
    map: &impl AsFd,
    first: usize,
    number: usize,
    protection: ProtFlags,
) -> nix::Result<NonNull<libc::c_void>> {
    mapped_as(map, first, number, protection, MapFlags::MAP_SHARED)
}

fn mapped_as(
    map: &impl AsFd,
    first: usize,
    number: usize,
    protection: ProtFlags,
    flags: MapFlags,
) -> nix::Result<NonNull<libc::c_void>> {
    let length = NonZeroUsize::new(number * PAGE).ok_or(Errno::EINVAL)?;
    let offset = (first * PAGE) as libc::off_t;
    // SAFETY: The kernel chooses a place where nothing is.
    unsafe { mmap(None, length, protection, flags, map.as_fd(), offset) }
}

fn numbers_of_records_wrap() -> Outcome {
    let (map, mut ring) = map_of(4)?;
    let timer = timer_with(&map, 0)?;
    // More than the ring holds, again and again, from every place in it.
    for round in 0..20 {
        for _ in 0..round % 4 + 1 {
            fire(&map, timer)?;
        }
        check_eq!(drained(&mut ring, round % 4 + 1)?.len(), round % 4 + 1);
    }
    check_eq!(head(&map)?, 50);
    Ok(())
}

fn what_the_ring_has_no_room_for_is_counted() -> Outcome {
    const FIRES: u64 = 50;
    let (map, mut ring) = map_of(4)?;
    let timers: Vec<_> = (0..3)
        .map(|n| timer_with(&map, n))
        .collect::<Result<_, _>>()?;
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for number in 0..FIRES {
        for timer in &timers {
            fire(&map, *timer)?;
        }
        if number == FIRES / 2 {
            let mut events = drained(&mut ring, 4)?;
            check!(events
                .iter()
                .all(|event| !event.accumulated && event.count == 1));
            check!(ring.is_empty() && ring.has_backlog());
            // Now there is room for what was counted.
            check!(is_readable(&map)?);
            check!(!ring.has_backlog());
            events.extend(drained(&mut ring, 3)?);
            check!(events[4..]
                .iter()
                .all(|event| event.accumulated && event.count > 1));
            count(&mut counts, &events);
        }
    }
    while is_readable(&map)? {
        ring.drain(|event| count(&mut counts, &[event]));
    }
    check!(!ring.has_backlog());
    for timer in timers {
        check_eq!(counts.get(&timer.handle), Some(&FIRES));
    }
    Ok(())
}

fn free_discards_what_is_counted() -> Outcome {
    let (map, mut ring) = map_of(1)?;
    let (first, second) = (timer_with(&map, 1)?, timer_with(&map, 2)?);
    fire(&map, first)?;
    fire(&map, first)?;
    fire(&map, second)?;
    ok!(map.free(first));
    check_eq!(drained(&mut ring, 1)?[0].handle, first.handle);
    // At once, that is before the timer's memory is gone.
    let event = ok!(map.read(2));
    check!(
        event.len() == 1 && event[0].handle == second.handle,
        "{event:?}"
    );
    check!(!ring.has_backlog());
    Ok(())
}

fn count(counts: &mut HashMap<u64, u64>, events: &[Event]) {
    for event in events {
        *counts.entry(event.handle).or_default() += event.count;
    }
}

fn poll_tells_what_the_ring_holds() -> Outcome {
    let (map, mut ring) = map_of(4)?;
    let timer = timer_with(&map, 0)?;
    check!(!is_readable(&map)?);
    fire(&map, timer)?;
    fire(&map, timer)?;
    check!(is_readable(&map)? && is_readable(&map)?);
    check_eq!(ring.next_batch(1).len(), 1);
    check!(is_readable(&map)?);
    check_eq!(ring.next_batch(1).len(), 1);
    check!(!is_readable(&map)?);
    // A poll that waits is woken.
    ok!(map.start(timer, SHORT));
    let mut files = [PollFd::new(map.as_fd(), PollFlags::POLLIN)];
    check_eq!(ok!(poll(&mut files, PollTimeout::from(TOLERANCE_MS))), 1);
    check_eq!(drained(&mut ring, 1)?.len(), 1);
    Ok(())
}

/// With all that was counted while it was full, for a consumer that makes no other call.
fn poll_fills_the_ring() -> Outcome {
    const EVENTS: u32 = 256;
    let (map, mut ring) = map_of(EVENTS)?;
    let program = ok!(map.program(&[Step::Event]));
    for number in 0..2 * EVENTS {
        let timer = ok!(map.timer(Kind::Timer, Clock::Monotonic, number.into()));
        ok!(map.set_callback(timer, program));
        fire(&map, timer)?;
    }
    for half in [0..EVENTS, EVENTS..2 * EVENTS] {
        check!(is_readable(&map)?);
        let events = ring.next_batch(usize::MAX);
        let mut users: Vec<_> = events.iter().map(|event| event.user_data as u32).collect();
        users.sort_unstable();
        check_eq!(users, Vec::from_iter(half));
    }
    check!(!is_readable(&map)?);
    Ok(())
}

fn an_edge_comes_with_each_event() -> Outcome {
    let (map, mut ring) = map_of(1)?;
    let timer = timer_with(&map, 0)?;
    let epoll = ok!(Epoll::new(EpollCreateFlags::empty()));
    let edges = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
    ok!(epoll.add(&map, EpollEvent::new(edges, 1)));
    let edges = |timeout: u16| epoll.wait(&mut [EpollEvent::empty(); 2], timeout);
    check_eq!(ok!(edges(0)), 0);
    // Also if the one before was not taken, and if the ring has no room.
    for _ in 0..3 {
        fire(&map, timer)?;
        check_eq!(ok!(edges(TOLERANCE_MS)), 1);
        check_eq!(ok!(edges(0)), 0);
    }
    check_eq!(drained(&mut ring, 1)?.len(), 1);
    check_eq!(ok!(edges(0)), 0);
    fire(&map, timer)?;
    check_eq!(ok!(edges(TOLERANCE_MS)), 1);
    Ok(())
}

fn what_the_kernel_writes_is_read_only() -> Outcome {
    let (map, _ring) = map_of(64)?;
    for (first, number) in [(1, 1), (2, 1), (1, 2), (0, 2), (0, 3)] {
        check_errno!(mapped(&map, first, number, READ_WRITE), Errno::EACCES);
        check_errno!(
            mapped(&map, first, number, ProtFlags::PROT_WRITE),
            Errno::EACCES
        );
        let pages = ok!(mapped(&map, first, number, ProtFlags::PROT_READ));
        // SAFETY: The pages are ours, and nobody uses them.
        let result = unsafe { mprotect(pages, number * PAGE, READ_WRITE) };
        check_errno!(result, Errno::EACCES);
        // SAFETY: As above.
        ok!(unsafe { munmap(pages, number * PAGE) });
    }
    let execute = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
    for first in [0, 1, 2] {
        check_errno!(mapped(&map, first, 1, execute), Errno::EACCES);
        let page = ok!(mapped(&map, first, 1, ProtFlags::PROT_READ));
        // SAFETY: The page is ours, and nobody uses it.
        let result = unsafe { mprotect(page, PAGE, execute) };
        check_errno!(result, Errno::EACCES);
        // SAFETY: As above.
        ok!(unsafe { munmap(page, PAGE) });
    }
    Ok(())
}

fn mappings_that_are_no_part_of_the_ring_are_refused() -> Outcome {
    // 64 records fill 3072 bytes, so a page.
    let (map, _ring) = map_of(64)?;
    let read = ProtFlags::PROT_READ;
    for (first, number) in [
        (0, 4),
        (1, 3),
        (2, 2),
        (3, 1),
        (4, 1),
        (1 << 40, 1),
        (0, 1 << 20),
    ] {
        check_errno!(mapped(&map, first, number, read), Errno::EINVAL);
    }
    let private = MapFlags::MAP_PRIVATE;
    for first in [0, 1, 2] {
        for protection in [read, READ_WRITE] {
            let result = mapped_as(&map, first, 1, protection, private);
            check_errno!(result, Errno::EINVAL);
        }
    }
    // All of it at once, read only, is fine. It does not grow.
    let pages = ok!(mapped(&map, 0, 3, read));
    // SAFETY: The pages are ours, and nobody uses them.
    let grown = unsafe { libc::mremap(pages.as_ptr(), 3 * PAGE, 4 * PAGE, libc::MREMAP_MAYMOVE) };
    check_eq!(grown, libc::MAP_FAILED);
    // SAFETY: As above.
    ok!(unsafe { munmap(pages, 3 * PAGE) });
    Ok(())
}

fn a_map_has_to_be_set_up_first() -> Outcome {
    let device = device()?;
    for first in [0, 1, 2, 1000] {
        let result = mapped(&device, first, 1, ProtFlags::PROT_READ);
        check_errno!(result, Errno::EBADFD);
    }
    Ok(())
}

fn the_ring_keeps_the_map_open() -> Outcome {
    let (map, mut ring) = map_of(64)?;
    let timer = timer_with(&map, 7)?;
    let start = Start {
        expiry: Expiry::In(SHORT),
        period: SHORT,
        ..Start::default()
    };
    ok!(map.start_with(timer, &start));
    drop(map);
    let end = Instant::now() + TOLERANCE;
    let mut count = 0;
    while count < 5 {
        ring.drain(|event| count += event.count);
        check!(Instant::now() < end, "{count} came");
        sleep(SHORT);
    }
    Ok(())
}

fn a_child_does_not_have_the_ring() -> Outcome {
    let map = map()?;
    let pages = ok!(mapped(&map, 0, 3, ProtFlags::PROT_READ));
    let mut there = [0u8; 3];
    let mut is_mapped = move || {
        // SAFETY: The kernel only looks whether the pages are mapped.
        unsafe { libc::mincore(pages.as_ptr(), 3 * PAGE, there.as_mut_ptr()) == 0 }
    };
    check!(is_mapped());
    // SAFETY: The child makes two system calls.
    match ok!(unsafe { fork() }) {
        // SAFETY: This ends the child, which has nothing to clean up.
        ForkResult::Child => unsafe { libc::_exit(is_mapped().into()) },
        ForkResult::Parent { child } => {
            check_eq!(ok!(waitpid(child, None)), WaitStatus::Exited(child, 0));
        }
    }
    // SAFETY: The pages are ours, and nobody uses them any more.
    ok!(unsafe { munmap(pages, 3 * PAGE) });
    Ok(())
}

fn a_tail_that_makes_no_sense_is_a_full_ring() -> Outcome {
    let (map, mut ring) = map_of(4)?;
    let tail = Tail::of(&map)?;
    let timer = timer_with(&map, 7)?;
    for _ in 0..10 {
        fire(&map, timer)?;
        drained(&mut ring, 1)?;
    }
    for distance in [1, 0x8000_0000, u32::MAX - 4, 1234567] {
        let head = head(&map)?;
        check_eq!(head, tail.word().load(Relaxed));
        let nonsense = head.wrapping_add(distance);
        tail.word().store(nonsense, Relaxed);
        check!(is_readable(&map)?, "{nonsense}");
        // There is no room for more.
        fire(&map, timer)?;
        check!(ring.has_backlog());
        check_eq!(ok!(map.query(timer)).backlog, 1);
        tail.word().store(head, Relaxed);
        // Now there is, and what was counted comes.
        check!(is_readable(&map)?);
        let events = drained(&mut ring, 1)?;
        check_eq!((events[0].count, events[0].accumulated), (1, true));
        // A read takes it for full, too, and makes sense of it again.
        tail.word().store(nonsense.wrapping_add(1), Relaxed);
        check_eq!(ok!(map.read(10)).len(), 4);
        check!(!is_readable(&map)?);
    }
    Ok(())
}

fn scribbling_harms_nobody_else() -> Outcome {
    const WHILE: Duration = Duration::from_millis(1500);
    let (victim, mut events_of_victim) = map_of(64)?;
    let witness = timer_with(&victim, 1)?;
    let (map, mut ring) = map_of(16)?;
    let tail = Tail::of(&map)?;
    let start = Start {
        expiry: Expiry::In(SHORT),
        period: Duration::from_micros(50),
        ..Start::default()
    };
    for number in 0..20 {
        ok!(map.start_with(timer_with(&map, number)?, &start));
    }
    let over = AtomicBool::new(false);
    let outcome = scope(|threads| {
        threads.spawn(|| {
            let mut random = fastrand::Rng::with_seed(1);
            let mut last = 0;
            while !over.load(Relaxed) {
                last = match random.u32(0..4) {
                    0 => random.u32(..),
                    1 => last.wrapping_add(1),
                    2 => tail.word().load(Relaxed).wrapping_sub(random.u32(0..40)),
                    _ => last.wrapping_add(16),
                };
                tail.word().store(last, Relaxed);
            }
        });
        let result = (|| {
            let end = Instant::now() + WHILE;
            let mut count = 0;
            while Instant::now() < end {
                is_readable(&map)?;
                match map.read(7) {
                    Err(error) if error.errno == Errno::EAGAIN => {}
                    result => check!(ok!(result).len() <= 7),
                }
                check!(ring.drain(|_| ()) <= 16);
                fire(&victim, witness)?;
                count += 1;
                check_eq!(drained(&mut events_of_victim, 1)?.len(), 1);
            }
            check!(count > 0);
            Ok(())
        })();
        over.store(true, Relaxed);
        result
    });
    outcome?;
    // Whoever stops it and says that all is taken gets what comes then.
    tail.word().store(head(&map)?, Relaxed);
    let mut events = Vec::new();
    let end = Instant::now() + TOLERANCE;
    while events.len() < 100 {
        is_readable(&map)?;
        ring.drain(|event| events.push(event));
        check!(Instant::now() < end, "{} came", events.len());
    }
    check!(events
        .iter()
        .all(|event| event.count > 0 && event.user_data < 20));
    Ok(())
}
