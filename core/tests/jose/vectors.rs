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

/// Where Wycheproof leaves the verdict to policy: ours, and why.
const WYCHEPROOF_POLICY: [(&str, bool, &str); 11] = [
    ("wycheproof/signature/346", false, "the key is bound to PS256 by its `alg`, the token says PS384"),
    ("wycheproof/signature/347", false, "the key's `alg` is ES521, which is no algorithm"),
    ("wycheproof/signature/350", false, "the key is bound to PS256 by its `alg`, the token says PS384"),
    ("wycheproof/signature/351", false, "the key's `alg` is ES521, which is no algorithm"),
    ("wycheproof/key/1", true, "HS256 is allowed here by name, and no key verifies another type's algorithm"),
    ("wycheproof/key/4", true, "two keys with one id occur during rotation: each that fits is tried"),
    ("wycheproof/key/7", false, "the modulus has the ROCA fingerprint"),
    ("wycheproof/key/8", false, "RFC 7518 §3.3: at least 2048 bits"),
    ("wycheproof/key/10", false, "RFC 7518 §3.2: at least as long as the hash"),
    ("wycheproof/key/11", false, "RFC 7518 §3.2: at least as long as the hash"),
    ("wycheproof/key/12", false, "RFC 7518 §3.2: at least as long as the hash"),
];

#[test]
fn wycheproof_signatures_agree() {
    agree("wycheproof-jws.jsonl", &[], |case| {
        let policy = WYCHEPROOF_POLICY.iter().find(|(id, ..)| case["id"] == *id).map(|(_, accepted, _)| *accepted);
        let expected = match case["recommended"].as_str() {
            Some("policy") => policy,
            recommended => Some(recommended == Some("valid")),
        };
        let found = jws_verdict(case);
        (expected != Some(found.is_ok())).then(|| format!("expected {expected:?}, found {found:?} ({})", case["comment"]))
    });
}

#[test]
fn examples_of_the_rfcs_agree() {
    let exceptions = [
        ("cookbook/jws/4_5.signature_with_detached_content.json#compact", "detached content (RFC 7515 F) is no token"),
        ("cookbook/rfc7797/hmac-sha2_b64_false.json#compact", "`crit` is refused; a JWT must not have b64=false (RFC 7797 §7)"),
    ];
    agree("rfc-jws.jsonl", &exceptions, |case| match (case["jws"].is_string(), case["expected"].as_str(), jws_verdict(case)) {
        // The JSON serializations are no JWTs (RFC 7519 §1).
        (false, ..) | (true, Some("valid"), Ok(())) | (true, Some("invalid"), Err(_)) => None,
        (true, expected, found) => Some(format!("expected {expected:?}, found {found:?}")),
    });
}

#[test]
fn key_sets_of_jwt_verify_lib_agree() {
    let no_point = "its `x` belongs to a P-256 key and is no point of Ed25519: such a key could never verify anything";
    let trailing_comma = "the document has a trailing comma, which is no JSON (RFC 8259)";
    let exceptions = [
        ("jwtlib/jwks_test.cc:JwksParseTest.GoodOKP#jwks0", no_point),
        (
            "jwtlib/jwks_test.cc:JwksParseTest.addKeyFromPemSuccess#jwks0",
            "the second key comes by a call that the case does not hold",
        ),
        ("jwtlib/jwks_test.cc:JwksParseTest.JwksIgnoreUnsupportedKey#jwks0", no_point),
        ("jwtlib/jwks_test.cc:JwksParseTest.JwksIgnoreUnsupportedKeyInMiddle#jwks0", no_point),
        ("jwtlib/verify_jwk_hmac_test.cc:VerifyJwkHmacTest.OkSymmetricKeyNotAlg#jwks0", trailing_comma),
        ("jwtlib/verify_jwk_hmac_test.cc:VerifyJwkHmacTest.OkSymmetricKeyNotKid#jwks0", trailing_comma),
    ];
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
