//! Keys as X.509 writes them: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), alone or inside a certificate, in DER or PEM.

use super::algorithm::KeyKind;
use super::der::{Reader, tag};
use super::jwk;
use super::key::Material;
use super::key_fault::KeyFaultReason;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.132.0.35
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// The key of a SubjectPublicKeyInfo in DER.
pub(super) fn from_der(bytes: &[u8]) -> Result<Material, KeyFaultReason> {
    let mut reader = Reader::new(bytes);
    let info = reader.sequence().filter(|_| reader.is_at_end()).ok_or(KeyFaultReason::Encoding)?;
    key_of_info(info)
}

/// The key of a certificate in DER (RFC 5280 §4.1).
pub(super) fn from_certificate(bytes: &[u8]) -> Result<Material, KeyFaultReason> {
    info_of_certificate(bytes).ok_or(KeyFaultReason::Encoding).and_then(key_of_info)
}

/// The key of one PEM block, either `PUBLIC KEY` or `CERTIFICATE` (RFC 7468 §5, §13).
pub(super) fn from_pem_block(label: &str, body: &str) -> Result<Material, KeyFaultReason> {
    let packed: String = body.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(packed).map_err(|_| KeyFaultReason::Encoding)?;
    match label {
        "PUBLIC KEY" => from_der(&bytes),
        "CERTIFICATE" => from_certificate(&bytes),
        other => Err(KeyFaultReason::UnsupportedType(other.to_owned())),
    }
}

/// The PEM blocks of a text, as label and body; text around them is passed over (RFC 7468 §2).
pub(super) fn pem_blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once("-----BEGIN ")?;
        let (label, after) = after.split_once("-----")?;
        let (body, after) = after.split_once("-----END ")?;
        rest = after;
        Some((label, body))
    })
}

/// The key of the first certificate of `x5c`: standard base64 of DER (RFC 7517 §4.7).
pub(super) fn from_x5c(certificate: &str) -> Result<Material, KeyFaultReason> {
    let bytes = STANDARD.decode(certificate).map_err(|_| KeyFaultReason::MemberBase64("x5c"))?;
    from_certificate(&bytes)
}

fn info_of_certificate(bytes: &[u8]) -> Option<Reader<'_>> {
    let mut to_be_signed = Reader::new(bytes).sequence()?.sequence()?;
    to_be_signed.skip_optional(tag::VERSION)?;
    for _serial_signature_issuer_validity_subject in 0..5 {
        to_be_signed.skip()?;
    }
    to_be_signed.sequence()
}

/// A SubjectPublicKeyInfo, taken apart.
struct Info<'a> {
    algorithm: &'a [u8],
    curve: Option<&'a [u8]>,
    key: &'a [u8],
}

impl<'a> Info<'a> {
    fn read(mut info: Reader<'a>) -> Option<Self> {
        let mut identifier = info.sequence()?;
        let algorithm = identifier.read(tag::OBJECT_IDENTIFIER)?;
        let curve = identifier.read(tag::OBJECT_IDENTIFIER);
        Some(Self { algorithm, curve, key: info.whole_bytes()? })
    }
}

fn key_of_info(info: Reader<'_>) -> Result<Material, KeyFaultReason> {
    let Info { algorithm, curve, key } = Info::read(info).ok_or(KeyFaultReason::Encoding)?;
    match (algorithm, curve) {
        (RSA_ENCRYPTION, _) => rsa(key),
        (ED25519, _) => jwk::ed25519_key(key),
        (EC_PUBLIC_KEY, Some(P256)) => jwk::ec_point(KeyKind::P256, key),
        (EC_PUBLIC_KEY, Some(P384)) => jwk::ec_point(KeyKind::P384, key),
        (EC_PUBLIC_KEY, Some(P521)) => jwk::ec_point(KeyKind::P521, key),
        (EC_PUBLIC_KEY, _) => Err(KeyFaultReason::UnsupportedCurve("of a certificate or PEM key".to_owned())),
        _ => Err(KeyFaultReason::UnsupportedType("of a certificate or PEM key".to_owned())),
    }
}

fn rsa(key: &[u8]) -> Result<Material, KeyFaultReason> {
    let mut numbers = Reader::new(key).sequence().ok_or(KeyFaultReason::Encoding)?;
    let modulus = numbers.read(tag::INTEGER).ok_or(KeyFaultReason::Encoding)?;
    let exponent = numbers.read(tag::INTEGER).ok_or(KeyFaultReason::Encoding)?;
    jwk::rsa_key(modulus, exponent)
}
