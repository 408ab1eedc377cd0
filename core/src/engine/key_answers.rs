//! What fetched keys change.

use super::Engine;
use crate::identity::keys::{FetchFault, KeyChange, KeyDocument, KeyStore};
use crate::jose::KeyFault;
use crate::time::UnixNanos;

/// What a good answer of a key server changed.
#[derive(Debug)]
pub struct KeysChanged<'e> {
    /// The issuer.
    pub issuer: &'e str,
    /// Its keys.
    pub change: KeyChange,
    /// Keys of the answer that cannot be used.
    pub faults: Vec<KeyFault>,
}

impl Engine {
    /// The keys of the issuers.
    #[must_use]
    pub fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// A fetch of an issuer's keys was started.
    pub fn keys_asked(&mut self, rule: usize, now: UnixNanos) {
        self.keys.begin(rule, now);
    }

    /// A fetch of an issuer's keys ended. Tokens that were verified by keys which are gone are not known any more. Returns
    /// what changed, if anything did. `random` spreads the next fetch.
    ///
    /// # Errors
    /// The fault that was passed in: keys at hand stay in use, and the next attempt waits a little.
    pub fn keys_answered(
        &mut self,
        rule: usize,
        answer: Result<KeyDocument, FetchFault>,
        now: UnixNanos,
        random: u64,
    ) -> Result<Option<KeysChanged<'_>>, FetchFault> {
        let document = answer.inspect_err(|_| self.keys.fail(rule, now, random))?;
        let faults = document.faults.clone();
        let change = self.keys.finish(rule, document, now, random);
        if change.is_empty() {
            return Ok(None);
        }
        if let Some(keys) = self.keys.usable(rule, now) {
            self.cache.keep_verified_by(rule, keys);
        }
        let issuer = self.config.authentication.rules.get(rule).map_or("", |rule| rule.issuer.as_str());
        Ok(Some(KeysChanged { issuer, change, faults }))
    }

    /// Takes over the keys that an older configuration fetched from the same places.
    pub fn inherit_keys(&mut self, older: &Self) {
        self.keys.inherit(&older.keys);
    }
}
