//! A report, for a person and for a machine.

use super::finding::{Finding, Severity};
use super::{Report, StreamReport};
use serde_json::{Value, json};
use std::fmt::Write as _;

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
    if let Some(place) = place(report, finding) {
        let _ = write!(line, "  [{place}]");
    }
    line
}

fn place(report: &Report, finding: &Finding) -> Option<String> {
    let place = finding.place?;
    let file = report.files.get(usize::try_from(place.file).ok()?)?;
    Some(format!("{}:{}", file.display(), place.line))
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
    let place = finding.place;
    json!({
        "code": finding.what.code(),
        "severity": finding.what.severity().name(),
        "stream": finding.stream.map(|stream| stream.to_string()),
        "seq": finding.seq,
        "file": place.and_then(|place| report.files.get(usize::try_from(place.file).ok()?)),
        "line": place.map(|place| place.line),
        "detail": finding.what.to_string(),
    })
}
