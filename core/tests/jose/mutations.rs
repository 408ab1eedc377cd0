//! Damage of every kind to tokens that verify: none may survive.

use crate::signing::{KEYS, key_id, sign, token};
use crate::support::base64url;
use countersign_core::jose::{Algorithm, Key, ParsedToken};
use serde_json::json;

fn key(algorithm: Algorithm) -> &'static Key {
    KEYS.candidates(Some(key_id(algorithm)), algorithm).next().expect("a key for each algorithm")
}

#[test]
fn what_is_signed_verifies_with_every_algorithm() {
    for algorithm in Algorithm::ALL {
        let text = token(algorithm, &json!({"kid": key_id(algorithm)}), &json!({"sub": "x"}));
        let parsed = ParsedToken::parse(&text).expect("well-formed");
        assert!(parsed.authenticate(&KEYS, &[algorithm]).is_ok(), "{algorithm}");
    }
}

#[test]
fn every_bit_of_every_signature_counts() {
    for algorithm in Algorithm::ALL {
        let message = b"header.payload";
        let signature = sign(algorithm, message);
        for bit in 0..signature.len() * 8 {
            let mut damaged = signature.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(key(algorithm).verify(algorithm, message, &damaged).is_err(), "{algorithm}, bit {bit}");
        }
    }
}

#[test]
fn every_truncation_and_extension_of_every_signature_is_refused() {
    for algorithm in Algorithm::ALL {
        let message = b"header.payload";
        let signature = sign(algorithm, message);
        for length in 0..signature.len() {
            assert!(key(algorithm).verify(algorithm, message, &signature[..length]).is_err(), "{algorithm}, {length} bytes");
            assert!(
                key(algorithm).verify(algorithm, message, &signature[signature.len() - length..]).is_err(),
                "{algorithm}, last {length}"
            );
        }
        for extended in [[&signature[..], &[0]].concat(), [&[0], &signature[..]].concat()] {
            assert!(key(algorithm).verify(algorithm, message, &extended).is_err(), "{algorithm}, extended");
        }
    }
}

#[test]
fn every_bit_of_what_is_signed_counts() {
    for algorithm in Algorithm::ALL {
        let message = b"header.payload";
        let signature = sign(algorithm, message);
        for bit in 0..message.len() * 8 {
            let mut damaged = *message;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(key(algorithm).verify(algorithm, &damaged, &signature).is_err(), "{algorithm}, bit {bit}");
        }
    }
}

#[test]
fn no_key_verifies_an_algorithm_that_is_not_its_own() {
    let message = b"header.payload";
    for signed in Algorithm::ALL {
        let signature = sign(signed, message);
        for claimed in Algorithm::ALL.into_iter().filter(|claimed| *claimed != signed) {
            assert!(KEYS.iter().all(|key| key.verify(claimed, message, &signature).is_err()), "{signed} as {claimed}");
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // RFC 8725 §2.1: a token signed by HMAC with the public key's own bytes.
    let text = token(Algorithm::Hs256, &json!({"kid": "RSA"}), &json!({}));
    let refused = ParsedToken::parse(&text).expect("well-formed").authenticate(&KEYS, &Algorithm::ALL);
    assert_eq!(refused.expect_err("refused").code(), "token_no_key_for_algorithm");
}

#[test]
fn every_change_of_one_character_of_a_token_is_refused() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";
    let good = token(Algorithm::EdDsa, &json!({"kid": "Ed25519"}), &json!({"sub": "someone"}));
    let accepted = |text: &str| ParsedToken::parse(text).is_ok_and(|parsed| parsed.authenticate(&KEYS, &Algorithm::ALL).is_ok());
    assert!(accepted(&good));
    for place in 0..good.len() {
        for &replacement in ALPHABET {
            let mut damaged = good.clone().into_bytes();
            if damaged[place] == replacement {
                continue;
            }
            damaged[place] = replacement;
            let damaged = String::from_utf8(damaged).expect("ASCII");
            assert!(!accepted(&damaged), "{damaged}");
        }
        assert!(!accepted(&good[..place]) && !accepted(&[&good[..place], &good[place + 1..]].concat()), "cut at {place}");
    }
}

#[test]
fn a_token_in_another_form_of_the_same_bytes_is_refused() {
    let good = token(Algorithm::Hs256, &json!({}), &json!({"sub": "someone"}));
    for damaged in [
        format!("{good}="),
        format!("{good}."),
        format!(" {good}"),
        format!("{good}\n"),
        good.replace('.', ". "),
        format!("Bearer {good}"),
    ] {
        assert!(ParsedToken::parse(&damaged).is_err(), "{damaged:?}");
    }
    let header = base64url(br#"{"alg":"none"}"#);
    let payload = good.split('.').nth(1).expect("a payload");
    assert_eq!(ParsedToken::parse(&format!("{header}.{payload}.")).expect_err("unsigned").code(), "token_unsigned");
}
