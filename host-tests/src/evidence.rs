//! Reading what a collector kept.

use serde_json::Value;
use std::path::Path;

/// All lines under a store's folder, in no order.
#[must_use]
pub fn lines(store: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    collect(store, &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<Value>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            found.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
        }
    }
}

/// The access event of a trace.
#[must_use]
pub fn of_trace<'l>(lines: &'l [Value], trace_id: &str) -> Option<&'l Value> {
    lines
        .iter()
        .find(|line| is_access(line) && line.get("trace").and_then(|trace| trace.get("trace_id")) == Some(&trace_id.into()))
}

/// How many access events there are.
#[must_use]
pub fn access_count(lines: &[Value]) -> usize {
    lines.iter().filter(|line| is_access(line)).count()
}

fn is_access(line: &Value) -> bool {
    line.get("event").is_some_and(|event| event == "access")
}
