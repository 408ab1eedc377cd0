//! What is required of claims, what is read from them, and what is odd about them.

use crate::signing::{KEYS, token};
use countersign_core::jose::{
    AcceptedClaims, Algorithm, Expiration, FindingThresholds, ParsedToken, Requirements, Separation, TokenDenial, TokenFinding,
};
use countersign_core::time::UnixNanos;
use serde_json::{Value, json};
use std::time::Duration;

const NOW: i64 = 1_000_000;

fn judge_at(header: &Value, claims: &Value, requirements: &Requirements, now: i64) -> Result<AcceptedClaims, TokenDenial> {
    let text = token(Algorithm::EdDsa, header, claims);
    let parsed = ParsedToken::parse(&text).expect("well-formed");
    let now = UnixNanos::from_seconds(now);
    let verdict = parsed.authenticate(&KEYS, &Algorithm::ALL).expect("authentic").accept(requirements, now);
    assert_eq!(parsed.refute(requirements, now).err(), verdict.as_ref().err().cloned(), "refuting needs no key");
    verdict
}

fn judge(claims: &Value, requirements: &Requirements) -> Result<AcceptedClaims, TokenDenial> {
    judge_at(&json!({}), claims, requirements, NOW)
}

fn code(verdict: &Result<AcceptedClaims, TokenDenial>) -> &'static str {
    verdict.as_ref().map_or_else(TokenDenial::code, |_| "accepted")
}

#[test]
fn what_is_not_asked_for_is_not_checked() {
    assert_eq!(code(&judge(&json!({}), &Requirements::default())), "accepted");
    assert_eq!(code(&judge(&json!({"iss": "any", "aud": [], "sub": "", "x": {"y": [1]}}), &Requirements::default())), "accepted");
}

#[test]
fn registered_claims_have_their_type_even_where_nothing_is_asked() {
    for (claim, wrong) in [
        ("iss", json!(1)),
        ("sub", json!(["a"])),
        ("jti", json!({})),
        ("aud", json!(7)),
        ("aud", json!(["a", 1])),
        ("aud", json!(null)),
        ("exp", json!("1000000000")),
        ("exp", json!(null)),
        ("nbf", json!(true)),
        ("iat", json!([1])),
    ] {
        assert_eq!(code(&judge(&json!({claim: wrong}), &Requirements::default())), "token_claim_type", "{claim}");
    }
}

#[test]
fn the_issuer_is_compared_exactly() {
    let requirements = Requirements { issuer: Some("https://issuer.example".to_owned()), ..Requirements::default() };
    for (issuer, expected) in [
        (json!("https://issuer.example"), "accepted"),
        (json!("https://issuer.example/"), "token_issuer"),
        (json!("https://ISSUER.example"), "token_issuer"),
        (json!(""), "token_issuer"),
    ] {
        assert_eq!(code(&judge(&json!({"iss": issuer}), &requirements)), expected, "{issuer}");
    }
    assert_eq!(code(&judge(&json!({}), &requirements)), "token_issuer");
}

#[test]
fn one_common_audience_is_enough() {
    let requirements = Requirements { audiences: vec!["orders".to_owned(), "billing".to_owned()], ..Requirements::default() };
    for (audience, expected) in [
        (json!("orders"), "accepted"),
        (json!(["x", "billing"]), "accepted"),
        (json!(["x"]), "token_audience"),
        (json!("orders billing"), "token_audience"),
        (json!("order"), "token_audience"),
        (json!([]), "token_audience"),
    ] {
        assert_eq!(code(&judge(&json!({"aud": audience}), &requirements)), expected, "{audience}");
    }
    assert_eq!(code(&judge(&json!({}), &requirements)), "token_audience");
}

#[test]
fn times_are_checked_to_the_second_with_skew_both_ways() {
    let requirements = Requirements { clock_skew: Duration::from_secs(10), ..Requirements::default() };
    for (claims, expected) in [
        (json!({"exp": NOW}), "accepted"),
        (json!({"exp": NOW - 9}), "accepted"),
        (json!({"exp": NOW - 10}), "token_expired"),
        (json!({"exp": NOW as f64 - 9.5}), "accepted"),
        (json!({"exp": 0}), "token_expired"),
        (json!({"exp": -1}), "token_expired"),
        (json!({"exp": i64::MIN}), "token_expired"),
        (json!({"exp": u64::MAX}), "accepted"),
        (json!({"exp": 1e300}), "accepted"),
        (json!({"nbf": NOW + 10}), "accepted"),
        (json!({"nbf": NOW + 11}), "token_not_yet_valid"),
        (json!({"nbf": u64::MAX}), "token_not_yet_valid"),
        (json!({"nbf": -5}), "accepted"),
        (json!({"iat": NOW + 1_000_000}), "accepted"),
    ] {
        assert_eq!(code(&judge(&claims, &requirements)), expected, "{claims}");
    }
}

#[test]
fn expiration_and_lifetime_are_limited_where_asked() {
    let required = Requirements { expiration: Expiration::Required, ..Requirements::default() };
    assert_eq!(code(&judge(&json!({}), &required)), "token_no_expiration");
    let limited = Requirements {
        max_lifetime: Some(Duration::from_secs(100)),
        clock_skew: Duration::from_secs(10),
        ..Requirements::default()
    };
    for (claims, expected) in [
        (json!({}), "token_no_expiration"),
        (json!({"exp": NOW + 110}), "accepted"),
        (json!({"exp": NOW + 111}), "token_lifetime_exceeded"),
        (json!({"exp": NOW + 50, "iat": NOW - 50}), "accepted"),
        (json!({"exp": NOW + 50, "iat": NOW - 51}), "token_lifetime_exceeded"),
        (json!({"exp": NOW + 100, "iat": NOW + 10}), "accepted"),
        (json!({"exp": NOW + 100, "iat": NOW + 11}), "token_issued_in_future"),
    ] {
        assert_eq!(code(&judge(&claims, &limited)), expected, "{claims}");
    }
}

#[test]
fn required_claims_are_there_and_not_null() {
    let requirements =
        Requirements { required_claims: vec!["sub".to_owned(), "realm_access.roles".to_owned()], ..Requirements::default() };
    assert_eq!(code(&judge(&json!({"sub": "x", "realm_access": {"roles": []}}), &requirements)), "accepted");
    assert_eq!(code(&judge(&json!({"sub": "x", "realm_access": {}}), &requirements)), "token_claim_missing");
    assert_eq!(code(&judge(&json!({"sub": "x", "realm_access": {"roles": null}}), &requirements)), "token_claim_missing");
}

#[test]
fn token_types_are_media_types() {
    let requirements = Requirements { token_types: vec!["at+jwt".to_owned(), "JWT".to_owned()], ..Requirements::default() };
    for (header, expected) in [
        (json!({"typ": "at+jwt"}), "accepted"),
        (json!({"typ": "AT+JWT"}), "accepted"),
        (json!({"typ": "application/at+jwt"}), "accepted"),
        (json!({"typ": "jwt"}), "accepted"),
        (json!({"typ": "logout+jwt"}), "token_type"),
        (json!({"typ": "text/at+jwt"}), "token_type"),
        (json!({"typ": ""}), "token_type"),
        (json!({}), "token_type"),
    ] {
        assert_eq!(code(&judge_at(&header, &json!({}), &requirements, NOW)), expected, "{header}");
    }
}

#[test]
fn revoked_tokens_and_subjects_are_refused() {
    let requirements = Requirements {
        revoked_tokens: ["t1".to_owned()].into(),
        revoked_subjects: ["mallory".to_owned()].into(),
        ..Requirements::default()
    };
    assert_eq!(code(&judge(&json!({"jti": "t2", "sub": "alice"}), &requirements)), "accepted");
    assert_eq!(code(&judge(&json!({"jti": "t1"}), &requirements)), "token_revoked");
    assert_eq!(code(&judge(&json!({"sub": "mallory"}), &requirements)), "token_subject_revoked");
}

#[test]
fn accepted_claims_show_what_the_token_says() {
    let claims = json!({
        "iss": "i", "sub": "s", "aud": ["a", "b"], "exp": NOW + 5, "iat": NOW - 5, "nbf": NOW - 4, "jti": "j", "client_id": "c",
        "scope": "read  write", "cnf": {"x5t#S256": "thumb"}, "realm_access": {"roles": ["admin", 7, "user"]},
        "https://example.com/roles": "one two", "a": {"b.c": "dotted"},
    });
    let accepted =
        judge_at(&json!({"kid": "Ed25519", "typ": "at+jwt"}), &claims, &Requirements::default(), NOW).expect("accepted");
    assert_eq!((accepted.issuer(), accepted.subject(), accepted.token_id()), (Some("i"), Some("s"), Some("j")));
    assert_eq!((accepted.client(), accepted.token_type(), accepted.key_id()), (Some("c"), Some("at+jwt"), Some("Ed25519")));
    assert_eq!((accepted.audiences(), accepted.scopes()), (vec!["a", "b"], vec!["read", "write"]));
    assert_eq!(accepted.expires(), Some(UnixNanos::from_seconds(NOW + 5)));
    assert_eq!(accepted.valid_until(), Some(UnixNanos::from_seconds(NOW + 65)));
    assert_eq!(
        (accepted.issued_at(), accepted.not_before()),
        (Some(UnixNanos::from_seconds(NOW - 5)), Some(UnixNanos::from_seconds(NOW - 4)))
    );
    assert_eq!(accepted.certificate_thumbprint(), Some("thumb"));
    assert_eq!(accepted.strings_at("realm_access.roles", Separation::None), ["admin", "user"]);
    assert_eq!(accepted.strings_at("https://example.com/roles", Separation::None), ["one two"]);
    assert_eq!(accepted.strings_at("https://example.com/roles", Separation::Spaces), ["one", "two"]);
    assert_eq!(accepted.strings_at("a.b.c", Separation::None), ["dotted"]);
    assert_eq!(accepted.strings_at("realm_access.none", Separation::None), [""; 0]);
    assert_eq!(serde_json::from_slice::<Value>(accepted.payload()).expect("JSON"), claims);
    assert_eq!(accepted.compact().split('.').nth(1), Some(accepted.payload_base64url()));
}

#[test]
fn accepted_claims_know_when_they_end() {
    let accepted = judge(&json!({"exp": NOW + 5}), &Requirements::default()).expect("accepted");
    assert!(accepted.recheck(UnixNanos::from_seconds(NOW + 64)).is_ok());
    assert_eq!(accepted.recheck(UnixNanos::from_seconds(NOW + 65)).map(|_| ()).expect_err("over").code(), "token_expired");
    assert!(judge(&json!({}), &Requirements::default()).expect("accepted").recheck(UnixNanos(u64::MAX)).is_ok());
}

#[test]
fn findings_name_what_is_odd() {
    use TokenFinding::{ExpiredWithinSkew, IssuedInFuture, LifetimeOverPolicy, NearExpiry, NoAudience, NoExpiration, NoSubject};
    let thresholds = FindingThresholds { lifetime: Some(Duration::from_secs(3600)), ..FindingThresholds::default() };
    let found = |claims: Value| {
        let accepted = judge(&claims, &Requirements::default()).expect("accepted");
        accepted.findings(&thresholds, UnixNanos::from_seconds(NOW))
    };
    assert_eq!(found(json!({})), [NoSubject, NoAudience, NoExpiration]);
    assert_eq!(found(json!({"sub": "s", "aud": "a", "exp": NOW + 600, "iat": NOW})), []);
    assert_eq!(found(json!({"sub": "s", "aud": "a", "exp": NOW + 30})), [NearExpiry]);
    assert_eq!(found(json!({"sub": "s", "aud": "a", "exp": NOW - 30})), [ExpiredWithinSkew]);
    assert_eq!(found(json!({"sub": "s", "aud": "a", "exp": NOW + 3000, "iat": NOW - 3000})), [LifetimeOverPolicy]);
    assert_eq!(found(json!({"sub": "s", "aud": "a", "exp": NOW + 600, "iat": NOW + 61})), [IssuedInFuture]);
    let wild = found(json!({"sub": "s", "aud": ["*"], "scope": "orders:*", "exp": NOW + 600}));
    assert_eq!(wild, [TokenFinding::WildcardAudience, TokenFinding::WildcardScope]);
    assert!(wild.iter().all(|finding| finding.is_vague()));
}

#[test]
fn a_parsed_token_shows_only_what_chooses_rule_and_key() {
    let text = token(Algorithm::EdDsa, &json!({"kid": "k"}), &json!({"iss": "i"}));
    let parsed = ParsedToken::parse(&text).expect("well-formed");
    assert_eq!((parsed.claimed_issuer(), parsed.key_id(), parsed.algorithm()), (Some("i"), Some("k"), Algorithm::EdDsa));
    assert!(!format!("{parsed:?}").contains(text.split('.').nth(2).expect("a signature")));
}
