//! A JSON Web Token (RFC 7519) on its way from text to claims that may be relied on: each stage is a type, and only the
//! last shows claims.

use super::algorithm::Algorithm;
use super::claims::{AcceptedClaims, Registered};
use super::denial::{Part, TokenDenial};
use super::jws::{MAX_TOKEN_BYTES, ParsedJws, parse_object};
use super::key::Key;
use super::key_set::KeySet;
use super::requirements::Requirements;
use crate::time::UnixNanos;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A well-formed token: three parts, strict base64url and JSON, a known algorithm. Nothing in it is verified.
#[derive(Debug, Clone)]
pub struct ParsedToken {
    body: Arc<TokenBody>,
}

/// A token whose signature verifies. Whether it is still valid, and meant for us, is not known yet.
#[derive(Debug, Clone)]
pub struct AuthenticToken {
    body: Arc<TokenBody>,
    key: Key,
}

/// What all stages share.
#[derive(Debug)]
pub(super) struct TokenBody {
    pub(super) jws: ParsedJws,
    pub(super) claims: Map<String, Value>,
}

impl ParsedToken {
    /// Reads a token of at most [`MAX_TOKEN_BYTES`] (8 KiB).
    ///
    /// # Errors
    /// [`TokenDenial`] for everything that is wrong with its form.
    pub fn parse(text: &str) -> Result<Self, TokenDenial> {
        Self::parse_within(text, MAX_TOKEN_BYTES)
    }

    /// Reads a token of at most `limit` bytes.
    ///
    /// # Errors
    /// [`TokenDenial`] for everything that is wrong with its form.
    pub fn parse_within(text: &str, limit: usize) -> Result<Self, TokenDenial> {
        let jws = ParsedJws::parse_within(text, limit)?;
        let claims = parse_object(Part::Payload, jws.payload())?;
        Ok(Self { body: Arc::new(TokenBody { jws, claims }) })
    }

    /// Verifies the signature with the keys that fit, if the token's algorithm is among the allowed.
    ///
    /// # Errors
    /// [`TokenDenial`]. Where it [may be cured by new keys](TokenDenial::may_be_cured_by_new_keys), the caller may fetch
    /// keys and try once more.
    pub fn authenticate(&self, keys: &KeySet, allowed: &[Algorithm]) -> Result<AuthenticToken, TokenDenial> {
        let authentic = self.body.jws.authenticate(keys, allowed)?;
        let key = authentic.key().clone();
        Ok(AuthenticToken { body: Arc::clone(&self.body), key })
    }

    /// Looks for a reason to refuse the token that no key can turn around, so that a forged or stale token costs no fetch
    /// of keys. That there is none says nothing good about the token.
    ///
    /// # Errors
    /// The [`TokenDenial`] that [`accept`](AuthenticToken::accept) would give.
    pub fn refute(&self, requirements: &Requirements, now: UnixNanos) -> Result<(), TokenDenial> {
        requirements.check(&self.body, now).map(|_| ())
    }

    /// The issuer that the token names: good for choosing the rule that it must satisfy, for nothing else.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.body.claims.get("iss").and_then(Value::as_str)
    }

    /// The token's `alg`. Unverified, but known.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.body.jws.algorithm()
    }

    /// The token's `kid`. Unverified.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.body.jws.key_id()
    }
}

impl AuthenticToken {
    /// Checks the claims against what is required of them at `now`.
    ///
    /// # Errors
    /// [`TokenDenial`] from [`MalformedClaim`](TokenDenial::MalformedClaim) on.
    pub fn accept(self, requirements: &Requirements, now: UnixNanos) -> Result<AcceptedClaims, TokenDenial> {
        let Registered { expires, .. } = requirements.check(&self.body, now)?;
        let valid_until = expires.map(|expires| expires.instant().plus(requirements.clock_skew));
        Ok(AcceptedClaims::new(self.body, self.key.id, valid_until))
    }

    /// The id of the key that verified the signature.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key.id()
    }

    /// The key that verified the signature.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }
}
