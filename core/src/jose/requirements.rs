//! What is required of a token's claims. What is not set is not checked.

use super::claims::Registered;
use super::denial::TokenDenial;
use super::lookup;
use super::numeric_date::NumericDate;
use super::token::TokenBody;
use crate::time::UnixNanos;
use std::collections::BTreeSet;
use std::time::Duration;

/// How far clocks may disagree, unless something else is configured.
pub const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// What is required of a token's claims. The default requires nothing but that a token in time is in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// The one issuer (`iss`) that is accepted.
    pub issuer: Option<String>,
    /// The audiences of which the token must name one (`aud`). Compared exactly (RFC 7519 §4.1.3). Empty: not checked.
    pub audiences: Vec<String>,
    /// How far the issuer's clock may be off, both ways.
    pub clock_skew: Duration,
    /// Whether a token must expire.
    pub expiration: Expiration,
    /// The longest lifetime: from `iat` to `exp` where there is an `iat`, and from now to `exp`.
    pub max_lifetime: Option<Duration>,
    /// Claims that must be there and not be null, by name or by path.
    pub required_claims: Vec<String>,
    /// The types (`typ`, RFC 7515 §4.1.9) that are accepted, without regard to case and to a leading `application/`.
    /// Empty: not checked.
    pub token_types: Vec<String>,
    /// Token ids (`jti`) that are revoked.
    pub revoked_tokens: BTreeSet<String>,
    /// Subjects (`sub`) that are revoked.
    pub revoked_subjects: BTreeSet<String>,
}

/// Whether a token must expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiration {
    /// A token without `exp` is accepted.
    #[default]
    Optional,
    /// A token without `exp` is refused.
    Required,
}

impl Default for Requirements {
    fn default() -> Self {
        Self {
            issuer: None,
            audiences: Vec::new(),
            clock_skew: DEFAULT_CLOCK_SKEW,
            expiration: Expiration::default(),
            max_lifetime: None,
            required_claims: Vec::new(),
            token_types: Vec::new(),
            revoked_tokens: BTreeSet::new(),
            revoked_subjects: BTreeSet::new(),
        }
    }
}

impl Requirements {
    /// Checks everything, in an order that puts what costs the issuer least to mend last.
    pub(super) fn check<'a>(&self, token: &'a TokenBody, now: UnixNanos) -> Result<Registered<'a>, TokenDenial> {
        let claims = Registered::read(&token.claims)?;
        self.check_type(token.jws.token_type())?;
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        self.check_time(&claims, NumericDate::at(now))?;
        self.check_lifetime(&claims, NumericDate::at(now))?;
        self.check_presence(token)?;
        self.check_revocation(&claims)?;
        Ok(claims)
    }

    fn check_type(&self, found: Option<&str>) -> Result<(), TokenDenial> {
        let accepted = |found: &str| self.token_types.iter().any(|wanted| same_type(wanted, found));
        if self.token_types.is_empty() || found.is_some_and(accepted) {
            return Ok(());
        }
        Err(TokenDenial::WrongType(found.map(str::to_owned)))
    }

    fn check_issuer(&self, claims: &Registered<'_>) -> Result<(), TokenDenial> {
        match &self.issuer {
            Some(expected) if claims.issuer != Some(expected) => {
                Err(TokenDenial::WrongIssuer { expected: expected.clone(), found: claims.issuer.map(str::to_owned) })
            }
            _ => Ok(()),
        }
    }

    fn check_audience(&self, claims: &Registered<'_>) -> Result<(), TokenDenial> {
        let ours = |audience: &&str| self.audiences.iter().any(|wanted| wanted == audience);
        if self.audiences.is_empty() || claims.audiences.iter().any(ours) {
            return Ok(());
        }
        let found = claims.audiences.iter().map(|&audience| audience.to_owned()).collect();
        Err(TokenDenial::WrongAudience { expected: self.audiences.clone(), found })
    }

    /// RFC 7519 §4.1.4: at the second of `exp` a token is no longer valid; §4.1.5: at the second of `nbf` it is.
    fn check_time(&self, claims: &Registered<'_>, now: NumericDate) -> Result<(), TokenDenial> {
        match claims.expires {
            Some(expires) if now >= expires.plus(self.clock_skew) => {
                return Err(TokenDenial::Expired { expired: expires.seconds(), now: now.seconds() });
            }
            None if self.expiration == Expiration::Required => return Err(TokenDenial::NoExpiration),
            _ => {}
        }
        match claims.not_before {
            Some(not_before) if now.plus(self.clock_skew) < not_before => {
                Err(TokenDenial::NotYetValid { not_before: not_before.seconds(), now: now.seconds() })
            }
            _ => Ok(()),
        }
    }

    fn check_lifetime(&self, claims: &Registered<'_>, now: NumericDate) -> Result<(), TokenDenial> {
        let Some(limit) = self.max_lifetime else { return Ok(()) };
        let expires = claims.expires.ok_or(TokenDenial::NoExpiration)?;
        if let Some(issued) = claims.issued_at {
            if issued > now.plus(self.clock_skew) {
                return Err(TokenDenial::IssuedInFuture { issued: issued.seconds(), now: now.seconds() });
            }
            if expires > issued.plus(limit) {
                return Err(TokenDenial::LifetimeExceeded { limit, lifetime: expires.seconds_since(issued) });
            }
        }
        if expires > now.plus(limit).plus(self.clock_skew) {
            return Err(TokenDenial::LifetimeExceeded { limit, lifetime: expires.seconds_since(now) });
        }
        Ok(())
    }

    fn check_presence(&self, token: &TokenBody) -> Result<(), TokenDenial> {
        let missing = |name: &&String| lookup::find(&token.claims, name).is_none_or(serde_json::Value::is_null);
        match self.required_claims.iter().find(missing) {
            Some(name) => Err(TokenDenial::MissingClaim(name.clone())),
            None => Ok(()),
        }
    }

    fn check_revocation(&self, claims: &Registered<'_>) -> Result<(), TokenDenial> {
        if let Some(id) = claims.token_id.filter(|id| self.revoked_tokens.contains(*id)) {
            return Err(TokenDenial::RevokedToken(id.to_owned()));
        }
        match claims.subject.filter(|subject| self.revoked_subjects.contains(*subject)) {
            Some(subject) => Err(TokenDenial::RevokedSubject(subject.to_owned())),
            None => Ok(()),
        }
    }
}

fn same_type(wanted: &str, found: &str) -> bool {
    short_type(wanted).eq_ignore_ascii_case(short_type(found))
}

fn short_type(name: &str) -> &str {
    const PREFIX: &str = "application/";
    match name.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => name,
    }
}
