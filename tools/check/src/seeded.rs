// SPDX-License-Identifier: GPL-2.0
//! Faults that are put into a copy of the module on purpose: the checks have to find them.

use anyhow::{ensure, Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A fault: one replacement in one file.
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// The file, relative to the checkout.
    pub file: &'static str,
    /// What stands there, exactly once.
    pub from: &'static str,
    /// What stands there instead.
    pub to: &'static str,
}

/// The object is said to be smaller than it is.
pub static LAYOUT: Fault = Fault {
    name: "seeded-layout",
    file: "rust/bpf_hrtimer/layout.rs",
    from: "static_assert!(size_of::<BpfHrtimer>() == 104);",
    to: "static_assert!(size_of::<BpfHrtimer>() == 96);",
};

/// Opening the device makes the kernel warn.
pub static WARN: Fault = Fault {
    name: "seeded-warning",
    file: "rust/device.rs",
    from: "    // SAFETY: `misc_open` put the address of the `miscdevice` there.\n",
    to: "    kernel::warn_on!(true);\n",
};

/// Looking a timer up can panic.
pub static PANIC: Fault = Fault {
    name: "seeded-panic",
    file: "rust/places.rs",
    from: "self.slots.get(index as usize)",
    to: "Some(&self.slots[index as usize])",
};

/// A callback in softirq waits for a callback.
pub static WAIT_IN_SOFTIRQ: Fault = Fault {
    name: "seeded-wait-in-softirq",
    file: "rust/bpf_hrtimer/callback.rs",
    from: "        map.run(timer, expirations, &Runner::Softirq(softirq));\n",
    to: "        timer.disarm_sync(&softirq);\n",
};

/// A callback in a worker waits for a callback, which may be itself.
pub static WAIT_IN_WORKER: Fault = Fault {
    name: "seeded-wait-in-worker",
    file: "rust/bpf_hrtimer/callback.rs",
    from: "        map.run(timer, expirations, &Runner::Worker(worker));\n",
    to: "        timer.disarm_sync(&worker);\n",
};

/// A callback in softirq sleeps.
pub static SLEEP_IN_SOFTIRQ: Fault = Fault {
    name: "seeded-sleep-in-softirq",
    file: "rust/run.rs",
    from: "(Action::Sleep(_) | Action::File(_), Runner::Softirq(_)) => {}",
    to: "(Action::Sleep(ns), Runner::Softirq(softirq)) => self.timer.sleep(self.map.sleepers(), softirq, *ns),\n            (Action::File(_), Runner::Softirq(_)) => {}",
};

/// A timer is started without holding off its end.
pub static START_WITHOUT_RCU: Fault = Fault {
    name: "seeded-start-without-rcu",
    file: "rust/map.rs",
    from: "        let started = timer.and_then(|timer| timer.start(&rcu, self, arming));\n",
    to: "        drop(rcu);\n        let started = timer.and_then(|timer| timer.start(&rcu::read_lock(), self, arming));\n",
};

/// All faults but the mutants.
#[cfg(test)]
const ALL: &[&Fault] = &[
    &LAYOUT,
    &WARN,
    &PANIC,
    &WAIT_IN_SOFTIRQ,
    &WAIT_IN_WORKER,
    &SLEEP_IN_SOFTIRQ,
    &START_WITHOUT_RCU,
];

/// What a build of the module needs.
const SOURCES: &[&str] = &[
    "Kbuild",
    "c",
    "include",
    "rust",
    "crates/sleeptimer-sys/src",
];

impl Fault {
    /// The name, in words.
    pub fn what(&self) -> String {
        self.name.trim_start_matches("seeded-").replace('-', " ")
    }

    /// Where the copy of the module is: one for all faults, so that only what differs is built anew.
    pub fn copy_in(tree: &Path) -> PathBuf {
        tree.join("build/seeded")
    }

    /// Makes a copy of the module with the fault in it.
    pub fn seed(&self, tree: &Path) -> Result<()> {
        let copy = Self::copy_in(tree);
        for source in SOURCES {
            copy_all(&tree.join(source), &copy.join(source))?;
        }
        let text = fs::read_to_string(tree.join(self.file))?;
        let places = text.matches(self.from).count();
        ensure!(
            places == 1,
            "{}: {places} places in {} to change",
            self.name,
            self.file
        );
        fs::write(copy.join(self.file), text.replace(self.from, self.to))?;
        Ok(())
    }
}

/// Copies a file, or a folder with all that is in it. What is there already keeps its time.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let describe = || format!("cannot copy {}", from.display());
    if from.is_dir() {
        fs::create_dir_all(to).with_context(describe)?;
        for entry in fs::read_dir(from).with_context(describe)? {
            let entry = entry?;
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        let is_there = fs::read(to).is_ok_and(|old| fs::read(from).is_ok_and(|new| new == old));
        if !is_there {
            fs::copy(from, to).with_context(describe)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants;

    #[test]
    fn every_fault_has_its_place_in_the_sources() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mutants = mutants::ALL.iter().map(|mutant| &mutant.fault);
        for fault in ALL.iter().copied().chain(mutants) {
            let text = fs::read_to_string(tree.join(fault.file)).expect("the file is there");
            assert_eq!(text.matches(fault.from).count(), 1, "{}", fault.name);
        }
    }
}
