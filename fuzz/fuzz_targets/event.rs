//! Any bytes in an event: the line is canonical JSON that reads back, within its limit.
#![no_main]
use countersign_core::json::canonical;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for limit in [0, 7, 100, usize::MAX] {
        let mut line = Vec::new();
        canonical::object(&mut line, |object| {
            let _ = object.clipped("a", bytes, limit);
        });
        let value: serde_json::Value = serde_json::from_slice(&line).expect("canonical JSON is JSON");
        assert_eq!(value.to_string().as_bytes(), line);
        assert!(limit == usize::MAX || line.len() <= limit + 8);
    }
});
