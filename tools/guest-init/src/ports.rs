// SPDX-License-Identifier: GPL-2.0

//! The virtio serial ports to the host.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{bail, Context, Result};
use guest_init::report::Report;

/// Where the kernel lists the ports.
const PORTS: &str = "/sys/class/virtio-ports";

/// An open port. The kernel lets nobody else open it meanwhile.
pub struct Port(File);

impl Port {
    /// Opens the port of the given name.
    pub fn open(name: &str) -> Result<Self> {
        let path = find(name)?;
        let file = File::options().read(true).write(true).open(&path);
        Ok(Self(file.with_context(|| {
            format!("cannot open port {name} ({})", path.display())
        })?))
    }

    /// The port's file, to write to.
    pub fn into_file(self) -> File {
        self.0
    }

    /// Sends the report and waits for the host's acknowledgement.
    pub fn report(&mut self, report: &Report) -> Result<()> {
        let line = format!("{report}\n");
        self.0
            .write_all(line.as_bytes())
            .context("cannot send the report")?;
        let mut acknowledgement = [0];
        self.0
            .read_exact(&mut acknowledgement)
            .context("the host did not acknowledge the report")
    }
}

/// Finds the device file of the port of the given name.
fn find(name: &str) -> Result<PathBuf> {
    let ports = fs::read_dir(PORTS).with_context(|| {
        format!("{PORTS} is missing (CONFIG_VIRTIO_PCI and CONFIG_VIRTIO_CONSOLE must be built in)")
    })?;
    for entry in ports {
        let entry = entry?;
        let found = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        if found.trim_end() == name {
            return Ok(PathBuf::from("/dev").join(entry.file_name()));
        }
    }
    bail!("the machine has no virtio serial port {name}")
}
