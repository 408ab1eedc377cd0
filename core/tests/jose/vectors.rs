//! Cases of others: Wycheproof, the RFCs' own examples, Google's jwt_verify_lib. Skipped, visibly, where they are not at hand.

use crate::support::{self, vectors};
use countersign_core::jose::{Algorithm, KeySet, ParsedJws, ParsedToken, Requirements, TokenDenial};
use countersign_core::time::UnixNanos;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs a check over all cases of a file and reports every disagreement that no exception explains, and every exception
/// that is not needed.
fn agree(file: &str, exceptions: &[(&str, &str)], check: impl Fn(&Value) -> Option<String>) {
    let Some(cases) = vectors(file) else { return };
    let mut excused: BTreeMap<&str, &str> = exceptions.iter().copied().collect();
    let mut disagreements = Vec::new();
    for case in &cases {
        let id = case["id"].as_str().expect("each case has an id");
        match (check(case), excused.remove(id)) {
            (None, None) | (Some(_), Some(_)) => {}
            (Some(difference), None) => disagreements.push(format!("{id}: {difference}")),
            (None, Some(reason)) => disagreements.push(format!("{id}: agrees, though excused: {reason}")),
        }
    }
    disagreements.extend(excused.keys().map(|id| format!("{id}: excused, but no case")));
    assert!(disagreements.is_empty(), "{} of {} cases:\n{}", disagreements.len(), cases.len(), disagreements.join("\n"));
    println!("{file}: {} cases agree, {} of them by exception", cases.len(), exceptions.len());
}

fn jws_verdict(case: &Value) -> Result<(), String> {
    let text = case["jws"].as_str().ok_or("not compact")?;
    let (keys, _) = KeySet::parse(case["jwks"].to_string().as_bytes()).map_err(|fault| fault.to_string())?;
    let jws = ParsedJws::parse(text).map_err(|denial| denial.code().to_owned())?;
    jws.authenticate(&keys, &Algorithm::ALL).map(|_| ()).map_err(|denial| denial.code().to_owned())
}

#[test]
fn wycheproof_signatures_agree() {
    let exceptions = [];
    agree("wycheproof-jws.jsonl", &exceptions, |case| {
        let expected = case["recommended"].as_str().expect("a recommendation");
        match (expected, jws_verdict(case)) {
            ("valid", Ok(())) | ("invalid", Err(_)) => None,
            (expected, found) => Some(format!("expected {expected}, found {found:?} ({})", case["comment"])),
        }
    });
}

#[test]
fn examples_of_the_rfcs_agree() {
    let exceptions = [];
    agree("rfc-jws.jsonl", &exceptions, |case| match (case["expected"].as_str(), jws_verdict(case)) {
        (Some("valid"), Ok(())) | (Some("invalid"), Err(_)) => None,
        (expected, found) => Some(format!("expected {expected:?}, found {found:?}")),
    });
}

#[test]
fn key_sets_of_jwt_verify_lib_agree() {
    let exceptions = [];
    agree("jwtlib-jwks.jsonl", &exceptions, |case| {
        let read = KeySet::parse(case["text"].as_str().expect("a text").as_bytes());
        let usable = read.as_ref().map_or(0, |(keys, _)| keys.len() as u64);
        let expected = (case["expected_status"] == "Ok", case["expected_keys"].as_u64());
        match expected {
            (true, Some(count)) if usable == count => None,
            (true, None) if usable > 0 => None,
            (false, _) if usable == 0 => None,
            expected => Some(format!("expected {expected:?}, found {usable}: {:?}", read.map(|(_, faults)| faults))),
        }
    });
}

#[test]
fn times_of_jwt_verify_lib_agree() {
    agree("jwtlib-time.jsonl", &[], |case| {
        let mut claims = serde_json::Map::new();
        for name in ["exp", "nbf"] {
            if !case[name].is_null() {
                claims.insert(name.to_owned(), case[name].clone());
            }
        }
        let token = support::unsigned(&Value::Object(claims));
        let skew = Duration::from_secs(case["clock_skew"].as_u64().expect("a skew"));
        let requirements = Requirements { clock_skew: skew, ..Requirements::default() };
        let now = UnixNanos::from_seconds(i64::try_from(case["now"].as_u64().expect("a time")).unwrap_or(i64::MAX));
        let verdict = ParsedToken::parse(&token).expect("well-formed").refute(&requirements, now);
        let found = match verdict {
            Ok(()) => "Ok",
            Err(TokenDenial::Expired { .. }) => "JwtExpired",
            Err(TokenDenial::NotYetValid { .. }) => "JwtNotYetValid",
            Err(other) => other.code(),
        };
        (case["expected_status"] != found).then(|| format!("expected {}, found {found}", case["expected_status"]))
    });
}
