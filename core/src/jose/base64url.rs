//! base64url as JOSE demands it (RFC 7515 §2): without padding, and in the one canonical form of its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The bytes of `text`; none where it has padding, other characters, or bits set that carry nothing (RFC 4648 §3.5).
#[must_use]
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The canonical text of `bytes`.
#[cfg(test)]
#[must_use]
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        assert_eq!(decode("Zm9v"), Some(b"foo".to_vec()));
        assert_eq!(decode("Zm8"), Some(b"fo".to_vec()));
        for text in ["Zm8=", "Zm9", "Zm 8", "Zm8\n", "Zm9v\r\n", "Zm+v", "Zm/v", "Zm9v?", "Z", "Zm9vé"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
        assert_eq!(decode(&encode(b"\xff\xfe\xfd\xfc")), Some(b"\xff\xfe\xfd\xfc".to_vec()));
    }
}
