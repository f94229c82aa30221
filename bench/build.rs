// SPDX-License-Identifier: GPL-2.0
//! Compiles the programs in BPF, if they are wanted.

use std::{env, path::PathBuf, process::Command};

/// What is made, from which source, with which definitions.
const OBJECTS: &[(&str, &str, &[&str])] = &[
    ("timer_array.o", "timer.bpf.c", &[]),
    ("timer_hash.o", "timer.bpf.c", &["-DHASH"]),
    ("wq.o", "wq.bpf.c", &[]),
];

fn main() {
    println!("cargo::rerun-if-changed=bpf");
    if env::var_os("CARGO_FEATURE_BPF").is_none() {
        return;
    }
    let variable = |name| PathBuf::from(env::var_os(name).expect("cargo sets it"));
    let (out, library) = (variable("OUT_DIR"), variable("DEP_BPF_INCLUDE"));
    for (object, source, definitions) in OBJECTS {
        let status = Command::new("clang-19")
            .args([
                "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror", "-c",
            ])
            .args(*definitions)
            .arg("-I")
            .arg(&library)
            // clang knows where these are of the host only.
            .args(["-idirafter", "/usr/include/x86_64-linux-gnu"])
            .arg(format!("bpf/{source}"))
            .arg("-o")
            .arg(out.join(object))
            .status()
            .expect("clang-19 runs");
        assert!(status.success(), "clang-19: {source}: {status}");
    }
    // libelf wants it, and the crate that brings libelf does not know.
    println!("cargo::rustc-link-arg-bins=-l:libzstd.a");
}
