//! Any path, normalised: what comes out is stable, and cannot climb.
#![no_main]
use countersign_core::config::authorization::PathNormalization::{Base, DecodeAndMergeSlashes, MergeSlashes};
use countersign_core::path::normalize;

libfuzzer_sys::fuzz_target!(|target: &str| {
    for mode in [Base, MergeSlashes, DecodeAndMergeSlashes] {
        if let Ok(path) = normalize(target, mode) {
            assert_eq!(normalize(&path, mode).as_deref(), Ok(&*path));
            assert!(!path.split('/').any(|segment| segment == ".."));
        }
    }
});
