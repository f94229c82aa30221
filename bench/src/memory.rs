// SPDX-License-Identifier: GPL-2.0
//! How much memory is in use.

use crate::{ok, Outcome};
use std::{fs, thread::sleep, time::Duration};

/// What the kernel allocates: objects, pages of vmalloc, and memory of each processor. Free pages tell less, as
/// the kernel keeps some aside that count for neither.
const KERNEL: [&str; 3] = ["Slab", "VmallocUsed", "Percpu"];

/// How long what was freed may wait for a grace period of RCU, or for a worker.
const SETTLE: Duration = Duration::from_secs(1);

/// Bytes in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// By the kernel, without page tables and the pages of programs.
    pub kernel: u64,
    /// By this process: what it has allocated, without what it maps of the kernel's. The pages that it has tell
    /// less, as it may have had them before.
    pub user: u64,
}

impl Memory {
    /// Measures both, when what was freed before has gone.
    pub fn now() -> Outcome<Self> {
        // SAFETY: The call takes no address.
        let allocated = unsafe { libc::mallinfo2() };
        sleep(SETTLE);
        shrink_slabs()?;
        // Each processor counts for itself, and adds that up now and then, or now.
        ok!(fs::read("/proc/sys/vm/stat_refresh"));
        let meminfo = ok!(fs::read_to_string("/proc/meminfo"));
        let mut kernel = 0;
        for name in KERNEL {
            kernel += bytes(&meminfo, name)?;
        }
        Ok(Self {
            kernel,
            user: (allocated.uordblks + allocated.hblkhd) as u64,
        })
    }
}

/// Has the kernel give back the slabs that are empty, of which it keeps some for the objects to come.
fn shrink_slabs() -> Outcome {
    for cache in ok!(fs::read_dir("/sys/kernel/slab")) {
        ok!(fs::write(ok!(cache).path().join("shrink"), "1"));
    }
    Ok(())
}

/// The number of bytes of this name, of lines that tell it in KiB.
fn bytes(text: &str, name: &str) -> Outcome<u64> {
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        let number = value.trim().strip_suffix(" kB")?;
        (key == name).then(|| number.trim().parse::<u64>())
    });
    let value = value.ok_or_else(|| format!("there is no {name}"))?;
    Ok(ok!(value) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_whole_names() {
        let text = "KReclaimable:  9 kB\nSlab:        34 kB\nHugePages_Total:  0\nSlabber: 1 kB\n";
        assert_eq!(bytes(text, "Slab"), Ok(34 * 1024));
        assert!(bytes(text, "Sla").is_err());
        assert!(bytes(text, "HugePages_Total").is_err());
        assert!(bytes("Slab: x kB", "Slab").is_err());
    }
}
