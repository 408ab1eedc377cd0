//! RSA signatures, verified fast inside wasm: PKCS#1 v1.5 and PSS (RFC 8017 §8.1.2, §8.2.2).
//!
//! Moduli of up to 7,138 bits are handled here, larger ones by the `rsa` crate, which also checks every key
//! and is the oracle of the tests. What is verified is public, so nothing here takes constant time; nothing here may touch
//! a secret.

mod montgomery;
mod padding;

use super::algorithm::{Algorithm, HashFunction};
use super::key::Mismatch;
use montgomery::Modulus;
use sha2::{Sha256, Sha384, Sha512};

/// A public key, with what its modulus needs for fast arithmetic.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    checked: ::rsa::PublicKey,
    fast: Option<Fast>,
}

#[derive(Debug, Clone)]
struct Fast {
    modulus: Modulus,
    exponent: u32,
    bits: usize,
}

/// The two parts as big-endian bytes without leading zeros, and the key that the `rsa` crate found good.
pub(super) struct Parts<'a> {
    pub(super) checked: ::rsa::PublicKey,
    pub(super) modulus: &'a [u8],
    pub(super) exponent: &'a [u8],
    pub(super) bits: usize,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.checked == other.checked
    }
}

impl PublicKey {
    pub(super) fn new(Parts { checked, modulus, exponent, bits }: Parts<'_>) -> Self {
        let exponent = exponent.iter().fold(0, |number, &byte| number << 8 | u32::from(byte));
        let fast = Modulus::new(modulus, bits).map(|modulus| Fast { modulus, exponent, bits });
        Self { checked, fast }
    }

    /// Verifies a signature with RS* or PS*.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        let hash = algorithm.hash_function().ok_or(Mismatch)?;
        let digest = hash.digest(message);
        match &self.fast {
            Some(key) => key.verify(algorithm, hash, &digest, signature),
            None => self.verify_generally(algorithm, &digest, signature),
        }
    }

    fn verify_generally(&self, algorithm: Algorithm, digest: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        let key = &self.checked;
        match algorithm {
            Algorithm::Rs256 => key.verify(::rsa::Pkcs1v15Sign::new::<Sha256>(), digest, signature),
            Algorithm::Rs384 => key.verify(::rsa::Pkcs1v15Sign::new::<Sha384>(), digest, signature),
            Algorithm::Rs512 => key.verify(::rsa::Pkcs1v15Sign::new::<Sha512>(), digest, signature),
            Algorithm::Ps256 => key.verify(::rsa::Pss::<Sha256>::new(), digest, signature),
            Algorithm::Ps384 => key.verify(::rsa::Pss::<Sha384>::new(), digest, signature),
            Algorithm::Ps512 => key.verify(::rsa::Pss::<Sha512>::new(), digest, signature),
            _ => return Err(Mismatch),
        }
        .map_err(|_| Mismatch)
    }
}

impl Fast {
    fn verify(&self, algorithm: Algorithm, hash: HashFunction, digest: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        let encoded = self.modulus.power(signature, self.exponent).ok_or(Mismatch)?;
        let is_signature = match algorithm {
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => padding::is_pkcs1(&encoded, hash, digest),
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => padding::is_pss(&encoded, self.bits - 1, hash, digest),
            _ => None,
        };
        is_signature.ok_or(Mismatch)
    }
}
