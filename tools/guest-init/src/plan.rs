// SPDX-License-Identifier: GPL-2.0

//! The plan: what the guest is to do, written by the host into the initramfs.
//!
//! It is a sequence of fields, `key=value`, each ended by a zero byte, so that any command line
//! survives unquoted.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use anyhow::{bail, Context, Result};

/// A kernel module to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its file in the guest.
    pub path: String,
    /// Its parameters, as `insmod` takes them: `a=1 b=2`.
    pub parameters: String,
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The height.
    pub rows: u16,
    /// The width.
    pub columns: u16,
}

/// What to run once the modules are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// A command and its arguments, output to the output port.
    Command(Vec<OsString>),
    /// An interactive shell on the console.
    Shell {
        /// The size of the terminal that the console ends in.
        size: Size,
        /// The type of that terminal (`TERM`).
        term: String,
        /// A line to show before the first prompt.
        greeting: String,
    },
}

/// Everything the guest needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The modules, in the order in which to load them.
    pub modules: Vec<Module>,
    /// How long to sleep before the task starts.
    pub settle: Duration,
    /// What to run.
    pub task: Task,
}

impl Plan {
    /// Encodes the plan.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for module in &self.modules {
            field(&mut bytes, "module", module.path.as_bytes());
            field(&mut bytes, "parameters", module.parameters.as_bytes());
        }
        let settle = self.settle.as_millis().to_string();
        field(&mut bytes, "settle-ms", settle.as_bytes());
        match &self.task {
            Task::Command(arguments) => {
                for argument in arguments {
                    field(&mut bytes, "argument", argument.as_bytes());
                }
            }
            Task::Shell {
                size,
                term,
                greeting,
            } => {
                field(&mut bytes, "rows", size.rows.to_string().as_bytes());
                field(&mut bytes, "columns", size.columns.to_string().as_bytes());
                field(&mut bytes, "term", term.as_bytes());
                field(&mut bytes, "greeting", greeting.as_bytes());
            }
        }
        bytes
    }

    /// Decodes a plan.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut fields = Fields::default();
        let Some((b"", records)) = bytes
            .split(|&byte| byte == 0)
            .collect::<Vec<_>>()
            .split_last()
            .map(|(last, records)| (*last, records.to_vec()))
        else {
            bail!("the plan does not end with a whole field");
        };
        for record in records {
            fields.add(record)?;
        }
        fields.finish()
    }
}

/// Appends one field.
fn field(bytes: &mut Vec<u8>, key: &str, value: &[u8]) {
    bytes.extend_from_slice(key.as_bytes());
    bytes.push(b'=');
    bytes.extend_from_slice(value);
    bytes.push(0);
}

/// The fields met so far while decoding.
#[derive(Default)]
struct Fields {
    modules: Vec<Module>,
    settle: Duration,
    arguments: Vec<OsString>,
    rows: Option<u16>,
    columns: Option<u16>,
    term: String,
    greeting: String,
}

impl Fields {
    /// Takes in one `key=value`.
    fn add(&mut self, record: &[u8]) -> Result<()> {
        let equals = record.iter().position(|&byte| byte == b'=');
        let (key, value) = record.split_at(equals.context("a field has no `=`")?);
        let value = &value[1..];
        let text = || std::str::from_utf8(value).context("a field is not text");
        match key {
            b"module" => self.modules.push(Module {
                path: text()?.to_owned(),
                parameters: String::new(),
            }),
            b"parameters" => {
                let module = self.modules.last_mut();
                module.context("parameters without a module")?.parameters = text()?.to_owned();
            }
            b"settle-ms" => self.settle = Duration::from_millis(text()?.parse()?),
            b"argument" => self.arguments.push(OsString::from_vec(value.to_vec())),
            b"rows" => self.rows = Some(text()?.parse()?),
            b"columns" => self.columns = Some(text()?.parse()?),
            b"term" => self.term = text()?.to_owned(),
            b"greeting" => self.greeting = text()?.to_owned(),
            _ => bail!("unknown field `{}`", String::from_utf8_lossy(key)),
        }
        Ok(())
    }

    /// Makes a plan of the fields.
    fn finish(self) -> Result<Plan> {
        let task = match (self.arguments.is_empty(), self.rows, self.columns) {
            (false, None, None) => Task::Command(self.arguments),
            (true, Some(rows), Some(columns)) => Task::Shell {
                size: Size { rows, columns },
                term: self.term,
                greeting: self.greeting,
            },
            _ => bail!("the plan has to have either a command or a shell"),
        };
        Ok(Plan {
            modules: self.modules,
            settle: self.settle,
            task,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Plan {
        Plan {
            modules: vec![
                Module {
                    path: "/lib/a.ko".into(),
                    parameters: "x=1 y=\"a b\"".into(),
                },
                Module {
                    path: "/lib/b.ko".into(),
                    parameters: String::new(),
                },
            ],
            settle: Duration::from_millis(1500),
            task: Task::Command(vec![
                "sh".into(),
                "-c".into(),
                "".into(),
                "a=b\n 'c'".into(),
                OsString::from_vec(vec![0xff, b'=']),
            ]),
        }
    }

    #[test]
    fn a_command_survives() {
        let plan = command();
        assert_eq!(Plan::decode(&plan.encode()).unwrap(), plan);
    }

    #[test]
    fn a_shell_survives() {
        let plan = Plan {
            task: Task::Shell {
                size: Size {
                    rows: 50,
                    columns: 132,
                },
                term: "xterm".into(),
                greeting: "hello".into(),
            },
            ..command()
        };
        assert_eq!(Plan::decode(&plan.encode()).unwrap(), plan);
    }

    #[test]
    fn nonsense_is_refused() {
        let damaged: [&[u8]; 6] = [
            b"",
            b"\0",
            b"argument=x",
            b"argument\0",
            b"parameters=a\0argument=x\0",
            b"rows=1\0columns=2\0argument=x\0",
        ];
        for bytes in damaged {
            assert!(Plan::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
