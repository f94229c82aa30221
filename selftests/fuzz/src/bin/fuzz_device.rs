// SPDX-License-Identifier: GPL-2.0
//! Fuzzes the device, in the guest. Prints KTAP, and between that each input before it runs and the
//! inputs that are worth keeping: `fuzz_collect` reads these.

use clap::Parser;
use sleeptimer_fuzz::{
    executor::tell,
    fuzzer::{work, Task},
    protocol::{decode, Line},
    record::records,
    supervisor,
};
use sleeptimer_selftests::{kmemleak::Kmemleak, module, tests, Outcome};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Makes the calls of random inputs on /dev/sleeptimer, and keeps those that do something new.
#[derive(Parser)]
struct Arguments {
    /// The module, to load before and to unload after.
    #[arg(long)]
    module: Option<String>,
    /// How long, after the corpus was run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// A directory of inputs to begin with.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// Where the random numbers begin. A run does not repeat another: the kernel's part differs.
    #[arg(long)]
    seed: Option<u64>,
    /// Run only the inputs of the directory, and tell which of them to keep.
    #[arg(long)]
    minimise: bool,
    /// Run only this input, in base64, again and again.
    #[arg(long)]
    replay: Option<String>,
    /// Have the kernel look for leaks at the end.
    #[arg(long)]
    kmemleak: bool,
    /// Run the inputs; without this, a process with it is watched.
    #[arg(long, hide = true)]
    work: bool,
}

static ARGUMENTS: OnceLock<Arguments> = OnceLock::new();

/// The detector of leaks, if it was asked for.
static LEAKS: OnceLock<Kmemleak> = OnceLock::new();

fn arguments() -> &'static Arguments {
    ARGUMENTS.get_or_init(Arguments::parse)
}

fn main() -> ExitCode {
    if arguments().work {
        return match run_inputs() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                why.lines().for_each(|line| println!("# {line}"));
                ExitCode::FAILURE
            }
        };
    }
    if let Err(why) = prepare() {
        eprintln!("fuzz_device: {why}");
        return ExitCode::from(2);
    }
    sleeptimer_selftests::run(tests![the_kernel_survives, nothing_is_left])
}

fn prepare() -> Outcome {
    if arguments().kmemleak {
        let detector = Kmemleak::start()?;
        LEAKS.get_or_init(|| detector);
    }
    match &arguments().module {
        Some(module) => module::load(module, c""),
        None => Ok(()),
    }
}

/// Watches a process that runs inputs.
fn the_kernel_survives() -> Outcome {
    let arguments = std::env::args_os().skip(1);
    supervisor::watch(Command::new("/proc/self/exe").args(arguments).arg("--work"))
}

/// The unload fails if somebody still uses the module, and makes the kernel complain if an object
/// is left.
fn nothing_is_left() -> Outcome {
    if arguments().module.is_some() {
        module::unload()?;
    }
    LEAKS.get().map_or(Ok(()), Kmemleak::check)
}

fn run_inputs() -> Result<(), String> {
    let arguments = arguments();
    let mut inputs = match &arguments.corpus {
        Some(directory) => read_all(directory)?,
        None => Vec::new(),
    };
    let mut task = match arguments.minimise {
        true => Task::Minimise,
        false => Task::Fuzz,
    };
    if let Some(input) = &arguments.replay {
        task = Task::Replay;
        inputs = vec![decode(input)?];
        for record in records(&inputs[0]) {
            tell(&Line::Note(format!("# {record:?}")));
        }
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = time.map_or(0, |time| time.as_nanos() as u64);
    let seed = arguments.seed.unwrap_or(seed);
    work(task, inputs, Duration::from_secs(arguments.seconds), seed)
}

/// The contents of all files of a directory.
fn read_all(directory: &Path) -> Result<Vec<Vec<u8>>, String> {
    let describe = |error| format!("{}: {error}", directory.display());
    let files = fs::read_dir(directory).map_err(describe)?;
    files
        .map(|file| fs::read(file?.path()))
        .collect::<Result<_, _>>()
        .map_err(describe)
}
