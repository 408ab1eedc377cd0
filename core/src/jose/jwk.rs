//! One JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037 §2) into a key that verifies.

use super::algorithm::{Algorithm, KeyKind};
use super::base64url;
use super::key::{Key, Material, Secret};
use super::key_fault::KeyFaultReason;
use super::public_key_info;
use super::rsa;
use super::weak_modulus;
use ::rsa::BoxedUint;
use serde_json::{Map, Value};
use std::sync::Arc;

type Members = Map<String, Value>;

const MIN_MODULUS_BITS: usize = 2048;
const MAX_MODULUS_BITS: usize = 8192;
const MAX_EXPONENT_BYTES: usize = 4;

/// Reads one key. Private members are ignored: what may verify may also be a key pair's public half.
pub(super) fn parse(entry: &Value) -> Result<Key, KeyFaultReason> {
    let members = entry.as_object().ok_or(KeyFaultReason::NotAnObject)?;
    let id = text(members, "kid")?.map(str::to_owned);
    check_purpose(members)?;
    let algorithm = bound_algorithm(members)?;
    let material = match require(text(members, "kty")?, "kty")? {
        "RSA" if !members.contains_key("n") => certified_material(members, algorithm)?,
        "EC" | "OKP" if !members.contains_key("x") => certified_material(members, algorithm)?,
        "RSA" => rsa_material(members, algorithm)?,
        "EC" => ec_material(members, algorithm)?,
        "OKP" => okp_material(members, algorithm)?,
        "oct" => secret_material(members, algorithm)?,
        other => return Err(KeyFaultReason::UnsupportedType(other.to_owned())),
    };
    check_certificate(members, &material)?;
    Ok(Key { id, algorithm, material })
}

/// The key of the first certificate, for sets that hold certificates alone. Its chain and dates say nothing here: a key is
/// trusted because it stands in the set.
fn certified_material(members: &Members, algorithm: Option<Algorithm>) -> Result<Material, KeyFaultReason> {
    let missing = KeyFaultReason::MemberMissing(if members.get("kty").is_some_and(|kty| kty == "RSA") { "n" } else { "x" });
    let material = public_key_info::from_x5c(certificate(members)?.ok_or(missing)?)?;
    check_kind(material.kind(), algorithm)?;
    let kind_fits = match text(members, "kty")? {
        Some("RSA") => material.kind() == KeyKind::Rsa,
        Some("OKP") => material.kind() == KeyKind::Ed25519,
        _ => matches!(material.kind(), KeyKind::P256 | KeyKind::P384 | KeyKind::P521),
    };
    kind_fits.then_some(material).ok_or(KeyFaultReason::CertificateMismatch)
}

/// RFC 7517 §4.7: the first certificate holds the same key as the members beside it. One that cannot be read is passed
/// over, since nothing depends on it.
fn check_certificate(members: &Members, material: &Material) -> Result<(), KeyFaultReason> {
    match certificate(members)?.map(public_key_info::from_x5c) {
        Some(Ok(certified)) if !certified.is_same_key(material) => Err(KeyFaultReason::CertificateMismatch),
        _ => Ok(()),
    }
}

fn certificate(members: &Members) -> Result<Option<&str>, KeyFaultReason> {
    let Some(chain) = members.get("x5c") else { return Ok(None) };
    let first = chain.as_array().and_then(|chain| chain.first()).and_then(Value::as_str);
    first.map(Some).ok_or(KeyFaultReason::MemberType("x5c"))
}

/// The id of a key that may be broken in every other way.
pub(super) fn id_of(entry: &Value) -> Option<String> {
    entry.get("kid").and_then(Value::as_str).map(str::to_owned)
}

fn check_purpose(members: &Members) -> Result<(), KeyFaultReason> {
    if text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyFaultReason::NotForSignatures);
    }
    let Some(operations) = members.get("key_ops") else { return Ok(()) };
    let operations = operations.as_array().ok_or(KeyFaultReason::MemberType("key_ops"))?;
    if operations.iter().any(|operation| !operation.is_string()) {
        return Err(KeyFaultReason::MemberType("key_ops"));
    }
    let verifies = operations.iter().any(|operation| operation == "verify");
    verifies.then_some(()).ok_or(KeyFaultReason::NotForSignatures)
}

fn bound_algorithm(members: &Members) -> Result<Option<Algorithm>, KeyFaultReason> {
    text(members, "alg")?
        .map(|name| Algorithm::from_name(name).ok_or_else(|| KeyFaultReason::UnsupportedAlgorithm(name.to_owned())))
        .transpose()
}

fn check_kind(kind: KeyKind, algorithm: Option<Algorithm>) -> Result<(), KeyFaultReason> {
    match algorithm {
        Some(algorithm) if algorithm.key_kind() != kind => Err(KeyFaultReason::AlgorithmMismatch { algorithm, kind }),
        _ => Ok(()),
    }
}

fn rsa_material(members: &Members, algorithm: Option<Algorithm>) -> Result<Material, KeyFaultReason> {
    check_kind(KeyKind::Rsa, algorithm)?;
    let modulus = bytes(members, "n")?;
    let exponent = bytes(members, "e")?;
    rsa_key(&modulus, &exponent)
}

/// An RSA key from its big-endian modulus and exponent. Leading zero bytes are tolerated: Java writes one.
pub(super) fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Result<Material, KeyFaultReason> {
    let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
    let bits = bit_length(modulus);
    if !(MIN_MODULUS_BITS..=MAX_MODULUS_BITS).contains(&bits) {
        return Err(KeyFaultReason::ModulusSize { bits });
    }
    if exponent.len() > MAX_EXPONENT_BYTES || exponent.len() == 1 && exponent.first().is_none_or(|&byte| byte < 3) {
        return Err(KeyFaultReason::NotRsa);
    }
    weak_modulus::check(modulus)?;
    let (n, e) = (BoxedUint::from_be_slice_vartime(modulus), BoxedUint::from_be_slice_vartime(exponent));
    let checked = ::rsa::PublicKey::new(n, e).map_err(|_| KeyFaultReason::NotRsa)?;
    Ok(Material::Rsa(Arc::new(rsa::PublicKey::new(rsa::Parts { checked, modulus, exponent, bits }))))
}

/// The curve is what `crv` says. Where it is missing, against RFC 7518 §6.2.1.1, `alg` decides, else it is P-256: that is
/// what Envoy takes it for, and a point on the wrong curve is no point on this one.
fn ec_material(members: &Members, algorithm: Option<Algorithm>) -> Result<Material, KeyFaultReason> {
    let kind = match text(members, "crv")? {
        Some("P-256") => KeyKind::P256,
        Some("P-384") => KeyKind::P384,
        Some("P-521") => KeyKind::P521,
        Some(other) => return Err(KeyFaultReason::UnsupportedCurve(other.to_owned())),
        None => match algorithm {
            Some(Algorithm::Es384) => KeyKind::P384,
            Some(Algorithm::Es512) => KeyKind::P521,
            _ => KeyKind::P256,
        },
    };
    check_kind(kind, algorithm)?;
    let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
    ec_key(kind, &x, &y)
}

/// An EC key from its coordinates. RFC 7518 §6.2.1.2 wants them padded to the field's size; some issuers strip leading
/// zeros, so what is shorter is padded, and what is longer refused.
fn ec_key(kind: KeyKind, x: &[u8], y: &[u8]) -> Result<Material, KeyFaultReason> {
    let size = match kind {
        KeyKind::P384 => 48,
        KeyKind::P521 => 66,
        _ => 32,
    };
    let mut point = vec![4];
    point.extend(padded("x", x, size)?);
    point.extend(padded("y", y, size)?);
    ec_point(kind, &point)
}

/// An EC key from an uncompressed SEC 1 point.
pub(super) fn ec_point(kind: KeyKind, point: &[u8]) -> Result<Material, KeyFaultReason> {
    match kind {
        KeyKind::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Material::P256(Arc::new((&key).into()))),
        KeyKind::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Material::P384(Arc::new(key))),
        KeyKind::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Material::P521(Arc::new(key))),
        _ => return Err(KeyFaultReason::NotOnCurve),
    }
    .map_err(|_| KeyFaultReason::NotOnCurve)
}

fn padded(member: &'static str, bytes: &[u8], size: usize) -> Result<Vec<u8>, KeyFaultReason> {
    let missing =
        size.checked_sub(bytes.len()).ok_or(KeyFaultReason::WrongLength { member, expected: size, found: bytes.len() })?;
    let mut padded = vec![0; missing];
    padded.extend_from_slice(bytes);
    Ok(padded)
}

fn okp_material(members: &Members, algorithm: Option<Algorithm>) -> Result<Material, KeyFaultReason> {
    check_kind(KeyKind::Ed25519, algorithm)?;
    match require(text(members, "crv")?, "crv")? {
        "Ed25519" => ed25519_key(&bytes(members, "x")?),
        other => Err(KeyFaultReason::UnsupportedCurve(other.to_owned())),
    }
}

/// An Ed25519 key from its 32 bytes. Points of small order are refused: under them, signatures over everything verify.
pub(super) fn ed25519_key(encoded: &[u8]) -> Result<Material, KeyFaultReason> {
    let encoded: &[u8; 32] =
        encoded.try_into().map_err(|_| KeyFaultReason::WrongLength { member: "x", expected: 32, found: encoded.len() })?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(encoded).map_err(|_| KeyFaultReason::NotOnCurve)?;
    if key.is_weak() {
        return Err(KeyFaultReason::NotOnCurve);
    }
    Ok(Material::Ed25519(Arc::new(key)))
}

fn secret_material(members: &Members, algorithm: Option<Algorithm>) -> Result<Material, KeyFaultReason> {
    check_kind(KeyKind::Secret, algorithm)?;
    let secret = bytes(members, "k")?;
    let too_short = KeyFaultReason::SecretTooShort { length: secret.len() };
    let secret = Secret::new(&secret).ok_or(too_short.clone())?;
    if algorithm.is_some_and(|algorithm| !secret.fits(algorithm)) {
        return Err(too_short);
    }
    Ok(Material::Secret(Arc::new(secret)))
}

fn text<'a>(members: &'a Members, name: &'static str) -> Result<Option<&'a str>, KeyFaultReason> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyFaultReason::MemberType(name)),
    }
}

fn bytes(members: &Members, name: &'static str) -> Result<Vec<u8>, KeyFaultReason> {
    let encoded = require(text(members, name)?, name)?;
    base64url::decode(encoded).filter(|bytes| !bytes.is_empty()).ok_or(KeyFaultReason::MemberBase64(name))
}

fn require<T>(value: Option<T>, name: &'static str) -> Result<T, KeyFaultReason> {
    value.ok_or(KeyFaultReason::MemberMissing(name))
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The length in bits of a big-endian number without leading zero bytes.
fn bit_length(bytes: &[u8]) -> usize {
    let leading = bytes.first().map_or(0, |first| first.leading_zeros() as usize);
    (bytes.len() * 8).saturating_sub(leading)
}
