//! Keys, decoded once when a key set is read, each bound to what it may verify.

use super::algorithm::{Algorithm, HashFunction, KeyKind};
use hmac::{Hmac, KeyInit, Mac};
use p384::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;
use std::sync::Arc;

/// A key that verifies signatures: its material, its id, and the algorithm that it is bound to, if its owner bound it.
#[derive(Debug, Clone)]
pub struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) material: Material,
}

/// Key material in the shape that verifies fastest. Shared, so that copies of a key share what was built for it.
#[derive(Debug, Clone)]
pub(super) enum Material {
    Secret(Arc<Secret>),
    Rsa(Arc<super::rsa::PublicKey>),
    P256(Arc<super::p256::PublicKey>),
    P384(Arc<p384::ecdsa::VerifyingKey>),
    P521(Arc<p521::ecdsa::VerifyingKey>),
    Ed25519(Arc<ed25519_dalek::VerifyingKey>),
}

/// The signature is not one of this key over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct Mismatch;

impl Key {
    /// The key's id (`kid`, RFC 7517 §4.5).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The one algorithm that this key is bound to (`alg`, RFC 7517 §4.4), if it is bound.
    #[must_use]
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The type of the key.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.material.kind()
    }

    /// Whether the key may verify signatures of `algorithm`: by its type, by what it is bound to and, for shared secrets,
    /// by its length (RFC 7518 §3.2: at least that of the hash).
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let unbound = self.algorithm.is_none_or(|bound| bound == algorithm);
        let long_enough = match &self.material {
            Material::Secret(secret) => secret.fits(algorithm),
            _ => true,
        };
        unbound && self.kind() == algorithm.key_kind() && long_enough
    }

    /// Whether both are one key with the same id and the same binding. Shared secrets are never compared: none is the same
    /// as another, unless it was read from the same set.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.algorithm == other.algorithm && self.material.is_same_key(&other.material)
    }

    /// Builds what the first verification would have to, for keys that verify with the help of a table (ES256).
    pub fn prepare(&self) {
        if let Material::P256(key) = &self.material {
            key.prepare();
        }
    }

    /// Verifies `signature` over `message`.
    ///
    /// # Errors
    /// [`Mismatch`] also where the key does not fit the algorithm, or the signature has not exactly the length and form
    /// that RFC 7518 §3 gives it.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        if !self.fits(algorithm) || algorithm.signature_length().is_some_and(|length| length != signature.len()) {
            return Err(Mismatch);
        }
        match &self.material {
            Material::Secret(secret) => secret.verify(algorithm, message, signature),
            Material::Rsa(key) => key.verify(algorithm, message, signature),
            Material::P256(key) => key.verify(&Sha256::digest(message).into(), signature),
            Material::P384(key) => {
                let signature = p384::ecdsa::Signature::from_slice(signature).map_err(|_| Mismatch)?;
                key.verify_prehash(&HashFunction::Sha384.digest(message), &signature).map_err(|_| Mismatch)
            }
            Material::P521(key) => {
                let signature = p521::ecdsa::Signature::from_slice(signature).map_err(|_| Mismatch)?;
                key.verify_prehash(&HashFunction::Sha512.digest(message), &signature).map_err(|_| Mismatch)
            }
            Material::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| Mismatch)?;
                key.verify_strict(message, &signature).map_err(|_| Mismatch)
            }
        }
    }
}

impl Material {
    pub(super) const fn kind(&self) -> KeyKind {
        match self {
            Self::Secret(_) => KeyKind::Secret,
            Self::Rsa(_) => KeyKind::Rsa,
            Self::P256(_) => KeyKind::P256,
            Self::P384(_) => KeyKind::P384,
            Self::P521(_) => KeyKind::P521,
            Self::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// Whether both are the same public key. Secrets are never compared.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rsa(own), Self::Rsa(other)) => own == other,
            (Self::P256(own), Self::P256(other)) => own == other,
            (Self::P384(own), Self::P384(other)) => own == other,
            (Self::P521(own), Self::P521(other)) => own == other,
            (Self::Ed25519(own), Self::Ed25519(other)) => own == other,
            (Self::Secret(own), Self::Secret(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}

/// A shared secret as the hash states it starts from: the secret itself is not kept.
#[derive(Clone)]
pub(super) struct Secret {
    hs256: Option<Hmac<Sha256>>,
    hs384: Option<Hmac<Sha384>>,
    hs512: Option<Hmac<Sha512>>,
}

impl Secret {
    /// A secret, for the algorithms that it is long enough for; none where it is too short for all.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let long_enough = |hash: HashFunction| bytes.len() >= hash.length();
        let secret = Self {
            hs256: long_enough(HashFunction::Sha256).then(|| Hmac::new_from_slice(bytes).ok()).flatten(),
            hs384: long_enough(HashFunction::Sha384).then(|| Hmac::new_from_slice(bytes).ok()).flatten(),
            hs512: long_enough(HashFunction::Sha512).then(|| Hmac::new_from_slice(bytes).ok()).flatten(),
        };
        secret.fits(Algorithm::Hs256).then_some(secret)
    }

    pub(super) const fn fits(&self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Hs256 => self.hs256.is_some(),
            Algorithm::Hs384 => self.hs384.is_some(),
            Algorithm::Hs512 => self.hs512.is_some(),
            _ => false,
        }
    }

    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        match algorithm {
            Algorithm::Hs256 => verify_mac(self.hs256.as_ref(), message, signature),
            Algorithm::Hs384 => verify_mac(self.hs384.as_ref(), message, signature),
            Algorithm::Hs512 => verify_mac(self.hs512.as_ref(), message, signature),
            _ => Err(Mismatch),
        }
    }
}

/// Compares in constant time: what an attacker could learn byte by byte here is the one thing that is secret.
fn verify_mac<M: Mac + Clone>(keyed: Option<&M>, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
    let mut mac = keyed.ok_or(Mismatch)?.clone();
    mac.update(message);
    mac.verify_slice(signature).map_err(|_| Mismatch)
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}
