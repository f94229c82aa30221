// SPDX-License-Identifier: GPL-2.0-only

//! The kernels there are: what each adds to the common configuration.

use std::fmt;

use clap::ValueEnum;

/// A set of checkers that work in one kernel together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flavour {
    /// Use of freed memory, locks, contexts, lives of objects, leaks; coverage.
    Kasan,
    /// Data races.
    Kcsan,
}

impl Flavour {
    /// The configuration on top of `tinyconfig`: the common part, then this flavour's.
    pub fn fragment(self) -> &'static str {
        match self {
            Self::Kasan => concat!(
                include_str!("../configs/base.config"),
                include_str!("../configs/kasan.config")
            ),
            Self::Kcsan => concat!(
                include_str!("../configs/base.config"),
                include_str!("../configs/kcsan.config")
            ),
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kasan => "kasan",
            Self::Kcsan => "kcsan",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_is_wished_for_twice() {
        for flavour in [Flavour::Kasan, Flavour::Kcsan] {
            let mut options: Vec<_> = flavour
                .fragment()
                .lines()
                .filter_map(|line| line.trim_start_matches("# ").strip_prefix("CONFIG_"))
                .map(|line| line.split(['=', ' ']).next().unwrap())
                .collect();
            let count = options.len();
            options.sort_unstable();
            options.dedup();
            assert_eq!(options.len(), count, "{flavour}");
        }
    }
}
