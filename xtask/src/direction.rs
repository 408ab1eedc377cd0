//! Which crate may depend on which, and what the pure crate may not see.

use crate::{Failure, command};
use serde_json::Value;
use std::collections::BTreeSet;

/// Each crate of the workspace with those of the others it may depend on, tests and tools included.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("countersign-core", &[]),
    ("countersign-filter", &["countersign-core"]),
    ("countersign", &["countersign-core", "countersign-query"]),
    ("countersign-query", &["countersign-core"]),
    ("countersign-harness", &[]),
    ("countersign-testbed", &[]),
    ("countersign-host-tests", &["countersign-core", "countersign-harness", "countersign-testbed"]),
    ("xtask", &["countersign-testbed"]),
];

/// What would give the pure crate a clock, files, the network or a host.
const IMPURE: [&str; 10] =
    ["proxy-wasm", "wasmtime", "clap", "tokio", "tonic", "chrono", "getrandom", "rand", "reqwest", "hyper"];

/// Checks every edge of the workspace; returns how many there are.
pub(crate) fn check() -> Result<usize, Failure> {
    let metadata = command::output(command::cargo().args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(Failure::failed)?;
    let edges = edges(&metadata);
    let faults = faults(&edges);
    if faults.is_empty() { Ok(edges.len()) } else { Err(Failure::failed(faults.join("\n"))) }
}

/// Dependencies of the workspace's crates: (from, to), of every kind.
fn edges(metadata: &Value) -> BTreeSet<(String, String)> {
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |value: &Value| value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    list(metadata, "packages")
        .iter()
        .flat_map(|package| list(package, "dependencies").into_iter().map(move |to| (name(package), name(&to))))
        .collect()
}

fn faults(edges: &BTreeSet<(String, String)>) -> Vec<String> {
    edges.iter().filter_map(|(from, to)| fault(from, to)).collect()
}

fn fault(from: &str, to: &str) -> Option<String> {
    let ours = ALLOWED.iter().any(|(name, _)| *name == to);
    let permitted = ALLOWED.iter().find(|(name, _)| *name == from).is_some_and(|(_, may)| may.contains(&to));
    if ours && !permitted && from != to {
        return Some(format!("`{from}` must not depend on `{to}`"));
    }
    let impure = from == "countersign-core" && IMPURE.contains(&to);
    impure.then(|| format!("`{from}` is pure and must not depend on `{to}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults_of(from: &str, to: &str) -> Vec<String> {
        faults(&edges(&json!({"packages": [{"name": from, "dependencies": [{"name": to}]}]})))
    }

    #[test]
    fn the_arrows_of_the_design_may_be_drawn_and_no_other() {
        assert!(faults_of("countersign-filter", "countersign-core").is_empty());
        assert!(faults_of("countersign-filter", "serde").is_empty());
        assert_eq!(faults_of("countersign-core", "countersign-filter").len(), 1);
        assert_eq!(faults_of("countersign-harness", "countersign-core").len(), 1);
        assert_eq!(faults_of("countersign", "xtask").len(), 1);
        assert_eq!(faults_of("newcomer", "countersign-core").len(), 1);
    }

    #[test]
    fn the_pure_crate_sees_no_clock_and_no_host() {
        assert!(faults_of("countersign-core", "serde").is_empty());
        for name in IMPURE {
            assert_eq!(faults_of("countersign-core", name).len(), 1, "{name}");
        }
    }

    #[test]
    fn this_workspace_holds_to_it() {
        assert!(check().unwrap() > 10);
    }
}
