// SPDX-License-Identifier: GPL-2.0
//! The loop: mutate an input that has done something of its own, run it, keep it if it does
//! something new.

use crate::{
    executor::{tell, DeviceExecutor},
    klog::{self, Log},
    mutator::{random_record, RecordMutator},
    protocol::Line,
    record::{Call, Record},
    run::Runner,
};
use libafl::{
    corpus::{Corpus, CorpusId, InMemoryCorpus},
    events::SimpleEventManager,
    feedbacks::{CrashFeedback, MaxMapFeedback},
    inputs::BytesInput,
    monitors::NopMonitor,
    mutators::{
        BitFlipMutator, ByteDecMutator, ByteIncMutator, ByteRandMutator, StdScheduledMutator,
    },
    schedulers::{IndexesLenTimeMinimizerScheduler, QueueScheduler},
    stages::StdMutationalStage,
    state::{HasCorpus, HasExecutions, HasRand, StdState},
    Error, Evaluator, Fuzzer, StdFuzzer,
};
use libafl_bolts::{
    rands::{Rand, StdRand},
    tuples::tuple_list,
};
use sleeptimer_selftests::KINDS;
use std::{
    collections::HashSet,
    num::NonZeroUsize,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

type Inputs = InMemoryCorpus<BytesInput>;
type State = StdState<Inputs, BytesInput, StdRand, Inputs>;

/// How many random inputs there are to begin with, if there is no corpus.
const ENOUGH: usize = 30;

/// An input is mutated at most so many times in a row.
const ITERATIONS: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(10);

/// The library's clock, which it asks of who uses it without its own threads and signals.
#[no_mangle]
extern "C" fn external_current_millis() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| time.as_millis() as u64)
}

/// What to do with the inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Run them, and then others that are made from them.
    Fuzz,
    /// Run them, and tell which of them to keep: those that do what no shorter one does.
    Minimise,
    /// Run them again and again.
    Replay,
}

/// Works for this long after it has run the inputs; fails with what the kernel has complained of.
pub fn work(task: Task, inputs: Vec<Vec<u8>>, time: Duration, seed: u64) -> Result<(), String> {
    let runner = Runner::new()?;
    if !runner.has_kcov() {
        tell(&Line::Note("# blind: this kernel has no KCOV".to_owned()));
    }
    let mut executor = DeviceExecutor::new(runner, Log::open()?);
    match run(&mut executor, task, inputs, time, seed) {
        Ok(()) | Err(Error::ShuttingDown) => {}
        Err(error) => return Err(error.to_string()),
    }
    match executor.complaint() {
        Some(complaint) => Err(format!("the kernel complains:\n{complaint}")),
        None if klog::is_tainted() => Err("the kernel is tainted".to_owned()),
        None => Ok(()),
    }
}

fn run(
    executor: &mut DeviceExecutor,
    task: Task,
    mut inputs: Vec<Vec<u8>>,
    time: Duration,
    seed: u64,
) -> Result<(), Error> {
    let mut feedback = MaxMapFeedback::new(executor.map());
    let mut objective = CrashFeedback::new();
    let mut state: State = StdState::new(
        StdRand::with_seed(seed),
        InMemoryCorpus::new(),
        InMemoryCorpus::new(),
        &mut feedback,
        &mut objective,
    )?;
    let scheduler = IndexesLenTimeMinimizerScheduler::new(executor.map(), QueueScheduler::new());
    let mut fuzzer = StdFuzzer::new(scheduler, feedback, objective);
    let mut manager = SimpleEventManager::new(NopMonitor::new());
    let mutator = StdScheduledMutator::new(tuple_list!(
        RecordMutator,
        RecordMutator,
        RecordMutator,
        BitFlipMutator::new(),
        ByteRandMutator::new(),
        ByteIncMutator::new(),
        ByteDecMutator::new(),
    ));
    let mut stages = tuple_list!(
        StdMutationalStage::<_, _, _, _, _, State, _>::with_max_iterations(mutator, ITERATIONS)
    );
    // Of two that do the same, the shorter one is kept.
    inputs.sort_by_key(Vec::len);
    let mut progress = Progress::new(match task {
        Task::Minimise => HashSet::new(),
        _ => inputs.iter().cloned().collect(),
    });
    if task == Task::Fuzz && inputs.is_empty() {
        inputs = make_up(state.rand_mut());
    }
    for input in &inputs {
        let input = BytesInput::from(input.as_slice());
        fuzzer.evaluate_input(&mut state, executor, &mut manager, &input)?;
        progress.tell(&state, executor.seen())?;
    }
    progress.note(&state, executor.seen());
    executor.end_in(time);
    loop {
        match task {
            Task::Minimise => return Ok(()),
            Task::Fuzz => drop(fuzzer.fuzz_one(&mut stages, executor, &mut state, &mut manager)?),
            Task::Replay => {
                for input in &inputs {
                    let input = BytesInput::from(input.as_slice());
                    fuzzer.evaluate_input(&mut state, executor, &mut manager, &input)?;
                }
            }
        }
        progress.tell(&state, executor.seen())?;
    }
}

/// Makes up inputs to begin with.
fn make_up(random: &mut impl Rand) -> Vec<Vec<u8>> {
    let mut inputs = lives();
    for _ in 0..ENOUGH {
        let number = 1 + random.below_or_zero(12);
        let records = (0..number).flat_map(|_| random_record(random));
        inputs.push(records.collect());
    }
    inputs
}

/// The lives of timers, one of each kind and for each of some delays.
fn lives() -> Vec<Vec<u8>> {
    let delays = [0, 3, 6, 7];
    let life = |kind, delay| {
        let records = [
            Record::of(Call::ProgramCreate, [0; 6]),
            Record::of(Call::Open, [0; 6]), // Taken for a step, and that for EVENT.
            Record::of(Call::Init, [kind, 0, 0, 0, 0, 0]),
            Record::of(Call::SetCallback, [0; 6]),
            Record::of(Call::Start, [0, delay, 0, 0, 0, 0]),
            Record::of(Call::Mod, [0, delay, 0, 0, 0, 0]),
            Record::of(Call::Query, [0; 6]),
            Record::of(Call::Wait, [2, 0, 0, 0, 0, 0]),
            Record::of(Call::Read, [0; 6]),
            Record::of(Call::Cancel, [0; 6]),
            Record::of(Call::Free, [0; 6]),
        ];
        records.into_iter().flat_map(Record::bytes).collect()
    };
    let kinds = 0..KINDS.len() as u8;
    kinds
        .flat_map(|kind| delays.map(|delay| life(kind, delay)))
        .collect()
}

/// What has been told.
struct Progress {
    start: Instant,
    told: Instant,
    /// Inputs that need not be told.
    known: HashSet<Vec<u8>>,
    /// The newest input of the corpus that was looked at.
    newest: Option<CorpusId>,
}

impl Progress {
    fn new(known: HashSet<Vec<u8>>) -> Self {
        let start = Instant::now();
        Self {
            start,
            told: start,
            known,
            newest: None,
        }
    }

    /// Tells of new inputs, and now and then how it goes.
    fn tell(&mut self, state: &State, seen: usize) -> Result<(), Error> {
        let corpus = state.corpus();
        let next = |newest| match newest {
            None => corpus.first(),
            Some(newest) => corpus.next(newest),
        };
        while let Some(id) = next(self.newest) {
            let input = corpus.cloned_input_for_id(id)?.into_inner();
            if self.known.insert(input.clone()) {
                tell(&Line::Keep(input));
            }
            self.newest = Some(id);
        }
        if self.told.elapsed() >= PROGRESS {
            self.note(state, seen);
        }
        Ok(())
    }

    /// Says how it goes.
    fn note(&mut self, state: &State, seen: usize) {
        self.told = Instant::now();
        tell(&Line::Note(format!(
            "# {} s: {} executions, {} inputs in the corpus, {seen} features",
            self.start.elapsed().as_secs(),
            state.executions(),
            state.corpus().count(),
        )));
    }
}
