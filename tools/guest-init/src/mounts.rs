// SPDX-License-Identifier: GPL-2.0

//! The kernel's file systems.

use std::fs;

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

/// Mounts everything that this kernel has.
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
    Ok(())
}
