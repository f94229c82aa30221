// SPDX-License-Identifier: GPL-2.0

//! What the kernel gives the module.

use crate::flags::Word;
use loom::{
    cell::UnsafeCell,
    sync::{
        atomic::{
            fence, AtomicU64,
            Ordering::{Acquire, Relaxed, SeqCst},
        },
        Condvar, Mutex, MutexGuard,
    },
};

/// Takes a lock. No test goes on after a panic, so none is poisoned.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// An atomic of the kernel, whose operations that read and write are fully ordered.
pub(crate) struct Atomic(pub(crate) AtomicU64);

impl Atomic {
    pub(crate) fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    pub(crate) fn cmpxchg(&self, old: u64, new: u64) -> Result<u64, u64> {
        fence(SeqCst);
        let result = self.0.compare_exchange(old, new, SeqCst, Relaxed);
        fence(SeqCst);
        result
    }

    pub(crate) fn xchg(&self, value: u64) -> u64 {
        fence(SeqCst);
        let old = self.0.swap(value, SeqCst);
        fence(SeqCst);
        old
    }

    pub(crate) fn fetch_add(&self, value: u64) -> u64 {
        self.fetch_sub(value.wrapping_neg())
    }

    pub(crate) fn fetch_sub(&self, value: u64) -> u64 {
        fence(SeqCst);
        let old = self.0.fetch_sub(value, SeqCst);
        fence(SeqCst);
        old
    }
}

impl Word for Atomic {
    fn load(&self) -> u64 {
        self.0.load(Acquire)
    }

    fn replace(&self, old: u64, new: u64) -> Result<(), u64> {
        self.cmpxchg(old, new).map(|_| ())
    }
}

/// The memory of an object. Loom sees to it that every use happens before it is freed.
pub(crate) struct Memory(UnsafeCell<Option<u64>>);

// SAFETY: Loom runs one thread at a time, and panics where accesses are not ordered.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory with the object `identity` in it.
    pub(crate) fn with(identity: u64) -> Self {
        Self(UnsafeCell::new(Some(identity)))
    }

    fn get(&self) -> Option<u64> {
        // SAFETY: Loom panics if somebody writes at the same time.
        self.0.with(|memory| unsafe { *memory })
    }

    fn set(&self, identity: Option<u64>) {
        // SAFETY: Loom panics if somebody reads or writes at the same time.
        self.0.with_mut(|memory| unsafe { *memory = identity });
    }

    /// Uses the object, and says which it is.
    pub(crate) fn touch(&self) -> u64 {
        self.get().expect("use after free")
    }

    pub(crate) fn free(&self) {
        assert!(self.get().is_some(), "double free");
        self.set(None);
    }

    pub(crate) fn allocate(&self, identity: u64) {
        assert!(self.get().is_none(), "allocated twice");
        self.set(Some(identity));
    }

    pub(crate) fn is_free(&self) -> bool {
        self.get().is_none()
    }
}

/// RCU, of as many readers: each has a lock of its own, which a grace period takes and releases.
///
/// So a grace period waits for the readers that began before it, and what they did happens before
/// its end; what is done before it happens before the readers that begin after it. Readers do not
/// order each other.
pub(crate) struct Rcu(Vec<Mutex<()>>);

/// An RCU read-side critical section.
pub(crate) struct Reader<'a>(Option<MutexGuard<'a, ()>>);

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // After a panic loom is in no state to release a lock, and the run is over anyway.
        if std::thread::panicking() {
            std::mem::forget(self.0.take());
        }
    }
}

impl Rcu {
    pub(crate) fn new(readers: usize) -> Self {
        Self((0..readers).map(|_| Mutex::new(())).collect())
    }

    /// Begins a read-side critical section of a reader; they do not nest.
    pub(crate) fn read_lock(&self, reader: usize) -> Reader<'_> {
        Reader(Some(lock(&self.0[reader])))
    }

    /// Waits for a grace period.
    pub(crate) fn synchronize(&self) {
        for reader in &self.0 {
            drop(lock(reader));
        }
    }
}

/// What a disarm that does not wait has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disarmed {
    Idle,
    Armed,
    Running,
}

#[derive(Default)]
struct State {
    /// When it expires, if it is queued.
    queued: Option<u64>,
    running: bool,
}

/// An hrtimer, or a work item, which is one that expires at once.
pub(crate) struct Engine {
    state: Mutex<State>,
    idle: Condvar,
    is_work: bool,
}

impl Engine {
    pub(crate) fn hrtimer() -> Self {
        Self {
            state: Mutex::new(State::default()),
            idle: Condvar::new(),
            is_work: false,
        }
    }

    pub(crate) fn work() -> Self {
        Self {
            is_work: true,
            ..Self::hrtimer()
        }
    }

    /// `hrtimer_start()`, which moves a timer that is queued, or `queue_work()`.
    pub(crate) fn start(&self, expiry: u64) {
        lock(&self.state).queued = Some(expiry);
    }

    /// `hrtimer_try_to_cancel()`, which does not look further if the callback runs.
    pub(crate) fn try_to_cancel(&self) -> Disarmed {
        let mut state = lock(&self.state);
        if state.running {
            Disarmed::Running
        } else if state.queued.take().is_some() {
            Disarmed::Armed
        } else {
            Disarmed::Idle
        }
    }

    /// `hrtimer_cancel()`, which waits first; or `cancel_work()` and `flush_work()`, of which the latter
    /// may wait longer if the work is queued again.
    pub(crate) fn cancel_sync(&self) -> bool {
        let mut state = lock(&self.state);
        let was_queued = self.is_work && state.queued.take().is_some();
        while state.running {
            state = self.idle.wait(state).unwrap();
        }
        was_queued || (!self.is_work && state.queued.take().is_some())
    }

    /// `cancel_work()`, which leaves a callback that runs alone.
    pub(crate) fn take(&self) -> bool {
        lock(&self.state).queued.take().is_some()
    }

    /// Whether it is queued.
    pub(crate) fn is_queued(&self) -> bool {
        lock(&self.state).queued.is_some()
    }

    /// When it expires, if it is queued.
    pub(crate) fn expiry(&self) -> Option<u64> {
        lock(&self.state).queued
    }

    pub(crate) fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        state.queued.is_none() && !state.running
    }

    /// What the core does when the timer expires, or a worker when it comes to the work.
    pub(crate) fn expire(&self, callback: impl FnOnce(u64)) {
        let expiry = {
            let mut state = lock(&self.state);
            let Some(expiry) = state.queued.take() else {
                return;
            };
            state.running = true;
            expiry
        };
        callback(expiry);
        lock(&self.state).running = false;
        self.idle.notify_all();
    }
}

/// A wait queue of one sleeper, which no timeout wakes.
pub(crate) struct WaitQueue {
    /// Whether the sleeper is on the queue.
    queued: Mutex<bool>,
    awake: Mutex<bool>,
    woken: Condvar,
}

impl WaitQueue {
    pub(crate) fn new() -> Self {
        Self {
            queued: Mutex::new(false),
            awake: Mutex::new(true),
            woken: Condvar::new(),
        }
    }

    /// `prepare_to_wait()`
    pub(crate) fn prepare(&self) {
        let mut queued = lock(&self.queued);
        *queued = true;
        *lock(&self.awake) = false;
    }

    /// `schedule()`
    pub(crate) fn schedule(&self) {
        let mut awake = lock(&self.awake);
        while !*awake {
            awake = self.woken.wait(awake).unwrap();
        }
    }

    /// `finish_wait()`
    pub(crate) fn finish(&self) {
        *lock(&self.queued) = false;
        *lock(&self.awake) = true;
    }

    /// `wake_up_all()`
    pub(crate) fn wake_all(&self) {
        let mut queued = lock(&self.queued);
        if *queued {
            *queued = false;
            *lock(&self.awake) = true;
            self.woken.notify_all();
        }
    }
}

/// Runs a test in every interleaving that preempts threads at most `preemptions` times; `None` is
/// no bound.
pub(crate) fn explore(preemptions: Option<usize>, test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(test);
}
