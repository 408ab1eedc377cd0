//! Third-party cases, read from beside the project where they exist.

#![expect(clippy::expect_used, reason = "a broken case file ends the test")]

use serde_json::Value;
use std::path::PathBuf;

/// The cases of one file, or `None` with a visible line when the folder is absent.
pub(crate) fn vectors(file: &str) -> Option<Vec<Value>> {
    let folder = std::env::var_os("COUNTERSIGN_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        eprintln!("skipped: {file} is not in {} (set COUNTERSIGN_VECTORS)", folder.display());
        return None;
    };
    let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a case a line")).collect();
    assert!(!cases.is_empty(), "{file} holds no case");
    Some(cases)
}
