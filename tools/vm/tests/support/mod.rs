// SPDX-License-Identifier: GPL-2.0

//! Starts the program under test.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::pty::openpty;
use tempfile::TempDir;

/// How long the shell may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Returns the root with kernels and busybox.
pub fn root() -> PathBuf {
    let root = env::var_os("SLEEPTIMER_ROOT");
    root.expect("SLEEPTIMER_ROOT has to name a root with kernels and busybox")
        .into()
}

/// Returns an example program of this package.
pub fn example(name: &str) -> PathBuf {
    let vm = Path::new(env!("CARGO_BIN_EXE_vm"));
    vm.with_file_name("examples").join(name)
}

/// Returns a shell command as arguments.
pub fn sh(script: &str) -> Vec<OsString> {
    vec!["sh".into(), "-c".into(), script.into()]
}

/// Returns an exit status as a shell does.
pub fn status(status: ExitStatus) -> i32 {
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).unwrap()
}

/// Lists the children of a process.
pub fn children(id: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    list.split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

/// Whether a process runs: it does not if it is gone, or merely has not been waited for.
pub fn is_running(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = status.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}

/// What came of a run.
pub struct Outcome {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub log: String,
}

/// A run that has started.
pub struct Run {
    pub child: Child,
    _scratch: TempDir,
}

/// A run to start.
pub struct Vm {
    options: Vec<OsString>,
    directory: PathBuf,
    // Holds the log and is removed in the end.
    scratch: TempDir,
}

impl Vm {
    /// A run with busybox, and a log of its own.
    pub fn new() -> Self {
        root();
        let scratch = tempfile::tempdir().unwrap();
        Self {
            options: vec!["--busybox".into()],
            directory: scratch.path().to_owned(),
            scratch,
        }
    }

    /// Adds an option.
    pub fn option(mut self, option: &[&str]) -> Self {
        self.options.extend(option.iter().map(OsString::from));
        self
    }

    /// Starts the run in this directory.
    pub fn in_directory(mut self, directory: &Path) -> Self {
        self.directory = directory.to_owned();
        self
    }

    /// The command to start.
    pub fn command(&mut self, arguments: Vec<OsString>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vm"));
        command
            .arg("run")
            .args(&self.options)
            .arg("--")
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the run, without its messages.
    pub fn spawn(mut self, arguments: Vec<OsString>) -> Run {
        let child = self.command(arguments).stderr(Stdio::null()).spawn();
        Run {
            child: child.unwrap(),
            _scratch: self.scratch,
        }
    }

    /// Runs a command.
    pub fn run(self, arguments: &[&str]) -> Outcome {
        self.finish(arguments.iter().map(OsString::from).collect())
    }

    /// Runs a script of the shell.
    pub fn sh(self, script: &str) -> Outcome {
        self.finish(sh(script))
    }

    fn finish(mut self, arguments: Vec<OsString>) -> Outcome {
        let log = self.scratch.path().join("console.log");
        self.options.extend(["--log".into(), log.clone().into()]);
        let output = self.command(arguments).output().unwrap();
        Outcome {
            status: status(output.status),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
            log: fs::read_to_string(log).unwrap_or_default(),
        }
    }
}

/// An interactive shell in a terminal.
pub struct Shell {
    child: Child,
    terminal: File,
    chunks: Receiver<Vec<u8>>,
    seen: String,
    _scratch: TempDir,
}

impl Shell {
    /// Starts it in a terminal of the given size.
    pub fn start(rows: u16, columns: u16) -> Self {
        root();
        let size = libc::winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_vm"))
            .arg("shell")
            .current_dir(scratch.path())
            .stdin(pty.slave.try_clone().unwrap())
            .stdout(pty.slave.try_clone().unwrap())
            .stderr(pty.slave)
            .spawn()
            .unwrap();
        let terminal = File::from(pty.master);
        let mut reader = terminal.try_clone().unwrap();
        let (sender, chunks) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            terminal,
            chunks,
            seen: String::new(),
            _scratch: scratch,
        }
    }

    /// Types a text.
    pub fn send(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for a text, and forgets all up to its end.
    pub fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + ANSWER_LIMIT;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.seen.push_str(&String::from_utf8_lossy(&chunk)),
                Err(error) => panic!("no `{text}` ({error}) in: {}", self.seen),
            }
        }
    }

    /// Waits for the end; returns the exit status.
    pub fn wait(mut self) -> i32 {
        let deadline = Instant::now() + ANSWER_LIMIT;
        while Instant::now() < deadline {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return status(ended);
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the shell does not end");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
