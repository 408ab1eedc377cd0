//! Any bytes as a key set.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(countersign_core::jose::KeySet::parse(bytes)));
