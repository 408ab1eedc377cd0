//! `jwt-compact` as a second opinion: another parser, and its own way from key to verdict, over the same algorithms.

use crate::signing::{KEYS, key_id, token};
use countersign_core::jose::{Algorithm, ParsedToken};
use jwt_compact::{AlgorithmExt, UntrustedToken};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[test]
fn jwt_compact_verifies_with_these_keys_and_refuses_with_others() {
    for algorithm in Algorithm::ALL {
        let text = token(algorithm, &json!({"kid": key_id(algorithm)}), &json!({"sub": "x", "exp": 5}));
        let untrusted = UntrustedToken::new(&text).expect("well-formed");
        for key in KEYS.iter() {
            let validated = algorithm.validator::<Map<String, Value>>(key).validate(&untrusted);
            assert_eq!(validated.is_ok(), key.id() == Some(key_id(algorithm)), "{algorithm} by {:?}", key.id());
        }
    }
}

#[test]
fn its_parser_takes_what_this_one_refuses() {
    let with_header = |header: &str| {
        let good = token(Algorithm::EdDsa, &json!({}), &json!({}));
        let rest = good.split_once('.').expect("parts").1;
        format!("{}.{rest}", crate::support::base64url(header.as_bytes()))
    };
    for (header, reason) in [
        (r#"{"alg":"EdDSA","crit":["x"]}"#, "token_critical_extension"),
        (r#"{"alg":"EdDSA","x":1,"x":2}"#, "token_duplicate_member"),
        (r#"{"alg":"EdDSA","b64":false}"#, "token_unencoded_payload"),
    ] {
        let text = with_header(header);
        assert!(UntrustedToken::new(&text).is_ok(), "{header}");
        assert_eq!(ParsedToken::parse(&text).expect_err("refused").code(), reason);
    }
}

fn nearly_a_token() -> impl Strategy<Value = String> {
    let header = prop_oneof![
        Just(r#"{"alg":"EdDSA"}"#.to_owned()),
        "\\{\"alg\":\"(ES256|RS256|none|HS256|x)\",\"kid\":(\"[a-z]{0,3}\"|1|null)\\}",
        "[ -~]{0,20}",
    ];
    let payload = prop_oneof![Just("{}".to_owned()), "\\{\"(exp|aud|iss)\":(1|\"x\"|\\[\\]|null|1e400)\\}", "[ -~]{0,20}"];
    (header, payload, any::<Vec<u8>>(), 0..4_usize, any::<prop::sample::Index>(), any::<char>()).prop_map(
        |(header, payload, signature, damage, place, character)| {
            let encode = crate::support::base64url;
            let mut text = format!("{}.{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()), encode(&signature));
            if damage == 0 {
                text.insert(place.index(text.len()), character);
            }
            text
        },
    )
}

proptest! {
    #[test]
    fn what_this_parser_takes_that_one_takes_alike(text in nearly_a_token()) {
        if let Ok(parsed) = ParsedToken::parse(&text) {
            let other = UntrustedToken::new(&text).expect("ours is the stricter one");
            prop_assert_eq!(parsed.key_id(), other.header().key_id.as_deref());
            prop_assert_eq!(Algorithm::from_name(other.algorithm()), Some(parsed.algorithm()));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = ParsedToken::parse(&text);
    }

    #[test]
    fn no_document_makes_the_key_set_panic(
        document in any::<Vec<u8>>(),
        kty in "(RSA|EC|OKP|oct)",
        crv in "(P-256|P-384|P-521|Ed25519)",
        first in any::<Vec<u8>>(),
        second in any::<Vec<u8>>(),
    ) {
        let _ = countersign_core::jose::KeySet::parse(&document);
        let (x, y) = (crate::support::base64url(&first), crate::support::base64url(&second));
        let key = json!({"keys": [{"kty": kty, "crv": crv, "x": x, "y": y, "n": x, "e": y, "k": x}]});
        let _ = countersign_core::jose::KeySet::parse(key.to_string().as_bytes());
    }
}
