//! What a signature must look like once its power was taken.

use crate::jose::algorithm::HashFunction;

/// DigestInfo in DER, up to the digest (RFC 8017 §9.2, note 1).
const SHA256_INFO: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
const SHA384_INFO: &[u8] =
    &[0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30];
const SHA512_INFO: &[u8] =
    &[0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40];
/// At least this many bytes of padding (RFC 8017 §9.2).
const LEAST_FILL: usize = 8;

/// Whether `encoded` is EMSA-PKCS1-v1_5 of the digest. The one right encoding is built and compared: what is never parsed
/// cannot be parsed wrongly (Bleichenbacher 2006).
pub(super) fn is_pkcs1(encoded: &[u8], hash: HashFunction, digest: &[u8]) -> Option<()> {
    let info = match hash {
        HashFunction::Sha256 => SHA256_INFO,
        HashFunction::Sha384 => SHA384_INFO,
        HashFunction::Sha512 => SHA512_INFO,
    };
    let fill = encoded.len().checked_sub(3 + info.len() + digest.len()).filter(|fill| *fill >= LEAST_FILL)?;
    let mut expected = Vec::with_capacity(encoded.len());
    expected.extend([0, 1]);
    expected.extend(std::iter::repeat_n(0xff, fill));
    expected.push(0);
    expected.extend_from_slice(info);
    expected.extend_from_slice(digest);
    (expected == encoded).then_some(())
}

/// Whether `encoded` is EMSA-PSS of the digest (RFC 8017 §9.1.2) for `bits` bits, with MGF1 over the same hash and a salt as
/// long as the digest (RFC 7518 §3.5).
pub(super) fn is_pss(encoded: &[u8], bits: usize, hash: HashFunction, digest: &[u8]) -> Option<()> {
    // A modulus of 8 k + 1 bits has a byte more than the encoding: it must be zero.
    let length = bits.div_ceil(8);
    let (excess, encoded) = encoded.split_at_checked(encoded.len().checked_sub(length)?)?;
    let (encoded, trailer) = encoded.split_at_checked(length.checked_sub(1)?)?;
    let (masked, seed) = encoded.split_at_checked(encoded.len().checked_sub(hash.length())?)?;
    let unused = 0xff_u8.checked_shl(u32::try_from(bits - (length - 1) * 8).ok()?).unwrap_or(0);
    if trailer != [0xbc] || excess.iter().any(|&byte| byte != 0) || masked.first()? & unused != 0 {
        return None;
    }
    let mut block: Vec<u8> = masked.iter().zip(mask(seed, masked.len(), hash)).map(|(byte, mask)| byte ^ mask).collect();
    *block.first_mut()? &= !unused;
    let (fill, salt) = block.split_at_checked(block.len().checked_sub(hash.length())?)?;
    let (one, zeros) = fill.split_last()?;
    if *one != 1 || zeros.iter().any(|&byte| byte != 0) {
        return None;
    }
    let expected = hash.digest(&[&[0; 8], digest, salt].concat());
    (expected == seed).then_some(())
}

/// MGF1 (RFC 8017 §B.2.1).
fn mask(seed: &[u8], length: usize, hash: HashFunction) -> Vec<u8> {
    let blocks = (0_u32..).flat_map(|counter| hash.digest(&[seed, &counter.to_be_bytes()].concat()));
    blocks.take(length).collect()
}
