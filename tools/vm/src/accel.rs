// SPDX-License-Identifier: GPL-2.0

//! Chooses how QEMU executes the guest.

use std::fs::{self, File};

use anyhow::{bail, Result};

use crate::cli::{Accel, Mode};

/// Returns what `Auto` stands for, or `accel` itself.
pub fn choose(accel: Accel, mode: Mode) -> Result<Accel> {
    match (accel, mode) {
        (Accel::Kvm | Accel::TcgThreads, Mode::Icount) => {
            bail!("--mode icount needs --accel tcg: it counts the instructions of all processors")
        }
        (Accel::Auto, Mode::Normal) if kvm_works() => Ok(Accel::Kvm),
        (Accel::Auto, _) => Ok(Accel::Tcg),
        (accel, _) => Ok(accel),
    }
}

/// Whether KVM can run a stock kernel here. /dev/kvm alone does not tell: it may be there
/// although the processor has no virtualisation.
fn kvm_works() -> bool {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    has_virtualisation(&cpuinfo)
        && File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok()
}

/// Whether the processor that /proc/cpuinfo describes has virtualisation.
fn has_virtualisation(cpuinfo: &str) -> bool {
    cpuinfo
        .lines()
        .filter(|line| line.starts_with("flags"))
        .flat_map(str::split_whitespace)
        .any(|flag| matches!(flag, "vmx" | "svm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_decides() {
        assert!(has_virtualisation("model : x\nflags\t\t: fpu svm lm\n"));
        assert!(!has_virtualisation(
            "vmx flags\t: vmx\nflags\t\t: fpu vmx_x\n"
        ));
    }

    #[test]
    fn counting_needs_translation() {
        assert!(choose(Accel::Kvm, Mode::Icount).is_err());
        assert!(choose(Accel::TcgThreads, Mode::Icount).is_err());
        assert_eq!(choose(Accel::Auto, Mode::Icount).unwrap(), Accel::Tcg);
        assert_eq!(choose(Accel::Tcg, Mode::Normal).unwrap(), Accel::Tcg);
    }
}
