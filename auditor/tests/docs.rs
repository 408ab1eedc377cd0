//! What the documents list is what the code has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test"
)]

use std::collections::BTreeSet;

const FORMAT: &str = include_str!("../../docs/audit-format.md");
const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// What stands between `before` and `after` in a text, everywhere.
fn between<'t>(text: &'t str, before: &str, after: &str) -> impl Iterator<Item = &'t str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

fn is_code(word: &&str) -> bool {
    word.len() > 2 && word.chars().all(|character| character.is_ascii_uppercase() || character == '_')
}

#[test]
fn the_format_lists_every_finding_and_no_other() {
    let source = include_str!("../src/verify/finding.rs");
    let coded: BTreeSet<&str> = between(source, "=> \"", "\"").filter(is_code).collect();
    let section = between(FORMAT, "## 4.", "While lines arrive").next().unwrap();
    let mut listed: BTreeSet<&str> = between(section, "| `", "` |").flat_map(|cell| cell.split("`, `")).collect();
    assert!(listed.insert("MORE"), "it stands for findings that are not listed one by one");
    assert!(coded.len() > 25, "{coded:?}");
    assert_eq!(listed, coded);
}

#[test]
fn what_is_remarked_on_arrival_is_listed() {
    let source = include_str!("../src/collect/arrivals.rs");
    let coded: Vec<&str> = between(source, "=> \"", "\"").filter(is_code).collect();
    let sentence = between(FORMAT, "While lines arrive", "(an OTLP").next().unwrap();
    assert_eq!(coded.len(), 3);
    assert!(coded.iter().all(|code| sentence.contains(&format!("`{code}`"))), "{coded:?}: {sentence}");
}

#[test]
fn operations_lists_every_metric() {
    let source = include_str!("../src/collect/metrics.rs");
    let names: Vec<&str> =
        between(source, "            (\"", "\", \"").filter(|name| !name.contains(char::is_whitespace)).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(OPERATIONS.contains(&format!("`{name}`")), "{name} is not in docs/operations.md");
    }
}

#[test]
fn operations_lists_every_option_of_the_collector() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_countersign")).args(["collect", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let options: BTreeSet<&str> = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2).collect();
    assert!(options.len() > 12, "{options:?}");
    for option in options.into_iter().filter(|option| *option != "--help") {
        assert!(OPERATIONS.contains(option), "{option} is not in docs/operations.md");
    }
}
