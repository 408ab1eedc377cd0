//! The claims of an accepted token.

use super::denial::TokenDenial;
use super::lookup::{self, Separation};
use super::numeric_date::NumericDate;
use super::token::TokenBody;
use crate::time::UnixNanos;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The claims of a token whose signature verified and that satisfied what was required of it, at one time.
///
/// Cheap to clone. It says how long it may be relied on ([`valid_until`](Self::valid_until)): whoever keeps it for longer
/// than one request must look.
#[derive(Debug, Clone)]
pub struct AcceptedClaims {
    body: Arc<TokenBody>,
    key_id: Option<String>,
    valid_until: Option<UnixNanos>,
}

impl AcceptedClaims {
    pub(super) const fn new(body: Arc<TokenBody>, key_id: Option<String>, valid_until: Option<UnixNanos>) -> Self {
        Self { body, key_id, valid_until }
    }

    /// Who issued the token (`iss`, RFC 7519 §4.1.1).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// Whom the token is about (`sub`, RFC 7519 §4.1.2).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// Whom the token is for (`aud`, RFC 7519 §4.1.3).
    #[must_use]
    pub fn audiences(&self) -> Vec<&str> {
        self.strings_at("aud", Separation::None)
    }

    /// When the token expires (`exp`, RFC 7519 §4.1.4), without skew.
    #[must_use]
    pub fn expires(&self) -> Option<UnixNanos> {
        self.date("exp").map(NumericDate::instant)
    }

    /// When the token was issued (`iat`, RFC 7519 §4.1.6).
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixNanos> {
        self.date("iat").map(NumericDate::instant)
    }

    /// From when on the token is valid (`nbf`, RFC 7519 §4.1.5).
    #[must_use]
    pub fn not_before(&self) -> Option<UnixNanos> {
        self.date("nbf").map(NumericDate::instant)
    }

    /// The token's own id (`jti`, RFC 7519 §4.1.7).
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// The client that the token was issued to: `azp` (OpenID Connect Core §2), else `client_id` (RFC 8693 §4.3).
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.text("azp").or_else(|| self.text("client_id"))
    }

    /// What the token allows: `scope` (RFC 8693 §4.2), words or an array, else `scp` as some issuers name it.
    #[must_use]
    pub fn scopes(&self) -> Vec<&str> {
        let scopes = self.strings_at("scope", Separation::Spaces);
        if scopes.is_empty() { self.strings_at("scp", Separation::Spaces) } else { scopes }
    }

    /// The token's type (`typ` of the header, RFC 7515 §4.1.9).
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.body.jws.token_type()
    }

    /// The thumbprint of the certificate that the token is bound to (`cnf.x5t#S256`, RFC 8705 §3.1): the SHA-256 of the
    /// certificate in DER, in base64url.
    #[must_use]
    pub fn certificate_thumbprint(&self) -> Option<&str> {
        self.body.claims.get("cnf")?.get("x5t#S256")?.as_str()
    }

    /// The id of the key that verified the signature.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The name of the token's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> super::Algorithm {
        self.body.jws.algorithm()
    }

    /// Up to when, skew included, the token is accepted: not at this instant, but before it. None: it does not expire.
    #[must_use]
    pub const fn valid_until(&self) -> Option<UnixNanos> {
        self.valid_until
    }

    /// Whether the token has not expired since it was accepted.
    ///
    /// # Errors
    /// [`TokenDenial::Expired`].
    pub fn recheck(&self, now: UnixNanos) -> Result<&Self, TokenDenial> {
        match (self.valid_until, self.date("exp")) {
            (Some(until), Some(expires)) if now >= until => {
                Err(TokenDenial::Expired { expired: expires.seconds(), now: now.seconds() })
            }
            _ => Ok(self),
        }
    }

    /// The payload's bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.body.jws.payload()
    }

    /// The payload as the token carries it, in base64url: what `outputPayloadToHeader` passes on.
    #[must_use]
    pub fn payload_base64url(&self) -> &str {
        self.body.jws.payload_text()
    }

    /// The token itself, to compare it with another or to pass it on. A credential: never to be recorded.
    #[must_use]
    pub fn compact(&self) -> &str {
        self.body.jws.text()
    }

    /// All claims.
    #[must_use]
    pub fn all(&self) -> &Map<String, Value> {
        &self.body.claims
    }

    /// The claim at `path`: a member of that very name, else, at each dot, a member of the object so far.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Value> {
        lookup::find(&self.body.claims, path)
    }

    /// The strings that the claim at `path` holds: a string, the elements of an array, or the words of a string.
    #[must_use]
    pub fn strings_at(&self, path: &str, separation: Separation) -> Vec<&str> {
        self.find(path).map(|value| lookup::strings(value, separation)).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.body.claims.get(name)?.as_str()
    }

    fn date(&self, name: &str) -> Option<NumericDate> {
        self.body.claims.get(name).and_then(NumericDate::read)
    }
}

/// The registered claims (RFC 7519 §4.1), each of the type that it must have.
pub(super) struct Registered<'a> {
    pub(super) issuer: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) audiences: Vec<&'a str>,
    pub(super) expires: Option<NumericDate>,
    pub(super) not_before: Option<NumericDate>,
    pub(super) issued_at: Option<NumericDate>,
    pub(super) token_id: Option<&'a str>,
}

impl<'a> Registered<'a> {
    pub(super) fn read(claims: &'a Map<String, Value>) -> Result<Self, TokenDenial> {
        Ok(Self {
            issuer: typed(claims, "iss", Value::as_str)?,
            subject: typed(claims, "sub", Value::as_str)?,
            audiences: typed(claims, "aud", audiences)?.unwrap_or_default(),
            expires: typed(claims, "exp", NumericDate::read)?,
            not_before: typed(claims, "nbf", NumericDate::read)?,
            issued_at: typed(claims, "iat", NumericDate::read)?,
            token_id: typed(claims, "jti", Value::as_str)?,
        })
    }
}

fn typed<'a, T>(
    claims: &'a Map<String, Value>,
    name: &'static str,
    read: impl Fn(&'a Value) -> Option<T>,
) -> Result<Option<T>, TokenDenial> {
    claims.get(name).map(|value| read(value).ok_or(TokenDenial::MalformedClaim(name))).transpose()
}

fn audiences(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(audience) => Some(vec![audience]),
        Value::Array(audiences) => audiences.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
