use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::*;

/// A field of a message: number, wire type 2.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len();
    let len = [u8::try_from(len & 0x7f).unwrap() | 0x80, u8::try_from(len >> 7).unwrap()];
    [&[number << 3 | 2], len.as_slice(), bytes].concat()
}

fn call(hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> bool {
    let argument = [field(1, hash.as_bytes()), field(2, key), field(3, signature), field(4, text)].concat();
    verify(&argument).unwrap() == [0x08, 0x01]
}

/// A DER value: tag, length, content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let head = match len {
        0..=127 => vec![tag, u8::try_from(len).unwrap()],
        128..=255 => vec![tag, 0x81, u8::try_from(len).unwrap()],
        _ => vec![tag, 0x82, u8::try_from(len >> 8).unwrap(), u8::try_from(len & 0xff).unwrap()],
    };
    [head, content.to_vec()].concat()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let pad = if bytes.first().is_none_or(|byte| byte & 0x80 != 0) { &[0][..] } else { &[] };
    der(2, &[pad, bytes].concat())
}

fn decoded(value: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// A SubjectPublicKeyInfo of a JWK, if it is RSA or one of the three curves.
fn spki(key: &Value) -> Option<Vec<u8>> {
    const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    let (algorithm, bits) = match (key["kty"].as_str()?, key["crv"].as_str()) {
        ("RSA", _) => (RSA.to_vec(), der(0x30, &[integer(&decoded(&key["n"])), integer(&decoded(&key["e"]))].concat())),
        ("EC", Some(curve)) => {
            let oid: &[u8] = match curve {
                "P-256" => b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
                "P-384" => b"\x06\x05\x2b\x81\x04\x00\x22",
                "P-521" => b"\x06\x05\x2b\x81\x04\x00\x23",
                _ => return None,
            };
            (der(0x30, &[EC, oid].concat()), [&[4][..], &decoded(&key["x"]), &decoded(&key["y"])].concat())
        }
        _ => return None,
    };
    Some(der(0x30, &[algorithm, der(3, &[&[0][..], &bits].concat())].concat()))
}

struct Jws {
    id: String,
    hash: String,
    key: Vec<u8>,
    text: Vec<u8>,
    /// As JOSE has it.
    raw: Vec<u8>,
    /// As OpenSSL takes it.
    signature: Vec<u8>,
}

/// The valid compact RS* and ES* cases of a vector file with one key.
fn cases(file: &str, verdict: &str) -> Vec<Jws> {
    let root = std::env::var("COUNTERSIGN_VECTORS").unwrap_or_else(|_| "../../shared/vectors".to_owned());
    let Ok(text) = std::fs::read_to_string(format!("{root}/{file}")) else {
        eprintln!("skipped: no {root}/{file}");
        return Vec::new();
    };
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row[verdict] == "valid").filter_map(|row| case(&row)).collect()
}

fn case(row: &Value) -> Option<Jws> {
    let compact = row["jws"].as_str()?;
    let [header, payload, signature] = compact.split('.').collect::<Vec<_>>().try_into().ok()?;
    let raw = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let header_value: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let algorithm = header_value["alg"].as_str()?;
    let [key] = row["jwks"]["keys"].as_array()?.as_slice() else { return None };
    let signature = match algorithm.get(..2)? {
        "RS" => raw.clone(),
        "ES" => {
            let (r, s) = raw.split_at(raw.len() / 2);
            der(0x30, &[integer(r), integer(s)].concat())
        }
        _ => return None,
    };
    (!payload.is_empty()).then_some(())?;
    Some(Jws {
        id: row["id"].as_str()?.to_owned(),
        hash: format!("SHA{}", algorithm.get(2..)?),
        key: spki(key)?,
        text: format!("{header}.{payload}").into_bytes(),
        raw,
        signature,
    })
}

fn all() -> Vec<Jws> {
    let mut all = cases("rfc-jws.jsonl", "expected");
    all.extend(cases("wycheproof-jws.jsonl", "recommended"));
    all
}

#[test]
fn hosts_md_1_2_rsa_and_ecdsa_signatures_of_public_vectors_verify() {
    let cases = all();
    for case in &cases {
        assert!(call(&case.hash, &case.key, &case.signature, &case.text), "{}", case.id);
    }
    println!("{} signatures", cases.len());
}

#[test]
fn hosts_md_1_2_every_flipped_bit_of_a_signature_fails() {
    let mut seen = std::collections::BTreeSet::new();
    // One of each size is enough: a flip is the same attack for all.
    for case in all().into_iter().filter(|case| seen.insert((case.hash.clone(), case.signature.len()))) {
        for bit in (0..case.raw.len() * 8).step_by(13) {
            let mut forged = case.signature.clone();
            let at = forged.len() - 1 - bit / 8;
            forged[at] ^= 1 << (bit % 8);
            assert!(!call(&case.hash, &case.key, &forged, &case.text), "{} bit {bit}", case.id);
        }
    }
}

#[test]
fn hosts_md_1_2_a_jose_signature_and_an_unknown_hash_are_false() {
    let Some(case) = all().into_iter().find(|case| case.raw != case.signature) else { return };
    assert!(!call(&case.hash, &case.key, &case.raw, &case.text));
    let argument = [field(1, b"SHA-256"), field(2, &case.key)].concat();
    assert_eq!(verify(&argument).unwrap(), b"\x12\x19SHA-256 is not supported.");
}

#[test]
fn hosts_md_1_2_both_keys_no_key_and_no_message_are_bad_arguments() {
    let both = [field(2, b"x"), field(5, b"y")].concat();
    for argument in [both, field(1, b"sha256"), vec![0xff]] {
        assert_eq!(verify(&argument), Err(Status::BadArgument));
    }
}

#[test]
fn hosts_md_1_2_a_key_of_another_kind_fails_to_initialise() {
    let argument = [field(1, b"sha256"), field(2, b"\x30\x00")].concat();
    assert_eq!(verify(&argument).unwrap(), [b"\x12\x23", BAD_KEY.as_bytes()].concat());
}
