// SPDX-License-Identifier: GPL-2.0

//! The user's terminal.

use std::env;
use std::io::{self, IsTerminal};
use std::os::fd::AsRawFd;

use guest_init::plan::Size;
use nix::libc;
use nix::sys::termios::{tcgetattr, tcsetattr, SetArg, Termios};

nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);

/// What a terminal of unknown size is taken for.
const USUAL: Size = Size {
    rows: 24,
    columns: 80,
};

/// The settings that the terminal had; it gets them back when this is dropped. QEMU does that too,
/// unless it is killed.
pub struct Settings(Option<Termios>);

impl Settings {
    /// Notes the settings of the terminal, if standard input is one.
    pub fn note() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        if let Some(settings) = &self.0 {
            // A terminal that is gone needs no settings.
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, settings);
        }
    }
}

/// The size of the terminal.
pub fn size() -> Size {
    if !io::stdout().is_terminal() {
        return USUAL;
    }
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: `size` is the struct that this ioctl writes.
    let known = unsafe { window_size(io::stdout().as_raw_fd(), &mut size) }.is_ok();
    if !known || size.ws_row == 0 || size.ws_col == 0 {
        return USUAL;
    }
    Size {
        rows: size.ws_row,
        columns: size.ws_col,
    }
}

/// The type of the terminal.
pub fn kind() -> String {
    env::var("TERM").unwrap_or_else(|_| "dumb".to_owned())
}
