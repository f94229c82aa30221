// SPDX-License-Identifier: GPL-2.0
//! Calls, by names that mean the same however much of a sequence is left out.

use sleeptimer::{Kind, Sizes};
use sleeptimer_sys as sys;
use std::fmt;

/// How many names there are for timers.
pub const TIMERS: u8 = 5;
/// How many names there are for programs.
pub const PROGRAMS: u8 = 4;

/// Which timer or program a call names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The last one that was given this name; it may be gone.
    Last(u8),
    /// The one before that.
    Former(u8),
    /// The next that will have the place of the last one.
    Next(u8),
    /// The number 0: in a batch, the timer of the last init; of an init there, no program.
    Zero,
    /// A number that is far out of range.
    Nobody,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Last(name) => write!(f, "#{name}"),
            Target::Former(name) => write!(f, "former #{name}"),
            Target::Next(name) => write!(f, "next #{name}"),
            Target::Zero => write!(f, "0"),
            Target::Nobody => write!(f, "nobody"),
        }
    }
}

/// A call of the device.
#[derive(Clone, Debug)]
pub enum Call {
    /// `GET_INFO`.
    GetInfo,
    /// `SETUP`.
    SetUp(Sizes),
    /// `PROGRAM_CREATE`, of a program that gets a name.
    Create(u8, Vec<Step>, Wrong),
    /// `PROGRAM_DESTROY`.
    Destroy(Target, Wrong),
    /// `PROGRAM_QUERY`, with an array so long.
    QueryProgram(Target, u32, Wrong),
    /// `QUERY`.
    Query(Target, Wrong),
    /// The call of an entry point, alone.
    Single(EntryCall, Wrong),
    /// `SUBMIT`.
    Submit(Vec<Op>, Wrong),
    /// `read` of so many records at most.
    Read(usize, Wrong),
    /// `dup`, and a close of the old file.
    Duplicate,
    /// The last close, and another open.
    Reopen,
    /// A request that there is not.
    Unknown,
}

/// What is wrong with the memory of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing.
    No,
    /// A flag that there is not.
    Flag,
    /// A reserved field that is not zero, if there is one; else as above.
    Reserved,
    /// It is not there.
    Address,
}

/// A step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Delivers an event.
    Event,
    /// Adds 1 to the eventfd.
    EventFd,
    /// Sleeps longer than any run lasts.
    Sleep,
    /// Writes to a pipe that nobody reads.
    Fail,
    /// Sleeps longer than is allowed.
    TooLong,
    /// Is no step.
    Unknown,
}

/// An entry point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Entry {
    TimerInit,
    TimerSetCallback,
    TimerSetSleepableCb,
    TimerStart,
    TimerCancel,
    TimerCancelNoDrop,
    TimerCancelAsync,
    WqInit,
    WqSetCallback,
    WqStart,
    WqCancel,
    DelayedWqInit,
    DelayedWqSetCallback,
    DelayedWqStart,
    DelayedWqMod,
    DelayedWqCancel,
    Free,
}

use Entry::*;

impl Entry {
    /// All entry points that need a timer.
    pub const OF_TIMERS: [Entry; 14] = [
        TimerSetCallback,
        TimerSetSleepableCb,
        TimerStart,
        TimerCancel,
        TimerCancelNoDrop,
        TimerCancelAsync,
        WqSetCallback,
        WqStart,
        WqCancel,
        DelayedWqSetCallback,
        DelayedWqStart,
        DelayedWqMod,
        DelayedWqCancel,
        Free,
    ];

    /// The number of its `ioctl`.
    pub fn request(self) -> u32 {
        match self {
            TimerInit => sys::SLEEPTIMER_IOC_TIMER_INIT,
            TimerSetCallback => sys::SLEEPTIMER_IOC_TIMER_SET_CALLBACK,
            TimerSetSleepableCb => sys::SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB,
            TimerStart => sys::SLEEPTIMER_IOC_TIMER_START,
            TimerCancel => sys::SLEEPTIMER_IOC_TIMER_CANCEL,
            TimerCancelNoDrop => sys::SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP,
            TimerCancelAsync => sys::SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC,
            WqInit => sys::SLEEPTIMER_IOC_WQ_INIT,
            WqSetCallback => sys::SLEEPTIMER_IOC_WQ_SET_CALLBACK,
            WqStart => sys::SLEEPTIMER_IOC_WQ_START,
            WqCancel => sys::SLEEPTIMER_IOC_WQ_CANCEL,
            DelayedWqInit => sys::SLEEPTIMER_IOC_DELAYED_WQ_INIT,
            DelayedWqSetCallback => sys::SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK,
            DelayedWqStart => sys::SLEEPTIMER_IOC_DELAYED_WQ_START,
            DelayedWqMod => sys::SLEEPTIMER_IOC_DELAYED_WQ_MOD,
            DelayedWqCancel => sys::SLEEPTIMER_IOC_DELAYED_WQ_CANCEL,
            Free => sys::SLEEPTIMER_IOC_FREE,
        }
    }

    /// Its number in a batch.
    pub fn opcode(self) -> u8 {
        self.request().to_le_bytes()[0]
    }

    /// Whether it is for timers of this kind.
    pub fn is_for(self, kind: Kind) -> bool {
        match self {
            TimerSetCallback => kind == Kind::Timer,
            TimerSetSleepableCb => kind == Kind::SleepableTimer,
            TimerInit | TimerStart | TimerCancel | TimerCancelNoDrop | TimerCancelAsync => {
                matches!(kind, Kind::Timer | Kind::SleepableTimer)
            }
            WqInit | WqSetCallback | WqStart | WqCancel => kind == Kind::Wq,
            DelayedWqInit | DelayedWqSetCallback | DelayedWqStart | DelayedWqMod
            | DelayedWqCancel => matches!(kind, Kind::DelayedWq | Kind::HighresDelayedWq),
            Free => true,
        }
    }
}

/// A call of an entry point.
#[derive(Clone)]
pub struct EntryCall {
    /// Which.
    pub entry: Entry,
    /// The timer; of an init, the name that it gets.
    pub timer: Target,
    /// The rest.
    pub with: Arguments,
}

impl fmt::Debug for EntryCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}{:?}", self.entry, self.timer, self.with)
    }
}

/// What a call of an entry point has beside its timer, as it is given to the device.
#[derive(Clone, Copy)]
pub enum Arguments {
    /// Of an init.
    Init(Init),
    /// Of a `set_callback`: the program.
    Program(Target),
    /// Of a start.
    Start(Start),
    /// Of a cancel and a free.
    Nothing,
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arguments::Init(init) => {
                let Init { flags, clock, .. } = init;
                write!(f, " flags {flags} clock {clock} data {}", init.user_data)?;
                match init.program {
                    Target::Zero => Ok(()),
                    program => write!(f, " program {program:?}"),
                }
            }
            Arguments::Program(program) => write!(f, " program {program:?}"),
            Arguments::Start(start) => {
                write!(f, " time {}", start.expires)?;
                let others = [
                    ("flags", start.flags.into()),
                    ("cpu", start.cpu.into()),
                    ("slack", start.slack),
                    ("period", start.period),
                ];
                let mut others = others.iter().filter(|(_, value)| *value != 0);
                others.try_for_each(|(name, value)| write!(f, " {name} {value}"))
            }
            Arguments::Nothing => Ok(()),
        }
    }
}

/// See `struct sleeptimer_init`.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Init {
    pub flags: u32,
    pub clock: u32,
    pub user_data: u64,
    /// In a batch, what is bound.
    pub program: Target,
}

/// See `struct sleeptimer_start`.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Start {
    pub expires: u64,
    pub flags: u32,
    pub cpu: u32,
    /// Not in a batch.
    pub slack: u64,
    /// In a batch, any but 0 is the expiry.
    pub period: u64,
}

/// An op of a batch.
#[derive(Clone)]
pub struct Op {
    /// What it calls.
    pub call: EntryCall,
    /// Whether its failure is that of the next one.
    pub is_linked: bool,
    /// What is wrong with it.
    pub wrong: WrongOp,
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = if self.is_linked { ", linked" } else { "" };
        write!(f, "{:?}{link}", self.call)?;
        match self.wrong {
            WrongOp::No => Ok(()),
            wrong => write!(f, ", wrong: {wrong:?}"),
        }
    }
}

/// What is wrong with an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongOp {
    /// Nothing.
    No,
    /// The padding is not zero.
    Pad,
    /// A flag of ops that there is not.
    Flag,
    /// A number that no entry point has.
    Opcode,
    /// A field that the call does not take.
    Field,
}
