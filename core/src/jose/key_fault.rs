//! What is wrong with a key set, or with one key in it.

use super::algorithm::{Algorithm, KeyKind};
use crate::json::JsonFault;

/// Why no key set could be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// Larger than the limit, in bytes.
    #[error("the key set has {length} bytes, the limit is {limit}")]
    TooLarge {
        /// The limit in force.
        limit: usize,
        /// The length of this document.
        length: usize,
    },
    /// Not JSON, or JSON that is ambiguous or nests too deeply.
    #[error("the key set is not JSON: {0}")]
    NotJson(JsonFault),
    /// JSON without an array `keys` (RFC 7517 §5).
    #[error("the key set is no object with an array `keys`")]
    NoKeys,
}

/// One key of a set that cannot be used; the others can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key {index}{}: {reason}", id.as_deref().map(|id| format!(" `{id}`")).unwrap_or_default())]
pub struct KeyFault {
    /// The key's place in the set, from 0.
    pub index: usize,
    /// The key's id, if it has one that is a string.
    pub id: Option<String>,
    /// What is wrong with it.
    pub reason: KeyFaultReason,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFaultReason {
    /// The entry of `keys` is not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A member has the wrong type.
    #[error("the member `{0}` has the wrong type")]
    MemberType(&'static str),
    /// A member that this type of key needs is missing.
    #[error("the member `{0}` is missing")]
    MemberMissing(&'static str),
    /// A member is not canonical base64url without padding, or carries no bytes.
    #[error("the member `{0}` is not canonical base64url")]
    MemberBase64(&'static str),
    /// `kty` names no type that verifies signatures here.
    #[error("the key type `{0}` is not supported")]
    UnsupportedType(String),
    /// `crv` names no curve that verifies signatures here.
    #[error("the curve `{0}` is not supported")]
    UnsupportedCurve(String),
    /// `alg` names no signature algorithm known here.
    #[error("the algorithm `{0}` is not supported")]
    UnsupportedAlgorithm(String),
    /// `alg` needs another type of key.
    #[error("a key of type {kind} cannot verify {algorithm}")]
    AlgorithmMismatch {
        /// The key's own `alg`.
        algorithm: Algorithm,
        /// What the key is.
        kind: KeyKind,
    },
    /// `use` or `key_ops` says that this key is for something else (RFC 7517 §4.2, §4.3). Common in mixed sets.
    #[error("the key is not meant to verify signatures")]
    NotForSignatures,
    /// A coordinate has more bytes than the curve's field, or an Ed25519 key has not 32.
    #[error("the member `{member}` has {found} bytes, expected {expected}")]
    WrongLength {
        /// The member.
        member: &'static str,
        /// The length in bytes that the curve gives.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// The coordinates are no point on the curve, or a point of small order.
    #[error("the coordinates are no usable point of the curve")]
    NotOnCurve,
    /// An RSA modulus shorter than 2048 bits (RFC 7518 §3.3), or longer than 8192.
    #[error("the modulus has {bits} bits, accepted are 2048 to 8192")]
    ModulusSize {
        /// The modulus's length in bits.
        bits: usize,
    },
    /// An RSA exponent that is even, below 3 or above 2^32, or a modulus that is even.
    #[error("the modulus or the exponent makes no RSA key")]
    NotRsa,
    /// The modulus carries the fingerprint of keys whose factors can be found (ROCA, CVE-2017-15361).
    #[error("the modulus was made by a generator with a known weakness (CVE-2017-15361)")]
    WeakModulus,
    /// A shared secret shorter than the hash of its algorithm (RFC 7518 §3.2), or than 32 bytes.
    #[error("the secret has {length} bytes, too few for its algorithm")]
    SecretTooShort {
        /// The secret's length in bytes.
        length: usize,
    },
    /// A certificate (`x5c`, or PEM) that holds no key which can be used.
    #[error("the certificate or public key cannot be read")]
    Encoding,
    /// `x5c` holds another key than the members beside it (RFC 7517 §4.7).
    #[error("the certificate in `x5c` holds another key")]
    CertificateMismatch,
    /// The set has more keys than are read.
    #[error("beyond the {limit} keys that are read")]
    TooMany {
        /// How many keys are read.
        limit: usize,
    },
}

impl KeySetFault {
    /// The fault's stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "jwks_too_large",
            Self::NotJson(_) => "jwks_json",
            Self::NoKeys => "jwks_no_keys",
        }
    }
}

impl KeyFaultReason {
    /// The reason's stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject => "key_not_an_object",
            Self::MemberType(_) => "key_member_type",
            Self::MemberMissing(_) => "key_member_missing",
            Self::MemberBase64(_) => "key_member_encoding",
            Self::UnsupportedType(_) => "key_unsupported_type",
            Self::UnsupportedCurve(_) => "key_unsupported_curve",
            Self::UnsupportedAlgorithm(_) => "key_unsupported_algorithm",
            Self::AlgorithmMismatch { .. } => "key_algorithm_mismatch",
            Self::NotForSignatures => "key_not_for_signatures",
            Self::WrongLength { .. } => "key_wrong_length",
            Self::NotOnCurve => "key_not_on_curve",
            Self::ModulusSize { .. } => "key_modulus_size",
            Self::NotRsa => "key_not_rsa",
            Self::WeakModulus => "key_weak_modulus",
            Self::SecretTooShort { .. } => "key_secret_too_short",
            Self::Encoding => "key_encoding",
            Self::CertificateMismatch => "key_certificate_mismatch",
            Self::TooMany { .. } => "key_too_many",
        }
    }
}
