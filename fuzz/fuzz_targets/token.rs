//! Any text as a token: without keys none is ever authentic.
#![no_main]
use countersign_core::jose::{Algorithm, KeySet, ParsedToken, Requirements};
use countersign_core::time::UnixNanos;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(token) = ParsedToken::parse(text) {
        drop(token.refute(&Requirements::default(), UnixNanos::from_seconds(1_800_000_000)));
        let (keys, _) = KeySet::parse(br#"{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#).unwrap();
        assert!(token.authenticate(&keys, &Algorithm::ASYMMETRIC).is_err());
    }
});
