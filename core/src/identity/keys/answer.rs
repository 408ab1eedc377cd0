//! Reading what a key server answered.

use crate::chain::{Head, head_of};
use crate::jose::{KeyFault, KeySet, KeySetFault, MAX_KEY_SET_BYTES};

/// A key set as it was answered. It has at least one usable key.
#[derive(Debug, Clone)]
pub struct KeyDocument {
    /// The usable keys.
    pub keys: KeySet,
    /// What is wrong with the others.
    pub faults: Vec<KeyFault>,
    /// SHA-256 of the answer's body.
    pub digest: Head,
}

/// Why a fetch brought no keys. Never the client's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    /// The host did not take the call: an unknown upstream, for one. With the host's status.
    #[error("the host refused the call with status {0}")]
    Refused(u32),
    /// No answer within the timeout, or no connection.
    #[error("the key server did not answer")]
    NoAnswer,
    /// Another HTTP status than 200.
    #[error("the key server answered with status `{0}`")]
    Status(String),
    /// The body is no key set.
    #[error("the answer is no key set: {0}")]
    NoKeySet(#[from] KeySetFault),
    /// A key set without one key that could be used.
    #[error("the key set has no usable key among its {found}")]
    NoUsableKey {
        /// How many keys it has.
        found: usize,
    },
}

impl FetchFault {
    /// The reason's stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "fetch_refused",
            Self::NoAnswer => "fetch_no_answer",
            Self::Status(_) => "fetch_status",
            Self::NoKeySet(KeySetFault::TooLarge { .. }) => "jwks_too_large",
            Self::NoKeySet(KeySetFault::NotJson(_)) => "jwks_json",
            Self::NoKeySet(KeySetFault::NoKeys) => "jwks_no_keys",
            Self::NoUsableKey { .. } => "fetch_no_usable_key",
        }
    }
}

impl KeyDocument {
    /// Reads an answer by its HTTP status and its body.
    ///
    /// # Errors
    /// [`FetchFault`] where it is not 200, or no key of it can be used.
    pub fn read(status: &str, body: &[u8]) -> Result<Self, FetchFault> {
        if status != "200" {
            return Err(FetchFault::Status(status.chars().take(3).collect()));
        }
        let (keys, faults) = KeySet::parse(body)?;
        if keys.is_empty() {
            return Err(FetchFault::NoUsableKey { found: faults.len() });
        }
        Ok(Self { keys, faults, digest: head_of(body) })
    }

    /// The fault of a body that is known to be too long before it is read.
    ///
    /// # Errors
    /// [`FetchFault`] over [`MAX_KEY_SET_BYTES`].
    pub fn check_length(length: usize) -> Result<(), FetchFault> {
        if length > MAX_KEY_SET_BYTES {
            return Err(KeySetFault::TooLarge { limit: MAX_KEY_SET_BYTES, length }.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_fault_has_its_own_code_and_message() {
        let json = crate::json::parse(b"{").expect_err("no JSON");
        let faults = [
            FetchFault::Refused(2),
            FetchFault::NoAnswer,
            FetchFault::Status("404".to_owned()),
            KeySetFault::TooLarge { limit: 1, length: 2 }.into(),
            KeySetFault::NotJson(json).into(),
            KeySetFault::NoKeys.into(),
            FetchFault::NoUsableKey { found: 0 },
        ];
        let codes: BTreeSet<&str> = faults.iter().map(FetchFault::code).collect();
        let messages: BTreeSet<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!((codes.len(), messages.len()), (faults.len(), faults.len()));
    }

    #[test]
    fn an_answer_without_a_usable_key_is_a_fault() {
        let code = |status: &str, body: &[u8]| KeyDocument::read(status, body).err().map(|fault| fault.code());
        assert_eq!(code("200", br#"{"keys":[]}"#), Some("fetch_no_usable_key"));
        assert_eq!(code("200", br#"{"keys":[{"kty":"OKP"}]}"#), Some("fetch_no_usable_key"));
        assert_eq!(code("200", b"<html>please log in</html>"), Some("jwks_json"));
        assert_eq!(code("200", b""), Some("jwks_json"));
        assert_eq!(code("200", b"{}"), Some("jwks_no_keys"));
        assert_eq!(code("200", &[b' '; 64 * 1024 + 1]), Some("jwks_too_large"));
        assert_eq!(code("503", b""), Some("fetch_status"));
        assert_eq!(code("", b""), Some("fetch_status"));
    }
}
