//! What is odd about a token that was accepted all the same: material for the audit event and its detectors.

use super::claims::AcceptedClaims;
use crate::time::UnixNanos;
use std::time::Duration;

/// Something odd about an accepted token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenFinding {
    /// No `sub`: it is not known who acts.
    NoSubject,
    /// No `aud`: it can be replayed against every service that trusts its issuer.
    NoAudience,
    /// No `exp`: whoever steals it keeps it.
    NoExpiration,
    /// An audience that means everyone: `*`, or one that ends in `*`.
    WildcardAudience,
    /// A scope that means everything: `*`, or one that ends in `*`.
    WildcardScope,
    /// Lives longer than policy says.
    LifetimeOverPolicy,
    /// Expires soon.
    NearExpiry,
    /// Has expired, and is accepted only because clocks may disagree.
    ExpiredWithinSkew,
    /// Claims to be issued later than now.
    IssuedInFuture,
}

/// What counts as odd where that is a matter of degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingThresholds {
    /// The longest lifetime from `iat`, or where that is missing from now, to `exp`.
    pub lifetime: Option<Duration>,
    /// How long before `exp` a token is near its expiry.
    pub near_expiry: Duration,
    /// How far ahead an `iat` may be before it is in the future.
    pub clock_skew: Duration,
}

impl Default for FindingThresholds {
    fn default() -> Self {
        Self { lifetime: None, near_expiry: Duration::from_secs(60), clock_skew: super::requirements::DEFAULT_CLOCK_SKEW }
    }
}

impl TokenFinding {
    /// Every finding.
    pub const ALL: [Self; 9] = [
        Self::NoSubject,
        Self::NoAudience,
        Self::NoExpiration,
        Self::WildcardAudience,
        Self::WildcardScope,
        Self::LifetimeOverPolicy,
        Self::NearExpiry,
        Self::ExpiredWithinSkew,
        Self::IssuedInFuture,
    ];

    /// The finding's stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSubject => "token_without_subject",
            Self::NoAudience => "token_without_audience",
            Self::NoExpiration => "token_without_expiration",
            Self::WildcardAudience => "token_wildcard_audience",
            Self::WildcardScope => "token_wildcard_scope",
            Self::LifetimeOverPolicy => "token_lifetime_over_policy",
            Self::NearExpiry => "token_near_expiry",
            Self::ExpiredWithinSkew => "token_expired_within_skew",
            Self::IssuedInFuture => "token_issued_ahead",
        }
    }

    /// Whether this makes the token vague: it does not say who, for whom, or until when, narrowly enough.
    #[must_use]
    pub const fn is_vague(self) -> bool {
        match self {
            Self::NoSubject
            | Self::NoAudience
            | Self::NoExpiration
            | Self::WildcardAudience
            | Self::WildcardScope
            | Self::LifetimeOverPolicy => true,
            Self::NearExpiry | Self::ExpiredWithinSkew | Self::IssuedInFuture => false,
        }
    }
}

impl AcceptedClaims {
    /// What is odd about this token at `now`, in the order of [`TokenFinding::ALL`].
    #[must_use]
    pub fn findings(&self, thresholds: &FindingThresholds, now: UnixNanos) -> Vec<TokenFinding> {
        TokenFinding::ALL.into_iter().filter(|finding| self.shows(*finding, thresholds, now)).collect()
    }

    fn shows(&self, finding: TokenFinding, thresholds: &FindingThresholds, now: UnixNanos) -> bool {
        let expires = self.expires();
        match finding {
            TokenFinding::NoSubject => self.subject().is_none_or(str::is_empty),
            TokenFinding::NoAudience => self.audiences().is_empty(),
            TokenFinding::NoExpiration => expires.is_none(),
            TokenFinding::WildcardAudience => self.audiences().iter().any(|audience| audience.ends_with('*')),
            TokenFinding::WildcardScope => self.scopes().iter().any(|scope| scope.ends_with('*')),
            TokenFinding::LifetimeOverPolicy => thresholds
                .lifetime
                .is_some_and(|limit| expires.is_some_and(|expires| expires.since(self.issued_at().unwrap_or(now)) > limit)),
            TokenFinding::NearExpiry => {
                expires.is_some_and(|expires| now < expires && expires.since(now) <= thresholds.near_expiry)
            }
            TokenFinding::ExpiredWithinSkew => expires.is_some_and(|expires| now >= expires),
            TokenFinding::IssuedInFuture => self.issued_at().is_some_and(|issued| issued.since(now) > thresholds.clock_skew),
        }
    }
}
