//! Tokens verified before. An entry is found by the whole token, never by a hash of it alone, and is rechecked against the
//! clock whenever it is used; it lives no longer than the configuration under which it was verified, and than the key that
//! verified it.

use super::authenticate::VerifiedToken;
use crate::jose::KeySet;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

/// At most so many tokens are kept.
const MAX_TOKENS: usize = 1000;
/// At most so many bytes of token text.
const MAX_BYTES: usize = 4 << 20;

/// The verified tokens of one worker, the oldest leaving first.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    // A fixed hash does no harm: only tokens that the issuer signed get in, so that nobody else can crowd a bucket.
    tokens: HashMap<Rc<str>, Rc<VerifiedToken>, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<Rc<str>>,
    bytes: usize,
}

impl TokenCache {
    pub(super) fn find(&self, token: &str) -> Option<Rc<VerifiedToken>> {
        self.tokens.get(token).cloned()
    }

    pub(super) fn keep(&mut self, token: &str, verified: &Rc<VerifiedToken>) {
        let key: Rc<str> = token.into();
        if self.tokens.insert(Rc::clone(&key), Rc::clone(verified)).is_none() {
            self.bytes += key.len();
            self.order.push_back(key);
        }
        while self.order.len() > MAX_TOKENS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= oldest.len();
            self.tokens.remove(&oldest);
        }
    }

    /// Forgets the tokens of a rule that were verified by a key which the issuer does not have any more.
    pub(super) fn keep_verified_by(&mut self, rule: usize, keys: &KeySet) {
        self.tokens.retain(|_, token| token.rule != rule || keys.holds(&token.key));
        let (tokens, bytes) = (&self.tokens, &mut self.bytes);
        self.order.retain(|text| {
            let kept = tokens.contains_key(text);
            *bytes -= if kept { 0 } else { text.len() };
            kept
        });
    }

    pub(super) fn forget(&mut self, token: &str) {
        if let Some((key, _)) = self.tokens.remove_entry(token) {
            self.bytes -= key.len();
            self.order.retain(|kept| *kept != key);
        }
    }
}
