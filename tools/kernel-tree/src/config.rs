// SPDX-License-Identifier: GPL-2.0-only

//! Kernel configurations: looking up a value, comparing two of them, checking wishes.

use std::collections::BTreeMap;

use anyhow::{ensure, Result};

/// How many differing options an error names.
const NAMED_DIFFERENCES: usize = 5;

/// The value of an option, unquoted; `None` when it is not set.
pub fn value<'a>(config: &'a str, option: &str) -> Option<&'a str> {
    options(config).get(option).map(|v| v.trim_matches('"'))
}

/// Fails unless both configurations set the same options to the same values.
pub fn check_equal(stock: &str, rebuilt: &str) -> Result<()> {
    let different = differences(stock, rebuilt);
    ensure!(
        different.is_empty(),
        "{} options differ ({})",
        different.len(),
        different[..different.len().min(NAMED_DIFFERENCES)].join(", ")
    );
    Ok(())
}

/// Fails unless `config` has every option as the fragment `wanted` sets it.
pub fn check_wishes(wanted: &str, config: &str) -> Result<()> {
    let actual = options(config);
    let lost: Vec<_> = wishes(wanted)
        .filter(|(option, value)| actual.get(option).copied() != *value)
        .map(|(option, value)| {
            let actual = actual.get(option).copied();
            format!("{option}: {} -> {}", show(value), show(actual))
        })
        .collect();
    ensure!(lost.is_empty(), "{}", lost.join(", "));
    Ok(())
}

/// The options that a fragment sets, or wants to be unset.
fn wishes(fragment: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    fragment.lines().filter_map(|line| {
        let unset = line
            .strip_prefix("# ")
            .and_then(|line| line.strip_suffix(" is not set"));
        match unset {
            Some(option) => Some((option, None)),
            None if line.starts_with("CONFIG_") => line
                .split_once('=')
                .map(|(name, value)| (name, Some(value))),
            None => None,
        }
    })
}

fn show(value: Option<&str>) -> &str {
    value.unwrap_or("unset")
}

/// One entry for each option with another value: `OPTION: stock -> rebuilt`.
fn differences(stock: &str, rebuilt: &str) -> Vec<String> {
    let (stock, rebuilt) = (options(stock), options(rebuilt));
    let mut names: Vec<_> = stock.keys().chain(rebuilt.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| stock.get(name) != rebuilt.get(name))
        .map(|name| {
            format!(
                "{name}: {} -> {}",
                show(stock.get(name).copied()),
                show(rebuilt.get(name).copied())
            )
        })
        .collect()
}

fn options(config: &str) -> BTreeMap<&str, &str> {
    config
        .lines()
        .filter(|line| line.starts_with("CONFIG_"))
        .filter_map(|line| line.split_once('='))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: &str = "# a comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x y\"\n";

    #[test]
    fn values_are_unquoted() {
        assert_eq!(value(STOCK, "CONFIG_A"), Some("y"));
        assert_eq!(value(STOCK, "CONFIG_B"), None);
        assert_eq!(value(STOCK, "CONFIG_C"), Some("x y"));
    }

    #[test]
    fn order_and_comments_do_not_matter() {
        assert!(check_equal(STOCK, "CONFIG_C=\"x y\"\nCONFIG_A=y\n").is_ok());
    }

    #[test]
    fn differences_are_named() {
        assert_eq!(
            differences(STOCK, "CONFIG_A=m\nCONFIG_B=y\nCONFIG_C=\"x y\"\n"),
            ["CONFIG_A: y -> m", "CONFIG_B: unset -> y"]
        );
        let error = check_equal(STOCK, "").unwrap_err().to_string();
        assert_eq!(
            error,
            "2 options differ (CONFIG_A: y -> unset, CONFIG_C: \"x y\" -> unset)"
        );
    }

    #[test]
    fn lost_wishes_are_named() {
        let wanted = "# a comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x y\"\n";
        assert!(check_wishes(wanted, STOCK).is_ok());
        let error = check_wishes(wanted, "CONFIG_B=y\nCONFIG_C=\"x y\"\n");
        assert_eq!(
            error.unwrap_err().to_string(),
            "CONFIG_A: y -> unset, CONFIG_B: unset -> y"
        );
    }
}
