//! The algorithms and keys of this module as those of the `jwt-compact` crate.
//!
//! `jwt-compact` binds each key to its algorithm by types, and verifies with what implements its [`jwt_compact::Algorithm`].
//! Here it is implemented over the current RustCrypto line, which draws no random numbers and so no JavaScript into the
//! wasm. Why tokens are nevertheless parsed by [`ParsedToken`](super::ParsedToken): `docs/decisions/token-parsing.md`.

use super::algorithm::Algorithm;
use super::key::Key;
use jwt_compact::AlgorithmSignature;
use std::borrow::Cow;
use std::convert::Infallible;

/// The bytes of a signature, of any algorithm and not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureBytes(Vec<u8>);

impl AlgorithmSignature for SignatureBytes {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

/// Verifies with a [`Key`]; signs with nothing, since there is no value of the signing key's type.
impl jwt_compact::Algorithm for Algorithm {
    type SigningKey = Infallible;
    type VerifyingKey = Key;
    type Signature = SignatureBytes;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed((*self).name())
    }

    fn sign(&self, signing_key: &Infallible, _message: &[u8]) -> SignatureBytes {
        match *signing_key {}
    }

    fn verify_signature(&self, signature: &SignatureBytes, key: &Key, message: &[u8]) -> bool {
        key.verify(*self, message, &signature.0).is_ok()
    }
}
