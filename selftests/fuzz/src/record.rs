// SPDX-License-Identifier: GPL-2.0
//! What the bytes of an input mean. All bytes mean something, so that any change of an input is
//! one.

use crate::values::pick;

/// How long a record is, in bytes.
pub const SIZE: usize = 8;

/// An input has no more records than this.
pub const MOST: usize = 64;

/// A call, and the bytes that say with what: what they mean depends on the call.
#[derive(Clone, Copy)]
pub struct Record([u8; SIZE]);

/// What a record calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Opens a map in the place of another.
    Open,
    /// Sets its sizes.
    Setup,
    /// Gives it another file descriptor.
    Dup,
    /// Closes one of them.
    Close,
    /// Asks what the kernel offers.
    Info,
    /// Makes a program: the next records are its steps.
    ProgramCreate,
    /// Takes the name of a program away.
    ProgramDestroy,
    /// Asks how a program has fared.
    ProgramQuery,
    /// Makes a timer of any kind.
    Init,
    /// Binds a program to a timer.
    SetCallback,
    /// Arms a timer.
    Start,
    /// Arms a delayed_wq anew.
    Mod,
    /// Disarms a timer and waits.
    Cancel,
    /// As above, and keeps the program.
    CancelNoDrop,
    /// Disarms a timer.
    CancelAsync,
    /// Frees a timer.
    Free,
    /// Looks at a timer.
    Query,
    /// Submits a batch: the next records are its ops.
    Submit,
    /// Maps pages of the ring.
    Mmap,
    /// Unmaps them.
    Munmap,
    /// Changes what may be done with them.
    Protect,
    /// Writes to the consumer's page.
    Scribble,
    /// Reads events.
    Read,
    /// Waits for events.
    Poll,
    /// Gives the timers time.
    Wait,
    /// Makes room in a pipe or a socket.
    Drain,
    /// Makes a request with meaningless bytes.
    Request,
}

/// The calls by number. Those that are here more often are more likely.
const CALLS: [Call; 44] = {
    use Call::{
        Cancel, CancelAsync, CancelNoDrop, Close, Drain, Dup, Free, Info, Init, Mmap, Mod, Munmap,
        Open, Poll, ProgramCreate, ProgramDestroy, ProgramQuery, Protect, Query, Read, Request,
        Scribble, SetCallback, Setup, Start, Submit, Wait,
    };
    [
        Open,
        Setup,
        Dup,
        Close,
        Info,
        Request,
        Drain, // Around the map.
        Mmap,
        Munmap,
        Protect,
        Scribble,
        Scribble,
        Read,
        Read,
        Poll, // The ring.
        ProgramCreate,
        ProgramCreate,
        ProgramCreate,
        ProgramDestroy,
        ProgramQuery, // Programs.
        Init,
        Init,
        Init,
        Init,
        SetCallback,
        SetCallback,
        SetCallback, // Timers.
        Start,
        Start,
        Start,
        Start,
        Start,
        Mod,
        Mod,
        Cancel,
        Cancel,
        CancelNoDrop,
        CancelAsync,
        Free,
        Free,
        Query,
        Submit,
        Wait,
        Wait,
    ]
};

/// In what way the structure of a request is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// It is as it should be.
    None,
    /// It is at this address.
    At(usize),
    /// Its end is in a page that is not there.
    Cut,
    /// It cannot be written.
    ReadOnly,
    /// It is in the mapped ring.
    InRing,
    /// It is at an odd address.
    Unaligned,
    /// The number of the request tells another size.
    Size,
    /// The number of the request tells another direction.
    Direction,
    /// One of its bytes is another.
    Byte,
}

/// Addresses where nothing of ours is.
pub const NOWHERE: [usize; 6] = [
    0,
    8,
    usize::MAX,
    usize::MAX - 7,
    0xffff_8880_0000_0000,
    0x8000_0000_0000_0000,
];

/// Which maps there are: the first is set up when an input starts.
pub const MAPS: usize = 3;
const MAP: [usize; 8] = [0, 0, 0, 0, 0, 1, 1, 2];

/// Set in the first byte of what the second thread calls.
const SECOND_THREAD: u8 = 0x80;

impl Record {
    /// A record that is like most: one in eight is of the second thread, and few are odd.
    pub fn plain(random: [u8; 2 * SIZE]) -> Self {
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(&random[..SIZE]);
        if random[SIZE] % 8 != 0 {
            bytes[0] &= !SECOND_THREAD;
        }
        // Odd structures are at the upper end.
        bytes[1] = bytes[1].min(random[SIZE + 1]).min(random[SIZE + 2]);
        Self(bytes)
    }

    /// A call of the first thread on the first map.
    pub fn of(call: Call, arguments: [u8; SIZE - 2]) -> Self {
        let number = CALLS.iter().position(|&one| one == call);
        let [a, b, c, d, e, f] = arguments;
        Self([number.unwrap_or_default() as u8, 0, a, b, c, d, e, f])
    }

    /// Its bytes.
    pub fn bytes(self) -> [u8; SIZE] {
        self.0
    }

    /// Whether the second of the two threads makes the call.
    pub fn is_second_thread(self) -> bool {
        self.0[0] & SECOND_THREAD != 0
    }

    /// What to call.
    pub fn call(self) -> Call {
        pick(&CALLS, self.0[0] & !SECOND_THREAD)
    }

    /// On which map.
    pub fn map(self) -> usize {
        pick(&MAP, self.0[1])
    }

    /// What is odd about the structure of a request.
    pub fn oddity(self) -> Oddity {
        match self.0[1] {
            0..=199 => Oddity::None,
            200..=215 => Oddity::At(pick(&NOWHERE, self.0[7])),
            216..=221 => Oddity::Cut,
            222..=227 => Oddity::ReadOnly,
            228..=231 => Oddity::InRing,
            232..=235 => Oddity::Unaligned,
            236..=239 => Oddity::Size,
            240..=243 => Oddity::Direction,
            244..=255 => Oddity::Byte,
        }
    }

    /// An argument, 0 to 5.
    pub fn argument(self, number: usize) -> u8 {
        self.0.get(2 + number).copied().unwrap_or_default()
    }
}

/// The records of an input; bytes that are too few for one are none.
pub fn records(input: &[u8]) -> Vec<Record> {
    let whole = input.chunks_exact(SIZE).take(MOST);
    whole
        .filter_map(|bytes| bytes.try_into().ok())
        .map(Record)
        .collect()
}

impl std::fmt::Debug for Record {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        let thread = if self.is_second_thread() { 2 } else { 1 };
        let arguments = &self.0[2..];
        write!(
            formatter,
            "thread {thread}, map {}: {:?} {arguments:?}, oddity {:?}",
            self.map(),
            self.call(),
            self.oddity()
        )
    }
}
