// SPDX-License-Identifier: GPL-2.0
//! How calls fail.

use nix::errno::Errno;

/// A call that failed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {}", errno.desc())]
pub struct Error {
    /// The call, by the name of its entry point.
    pub call: &'static str,
    /// What the kernel answered.
    pub errno: Errno,
}

impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        error.errno
    }
}

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Gives an error the name of the call that it came from.
pub(crate) fn in_call<T>(call: &'static str, result: nix::Result<T>) -> Result<T> {
    result.map_err(|errno| Error { call, errno })
}
