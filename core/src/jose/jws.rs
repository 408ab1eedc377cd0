//! A JWS in compact serialization (RFC 7515 §7.1), whatever its payload is.

use super::algorithm::Algorithm;
use super::base64url;
use super::denial::{Part, TokenDenial};
use super::key::Key;
use super::key_set::KeySet;
use crate::json;
use serde_json::{Map, Value};
use std::fmt;

/// The longest token that is looked at by default, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A well-formed JWS. Nothing in it is verified.
#[derive(Clone)]
pub struct ParsedJws {
    text: String,
    signed_length: usize,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A JWS whose signature verifies. Its payload may be anything.
#[derive(Debug, Clone, Copy)]
pub struct AuthenticJws<'a> {
    jws: &'a ParsedJws,
    key: &'a Key,
}

/// The members of a protected header that matter here. All others are ignored, above all `jwk`, `jku`, `x5u` and `x5c`:
/// a token does not choose its own key.
#[derive(Debug, Clone)]
struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    token_type: Option<String>,
}

impl ParsedJws {
    /// Reads a JWS of at most `limit` bytes.
    ///
    /// # Errors
    /// [`TokenDenial`] for everything that is wrong with its form: see the variants up to
    /// [`UnknownAlgorithm`](TokenDenial::UnknownAlgorithm).
    pub fn parse_within(text: &str, limit: usize) -> Result<Self, TokenDenial> {
        if text.len() > limit {
            return Err(TokenDenial::TooLarge { limit, length: text.len() });
        }
        let [header, payload, signature] = split(text)?;
        let header_bytes = decode(Part::Header, header)?;
        let header_members = parse_object(Part::Header, &header_bytes)?;
        Ok(Self {
            text: text.to_owned(),
            signed_length: header.len() + 1 + payload.len(),
            header: Header::read(&header_members)?,
            payload: decode(Part::Payload, payload)?,
            signature: decode(Part::Signature, signature)?,
        })
    }

    /// Reads a JWS of at most [`MAX_TOKEN_BYTES`].
    ///
    /// # Errors
    /// As [`parse_within`](Self::parse_within).
    pub fn parse(text: &str) -> Result<Self, TokenDenial> {
        Self::parse_within(text, MAX_TOKEN_BYTES)
    }

    /// Verifies the signature with the keys that fit, if its algorithm is allowed.
    ///
    /// # Errors
    /// [`TokenDenial`] from [`AlgorithmNotAllowed`](TokenDenial::AlgorithmNotAllowed) to
    /// [`SignatureMismatch`](TokenDenial::SignatureMismatch).
    pub fn authenticate<'a>(&'a self, keys: &'a KeySet, allowed: &[Algorithm]) -> Result<AuthenticJws<'a>, TokenDenial> {
        let algorithm = self.header.algorithm;
        if !allowed.contains(&algorithm) {
            return Err(TokenDenial::AlgorithmNotAllowed(algorithm));
        }
        self.check_signature_length()?;
        let mut tried = false;
        for key in keys.candidates(self.key_id(), algorithm) {
            tried = true;
            if key.verify(algorithm, self.signing_input(), &self.signature).is_ok() {
                return Ok(AuthenticJws { jws: self, key });
            }
        }
        Err(if tried { TokenDenial::SignatureMismatch } else { self.no_candidate(keys) })
    }

    fn check_signature_length(&self) -> Result<(), TokenDenial> {
        let (algorithm, found) = (self.header.algorithm, self.signature.len());
        match algorithm.signature_length() {
            Some(expected) if expected != found => Err(TokenDenial::SignatureLength { algorithm, expected, found }),
            _ => Ok(()),
        }
    }

    fn no_candidate(&self, keys: &KeySet) -> TokenDenial {
        match self.key_id() {
            Some(id) if !keys.may_hold(id) => TokenDenial::UnknownKey(id.to_owned()),
            _ => TokenDenial::NoKeyForAlgorithm(self.header.algorithm),
        }
    }

    /// The token's `alg`. Unverified, but known.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The token's `kid`. Unverified.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.header.key_id.as_deref()
    }

    /// The token's `typ`. Unverified.
    pub(super) fn token_type(&self) -> Option<&str> {
        self.header.token_type.as_deref()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as the token carries it: the second part.
    pub(super) fn payload_text(&self) -> &str {
        self.text.split('.').nth(1).unwrap_or_default()
    }

    fn signing_input(&self) -> &[u8] {
        self.text.as_bytes().get(..self.signed_length).unwrap_or_default()
    }
}

/// Shows the header alone: a token is a credential.
impl fmt::Debug for ParsedJws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParsedJws").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> AuthenticJws<'a> {
    /// The payload's bytes.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.jws.payload
    }

    /// The key that verified the signature.
    #[must_use]
    pub const fn key(&self) -> &'a Key {
        self.key
    }
}

impl Header {
    fn read(members: &Map<String, Value>) -> Result<Self, TokenDenial> {
        let algorithm = text(members, "alg")?.ok_or(TokenDenial::MalformedHeader("alg"))?;
        if algorithm.eq_ignore_ascii_case("none") {
            return Err(TokenDenial::Unsigned(algorithm.to_owned()));
        }
        refuse_extensions(members)?;
        Ok(Self {
            algorithm: Algorithm::from_name(algorithm).ok_or_else(|| TokenDenial::UnknownAlgorithm(algorithm.to_owned()))?,
            key_id: text(members, "kid")?.map(str::to_owned),
            token_type: text(members, "typ")?.map(str::to_owned),
        })
    }
}

/// `crit` of any content is refused: an empty list is malformed, and of the extensions that exist none is supported.
fn refuse_extensions(members: &Map<String, Value>) -> Result<(), TokenDenial> {
    if let Some(extensions) = members.get("crit") {
        return Err(TokenDenial::CriticalExtension(extensions.to_string()));
    }
    match members.get("b64") {
        None | Some(Value::Bool(true)) => Ok(()),
        Some(_) => Err(TokenDenial::UnencodedPayload),
    }
}

fn split(text: &str) -> Result<[&str; 3], TokenDenial> {
    let mut parts = text.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok([header, payload, signature]),
        _ => Err(TokenDenial::NotThreeParts { found: text.split('.').count() }),
    }
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, TokenDenial> {
    base64url::decode(text).ok_or(TokenDenial::NotBase64Url(part))
}

pub(super) fn parse_object(part: Part, bytes: &[u8]) -> Result<Map<String, Value>, TokenDenial> {
    match json::parse(bytes).map_err(|fault| TokenDenial::json(part, fault))? {
        Value::Object(members) => Ok(members),
        _ => Err(TokenDenial::NotAnObject(part)),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, TokenDenial> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenDenial::MalformedHeader(name)),
    }
}
