//! The pure core as WebAssembly under Node: what has no clock, no files and no host runs here unchanged.
//!
//! `cargo xtask test --only node` runs it; natively it is empty, since every statement here is tested there in more depth.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use countersign_core::chain::{Chain, ServiceName};
use countersign_core::config;
use countersign_core::engine::{Decision, Engine};
use countersign_core::event::{Caps, Decided, Draft, Ending};
use countersign_core::request::{Peer, RequestView};
use countersign_core::time::UnixNanos;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

const NOW: i64 = 1_795_519_353;
const AUTHORIZATION: &str = "authorization";

fn key() -> SigningKey {
    SigningKey::from_slice(&[0x42; 32]).expect("a scalar")
}

fn token(roles: &[&str], expires: i64) -> String {
    let encode = |value: Value| BASE64URL.encode(value.to_string());
    let claims =
        json!({"iss": "https://issuer.example", "aud": "shop", "sub": "ada", "roles": roles, "iat": NOW - 60, "exp": expires});
    let signed = format!("{}.{}", encode(json!({"alg": "ES256", "kid": "1"})), encode(claims));
    let signature: Signature = key().sign(signed.as_bytes());
    format!("{signed}.{}", BASE64URL.encode(signature.to_bytes()))
}

fn engine() -> Engine {
    let point = key().verifying_key().to_sec1_point(false);
    let coordinate = |bytes: Option<&p256::FieldBytes>| BASE64URL.encode(bytes.expect("no infinity"));
    let jwks =
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": coordinate(point.x()), "y": coordinate(point.y())}]});
    let rule = json!({"from": [{"source": {"roles": ["reader"]}}], "to": [{"operation": {"methods": ["GET"], "paths": ["/orders/{*}"]}}]});
    let configuration = json!({
        "host": "generic",
        "mode": "enforce",
        "service": {"name": "node"},
        "authentication": {"jwtRules": [{"issuer": "https://issuer.example", "audiences": ["shop"], "jwks": jwks.to_string(), "rolesFrom": ["roles"]}]},
        "authorization": {"unmatched": "deny", "policies": [{"name": "read", "action": "ALLOW", "rules": [rule]}]},
        "audit": {"sinks": [{"kind": "log"}]}});
    Engine::new(config::parse(configuration.to_string().as_bytes()).expect("no faults"))
}

/// Decides one GET and hands the decision and the request on.
fn decide<T>(engine: &mut Engine, token: &str, path: &str, then: impl FnOnce(&RequestView<'_>, Decision) -> T) -> T {
    let bearer = format!("Bearer {token}");
    let now = UnixNanos::from_seconds(NOW);
    let headers = [(AUTHORIZATION, bearer.as_bytes())];
    let request = RequestView {
        method: "GET",
        path,
        host: "shop.example",
        scheme: "https",
        headers: &headers,
        peer: Peer::default(),
        received: now,
    };
    let decision = engine.decide(&request, now);
    then(&request, decision)
}

fn reason(engine: &mut Engine, token: &str, path: &str) -> (u16, &'static str) {
    decide(engine, token, path, |_, decision| (decision.status(), decision.facts.reason))
}

#[wasm_bindgen_test]
fn a_reader_reads_and_nothing_else() {
    let mut engine = engine();
    let reader = token(&["reader"], NOW + 60);
    assert_eq!(reason(&mut engine, &reader, "/orders/7"), (200, "policy_allowed"));
    assert_eq!(reason(&mut engine, &reader, "/invoices/7"), (403, "no_policy_matched"));
    assert_eq!(reason(&mut engine, &token(&["writer"], NOW + 60), "/orders/7"), (403, "no_policy_matched"));
    assert_eq!(reason(&mut engine, &token(&["reader"], NOW - 3600), "/orders/7"), (401, "token_expired"));
}

#[wasm_bindgen_test]
fn a_signature_with_any_byte_changed_is_refused() {
    let mut engine = engine();
    let good = token(&["reader"], NOW + 60);
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let signature = BASE64URL.decode(signature).expect("base64url");
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        let forged = format!("{signed}.{}", BASE64URL.encode(changed));
        assert_eq!(reason(&mut engine, &forged, "/orders/7").0, 401, "byte {at}");
    }
}

#[wasm_bindgen_test]
fn every_fault_of_a_configuration_is_reported() {
    let faults = config::parse(br#"{"host": "nowhere", "mode": 7, "unknown": true}"#).expect_err("faults");
    assert!(faults.len() >= 3, "{faults:?}");
}

#[wasm_bindgen_test]
fn each_line_is_sealed_to_the_one_before() {
    let mut engine = engine();
    let mut chain = Chain::new([1; 16], &ServiceName::default());
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for path in ["/orders/1", "/orders/2", "/elsewhere"] {
        decide(&mut engine, &token(&["reader"], NOW + 60), path, |request, decision| {
            let draft = Draft::new(&decided(request, &decision), Caps::FULL);
            chain.seal_access(&draft, &Ending::default(), [2; 16]);
            lines.push(chain.line().to_vec());
        });
    }
    for pair in lines.windows(2) {
        let digest: String = Sha256::digest(&pair[0]).iter().map(|byte| format!("{byte:02x}")).collect();
        let next: Value = serde_json::from_slice(&pair[1]).expect("JSON");
        assert_eq!(next["chain"]["prev"], json!(digest));
    }
}

fn decided<'a>(request: &'a RequestView<'a>, decision: &'a Decision) -> Decided<'a> {
    Decided {
        id: "0199aabb-ccdd-7000-8000-000000000000",
        request,
        path: &decision.path,
        endpoint: decision.endpoint.as_deref(),
        protocol: "HTTP/1.1",
        request_id: "",
        trace: None,
        span_id: None,
        source_address: "",
        source_service: None,
        identity: &decision.identity,
        decision: &decision.facts,
        findings: &decision.findings,
    }
}
