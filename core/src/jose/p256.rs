//! ECDSA on P-256, verified fast inside wasm.
//!
//! In wasm, where there is no product of 128 bits, general implementations take half a millisecond for what is verified
//! here in some 25 µs: limbs of 29 bits, and a table of multiples of each key, built at its first use (about 1.2 ms and
//! 99 KB in wasm). What is verified is public, so nothing here takes constant time; nothing here may touch a secret.
//!
//! The `p256` crate checks that a key is a point of the curve, and is the oracle of the tests.

mod field;
mod point;
mod scalar;
mod table;

use super::key::Mismatch;
use field::{FieldElement, limbs};
use point::{AffinePoint, Sum};
use scalar::Scalar;
use std::sync::{LazyLock, OnceLock};
use table::Table;

/// Multiples of the curve's generator: the same for every key.
static GENERATOR: LazyLock<Table> = LazyLock::new(|| {
    Table::new(AffinePoint { x: FieldElement::from_limbs(GENERATOR_X), y: FieldElement::from_limbs(GENERATOR_Y) })
});

const GENERATOR_X: [u32; 9] =
    [0x1898_c296, 0x509_ca2e, 0x1acc_e83d, 0x6fb_025b, 0x40f_2770, 0x1372_b1d2, 0x91f_e2f3, 0x1e5c_2588, 0x6b_17d1];
const GENERATOR_Y: [u32; 9] =
    [0x17bf_51f5, 0x1db2_0341, 0xc57_b3b2, 0x1c66_aed6, 0x19e1_62bc, 0x15a5_3e07, 0x1e6e_3b9f, 0x1c5f_c34f, 0x4f_e342];

/// A public key of P-256.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    point: AffinePoint,
    bytes: ([u8; 32], [u8; 32]),
    table: OnceLock<Table>,
}

/// The `p256` crate's key is one that is known to be a point of the curve.
impl From<&::p256::ecdsa::VerifyingKey> for PublicKey {
    fn from(key: &::p256::ecdsa::VerifyingKey) -> Self {
        let (x, y) = coordinates(key).unwrap_or_default();
        let point = AffinePoint { x: FieldElement::from_bytes(&x), y: FieldElement::from_bytes(&y) };
        Self { point, bytes: (x, y), table: OnceLock::new() }
    }
}

/// There always are coordinates, since no key is the point at infinity; without them, nothing would verify.
fn coordinates(key: &::p256::ecdsa::VerifyingKey) -> Option<([u8; 32], [u8; 32])> {
    let point = key.to_sec1_point(false);
    Some((point.x()?.as_slice().try_into().ok()?, point.y()?.as_slice().try_into().ok()?))
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl PublicKey {
    /// Verifies a signature in the form of RFC 7518 §3.4: r and s, 32 big-endian bytes each.
    pub(super) fn verify(&self, digest: &[u8; 32], signature: &[u8]) -> Result<(), Mismatch> {
        let signature: &[u8; 64] = signature.try_into().map_err(|_| Mismatch)?;
        let (r, s) = signature.split_at(32);
        let (r, s) = (r.try_into().map_err(|_| Mismatch)?, s.try_into().map_err(|_| Mismatch)?);
        if self.verifies(digest, r, s) { Ok(()) } else { Err(Mismatch) }
    }

    /// Whether r and s, in big-endian bytes, sign the digest (FIPS 186-5 §6.4.2).
    fn verifies(&self, digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32]) -> bool {
        let (Some(r), Some(s)) = (Scalar::from_bytes(r), Scalar::from_bytes(s)) else { return false };
        let inverse = s.inverted();
        let mut sum = Sum::default();
        GENERATOR.add_multiple(inverse.times(digest), &mut sum);
        self.table().add_multiple(inverse.times(r.bytes()), &mut sum);
        sum.has_x(&FieldElement::from_limbs(limbs(r.bytes())))
            || r.plus_order().is_some_and(|x| sum.has_x(&FieldElement::from_limbs(x)))
    }

    /// Builds what the first verification would have to.
    pub(super) fn prepare(&self) {
        self.table();
        LazyLock::force(&GENERATOR);
    }

    fn table(&self) -> &Table {
        self.table.get_or_init(|| Table::new(self.point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
    use ::p256::ecdsa::{Signature, SigningKey};
    use proptest::prelude::*;

    fn halves(signature: &Signature) -> ([u8; 32], [u8; 32]) {
        let bytes = signature.to_bytes();
        let (r, s) = bytes.split_at(32);
        (r.try_into().expect("32"), s.try_into().expect("32"))
    }

    /// Bytes with long runs of ones and zeros, where carries go wrong.
    fn extreme() -> impl Strategy<Value = [u8; 32]> {
        let byte = prop_oneof![3 => Just(0_u8), 3 => Just(0xff_u8), 1 => any::<u8>()];
        prop_oneof![any::<[u8; 32]>(), prop::collection::vec(byte, 32).prop_map(|bytes| bytes.try_into().expect("32"))]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_the_p256_crate_signs_verifies_and_nothing_beside_it(secret in extreme(), digest in extreme(), bit in 0..256_usize) {
            let Ok(signer) = SigningKey::from_slice(&secret) else { return Ok(()) };
            let signature: Signature = signer.sign_prehash(&digest).expect("a signature");
            let (r, s) = halves(&signature);
            let key = PublicKey::from(signer.verifying_key());
            prop_assert!(key.verifies(&digest, &r, &s));
            let flipped = |bytes: &[u8; 32]| { let mut bytes = *bytes; bytes[bit / 8] ^= 1 << (bit % 8); bytes };
            prop_assert!(!key.verifies(&flipped(&digest), &r, &s));
            prop_assert!(!key.verifies(&digest, &flipped(&r), &s));
            prop_assert!(!key.verifies(&digest, &r, &flipped(&s)));
        }

        #[test]
        fn verdicts_on_made_up_signatures_are_those_of_the_p256_crate(secret in extreme(), digest in extreme(), r in extreme(), s in extreme()) {
            let Ok(signer) = SigningKey::from_slice(&secret) else { return Ok(()) };
            let expected = Signature::from_scalars(r, s).is_ok_and(|signature| signer.verifying_key().verify_prehash(&digest, &signature).is_ok());
            prop_assert_eq!(PublicKey::from(signer.verifying_key()).verifies(&digest, &r, &s), expected);
        }
    }
}
