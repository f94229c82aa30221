// SPDX-License-Identifier: GPL-2.0

//! A running machine: passes its output on, takes its report, and sees to its end.
//!
//! One loop waits for all there is: the two ports, the standard output, signals, the deadline.
//! Nothing in it blocks elsewhere, so that a reader of the output that does not read keeps neither
//! the deadline nor a signal from being seen.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use guest_init::report::Report;
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{kill, SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{write, Pid};

/// What a ready pipe takes without blocking.
const PIPE_BUF: usize = 4096;

/// How much output to read at once.
const OUTPUT_CHUNK: usize = 64 << 10;

/// A report is not longer than this.
const REPORT_LIMIT: usize = 64 << 10;

/// How long QEMU may take to end when it is asked to.
const TERM_LIMIT: Duration = Duration::from_secs(2);

/// The signals that end a run.
const SIGNALS: [Signal; 4] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
];

/// How a machine came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// QEMU ended by itself, after the guest's report if there is one.
    Ended(Option<Report>),
    /// The deadline passed.
    TimedOut,
    /// This signal, as a number, interrupted the run.
    Interrupted(u8),
}

/// What there is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Signal,
    Status,
    Output,
    Writable,
}

/// The signals that end a run, taken off their usual course.
pub struct Signals(SignalFd);

impl Signals {
    /// Blocks the signals and has them read from a descriptor.
    pub fn block() -> Result<Self> {
        let signals: SigSet = SIGNALS.into_iter().collect();
        signals.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&signals, flags)?))
    }

    /// Has a child get the signals again.
    pub fn unblock() -> io::Result<()> {
        let signals: SigSet = SIGNALS.into_iter().collect();
        Ok(signals.thread_unblock()?)
    }
}

/// A running machine. It is killed when this is dropped.
pub struct Session {
    qemu: Child,
    signals: Signals,
    /// The host's end of the output port, until QEMU closes the other.
    output: Option<UnixStream>,
    /// The host's end of the status port, until QEMU closes the other.
    status: Option<UnixStream>,
    /// What came from the output port and is not written yet.
    pending: Vec<u8>,
    /// What came from the status port.
    reported: Vec<u8>,
    report: Option<Report>,
    acknowledged: bool,
    /// How many bytes came from the output port.
    received: u64,
    /// Why the output could not be written, if so.
    write_error: Option<Errno>,
}

impl Session {
    /// Takes over a running QEMU, and the host's ends of its ports.
    pub fn new(qemu: Child, signals: Signals, output: UnixStream, status: UnixStream) -> Self {
        Self {
            qemu,
            signals,
            output: Some(output),
            status: Some(status),
            pending: Vec::new(),
            reported: Vec::new(),
            report: None,
            acknowledged: false,
            received: 0,
            write_error: None,
        }
    }

    /// Serves the machine until it ends, or has to.
    pub fn serve(&mut self, deadline: Option<Instant>) -> Result<Ending> {
        let mut ending = None;
        while ending.is_none() && self.is_open() {
            for event in self.wait(deadline)? {
                match event {
                    Some(Event::Signal) => ending = self.interrupted()?,
                    Some(Event::Status) => self.read_status()?,
                    Some(Event::Output) => self.read_output()?,
                    Some(Event::Writable) => self.write_output(),
                    None => ending = Some(Ending::TimedOut),
                }
            }
            self.acknowledge();
        }
        self.stop()?;
        Ok(ending.unwrap_or_else(|| Ending::Ended(self.report.clone())))
    }

    /// How many bytes came from the output port.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Why the output could not be written, if so.
    pub fn write_error(&self) -> Option<Errno> {
        self.write_error
    }

    /// Whether QEMU lives or there is output to write.
    fn is_open(&self) -> bool {
        self.output.is_some() || self.status.is_some() || !self.pending.is_empty()
    }

    /// Waits for events; the only event is `None` once the deadline has passed.
    fn wait(&self, deadline: Option<Instant>) -> Result<Vec<Option<Event>>> {
        let stdout = io::stdout();
        let mut sources = vec![(Event::Signal, self.signals.0.as_fd())];
        if let Some(status) = &self.status {
            sources.push((Event::Status, status.as_fd()));
        }
        match &self.output {
            _ if !self.pending.is_empty() => sources.push((Event::Writable, stdout.as_fd())),
            Some(output) => sources.push((Event::Output, output.as_fd())),
            None => {}
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(vec![None]);
        }
        Ok(ready(&sources, left)?.into_iter().map(Some).collect())
    }

    /// Takes a signal.
    fn interrupted(&mut self) -> Result<Option<Ending>> {
        let Some(signal) = self.signals.0.read_signal()? else {
            return Ok(None);
        };
        Ok(Some(Ending::Interrupted(u8::try_from(signal.ssi_signo)?)))
    }

    /// Reads from the status port, and the report once its line is whole.
    fn read_status(&mut self) -> Result<()> {
        let mut buffer = [0; PIPE_BUF];
        let count = read(&mut self.status, &mut buffer)?;
        self.reported.extend_from_slice(&buffer[..count]);
        if self.reported.len() > REPORT_LIMIT {
            bail!("the guest reports without end");
        }
        if let Some(line) = self.reported.strip_suffix(b"\n") {
            let line = String::from_utf8_lossy(line);
            self.report = Some(Report::parse(&line).context("the guest's report is damaged")?);
        }
        Ok(())
    }

    /// Reads from the output port.
    fn read_output(&mut self) -> Result<()> {
        let mut buffer = [0; OUTPUT_CHUNK];
        let count = read(&mut self.output, &mut buffer)?;
        self.received += u64::try_from(count)?;
        if self.write_error.is_none() {
            self.pending.extend_from_slice(&buffer[..count]);
        }
        Ok(())
    }

    /// Writes some of the output. After an error the rest is read all the same: the guest has to
    /// get rid of it before it ends.
    fn write_output(&mut self) {
        let count = self.pending.len().min(PIPE_BUF);
        match write(io::stdout(), &self.pending[..count]) {
            Ok(written) => drop(self.pending.drain(..written)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => {
                self.pending.clear();
                self.write_error = Some(error);
            }
        }
    }

    /// Acknowledges the report, once all of the output has come.
    fn acknowledge(&mut self) {
        let complete = |report: &Report| self.received >= report.output;
        if self.acknowledged || !self.report.as_ref().is_some_and(complete) {
            return;
        }
        self.acknowledged = true;
        if let Some(status) = &mut self.status {
            // If QEMU is gone, the next read says so.
            let _ = status.write_all(b"\n");
        }
    }

    /// Ends QEMU, if it has not ended yet, and waits for it.
    fn stop(&mut self) -> Result<()> {
        if self.is_open() {
            kill(
                Pid::from_raw(i32::try_from(self.qemu.id())?),
                Signal::SIGTERM,
            )?;
        }
        let deadline = Instant::now() + TERM_LIMIT;
        while Instant::now() < deadline {
            if self.qemu.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(5));
        }
        self.qemu.kill()?;
        self.qemu.wait()?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended, and been waited for, long ago; then these do nothing.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// Waits for the sources that have something to say, at most as long as `limit`.
fn ready(sources: &[(Event, BorrowedFd)], limit: Option<Duration>) -> Result<Vec<Event>> {
    let timeout = match limit {
        // Rounded up: a limit that has not passed must not turn the loop into a busy one.
        Some(limit) => PollTimeout::try_from(limit.as_millis() + 1).unwrap_or(PollTimeout::MAX),
        None => PollTimeout::NONE,
    };
    let mut fds: Vec<_> = sources
        .iter()
        .map(|(event, fd)| {
            let flags = match event {
                Event::Writable => PollFlags::POLLOUT,
                _ => PollFlags::POLLIN,
            };
            PollFd::new(*fd, flags)
        })
        .collect();
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error).context("cannot wait for the machine"),
    }
    let events = sources.iter().zip(&fds);
    Ok(events
        .filter(|(_, fd)| fd.any() == Some(true))
        .map(|((event, _), _)| *event)
        .collect())
}

/// Reads from a port; at its end, closes it and returns 0.
fn read(port: &mut Option<UnixStream>, buffer: &mut [u8]) -> Result<usize> {
    let Some(stream) = port else {
        return Ok(0);
    };
    match stream.read(buffer) {
        Ok(0) => *port = None,
        Ok(count) => return Ok(count),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => *port = None,
        Err(error) => return Err(error).context("cannot read from the machine"),
    }
    Ok(0)
}
