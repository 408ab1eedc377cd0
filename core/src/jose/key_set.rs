//! A JSON Web Key Set (RFC 7517 §5), of which the good keys are kept and the bad ones reported.

use super::algorithm::Algorithm;
use super::jwk;
use super::key::Key;
use super::key_fault::{KeyFault, KeyFaultReason, KeySetFault};
use crate::json;
use serde_json::Value;

/// The longest key set that is read, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// How many keys of a set are read. A token without `kid` may cost one verification for each.
pub const MAX_KEYS: usize = 64;

/// Keys that verify signatures. May be empty: then every token is refused.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Reads a key set, and reports each key that cannot be used.
    ///
    /// # Errors
    /// [`KeySetFault`] where there is no set at all. A set of which no key can be used is none: it is empty.
    pub fn parse(document: &[u8]) -> Result<(Self, Vec<KeyFault>), KeySetFault> {
        if document.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetFault::TooLarge { limit: MAX_KEY_SET_BYTES, length: document.len() });
        }
        let document = json::parse(document).map_err(KeySetFault::NotJson)?;
        let entries = document.get("keys").and_then(Value::as_array).ok_or(KeySetFault::NoKeys)?;
        Ok(Self::from_entries(entries))
    }

    fn from_entries(entries: &[Value]) -> (Self, Vec<KeyFault>) {
        let mut set = Self::default();
        let mut faults = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match read_within_limit(index, entry) {
                Ok(key) => set.keys.push(key),
                Err(reason) => faults.push(KeyFault { index, id: jwk::id_of(entry), reason }),
            }
        }
        (set, faults)
    }

    /// The keys, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key: no token can be accepted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may have signed a token with this `kid` and `alg`. A key without an id may be any of them; a token
    /// without one may be by any key.
    pub fn candidates<'a>(&'a self, id: Option<&'a str>, algorithm: Algorithm) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(move |key| may_be(key, id) && key.fits(algorithm))
    }

    /// Whether a key may have this id.
    #[must_use]
    pub fn may_hold(&self, id: &str) -> bool {
        self.keys.iter().any(|key| may_be(key, Some(id)))
    }
}

fn may_be(key: &Key, id: Option<&str>) -> bool {
    match (key.id(), id) {
        (Some(own), Some(wanted)) => own == wanted,
        _ => true,
    }
}

fn read_within_limit(index: usize, entry: &Value) -> Result<Key, KeyFaultReason> {
    if index >= MAX_KEYS {
        return Err(KeyFaultReason::TooMany { limit: MAX_KEYS });
    }
    jwk::parse(entry)
}
