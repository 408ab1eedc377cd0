//! What a token costs natively: `cargo bench -p countersign-core`. What it costs inside a gateway is another number, measured
//! on the built wasm.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark that cannot set itself up fails")]

#[path = "../tests/jose/signing.rs"]
mod signing;
#[path = "../tests/jose/support.rs"]
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
mod support;

use countersign_core::jose::{Algorithm, KeySet, ParsedToken, Requirements};
use countersign_core::time::UnixNanos;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::hint::black_box;

fn claims() -> Value {
    json!({
        "iss": "https://issuer.example", "sub": "0b7c6a1e-9a4f-4c6e-8f52-7d1f0f0a6a11", "aud": ["orders-api", "billing-api"],
        "exp": 2_000_000_000, "iat": 1_999_999_000, "jti": "5d1b7a52", "azp": "web", "scope": "openid profile orders:read",
        "realm_access": {"roles": ["orders.reader", "orders.writer", "offline_access"]},
    })
}

fn tokens(criterion: &mut Criterion) {
    let now = UnixNanos::from_seconds(1_999_999_500);
    let mut group = criterion.benchmark_group("token");
    for algorithm in Algorithm::ALL {
        let text = signing::token(algorithm, &json!({"kid": signing::key_id(algorithm), "typ": "at+jwt"}), &claims());
        group.bench_function(algorithm.name(), |bencher| {
            bencher.iter(|| {
                let parsed = ParsedToken::parse(black_box(&text)).expect("well-formed");
                let authentic = parsed.authenticate(&signing::KEYS, &Algorithm::ALL).expect("authentic");
                authentic.accept(&Requirements::default(), now).expect("accepted")
            });
        });
    }
    let text = signing::token(Algorithm::EdDsa, &json!({}), &claims());
    group.bench_function("parsing alone", |bencher| bencher.iter(|| ParsedToken::parse(black_box(&text))));
}

fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("key");
    for jwk in signing::all_jwks() {
        let document = json!({"keys": [jwk]}).to_string();
        let name = jwk["kid"].as_str().expect("an id");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (keys, _) = KeySet::parse(black_box(document.as_bytes())).expect("a key set");
                keys.prepare();
                keys
            });
        });
    }
}

criterion_group!(benches, tokens, keys);
criterion_main!(benches);
