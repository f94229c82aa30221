// SPDX-License-Identifier: GPL-2.0

//! The kernel's file systems.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::mount::{mount, MsFlags};

/// A file system to mount.
struct Mount {
    kind: &'static str,
    target: &'static str,
    data: Option<&'static str>,
    /// Whether the guest is of no use without it.
    required: bool,
}

/// A file system that every kernel has.
const fn required(kind: &'static str, target: &'static str, data: Option<&'static str>) -> Mount {
    Mount {
        kind,
        target,
        data,
        required: true,
    }
}

/// A file system that a kernel may be built without.
const fn optional(kind: &'static str, target: &'static str) -> Mount {
    Mount {
        kind,
        target,
        data: None,
        required: false,
    }
}

/// What to mount, in order.
const MOUNTS: [Mount; 11] = [
    required("proc", "/proc", None),
    required("sysfs", "/sys", None),
    required("devtmpfs", "/dev", None),
    required("tmpfs", "/tmp", Some("mode=1777")),
    required("tmpfs", "/run", Some("mode=0755")),
    optional("tmpfs", "/dev/shm"),
    optional("devpts", "/dev/pts"),
    optional("cgroup2", "/sys/fs/cgroup"),
    optional("bpf", "/sys/fs/bpf"),
    optional("debugfs", "/sys/kernel/debug"),
    optional("tracefs", "/sys/kernel/tracing"),
];

/// The names under which a process finds its own descriptors in /dev. devtmpfs has devices only.
const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// Mounts everything that this kernel has, and completes /dev.
pub fn mount_all() -> Result<()> {
    for entry in &MOUNTS {
        // In sysfs the mount point exists exactly if the kernel has the file system; a directory
        // cannot be made there, nor need it be.
        let made = fs::create_dir_all(entry.target);
        let mounted = mount(
            Some(entry.kind),
            entry.target,
            Some(entry.kind),
            MsFlags::MS_NOSUID,
            entry.data,
        );
        match mounted {
            Err(Errno::ENODEV | Errno::ENOENT) if !entry.required => {}
            other => {
                made.with_context(|| format!("cannot make {}", entry.target))?;
                other.with_context(|| format!("cannot mount {}", entry.target))?;
            }
        }
    }
    for (link, target) in LINKS {
        symlink(target, link).with_context(|| format!("cannot make {link}"))?;
    }
    Ok(())
}
