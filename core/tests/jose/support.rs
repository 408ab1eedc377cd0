//! What these tests share.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The cases of one vector file, or none, with a visible line, where the vectors are not at hand.
pub(crate) fn vectors(file: &str) -> Option<Vec<Value>> {
    let path = vector_folder().join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).expect("a case a line")).collect()),
        Err(error) => {
            println!("skipped: {} ({error})", path.display());
            None
        }
    }
}

fn vector_folder() -> PathBuf {
    std::env::var_os("COUNTERSIGN_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"), PathBuf::from)
}

/// A well-formed token that nobody signed.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.{}.AA", base64url(br#"{"alg":"RS256"}"#), base64url(claims.to_string().as_bytes()))
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
