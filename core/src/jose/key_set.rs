//! A JSON Web Key Set (RFC 7517 §5), of which the good keys are kept and the bad ones reported.

use super::algorithm::Algorithm;
use super::jwk;
use super::key::Key;
use super::key_fault::{KeyFault, KeyFaultReason, KeySetFault};
use super::public_key_info;
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
    /// Three forms are read: a JSON Web Key Set (RFC 7517 §5); an object of PEM certificates by key id, as Google publishes
    /// them; and PEM text with public keys or certificates, which have no id.
    ///
    /// # Errors
    /// [`KeySetFault`] where there is no set at all. A set of which no key can be used is none: it is empty.
    pub fn parse(document: &[u8]) -> Result<(Self, Vec<KeyFault>), KeySetFault> {
        if document.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetFault::TooLarge { limit: MAX_KEY_SET_BYTES, length: document.len() });
        }
        if let Some(text) = pem_text(document) {
            return Ok(Self::from_results(public_key_info::pem_blocks(text).map(|(label, body)| pem_key(None, label, body))));
        }
        let document = json::parse(document).map_err(KeySetFault::NotJson)?;
        let members = document.as_object().ok_or(KeySetFault::NoKeys)?;
        match members.get("keys") {
            Some(Value::Array(entries)) => Ok(Self::from_results(entries.iter().map(jwk_entry))),
            None if members.values().any(is_pem) => Ok(Self::from_results(members.iter().map(certificate_entry))),
            _ => Err(KeySetFault::NoKeys),
        }
    }

    fn from_results(entries: impl Iterator<Item = Entry>) -> (Self, Vec<KeyFault>) {
        let mut set = Self::default();
        let mut faults = Vec::new();
        for (index, (id, key)) in entries.enumerate() {
            match key {
                Ok(key) if index < MAX_KEYS => set.keys.push(key),
                Ok(_) => faults.push(KeyFault { index, id, reason: KeyFaultReason::TooMany { limit: MAX_KEYS } }),
                Err(reason) => faults.push(KeyFault { index, id, reason }),
            }
        }
        (set, faults)
    }

    /// The keys, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Builds what the first verification with each key would have to: see [`Key::prepare`].
    pub fn prepare(&self) {
        self.iter().for_each(Key::prepare);
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

    /// Whether the very same key is in the set: see [`Key::is_same`].
    #[must_use]
    pub fn holds(&self, key: &Key) -> bool {
        self.keys.iter().any(|own| own.is_same(key))
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

/// A key, or what is wrong with it, and its id all the same.
type Entry = (Option<String>, Result<Key, KeyFaultReason>);

fn jwk_entry(entry: &Value) -> Entry {
    (jwk::id_of(entry), jwk::parse(entry))
}

fn certificate_entry((id, value): (&String, &Value)) -> Entry {
    let block = value.as_str().and_then(|text| public_key_info::pem_blocks(text).next());
    match block {
        Some((label, body)) => pem_key(Some(id.clone()), label, body),
        None => (Some(id.clone()), Err(KeyFaultReason::Encoding)),
    }
}

fn pem_key(id: Option<String>, label: &str, body: &str) -> Entry {
    let key = public_key_info::from_pem_block(label, body).map(|material| Key { id: id.clone(), algorithm: None, material });
    (id, key)
}

fn pem_text(document: &[u8]) -> Option<&str> {
    std::str::from_utf8(document).ok().filter(|text| text.trim_start().starts_with(PEM_START))
}

fn is_pem(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(PEM_START))
}

const PEM_START: &str = "-----BEGIN ";
