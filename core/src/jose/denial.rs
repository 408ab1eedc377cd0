//! Why a token is refused.

use super::algorithm::Algorithm;
use crate::json::{JsonFault, JsonFaultKind};
use std::fmt;
use std::time::Duration;

/// A part of a compact token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first part: the protected header.
    Header,
    /// The second part: the claims.
    Payload,
    /// The third part.
    Signature,
}

/// Why a token is refused. The rules say no: this is never a fault of ours.
///
/// Each variant is one reason with one stable [`code`](TokenDenial::code). Payloads are values for a person who mends the
/// token; none holds a signature, a secret or the token itself. Until the signature is verified, what they quote is what
/// the sender claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenDenial {
    /// Longer than the limit, in bytes: refused before it is looked at.
    #[error("the token has {length} bytes, the limit is {limit}")]
    TooLarge {
        /// The limit in force.
        limit: usize,
        /// The length of this token.
        length: usize,
    },
    /// Not three parts separated by dots (RFC 7515 §7.1).
    #[error("the token has {found} parts, a signed token has 3")]
    NotThreeParts {
        /// How many parts it has.
        found: usize,
    },
    /// A part is not base64url without padding, or not in its one canonical form (RFC 7515 §2, RFC 4648 §3.5).
    #[error("the {0} is not canonical base64url without padding")]
    NotBase64Url(Part),
    /// A part is not JSON.
    #[error("the {0} is not JSON: {1}")]
    NotJson(Part, JsonFault),
    /// An object holds a member twice (RFC 7515 §4, RFC 7519 §4).
    #[error("the {0} is ambiguous: {1}")]
    DuplicateMember(Part, JsonFault),
    /// JSON nested too deeply.
    #[error("the {0} nests too deeply: {1}")]
    TooDeep(Part, JsonFault),
    /// Valid JSON, but no object.
    #[error("the {0} is not a JSON object")]
    NotAnObject(Part),
    /// A header member is missing or of the wrong type.
    #[error("the header's `{0}` is missing or not a string")]
    MalformedHeader(&'static str),
    /// The header has `crit`: it demands extensions, and none is supported (RFC 7515 §4.1.11).
    #[error("the header demands extensions by `crit`: {0}")]
    CriticalExtension(String),
    /// The header says `b64: false`, which a JWT must not (RFC 7797 §7).
    #[error("the header declares an unencoded payload by `b64`")]
    UnencodedPayload,
    /// The token says that it is not signed.
    #[error("the token is not signed: its `alg` is `{0}`")]
    Unsigned(String),
    /// `alg` names no algorithm known here.
    #[error("`alg` is `{0}`, which is no known signature algorithm")]
    UnknownAlgorithm(String),
    /// The algorithm is known, but not allowed here.
    #[error("`alg` is `{0}`, which is not allowed here")]
    AlgorithmNotAllowed(Algorithm),
    /// No key has the token's `kid`. Fetching the keys again may help, once.
    #[error("no key has the id `{0}`")]
    UnknownKey(String),
    /// Keys there are, but none of the type that the algorithm needs, or each is bound to another algorithm or use.
    #[error("no key fits the algorithm `{0}`")]
    NoKeyForAlgorithm(Algorithm),
    /// The signature does not have the length that its algorithm demands (RFC 7518 §3.4: ES256 has exactly 64 bytes).
    #[error("a signature of {algorithm} has {expected} bytes, this one has {found}")]
    SignatureLength {
        /// The token's algorithm.
        algorithm: Algorithm,
        /// The one possible length in bytes.
        expected: usize,
        /// The length of this signature in bytes.
        found: usize,
    },
    /// No fitting key verifies the signature.
    #[error("the signature does not verify")]
    SignatureMismatch,
    /// A claim has the wrong type.
    #[error("the claim `{0}` has the wrong type")]
    MalformedClaim(&'static str),
    /// A claim that is required is missing.
    #[error("the claim `{0}` is required and missing")]
    MissingClaim(String),
    /// Another issuer than expected, or none.
    #[error("the issuer is `{}`, expected `{expected}`", found.as_deref().unwrap_or("missing"))]
    WrongIssuer {
        /// The issuer asked for.
        expected: String,
        /// The token's `iss`.
        found: Option<String>,
    },
    /// The token is meant for others, or for nobody named.
    #[error("the audience is {found:?}, expected one of {expected:?}")]
    WrongAudience {
        /// The audiences asked for.
        expected: Vec<String>,
        /// The token's `aud`.
        found: Vec<String>,
    },
    /// Past its expiration, skew included.
    #[error("expired at {expired}, now is {now}")]
    Expired {
        /// `exp` in Unix seconds.
        expired: i64,
        /// The time of the check in Unix seconds.
        now: i64,
    },
    /// Before its `nbf`, skew included.
    #[error("not valid before {not_before}, now is {now}")]
    NotYetValid {
        /// `nbf` in Unix seconds.
        not_before: i64,
        /// The time of the check in Unix seconds.
        now: i64,
    },
    /// Without `exp` where one is required.
    #[error("the token has no expiration, and one is required")]
    NoExpiration,
    /// Issued for longer than allowed, or valid for longer than allowed from now.
    #[error("the token lives for {lifetime} s, the limit is {} s", limit.as_secs())]
    LifetimeExceeded {
        /// The limit in force.
        limit: Duration,
        /// The lifetime found, in seconds.
        lifetime: i64,
    },
    /// Issued in the future, where the lifetime is limited: it would evade the limit.
    #[error("issued at {issued}, now is {now}")]
    IssuedInFuture {
        /// `iat` in Unix seconds.
        issued: i64,
        /// The time of the check in Unix seconds.
        now: i64,
    },
    /// `typ` is not among the accepted token types.
    #[error("the token type is `{}`", .0.as_deref().unwrap_or("missing"))]
    WrongType(Option<String>),
    /// The token's `jti` is revoked.
    #[error("the token `{0}` is revoked")]
    RevokedToken(String),
    /// The token's `sub` is revoked.
    #[error("the subject `{0}` is revoked")]
    RevokedSubject(String),
}

impl TokenDenial {
    /// The reason's stable name: the same in replies, audit events, metrics and documents.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "token_too_large",
            Self::NotThreeParts { .. } => "token_parts",
            Self::NotBase64Url(_) => "token_encoding",
            Self::NotJson(..) => "token_json",
            Self::DuplicateMember(..) => "token_duplicate_member",
            Self::TooDeep(..) => "token_too_deep",
            Self::NotAnObject(_) => "token_not_an_object",
            Self::MalformedHeader(_) => "token_header",
            Self::CriticalExtension(_) => "token_critical_extension",
            Self::UnencodedPayload => "token_unencoded_payload",
            Self::Unsigned(_) => "token_unsigned",
            Self::UnknownAlgorithm(_) => "token_unknown_algorithm",
            Self::AlgorithmNotAllowed(_) => "token_algorithm_not_allowed",
            Self::UnknownKey(_) => "token_unknown_key",
            Self::NoKeyForAlgorithm(_) => "token_no_key_for_algorithm",
            Self::SignatureLength { .. } => "token_signature_length",
            Self::SignatureMismatch => "token_signature",
            Self::MalformedClaim(_) => "token_claim_type",
            Self::MissingClaim(_) => "token_claim_missing",
            Self::WrongIssuer { .. } => "token_issuer",
            Self::WrongAudience { .. } => "token_audience",
            Self::Expired { .. } => "token_expired",
            Self::NotYetValid { .. } => "token_not_yet_valid",
            Self::NoExpiration => "token_no_expiration",
            Self::LifetimeExceeded { .. } => "token_lifetime_exceeded",
            Self::IssuedInFuture { .. } => "token_issued_in_future",
            Self::WrongType(_) => "token_type",
            Self::RevokedToken(_) => "token_revoked",
            Self::RevokedSubject(_) => "token_subject_revoked",
        }
    }

    /// Whether keys that are newer than the ones at hand could turn this refusal around: the one case in which a caller
    /// may fetch them again, under its rate limit.
    #[must_use]
    pub const fn may_be_cured_by_new_keys(&self) -> bool {
        matches!(self, Self::UnknownKey(_) | Self::NoKeyForAlgorithm(_))
    }

    pub(super) fn json(part: Part, fault: JsonFault) -> Self {
        match fault.kind {
            JsonFaultKind::Malformed => Self::NotJson(part, fault),
            JsonFaultKind::DuplicateMember => Self::DuplicateMember(part, fault),
            JsonFaultKind::TooDeep => Self::TooDeep(part, fault),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn fault(kind: JsonFaultKind) -> JsonFault {
        JsonFault { message: "found something".to_owned(), line: 1, column: 2, kind }
    }

    fn every_denial() -> Vec<TokenDenial> {
        vec![
            TokenDenial::TooLarge { limit: 1, length: 2 },
            TokenDenial::NotThreeParts { found: 2 },
            TokenDenial::NotBase64Url(Part::Header),
            TokenDenial::json(Part::Payload, fault(JsonFaultKind::Malformed)),
            TokenDenial::json(Part::Payload, fault(JsonFaultKind::DuplicateMember)),
            TokenDenial::json(Part::Payload, fault(JsonFaultKind::TooDeep)),
            TokenDenial::NotAnObject(Part::Payload),
            TokenDenial::MalformedHeader("alg"),
            TokenDenial::CriticalExtension("[\"b64\"]".to_owned()),
            TokenDenial::UnencodedPayload,
            TokenDenial::Unsigned("none".to_owned()),
            TokenDenial::UnknownAlgorithm("ES1".to_owned()),
            TokenDenial::AlgorithmNotAllowed(Algorithm::Hs256),
            TokenDenial::UnknownKey("k".to_owned()),
            TokenDenial::NoKeyForAlgorithm(Algorithm::Es256),
            TokenDenial::SignatureLength { algorithm: Algorithm::Es256, expected: 64, found: 66 },
            TokenDenial::SignatureMismatch,
            TokenDenial::MalformedClaim("exp"),
            TokenDenial::MissingClaim("sub".to_owned()),
            TokenDenial::WrongIssuer { expected: "a".to_owned(), found: None },
            TokenDenial::WrongAudience { expected: vec!["a".to_owned()], found: vec![] },
            TokenDenial::Expired { expired: 1, now: 2 },
            TokenDenial::NotYetValid { not_before: 2, now: 1 },
            TokenDenial::NoExpiration,
            TokenDenial::LifetimeExceeded { limit: Duration::from_secs(1), lifetime: 2 },
            TokenDenial::IssuedInFuture { issued: 2, now: 1 },
            TokenDenial::WrongType(None),
            TokenDenial::RevokedToken("t".to_owned()),
            TokenDenial::RevokedSubject("s".to_owned()),
        ]
    }

    #[test]
    fn codes_and_messages_are_unique_and_of_one_form() {
        let all = every_denial();
        let codes: BTreeSet<_> = all.iter().map(TokenDenial::code).collect();
        let messages: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!((codes.len(), messages.len()), (all.len(), all.len()));
        for code in codes {
            assert!(code.starts_with("token_") && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
        }
        for message in messages {
            assert!(
                message.starts_with(|first: char| first.is_lowercase() || first == '`') && !message.ends_with('.'),
                "{message}"
            );
        }
    }

    #[test]
    fn only_a_key_that_is_not_there_is_worth_a_fetch() {
        let curable: Vec<_> = every_denial().into_iter().filter(TokenDenial::may_be_cured_by_new_keys).collect();
        assert_eq!(
            curable.iter().map(TokenDenial::code).collect::<Vec<_>>(),
            ["token_unknown_key", "token_no_key_for_algorithm"]
        );
    }
}
