//! The W3C trace-context test suite's cases.

#![expect(clippy::expect_used, reason = "a case without its members ends the test")]

mod support;

use countersign_core::request::{Header, Peer, RequestView};
use countersign_core::time::UnixNanos;
use countersign_core::trace;
use serde_json::Value;

/// The suite's own parser for version 00 alone, and its lenient one, which takes an all-zero id; a reader of requests is
/// neither, so only what the two agree on binds it.
fn unit_expectation(case: &Value) -> Option<bool> {
    let text = case["traceparent"].as_str()?;
    let all_zero = text.contains("-00000000000000000000000000000000-") || text.contains("-0000000000000000-");
    let strict = case["parser"].as_str()?.starts_with("strict");
    let other_version = !text.starts_with("00-") && !text.starts_with("ff");
    let expected = case["expected"] == "ok";
    match (strict, expected) {
        (false, true) if all_zero => None,
        (true, false) if other_version => None,
        _ => Some(expected),
    }
}

#[test]
fn unit_cases_agree() {
    let Some(cases) = support::vectors("traceparent-unit.jsonl") else { return };
    let mut checked = 0;
    for case in &cases {
        let Some(expected) = unit_expectation(case) else { continue };
        let text = case["traceparent"].as_str().expect("text");
        assert_eq!(trace::parse_parent(text).is_some(), expected, "{}", case["id"]);
        checked += 1;
    }
    assert_eq!(cases.len() - checked, 5, "two lenient all-zero cases, three strict later versions");
}

fn headers(case: &Value) -> Vec<(String, Vec<u8>)> {
    let pairs = case["headers"].as_array().expect("pairs");
    let lower = |pair: &Value| pair[0].as_str().expect("name").to_ascii_lowercase();
    pairs.iter().map(|pair| (lower(pair), pair[1].as_str().expect("value").as_bytes().to_vec())).collect()
}

#[test]
fn request_cases_agree() {
    let Some(cases) = support::vectors("traceparent.jsonl") else { return };
    for case in &cases {
        let owned = headers(case);
        let borrowed: Vec<Header<'_>> = owned.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request = RequestView {
            method: "GET",
            path: "/",
            host: "h",
            scheme: "http",
            headers: &borrowed,
            peer: Peer::default(),
            received: UnixNanos::default(),
        };
        let context = trace::read(&request);
        let accepted = case["traceparent_verdict"].as_str().expect("verdict").starts_with("accept");
        assert_eq!(context.is_ok(), accepted, "{} {context:?}", case["id"]);
        if !accepted {
            // Without a traceparent its tracestate goes too; one such case is labelled `keep` beside an expected length of 0.
            continue;
        }
        let kept = context.map(|context| !context.state.is_empty()).unwrap_or_default();
        match case["tracestate_verdict"].as_str() {
            Some("keep") => assert!(kept, "{}", case["id"]),
            Some("discard") => assert!(!kept, "{}", case["id"]),
            _ => {}
        }
    }
}
