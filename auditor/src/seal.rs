//! What a checkpoint signs, and how its signature is checked.

use crate::hex;
use crate::line::{Checkpoint, StreamId};
use ed25519_dalek::{Signature, VerifyingKey};
use std::fmt::Write as _;

/// The first line of the signed text: it keeps a signature from being taken for one over anything else.
pub const CONTEXT: &str = "countersign-checkpoint/1";

/// The text that a checkpoint's signature covers: eleven lines, each with its line feed.
#[must_use]
pub fn signed_text(stream: StreamId, checkpoint: &Checkpoint) -> String {
    let Checkpoint { seq, head, counts, time, .. } = checkpoint;
    let mut text = format!("{CONTEXT}\n{stream}\n{seq}\n{head}\n");
    for count in [counts.emitted, counts.acknowledged, counts.dropped, counts.allowed, counts.denied, counts.faulted] {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{count}");
    }
    text.push_str(time);
    text.push('\n');
    text
}

/// The short name of a key: the first 8 bytes of its SHA-256, in hexadecimal.
#[must_use]
pub fn key_id(public_key: &[u8; 32]) -> String {
    hex::encode(&countersign_core::chain::key_id(public_key))
}

/// A public key that is trusted to sign checkpoints.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    id: String,
    key: VerifyingKey,
}

/// Why a text is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It is not 64 hexadecimal digits.
    #[error("expected 64 lower-case hexadecimal digits, found `{found}`")]
    NotHex {
        /// What was given.
        found: String,
    },
    /// The bytes are no point of the curve (RFC 8032 §5.1.3).
    #[error("`{found}` is no Ed25519 public key")]
    NotAPoint {
        /// What was given.
        found: String,
    },
}

impl KeyFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotHex { .. } => "key_not_hex",
            Self::NotAPoint { .. } => "key_not_a_point",
        }
    }
}

/// How a checkpoint's signature came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureVerdict {
    /// A trusted key signed exactly this.
    Valid,
    /// It carries no signature.
    Absent,
    /// It names a key that is not trusted.
    UnknownKey,
    /// It names a trusted key, which did not sign this.
    Invalid,
}

impl TrustedKey {
    /// Reads a public key, 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`KeyFault`] when it is none.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let bytes = hex::decode(text).ok_or_else(|| KeyFault::NotHex { found: text.to_owned() })?;
        Self::from_bytes(&bytes).ok_or_else(|| KeyFault::NotAPoint { found: text.to_owned() })
    }

    /// The key of these bytes, if they are one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        Some(Self { id: key_id(bytes), key })
    }

    /// Its short name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Checks a checkpoint's signature against the trusted keys (RFC 8032 §5.1.7, strict: no small-order points).
#[must_use]
pub fn check_signature<'k>(
    stream: StreamId,
    checkpoint: &Checkpoint,
    trusted: impl IntoIterator<Item = &'k TrustedKey>,
) -> SignatureVerdict {
    let (key_id, signature) = match (&checkpoint.key_id, &checkpoint.signature) {
        (None, None) => return SignatureVerdict::Absent,
        (Some(key_id), Some(signature)) => (key_id, signature),
        _ => return SignatureVerdict::Invalid,
    };
    let Some(key) = trusted.into_iter().find(|key| key.id == *key_id) else { return SignatureVerdict::UnknownKey };
    let Some(signature) = hex::decode(signature).map(|bytes| Signature::from_bytes(&bytes)) else {
        return SignatureVerdict::Invalid;
    };
    match key.key.verify_strict(signed_text(stream, checkpoint).as_bytes(), &signature) {
        Ok(()) => SignatureVerdict::Valid,
        Err(_) => SignatureVerdict::Invalid,
    }
}
