// SPDX-License-Identifier: GPL-2.0
//! Faults in the life of a timer, of which the selftests have to find each.

use crate::seeded::Fault;

/// A fault, and the selftests that find it.
pub struct Mutant {
    /// The fault.
    pub fault: Fault,
    /// The programs, of which at least one fails, or has the kernel complain.
    pub tests: &'static str,
}

/// A mutant by its parts.
const fn mutant(
    tests: &'static str,
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
) -> Mutant {
    Mutant {
        fault: Fault {
            name,
            file,
            from,
            to,
        },
        tests,
    }
}

/// All mutants.
pub static ALL: &[Mutant] = &[
    // The flags word.
    mutant(
        "families",
        "a sleeper ignores those who wait for it",
        "rust/bpf_hrtimer/flags.rs",
        "self.dying() || self.is_waited_for()",
        "self.dying()",
    ),
    mutant(
        "close_sleeping",
        "a sleeper ignores the end of its timer",
        "rust/bpf_hrtimer/flags.rs",
        "self.dying() || self.is_waited_for()",
        "self.is_waited_for()",
    ),
    mutant(
        "close_sleeping",
        "an end does not mark the timer",
        "rust/bpf_hrtimer/flags.rs",
        "Ok(Self(self.unbind().0 | DYING))",
        "Ok(self.unbind())",
    ),
    mutant(
        "oracle",
        "a callback is never dropped",
        "rust/bpf_hrtimer/flags.rs",
        "Self(self.0 & !((PROGRAM_MASK << PROGRAM_SHIFT) | MISSED | TOLD))",
        "self",
    ),
    // Starts and cancels.
    mutant(
        "periodic",
        "any period is taken",
        "rust/bpf_hrtimer/mod.rs",
        "arming.period == 0 || arming.period >= MIN_PERIOD_NS",
        "true",
    ),
    mutant(
        "wrong_kind",
        "what runs at once takes a delay",
        "rust/bpf_hrtimer/mod.rs",
        "Kind::SleepableTimer | Kind::Wq => arming.is_now(),",
        "Kind::SleepableTimer | Kind::Wq => true,",
    ),
    mutant(
        "families",
        "a cancel wakes well before it disarms",
        "rust/bpf_hrtimer/mod.rs",
        "let was_armed = flags.is_asleep() && timer.try_disarm().was_armed;",
        "let was_armed = false;\n        timer.wake(self.map.sleepers(), flags);\n        \
         kernel::time::delay::fsleep(kernel::time::Delta::from_millis(1));",
    ),
    mutant(
        "families",
        "a cancel forgets what it has disarmed",
        "rust/bpf_hrtimer/mod.rs",
        "timer.disarm_sync(process) || was_armed",
        "timer.disarm_sync(process)",
    ),
    mutant(
        "families",
        "a cancel wakes nobody",
        "rust/bpf_hrtimer/mod.rs",
        "        timer.wake(self.map.sleepers(), flags);\n",
        "",
    ),
    mutant(
        "lifecycle",
        "a cancel that drops tells nothing",
        "rust/bpf_hrtimer/mod.rs",
        "(self.finish(process) || was_armed || was_started, program)",
        "(self.finish(process) || was_started, program)",
    ),
    mutant(
        "lifecycle oracle",
        "a cancel does not drop the callback",
        "rust/bpf_hrtimer/mod.rs",
        "let program = self.timer().unbind();",
        "let program = None;",
    ),
    // The engine.
    mutant(
        "lifecycle against_model",
        "all timers are on one clock",
        "rust/bpf_hrtimer/engine.rs",
        "            flags.clock().id(),\n",
        "            bindings::CLOCK_MONOTONIC as bindings::clockid_t,\n",
    ),
    mutant(
        "lifecycle",
        "the longest time is negative",
        "rust/bpf_hrtimer/engine.rs",
        "i64::try_from(ns).unwrap_or(i64::MAX)",
        "ns as i64",
    ),
    mutant(
        "families",
        "a start moves an armed delayed_wq",
        "rust/bpf_hrtimer/engine.rs",
        "if !self.stays_armed() {",
        "if true {",
    ),
    mutant(
        "stuck",
        "a start arms what waits for a worker",
        "rust/bpf_hrtimer/engine.rs",
        "&& (self.is_queued() || self.highres().has_untold())",
        "&& self.is_queued()",
    ),
    mutant(
        "families against_model",
        "a change of the delay tells nothing",
        "rust/bpf_hrtimer/engine.rs",
        "        self.arm_hrtimer(map, arming);\n        disarmed.was_armed\n",
        "        self.arm_hrtimer(map, arming);\n        disarmed.was_armed && disarmed.is_running\n",
    ),
    mutant(
        "periodic",
        "a period is not kept",
        "rust/bpf_hrtimer/engine.rs",
        "        self.period().store(Period::new(arming.period));\n",
        "",
    ),
    mutant(
        "stuck",
        "a cancel does not wait",
        "rust/bpf_hrtimer/engine.rs",
        "                self.flush(process);\n                was_armed\n",
        "                was_armed\n",
    ),
    mutant(
        "against_model",
        "a start for a CPU is one for any",
        "rust/map.rs",
        "timer.start_on(&rcu, self, arming, cpu, process)",
        "timer.start(&rcu, self, arming)",
    ),
    // The callbacks.
    mutant(
        "periodic",
        "a late callback in softirq counts one",
        "rust/bpf_hrtimer/callback.rs",
        "map.run(timer, expirations, &Runner::Softirq(softirq));",
        "map.run(timer, expirations.min(1), &Runner::Softirq(softirq));",
    ),
    mutant(
        "periodic",
        "a late callback in a worker counts one",
        "rust/bpf_hrtimer/callback.rs",
        "run_in_worker(&highres.timer, expirations)",
        "run_in_worker(&highres.timer, expirations.min(1))",
    ),
    // The end of a timer.
    mutant(
        "lifecycle",
        "a timer is never freed",
        "rust/bpf_hrtimer/reclaim.rs",
        "_ => unsafe { facility.timers.free(timer) },",
        "_ => {}",
    ),
    mutant(
        "families",
        "a large timer is never freed",
        "rust/bpf_hrtimer/reclaim.rs",
        "unsafe { facility.highres.free(timer.cast::<Highres>()) },",
        "{}",
    ),
    mutant(
        "close_armed",
        "what is freed in a grace period is forgotten",
        "rust/batches.rs",
        "!self.waiting.is_empty() && self.begin_grace_period()",
        "false",
    ),
    mutant(
        "close_sleeping",
        "a close wakes nobody",
        "rust/map.rs",
        "        this.sleepers.wake_all();\n",
        "",
    ),
    mutant(
        "families",
        "a free wakes nobody",
        "rust/map.rs",
        "        this.wake(&self.sleepers, flags);\n",
        "",
    ),
    mutant(
        "ring",
        "a free discards no count",
        "rust/map.rs",
        "        self.events.forget(&self.table, flags.index());\n",
        "",
    ),
    mutant(
        "against_model",
        "a free keeps the program",
        "rust/map.rs",
        "        self.put_program(flags.program());\n        this.hush();\n",
        "        this.hush();\n",
    ),
    // Handles and programs.
    mutant(
        "wrong_kind",
        "a call takes any family",
        "rust/map.rs",
        "if family.has(timer.kind()) {",
        "if true {",
    ),
    mutant(
        "wrong_kind",
        "a program that sleeps is bound to softirq",
        "rust/map.rs",
        "if program.is_sleepable() && !timer.kind().is_sleepable() {",
        "if false {",
    ),
    mutant(
        "oracle families",
        "an asynchronous cancel does not tell of a callback",
        "rust/map.rs",
        "disarmed if disarmed.is_running => Err(Failure::Running),",
        "",
    ),
    mutant(
        "programs",
        "a replaced program keeps a reference",
        "rust/map.rs",
        "                self.put_program(old);\n",
        "",
    ),
    mutant(
        "lifecycle",
        "a stale handle finds a timer",
        "rust/table.rs",
        "if slot.generation() != name.generation {",
        "if false {",
    ),
    mutant(
        "lifecycle",
        "a full map does not wait for what ends",
        "rust/places.rs",
        "if self.ending.load(Relaxed) == 0 {",
        "if true {",
    ),
    mutant(
        "query",
        "a slot is taken with what was in it",
        "rust/places.rs",
        "        slot.word.store(0, Relaxed);\n",
        "",
    ),
    mutant(
        "programs",
        "a destroyed program keeps its name",
        "rust/programs.rs",
        "if is_same && counted.named.load(Relaxed) {",
        "if is_same {",
    ),
    mutant(
        "programs",
        "a stale number finds a program",
        "rust/programs.rs",
        "if is_same && counted.named.load(Relaxed) {",
        "if counted.named.load(Relaxed) {",
    ),
    // What is told.
    mutant(
        "periodic",
        "an event counts one",
        "rust/run.rs",
        "count: self.expirations,",
        "count: self.expirations.min(1),",
    ),
    mutant(
        "steps",
        "no failure of a step is counted",
        "rust/run.rs",
        "                step.count_failure(error);\n",
        "",
    ),
    mutant(
        "periodic",
        "what finds the ring full counts one",
        "rust/events.rs",
        "queue.backlog.add(table, index, event.count);",
        "queue.backlog.add(table, index, 1);",
    ),
    mutant(
        "ring",
        "a count does not say that it is one",
        "rust/events.rs",
        "flags: uapi::EVENT_ACCUMULATED,",
        "flags: 0,",
    ),
    mutant(
        "ring",
        "any tail is believed",
        "rust/ring.rs",
        "if head.wrapping_sub(word) <= self.capacity {",
        "if true {",
    ),
    mutant(
        "stuck",
        "a timer that waits for a worker is not armed",
        "rust/bpf_hrtimer/observe.rs",
        "is_armed: timer.is_armed || timer.is_running || is_untold,",
        "is_armed: timer.is_armed || timer.is_running,",
    ),
    mutant(
        "against_model",
        "a query tells when a timer was to fire that does not any more",
        "rust/bpf_hrtimer/observe.rs",
        "expires: is_queued.then_some(expires),",
        "expires: Some(expires),",
    ),
    mutant(
        "limits race_maps",
        "a user gets nothing back",
        "rust/users.rs",
        "        account.usage = account.usage.minus(self.usage);\n",
        "",
    ),
    mutant(
        "race_maps race_processes",
        "a closed map is listed still",
        "rust/map.rs",
        "        this.facility.registry.remove(&this);\n",
        "",
    ),
    mutant(
        "race_signals",
        "an op before a signal is done twice",
        "rust/submit.rs",
        "            if self.done > 0 {\n                no_signal()?;\n            }\n",
        "            if self.done > 0 && no_signal().is_err() {\n                \
         self.done = self.done.wrapping_sub(1);\n                return Ok(());\n            }\n",
    ),
    // Signals, and memory that is not there yet.
    mutant(
        "race_signals",
        "a read that a signal meets takes nothing",
        "rust/events.rs",
        "        if copied > 0 {\n            self.ring.take",
        "        if copied > 0 && !current!().signal_pending() {\n            self.ring.take",
    ),
    mutant(
        "race_signals",
        "an init that a signal ends finds the map full",
        "rust/places.rs",
        "return Err(Failure::Interrupted);",
        "return Err(Failure::MapFull);",
    ),
    mutant(
        "race_signals",
        "a signal takes the result of a cancel",
        "rust/ioctl.rs",
        "    let was_armed = map.cancel(handle_of(argument)?, family, process)?;\n",
        "    let was_armed = map.cancel(handle_of(argument)?, family, process)?;\n    \
         if kernel::current!().signal_pending() {\n        return Err(Failure::Interrupted);\n    }\n",
    ),
    mutant(
        "race_signals",
        "a cancel waits until there is a signal",
        "rust/bpf_hrtimer/engine.rs",
        "        while unsafe { bindings::flush_work(self.work()) } {}\n",
        "        while !kernel::current!().signal_pending() && self.is_work_running() {\n            \
         unsafe { bindings::schedule_timeout_interruptible(1) };\n        }\n",
    ),
    mutant(
        "race_signals",
        "a cancel that a signal meets keeps its reference",
        "rust/bpf_hrtimer/mod.rs",
        "while !unsafe { BpfHrtimer::put_or_take",
        "while !kernel::current!().signal_pending() && !unsafe { BpfHrtimer::put_or_take",
    ),
    mutant(
        "race_processes",
        "results are written where memory is there already",
        "rust/decode.rs",
        "        UserSlice::new(self.address, self.size)\n            .writer()\n            \
         .write_slice(values.as_bytes())\n            .map_err(|_| Failure::BadAddress)\n",
        "        let (to, bytes) = (self.address.as_mut_ptr(), values.as_bytes());\n        \
         #[allow(unsafe_code)]\n        \
         let left = unsafe { bindings::copy_to_user_nofault(to, bytes.as_ptr().cast(), bytes.len()) };\n        \
         expect(left == 0).map_err(|_| Failure::BadAddress)\n",
    ),
];
