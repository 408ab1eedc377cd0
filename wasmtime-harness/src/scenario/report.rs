//! Reports of scenarios: for people, for TAP consumers, for JUnit consumers.

use std::fmt::Write as _;

use crate::scenario::execute::Case;

/// How to write a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines for people, failures with their trace.
    Text,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// The XML that JUnit's consumers read.
    Junit,
}

/// The whole report.
pub fn render(cases: &[Case], format: Format) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match format {
        Format::Text => text(&mut out, cases),
        Format::Tap => tap(&mut out, cases),
        Format::Junit => junit(&mut out, cases),
    };
    out
}

fn text(out: &mut String, cases: &[Case]) -> std::fmt::Result {
    for case in cases {
        let mark = if case.passed() { "ok    " } else { "FAILED" };
        writeln!(out, "{mark} {} ({})", case.name, case.profile)?;
        for failure in &case.failures {
            writeln!(out, "       {failure}")?;
        }
        if !case.passed() {
            for line in case.trace.lines() {
                writeln!(out, "       | {line}")?;
            }
        }
    }
    let failed = cases.iter().filter(|case| !case.passed()).count();
    writeln!(out, "{} passed, {failed} failed", cases.len() - failed)
}

fn tap(out: &mut String, cases: &[Case]) -> std::fmt::Result {
    writeln!(out, "TAP version 14\n1..{}", cases.len())?;
    for (number, case) in (1..).zip(cases) {
        let verdict = if case.passed() { "ok" } else { "not ok" };
        let name = case.name.replace('#', "\\#");
        writeln!(out, "{verdict} {number} - {name} ({})", case.profile)?;
        if !case.passed() {
            writeln!(out, "  ---\n  failures:")?;
            for failure in &case.failures {
                writeln!(out, "  - {failure:?}")?;
            }
            writeln!(out, "  ...")?;
        }
    }
    Ok(())
}

fn junit(out: &mut String, cases: &[Case]) -> std::fmt::Result {
    let failed = cases.iter().filter(|case| !case.passed()).count();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuite name=\"countersign-harness\" tests=\"{}\" failures=\"{failed}\">", cases.len())?;
    for case in cases {
        let (name, class) = (escaped(&case.name), escaped(&case.profile));
        write!(out, "  <testcase classname=\"{class}\" name=\"{name}\"")?;
        if case.passed() {
            writeln!(out, "/>")?;
            continue;
        }
        let failures = escaped(&case.failures.join("\n"));
        writeln!(out, ">\n    <failure message=\"{failures}\"/>")?;
        writeln!(out, "    <system-out>{}</system-out>\n  </testcase>", escaped(&case.trace))?;
    }
    writeln!(out, "</testsuite>")
}

/// XML text and attribute values; control characters that XML forbids are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<Case> {
        let case = |name: &str, failures: &[&str]| Case {
            name: name.into(),
            profile: "envoy".into(),
            failures: failures.iter().map(ToString::to_string).collect(),
            trace: "a -> b".into(),
        };
        vec![case("fine", &[]), case("bad & #1", &["status: expected 200, found 403"])]
    }

    #[test]
    fn tap_numbers_every_case_and_explains_failures() {
        let expected = "TAP version 14\n1..2\nok 1 - fine (envoy)\nnot ok 2 - bad & \\#1 (envoy)\n  ---\n  failures:\n  - \"status: expected 200, found 403\"\n  ...\n";
        assert_eq!(render(&cases(), Format::Tap), expected);
    }

    #[test]
    fn junit_counts_failures_and_escapes_names() {
        let xml = render(&cases(), Format::Junit);
        assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
        assert!(xml.contains("name=\"bad &amp; #1\">"), "{xml}");
        assert!(xml.contains("<system-out>a -&gt; b</system-out>"), "{xml}");
    }

    #[test]
    fn text_shows_the_trace_of_failures_only() {
        let text = render(&cases(), Format::Text);
        assert_eq!(text.matches("| a -> b").count(), 1);
        assert!(text.ends_with("1 passed, 1 failed\n"));
    }
}
