// SPDX-License-Identifier: GPL-2.0

//! The state of the machine and of its kernel.

use std::convert::Infallible;
use std::fs;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use guest_init::report::Lockdep;
use nix::libc;
use nix::sys::reboot::{reboot, RebootMode};
use nix::sys::resource::{setrlimit, Resource};
use nix::sys::socket::{socket, AddressFamily, SockFlag, SockType};
use nix::unistd::sethostname;

/// How many files a process may open: as many as the kernel can be asked for by default.
const OPEN_FILES: u64 = 1 << 20;

nix::ioctl_write_ptr_bad!(set_interface_flags, libc::SIOCSIFFLAGS, libc::ifreq);

/// Sets up what a command may expect of any machine.
pub fn set_up() -> Result<()> {
    sethostname("guest").context("cannot set the host name")?;
    setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES)
        .context("cannot raise the limit of open files")?;
    loopback_up().context("cannot bring up the loopback interface")
}

/// Brings up the loopback interface, if this kernel has IPv4 at all.
fn loopback_up() -> Result<()> {
    let Ok(socket) = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    ) else {
        return Ok(());
    };
    let mut name = [0; libc::IFNAMSIZ];
    for (to, from) in name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    let up = libc::c_short::try_from(libc::IFF_UP)?;
    let request = libc::ifreq {
        ifr_name: name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: up },
    };
    // SAFETY: `socket` is open, and `request` is the struct that this ioctl reads: a name with its
    // terminating zero, and the flags.
    unsafe { set_interface_flags(socket.as_raw_fd(), &request) }?;
    Ok(())
}

/// Reads the kernel's taint mask.
pub fn tainted() -> Result<u64> {
    let path = "/proc/sys/kernel/tainted";
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    Ok(text.trim_end().parse()?)
}

/// Asks the kernel's lock checker whether it still checks.
pub fn lockdep() -> Lockdep {
    let Ok(statistics) = fs::read_to_string("/proc/lockdep_stats") else {
        return Lockdep::Absent;
    };
    let on = statistics
        .lines()
        .filter_map(|line| line.trim().strip_prefix("debug_locks:"))
        .any(|value| value.trim() == "1");
    if on {
        Lockdep::On
    } else {
        Lockdep::Off
    }
}

/// Powers the machine off.
pub fn power_off() -> Infallible {
    // Nothing is worth doing after a failure: this process returns, and the kernel panics over it.
    match reboot(RebootMode::RB_POWER_OFF) {
        Ok(never) => never,
        Err(error) => panic!("cannot power off: {error}"),
    }
}
