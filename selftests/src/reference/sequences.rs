// SPDX-License-Identifier: GPL-2.0
//! Random sequences of calls, most of which make sense: the model says what there is.

use super::{
    calls::{
        Arguments, Call, Entry, EntryCall, Init, Op, Start, Step, Target, Wrong, WrongOp, PROGRAMS,
        TIMERS,
    },
    timer::{AGE, FAR},
    Moment, Reference, CLOCKS,
};
use nix::unistd::{sysconf, SysconfVar};
use proptest::{
    collection::vec,
    prelude::{any, Just, Rng, Strategy},
    strategy::{BoxedStrategy, NewTree, ValueTree},
    test_runner::TestRunner,
};
use proptest_state_machine::ReferenceStateMachine;
use sleeptimer::{Kind, Sizes};
use sleeptimer_sys as sys;
use std::{borrow::Cow, fmt::Debug};

/// Sequences of calls of one map.
pub struct Sequences;

impl ReferenceStateMachine for Sequences {
    type State = Reference;
    type Transition = Call;

    fn init_state() -> BoxedStrategy<Reference> {
        let model = |sizes| Reference::new(sizes, cpus());
        sizes(1).prop_map(model).boxed()
    }

    fn transitions(model: &Reference) -> BoxedStrategy<Call> {
        Next::of(model).boxed()
    }

    fn preconditions(model: &Reference, call: &Call) -> bool {
        model.predicts(call)
    }

    fn apply(mut model: Reference, call: &Call) -> Reference {
        model.call(call, &Moment::NEVER);
        model
    }
}

/// How many CPUs the machine has.
pub fn cpus() -> u32 {
    let online = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten();
    online.map_or(1, |cpus| cpus as u32)
}

/// Sizes from `least` on, which are easily exceeded.
fn sizes(least: u32) -> impl Strategy<Value = Sizes> {
    let up_to = |most: u8| least..=u32::from(most);
    (up_to(TIMERS), up_to(PROGRAMS), up_to(8)).prop_map(|(timers, programs, events)| Sizes {
        timers,
        programs,
        events,
    })
}

/// The value at a place, of a list in which each takes as many places as it says.
fn at<T: Copy>(values: &[(u32, T)], mut place: u32) -> T {
    let chosen = values.iter().find(|(weight, _)| {
        let is_here = place < *weight;
        place = place.saturating_sub(*weight);
        is_here
    });
    chosen.unwrap_or(&values[0]).1
}

fn places<T>(values: &[(u32, T)]) -> u32 {
    values.iter().map(|(weight, _)| weight).sum()
}

/// One of some values, each as often as it says, compared to the others. The first is the simplest.
fn weighted<T: Copy + Debug + 'static>(
    values: impl Into<Cow<'static, [(u32, T)]>>,
) -> impl Strategy<Value = T> {
    let values = values.into();
    (0..places(&values)).prop_map(move |place| at(&values, place))
}

/// The same, chosen now and for good.
fn pick<T: Copy>(runner: &mut TestRunner, values: &[(u32, T)]) -> T {
    at(values, runner.rng().random_range(0..places(values)))
}

/// What there is when a call is chosen, and the call: what is chosen first, the timer and the entry
/// point, stays when a sequence is made simpler, so that nothing is prepared for what is not chosen.
#[derive(Clone, Debug)]
struct Next {
    is_set_up: bool,
    has_records: bool,
    kinds: [Option<Kind>; TIMERS as usize],
    bound: [bool; TIMERS as usize],
    named: [bool; PROGRAMS as usize],
}

/// An op of a batch that is chosen next.
#[derive(Debug)]
struct NextOp(Next);

impl Strategy for Next {
    type Tree = Box<dyn ValueTree<Value = Call>>;
    type Value = Call;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        self.call(runner).new_tree(runner)
    }
}

impl Strategy for NextOp {
    type Tree = Box<dyn ValueTree<Value = Op>>;
    type Value = Op;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        const WRONG: &[(u32, WrongOp)] = &[
            (60, WrongOp::No),
            (1, WrongOp::Pad),
            (1, WrongOp::Flag),
            (1, WrongOp::Opcode),
            (1, WrongOp::Field),
        ];
        let is_linked = weighted(&[(3, false), (1, true)]);
        let op = (self.0.entry(runner, true), is_linked, weighted(WRONG));
        op.prop_map(|(call, is_linked, wrong)| Op {
            call,
            is_linked,
            wrong,
        })
        .boxed()
        .new_tree(runner)
    }
}

/// Kinds of calls.
#[derive(Clone, Copy)]
enum Family {
    Entry,
    Create,
    Destroy,
    QueryProgram,
    Query,
    Submit,
    Read,
    Other,
}

impl Next {
    fn of(model: &Reference) -> Self {
        Self {
            is_set_up: model.sizes().is_some(),
            has_records: model.nr_records() > 0,
            kinds: std::array::from_fn(|name| model.kind(name as u8)),
            bound: std::array::from_fn(|name| model.is_bound(name as u8)),
            named: std::array::from_fn(|name| model.is_named(Target::Last(name as u8))),
        }
    }

    fn call(&self, runner: &mut TestRunner) -> BoxedStrategy<Call> {
        const ROOMS: &[(u32, u32)] = &[(4, 16), (1, 2), (1, 1), (1, 0)];
        const RECORDS: &[(u32, usize)] = &[(6, 64), (1, 1), (1, 2), (1, 0)];
        const WRONG: &[(u32, Wrong)] = &[
            (60, Wrong::No),
            (1, Wrong::Flag),
            (1, Wrong::Reserved),
            (1, Wrong::Address),
        ];
        let wrong = weighted(WRONG);
        if !self.is_set_up && runner.rng().random_ratio(4, 5) {
            return sizes(0).prop_map(Call::SetUp).boxed();
        }
        let has_program = self.named.contains(&true);
        let families = [
            (24, Family::Entry),
            (if has_program { 2 } else { 20 }, Family::Create),
            (1, Family::Destroy),
            (1, Family::QueryProgram),
            (1, Family::Query),
            (4, Family::Submit),
            (if self.has_records { 3 } else { 1 }, Family::Read),
            (1, Family::Other),
        ];
        match pick(runner, &families) {
            Family::Entry => (self.entry(runner, false), wrong)
                .prop_map(|(call, wrong)| Call::Single(call, wrong))
                .boxed(),
            Family::Create => {
                let name = runner.rng().random_range(0..PROGRAMS);
                (steps(runner), wrong)
                    .prop_map(move |(steps, wrong)| Call::Create(name, steps, wrong))
                    .boxed()
            }
            Family::Destroy => (self.program(), wrong)
                .prop_map(|(program, wrong)| Call::Destroy(program, wrong))
                .boxed(),
            Family::QueryProgram => (self.program(), weighted(ROOMS), wrong)
                .prop_map(|(program, room, wrong)| Call::QueryProgram(program, room, wrong))
                .boxed(),
            Family::Query => {
                let timer = self.timer(runner, 1);
                wrong
                    .prop_map(move |wrong| Call::Query(timer, wrong))
                    .boxed()
            }
            Family::Submit => (vec(NextOp(self.clone()), 0..6), wrong)
                .prop_map(|(ops, wrong)| Call::Submit(ops, wrong))
                .boxed(),
            Family::Read => (weighted(RECORDS), wrong)
                .prop_map(|(room, wrong)| Call::Read(room, wrong))
                .boxed(),
            Family::Other => Just(match runner.rng().random_range(0..10) {
                0..4 => Call::Duplicate,
                4..6 => Call::Reopen,
                6..8 => Call::GetInfo,
                8 => Call::Unknown,
                _ => Call::SetUp(Sizes::default()),
            })
            .boxed(),
        }
    }

    /// The name of a timer, most often of one that there is.
    fn timer(&self, runner: &mut TestRunner, zeros: u32) -> Target {
        let exist = self.kinds.map(|kind| kind.is_some());
        pick(runner, &targets(&exist, zeros, 4))
    }

    /// The name of a program, most often of one that there is.
    fn program(&self) -> impl Strategy<Value = Target> {
        weighted(targets(&self.named, 1, 1))
    }

    /// The call of an entry point: most often of one that makes sense.
    fn entry(&self, runner: &mut TestRunner, is_op: bool) -> BoxedStrategy<EntryCall> {
        use Entry::*;

        let timer = self.timer(runner, if is_op { 20 } else { 1 });
        let makes_sense = runner.rng().random_ratio(7, 8);
        let is_usual = runner.rng().random_ratio(3, 4);
        let (kind, is_bound) = match timer {
            Target::Last(name) => (self.kinds[usize::from(name)], self.bound[usize::from(name)]),
            _ => (None, false),
        };
        let entries: &[Entry] = match (timer, kind) {
            (Target::Last(_), Some(kind)) if makes_sense => match entries_for(kind) {
                // The first binds a program.
                entries if is_usual && !is_bound => &entries[..1],
                entries => entries,
            },
            (Target::Last(_), None) if makes_sense => {
                &[TimerInit, DelayedWqInit, WqInit, DelayedWqInit, TimerInit]
            }
            _ => &Entry::OF_TIMERS,
        };
        let entry = entries[runner.rng().random_range(0..entries.len())];
        let with = match entry {
            TimerInit | WqInit | DelayedWqInit if is_op && is_usual => {
                let parts = (init(entry), self.program());
                parts
                    .prop_map(|(init, program)| Arguments::Init(Init { program, ..init }))
                    .boxed()
            }
            TimerInit | WqInit | DelayedWqInit => init(entry).prop_map(Arguments::Init).boxed(),
            TimerSetCallback | TimerSetSleepableCb | WqSetCallback | DelayedWqSetCallback => {
                self.program().prop_map(Arguments::Program).boxed()
            }
            TimerStart | WqStart | DelayedWqStart | DelayedWqMod => {
                let start = match kind.filter(|_| is_usual) {
                    Some(Kind::SleepableTimer | Kind::Wq) => Just(Start::NOW).boxed(),
                    Some(Kind::DelayedWq) => delay().boxed(),
                    _ if is_op => start().prop_map(Start::in_batch).boxed(),
                    _ => start().boxed(),
                };
                start.prop_map(Arguments::Start).boxed()
            }
            TimerCancel | TimerCancelNoDrop | TimerCancelAsync | WqCancel | DelayedWqCancel
            | Free => Just(Arguments::Nothing).boxed(),
        };
        with.prop_map(move |with| EntryCall { entry, timer, with })
            .boxed()
    }
}

/// Names: of what is not there as often as it says, and the number 0 too.
fn targets(exist: &[bool], zeros: u32, absent: u32) -> Vec<(u32, Target)> {
    let mut targets = Vec::new();
    for (name, &exists) in (0..).zip(exist) {
        let weight = if exists { 24 } else { absent };
        targets.push((weight, Target::Last(name)));
        targets.push((1, Target::Former(name)));
        if exists {
            targets.push((1, Target::Next(name)));
        }
    }
    targets.extend([(zeros, Target::Zero), (1, Target::Nobody)]);
    targets
}

/// The entry points for a kind, each as often as it stands there.
fn entries_for(kind: Kind) -> &'static [Entry] {
    use Entry::*;

    match kind {
        Kind::Timer => &[
            TimerSetCallback,
            TimerStart,
            TimerStart,
            TimerStart,
            TimerStart,
            TimerCancel,
            TimerCancelNoDrop,
            TimerCancelAsync,
            Free,
        ],
        Kind::SleepableTimer => &[
            TimerSetSleepableCb,
            TimerStart,
            TimerStart,
            TimerStart,
            TimerStart,
            TimerCancel,
            TimerCancelNoDrop,
            TimerCancelAsync,
            Free,
        ],
        Kind::Wq => &[WqSetCallback, WqStart, WqStart, WqStart, WqCancel, Free],
        Kind::DelayedWq | Kind::HighresDelayedWq => &[
            DelayedWqSetCallback,
            DelayedWqStart,
            DelayedWqStart,
            DelayedWqMod,
            DelayedWqCancel,
            Free,
        ],
    }
}

fn steps(runner: &mut TestRunner) -> BoxedStrategy<Vec<Step>> {
    use Step::{Event, EventFd, Fail, Sleep, TooLong, Unknown};

    const SOFTIRQ: &[(u32, Step)] = &[(3, Event), (1, EventFd)];
    const FIRST: &[(u32, Step)] = &[(3, Event), (1, Fail)];
    const ANY: &[(u32, Step)] = &[(4, Sleep), (3, Event), (1, EventFd), (1, Fail)];
    const WRONG: &[(u32, Step)] = &[(3, Event), (1, TooLong), (1, Unknown)];
    match runner.rng().random_range(0..9) {
        0..4 => vec(weighted(SOFTIRQ), 1..=2).boxed(),
        4..8 => (weighted(FIRST), vec(weighted(ANY), 0..=3))
            .prop_map(|(first, others)| [vec![first], others].concat())
            .boxed(),
        _ => vec(weighted(WRONG), 0..=2).boxed(),
    }
}

fn init(entry: Entry) -> impl Strategy<Value = Init> {
    const CLOCK: &[(u32, u32)] = &[
        (16, CLOCKS[0]),
        (1, CLOCKS[1]),
        (1, CLOCKS[2]),
        (1, CLOCKS[3]),
        (1, 2),
    ];
    const FLAGS: &[(u32, u32)] = &[(10, 0), (10, 1), (1, 2)];
    const NO_FLAGS: &[(u32, u32)] = &[(20, 0), (1, 1)];
    let flags = match entry {
        Entry::WqInit => NO_FLAGS,
        _ => FLAGS,
    };
    let parts = (weighted(flags), weighted(CLOCK), any::<u8>());
    parts.prop_map(|(flags, clock, user_data)| Init {
        flags,
        clock,
        user_data: user_data.into(),
        program: Target::Zero,
    })
}

const EXPIRES: &[(u32, u64)] = &[
    (12, 0),
    (8, FAR),
    (4, 5 * FAR),
    (1, 1),
    (1, AGE << 1),
    (1, u64::MAX),
];

/// A start that takes no more than a delay.
fn delay() -> impl Strategy<Value = Start> {
    weighted(EXPIRES).prop_map(|expires| Start {
        expires,
        ..Start::NOW
    })
}

fn start() -> impl Strategy<Value = Start> {
    const ABS: u32 = sys::SLEEPTIMER_START_ABS;
    const PIN: u32 = sys::SLEEPTIMER_START_CPU_PIN;
    const CPU: u32 = sys::SLEEPTIMER_START_CPU;
    const FLAGS: &[(u32, (u32, u32))] = &[
        (24, (0, 0)),
        (6, (ABS, 0)),
        (2, (PIN, 0)),
        (2, (CPU, 0)),
        (2, (CPU, 1)),
        (1, (CPU | ABS, 1)),
        (1, (CPU, 4096)),
        (1, (CPU, u32::MAX)),
        (1, (CPU | PIN, 0)),
        (1, (0, 1)),
        (1, (4, 0)),
    ];
    const SLACKS: &[(u32, u64)] = &[(12, 0), (1, 5)];
    const PERIODS: &[(u32, u64)] = &[
        (24, 0),
        (4, 2 * FAR),
        (1, 10_000),
        (1, 9_999),
        (2, AGE),
        (1, u64::MAX),
    ];
    let parts = (
        weighted(EXPIRES),
        weighted(FLAGS),
        weighted(SLACKS),
        weighted(PERIODS),
    );
    parts.prop_map(|(expires, (flags, cpu), slack, period)| {
        let is_far = flags & ABS != 0 && (FAR..AGE).contains(&expires);
        Start {
            // A time that far away has been on some clocks.
            expires: if is_far { expires + 2 * AGE } else { expires },
            flags,
            cpu,
            slack,
            period,
        }
    })
}

impl Start {
    /// At once.
    const NOW: Self = Self {
        expires: 0,
        flags: 0,
        cpu: 0,
        slack: 0,
        period: 0,
    };

    /// The same as an op of a batch can have it.
    fn in_batch(self) -> Self {
        Self {
            slack: 0,
            period: match self.period {
                0 => 0,
                _ => self.expires,
            },
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng};

    /// What comes of all calls of entry points in many sequences.
    fn outcomes() -> Vec<(Entry, Result<u32, Errno>)> {
        let random = TestRng::from_seed(RngAlgorithm::XorShift, &[1; 16]);
        let config = Config {
            max_local_rejects: u32::MAX,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, random);
        let strategy = Sequences::sequential_strategy(40);
        let mut outcomes = Vec::new();
        for _ in 0..500 {
            let tree = strategy.new_tree(&mut runner).expect("a sequence");
            let (mut model, calls, _) = tree.current();
            for call in calls {
                let answer = model.call(&call, &Moment::NEVER).answer;
                if let Call::Single(call, Wrong::No) = call {
                    outcomes.push((call.entry, answer));
                }
            }
        }
        outcomes
    }

    #[test]
    fn most_calls_make_sense() {
        let outcomes = outcomes();
        let succeeded = outcomes.iter().filter(|(_, answer)| answer.is_ok());
        assert!(succeeded.count() > outcomes.len() / 2);
        let inits = [Entry::TimerInit, Entry::WqInit, Entry::DelayedWqInit];
        for wanted in inits.into_iter().chain(Entry::OF_TIMERS) {
            let has = |answer| outcomes.contains(&(wanted, answer));
            assert!(has(Ok(0)), "{wanted:?} never succeeds");
            assert!(
                has(Err(Errno::EINVAL)) || wanted == Entry::Free,
                "{wanted:?}"
            );
        }
    }

    #[test]
    fn every_error_comes() {
        let outcomes = outcomes();
        for wanted in [
            (Entry::TimerInit, Err(Errno::ENOSPC)),
            (Entry::TimerStart, Err(Errno::ENOENT)),
            (Entry::TimerStart, Err(Errno::ENXIO)),
            (Entry::DelayedWqStart, Err(Errno::ENXIO)),
            (Entry::TimerCancelAsync, Err(Errno::EPERM)),
            (Entry::TimerCancelAsync, Ok(1)),
            (Entry::TimerCancel, Ok(1)),
            (Entry::WqCancel, Ok(1)),
            (Entry::DelayedWqCancel, Ok(1)),
            (Entry::DelayedWqMod, Ok(1)),
        ] {
            assert!(outcomes.contains(&wanted), "{wanted:?} never comes");
        }
    }
}
