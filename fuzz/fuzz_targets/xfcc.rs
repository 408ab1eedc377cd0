//! Any text as `x-forwarded-client-cert`.
#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| drop(countersign_core::identity::forwarded_client_cert::parse(text)));
