//! Which keys of a set are kept, which are not and why, and which of them a token meets.

use crate::signing::{KEYS, all_jwks, token};
use countersign_core::jose::{Algorithm, KeyKind, KeySet, KeySetFault, MAX_KEY_SET_BYTES, ParsedToken};
use serde_json::{Value, json};

fn read(keys: &[Value]) -> (KeySet, Vec<String>) {
    let (set, faults) = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a key set");
    let codes = faults.iter().map(|fault| format!("{} {}", fault.index, fault.reason.code())).collect();
    (set, codes)
}

fn jwk(id: &str) -> Value {
    all_jwks().into_iter().find(|key| key["kid"] == id).expect("a key of that id")
}

fn with(id: &str, member: &str, value: Value) -> Value {
    let mut key = jwk(id);
    key[member] = value;
    key
}

fn without(id: &str, member: &str) -> Value {
    let mut key = jwk(id);
    key.as_object_mut().expect("an object").remove(member);
    key
}

fn reason(key: Value) -> String {
    let (set, mut codes) = read(&[key]);
    assert!(set.is_empty());
    codes.pop().and_then(|code| code.strip_prefix("0 ").map(str::to_owned)).expect("one fault")
}

#[test]
fn the_good_keys_of_a_mixed_set_are_kept_and_the_bad_are_reported_by_place_and_id() {
    let (set, faults) = KeySet::parse(
        json!({"keys": [jwk("RSA"), {"kty": "RSA", "kid": "bad", "n": "AQAB", "e": "AQAB"}, 7, jwk("P-256")]})
            .to_string()
            .as_bytes(),
    )
    .expect("a key set");
    assert_eq!(set.iter().map(|key| key.id()).collect::<Vec<_>>(), [Some("RSA"), Some("P-256")]);
    let faults: Vec<_> = faults.iter().map(|fault| (fault.index, fault.id.as_deref(), fault.reason.code())).collect();
    assert_eq!(faults, [(1, Some("bad"), "key_modulus_size"), (2, None, "key_not_an_object")]);
}

#[test]
fn each_defect_of_a_key_has_its_reason() {
    for (key, expected) in [
        (without("RSA", "kty"), "key_member_missing"),
        (with("RSA", "kty", json!("rsa")), "key_unsupported_type"),
        (with("RSA", "kid", json!(7)), "key_member_type"),
        (with("RSA", "use", json!("enc")), "key_not_for_signatures"),
        (with("RSA", "use", json!(1)), "key_member_type"),
        (with("RSA", "key_ops", json!(["sign"])), "key_not_for_signatures"),
        (with("RSA", "key_ops", json!([])), "key_not_for_signatures"),
        (with("RSA", "key_ops", json!("verify")), "key_member_type"),
        (with("RSA", "alg", json!("ES256")), "key_algorithm_mismatch"),
        (with("RSA", "alg", json!("RSA-OAEP")), "key_unsupported_algorithm"),
        (with("RSA", "alg", json!("none")), "key_unsupported_algorithm"),
        (with("RSA", "e", json!("AQ")), "key_not_rsa"),
        (with("RSA", "e", json!("Ag")), "key_not_rsa"),
        (with("RSA", "e", json!("BA")), "key_not_rsa"),
        (with("RSA", "e", json!("AQAAAAE")), "key_not_rsa"),
        (with("RSA", "e", json!("AAAA")), "key_not_rsa"),
        (with("RSA", "n", json!("gA==")), "key_member_encoding"),
        (with("RSA", "n", json!("")), "key_member_encoding"),
        (with("P-256", "crv", json!("P-384")), "key_not_on_curve"),
        (with("P-256", "crv", json!("secp256k1")), "key_unsupported_curve"),
        (with("P-256", "y", jwk("P-256")["x"].clone()), "key_not_on_curve"),
        (with("P-256", "x", jwk("P-384")["x"].clone()), "key_wrong_length"),
        (without("P-256", "y"), "key_member_missing"),
        (with("Ed25519", "crv", json!("X25519")), "key_unsupported_curve"),
        (with("Ed25519", "x", json!("AA")), "key_wrong_length"),
        // The neutral element, and a point of order 8.
        (with("Ed25519", "x", json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), "key_not_on_curve"),
        (with("oct", "k", json!("c2hvcnQ")), "key_secret_too_short"),
        (with("oct", "alg", json!("RS256")), "key_algorithm_mismatch"),
        (with("RSA", "x5c", json!([])), "key_member_type"),
        (without("RSA", "n"), "key_member_missing"),
    ] {
        assert_eq!(reason(key.clone()), expected, "{key}");
    }
}

#[test]
fn private_members_and_leading_zeros_do_no_harm() {
    let mut modulus = jwk("RSA");
    modulus["d"] = json!("AQAB");
    let (set, faults) = read(&[modulus, with("RSA", "e", json!("AAEAAQ")), with("RSA", "key_ops", json!(["sign", "verify"]))]);
    assert_eq!((set.len(), faults), (3, vec![]));
}

#[test]
fn documents_that_are_no_key_set_are_refused() {
    let code = |text: &str| KeySet::parse(text.as_bytes()).expect_err("refused").code();
    for text in ["", "<html>", "{", r#"{"keys":[],"keys":[]}"#, "\u{feff}{}"] {
        assert_eq!(code(text), "jwks_json", "{text}");
    }
    for text in ["null", "[]", "{}", r#"{"keys":null}"#, r#"{"keys":{}}"#, r#"{"keys":"-----BEGIN PUBLIC KEY-----"}"#] {
        assert_eq!(code(text), "jwks_no_keys", "{text}");
    }
    let large = " ".repeat(MAX_KEY_SET_BYTES + 1);
    assert!(matches!(KeySet::parse(large.as_bytes()), Err(KeySetFault::TooLarge { .. })));
    assert!(KeySet::parse(br#"{"keys":[null]}"#).expect("a set").0.is_empty());
}

#[test]
fn a_set_holds_no_more_keys_than_a_token_may_be_tried_against() {
    let keys = vec![jwk("Ed25519"); 70];
    let (set, faults) = read(&keys);
    assert_eq!((set.len(), faults.len(), faults[0].as_str()), (64, 6, "64 key_too_many"));
}

fn verdict(keys: &[Value], algorithm: Algorithm, header: &Value) -> &'static str {
    let text = token(algorithm, header, &json!({}));
    let parsed = ParsedToken::parse(&text).expect("well-formed");
    parsed.authenticate(&read(keys).0, &Algorithm::ALL).map_or_else(|denial| denial.code(), |_| "authentic")
}

#[test]
fn token_without_kid_tries_every_key_of_its_type() {
    let stranger = json!({"kty": "OKP", "kid": "other", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let keys = [stranger.clone(), jwk("RSA"), jwk("Ed25519")];
    assert_eq!(verdict(&keys, Algorithm::EdDsa, &json!({})), "authentic");
    assert_eq!(verdict(&[stranger], Algorithm::EdDsa, &json!({})), "token_signature");
}

#[test]
fn token_with_kid_meets_the_keys_of_that_id_and_those_without_one() {
    assert_eq!(verdict(&[jwk("Ed25519")], Algorithm::EdDsa, &json!({"kid": "Ed25519"})), "authentic");
    assert_eq!(verdict(&[jwk("Ed25519")], Algorithm::EdDsa, &json!({"kid": "new"})), "token_unknown_key");
    assert_eq!(verdict(&[without("Ed25519", "kid")], Algorithm::EdDsa, &json!({"kid": "new"})), "authentic");
    assert_eq!(verdict(&[], Algorithm::EdDsa, &json!({"kid": "new"})), "token_unknown_key");
    assert_eq!(verdict(&[], Algorithm::EdDsa, &json!({})), "token_no_key_for_algorithm");
}

#[test]
fn two_keys_of_one_id_are_both_tried() {
    let old = with("Ed25519", "x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    assert_eq!(verdict(&[old, jwk("Ed25519")], Algorithm::EdDsa, &json!({"kid": "Ed25519"})), "authentic");
}

#[test]
fn the_alg_of_a_key_binds_it() {
    let bound = with("RSA", "alg", json!("PS256"));
    assert_eq!(verdict(std::slice::from_ref(&bound), Algorithm::Ps256, &json!({})), "authentic");
    assert_eq!(verdict(&[bound], Algorithm::Rs256, &json!({})), "token_no_key_for_algorithm");
    let fully_specified = with("Ed25519", "alg", json!("Ed25519"));
    assert_eq!(verdict(&[fully_specified], Algorithm::EdDsa, &json!({})), "authentic");
}

#[test]
fn a_secret_serves_no_algorithm_that_it_is_too_short_for() {
    let secret = with("oct", "k", json!("WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo"));
    let (set, faults) = read(&[secret]);
    assert_eq!(faults, [""; 0]);
    assert_eq!(set.candidates(None, Algorithm::Hs256).count(), 1);
    assert_eq!(set.candidates(None, Algorithm::Hs384).count(), 0);
}

#[test]
fn an_algorithm_that_is_not_named_is_refused_though_its_key_is_there() {
    for algorithm in Algorithm::ALL {
        let text = token(algorithm, &json!({}), &json!({}));
        let parsed = ParsedToken::parse(&text).expect("well-formed");
        let others: Vec<_> = Algorithm::ALL.into_iter().filter(|other| *other != algorithm).collect();
        let denial = parsed.authenticate(&KEYS, &others).expect_err("refused");
        assert_eq!(denial.code(), "token_algorithm_not_allowed");
    }
}

/// `openssl req -x509` over a P-256 key; the public key of the same pair below.
const CERTIFICATE: &str = include_str!("certificate.pem");

#[test]
fn a_certificate_alone_is_a_key_and_beside_members_it_must_hold_the_same() {
    let der: String = CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    let (set, faults) = read(&[json!({"kty": "EC", "x5c": [der]})]);
    assert_eq!((set.iter().map(|key| key.kind()).collect::<Vec<_>>(), faults), (vec![KeyKind::P256], vec![]));
    assert_eq!(reason(with("P-256", "x5c", json!([der]))), "key_certificate_mismatch");
    assert_eq!(reason(json!({"kty": "EC", "x5c": ["AAAA"]})), "key_encoding");
    assert_eq!(reason(json!({"kty": "RSA", "x5c": [der]})), "key_certificate_mismatch");
    assert_eq!(reason(json!({"kty": "EC", "alg": "ES384", "x5c": [der]})), "key_algorithm_mismatch");
}

#[test]
fn certificates_by_id_and_pem_text_are_key_sets() {
    let by_id = json!({"a": CERTIFICATE, "b": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"});
    let (set, faults) = KeySet::parse(by_id.to_string().as_bytes()).expect("a key set");
    assert_eq!(set.iter().map(|key| key.id()).collect::<Vec<_>>(), [Some("a")]);
    assert_eq!(faults.iter().map(|fault| fault.reason.code()).collect::<Vec<_>>(), ["key_encoding"]);
    let (set, faults) = KeySet::parse(format!("\n{CERTIFICATE}{CERTIFICATE}").as_bytes()).expect("a key set");
    assert_eq!((set.len(), faults.len()), (2, 0));
}

#[test]
fn no_cut_certificate_is_a_key() {
    let der: String = CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    for length in (0..der.len()).step_by(4) {
        let (set, _) = read(&[json!({"kty": "EC", "x5c": [&der[..length]]})]);
        assert!(set.is_empty(), "{length}");
    }
}
