// SPDX-License-Identifier: GPL-2.0
//! The lines that go from the process that runs inputs to the one that watches it, and on to the
//! host: a sign, a blank, and an input in base64, or text.

use base64::{engine::general_purpose::STANDARD, Engine};

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// This input runs next.
    Runs(Vec<u8>),
    /// This input has done something new, and is worth keeping.
    Keep(Vec<u8>),
    /// For people.
    Note(String),
}

impl Line {
    /// Reads a line, whatever it is.
    pub fn parse(line: &str) -> Self {
        // The blank behind the sign of an empty input stays.
        let line = line.trim_start().trim_end_matches(['\r', '\n']);
        let input = |sign: &str| STANDARD.decode(line.strip_prefix(sign)?).ok();
        match (input("> "), input("+ ")) {
            (Some(input), _) => Self::Runs(input),
            (_, Some(input)) => Self::Keep(input),
            _ => Self::Note(line.to_owned()),
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Runs(input) => write!(formatter, "> {}", encode(input)),
            Self::Keep(input) => write!(formatter, "+ {}", encode(input)),
            Self::Note(text) => formatter.write_str(text),
        }
    }
}

/// An input as text.
pub fn encode(input: &[u8]) -> String {
    STANDARD.encode(input)
}

/// The input that a text stands for.
pub fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text.trim())
        .map_err(|error| format!("not an input: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        for line in [
            Line::Runs(vec![1, 2, 3]),
            Line::Keep(vec![0; 40]),
            Line::Runs(vec![]),
            Line::Note("# a > b".to_owned()),
        ] {
            assert_eq!(Line::parse(&format!("  {line}\n")), line);
        }
    }
}
