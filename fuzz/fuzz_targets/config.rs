//! Any bytes as a configuration: accepted, or faults; never a panic.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(countersign_core::config::parse(bytes)));
