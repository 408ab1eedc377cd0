//! A report, for a person and for a machine.

use super::finding::{Finding, Severity};
use super::{Report, StreamReport};
use crate::read::Place;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// The report as text: one line for each finding, then the sums.
#[must_use]
pub fn render_text(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", finding_line(report, finding));
    }
    let _ = writeln!(text, "{}", sums(report));
    text
}

fn finding_line(report: &Report, finding: &Finding) -> String {
    let mut line = format!("{:<8} {:<18}", finding.what.severity().name(), finding.what.code());
    if let Some(stream) = finding.stream {
        let _ = write!(line, " stream {stream}");
    }
    if let Some(seq) = finding.seq {
        let _ = write!(line, " seq {seq}");
    }
    let _ = write!(line, "  {}", finding.what);
    if let Some(place) = finding.place.and_then(|place| spell(report, place)) {
        let _ = write!(line, "  [{place}]");
    }
    if let Some(witness) = finding.witness.and_then(|place| spell(report, place)) {
        let _ = write!(line, "  [seen from {witness}]");
    }
    line
}

fn spell(report: &Report, place: Place) -> Option<String> {
    Some(format!("{}:{}", file(report, place)?.display(), place.line))
}

fn file(report: &Report, place: Place) -> Option<&PathBuf> {
    report.files.get(usize::try_from(place.file).ok()?)
}

fn sums(report: &Report) -> String {
    let sum = |count: fn(&StreamReport) -> u64| report.streams.iter().map(count).sum::<u64>();
    let (checkpoints, signed) = (sum(|stream| stream.checkpoints), sum(|stream| stream.signed));
    let closed = report.streams.iter().filter(|stream| stream.closed).count();
    format!(
        "{}/{} lines valid in {} files; {} streams, {closed} closed; {signed}/{checkpoints} checkpoints signed\n{}",
        report.valid,
        report.lines,
        report.files.len(),
        report.streams.len(),
        result(report),
    )
}

fn result(report: &Report) -> String {
    let errors = report.count(Severity::Error);
    let warnings = report.count(Severity::Warning) - errors;
    match errors {
        0 => format!("Result: GOOD ({warnings} warnings)"),
        _ => format!("Result: FAILED ({errors} errors, {warnings} warnings)"),
    }
}

/// The report as JSON.
#[must_use]
pub fn render_json(report: &Report) -> Value {
    json!({
        "result": if report.count(Severity::Error) == 0 { "good" } else { "failed" },
        "lines": report.lines,
        "valid": report.valid,
        "other_lines": report.others,
        "bytes": report.bytes,
        "files": report.files,
        "streams": report.streams.iter().map(stream_json).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(|finding| finding_json(report, finding)).collect::<Vec<_>>(),
    })
}

fn stream_json(stream: &StreamReport) -> Value {
    let StreamReport { stream, first, last, lines, closed, checkpoints, signed } = stream;
    json!({
        "stream": stream.to_string(), "first": first, "last": last, "lines": lines, "closed": closed,
        "checkpoints": checkpoints, "signed": signed,
    })
}

fn finding_json(report: &Report, finding: &Finding) -> Value {
    let at = |place: Place| json!({"file": file(report, place), "line": place.line});
    json!({
        "code": finding.what.code(),
        "severity": finding.what.severity().name(),
        "stream": finding.stream.map(|stream| stream.to_string()),
        "seq": finding.seq,
        "file": finding.place.and_then(|place| file(report, place)),
        "line": finding.place.map(|place| place.line),
        "witness": finding.witness.map(at),
        "detail": finding.what.to_string(),
    })
}
