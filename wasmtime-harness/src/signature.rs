//! Envoy's foreign function `verify_signature` (HOSTS.md 1.2): PKCS#1 v1.5 and
//! ECDSA with DER signatures. SHA-1, which Envoy takes too, is not here.

use p256::pkcs8::DecodePublicKey;
use rsa::signature::Verifier;
use rsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::abi::Status;
use crate::protobuf;

const BAD_KEY: &str = "Failed to initialize digest verify.";
const BAD_SIGNATURE: &str = "Failed to verify digest. Error code: 0";

/// `VerifySignatureArguments`: hash_function = 1, public_key = 2, signature = 3, text = 4, public_key_pem = 5.
pub(crate) fn verify(argument: &[u8]) -> Result<Vec<u8>, Status> {
    let fields = protobuf::fields(argument).ok_or(Status::BadArgument)?;
    let key = match (protobuf::bytes(&fields, 2), protobuf::bytes(&fields, 5)) {
        (Some(der), None) => Key::Der(der),
        (None, Some(pem)) => Key::Pem(std::str::from_utf8(pem).map_err(|_| Status::BadArgument)?),
        _ => return Err(Status::BadArgument),
    };
    let signature = protobuf::bytes(&fields, 3).unwrap_or_default();
    let text = protobuf::bytes(&fields, 4).unwrap_or_default();
    let name = protobuf::text(&fields, 1);
    Ok(answer(match name.to_ascii_lowercase().as_str() {
        "sha224" => check::<Sha224>(key, signature, text),
        "sha256" => check::<Sha256>(key, signature, text),
        "sha384" => check::<Sha384>(key, signature, text),
        "sha512" => check::<Sha512>(key, signature, text),
        _ => Err(format!("{name} is not supported.")),
    }))
}

/// A SubjectPublicKeyInfo, one way or the other.
#[derive(Clone, Copy)]
enum Key<'a> {
    Der(&'a [u8]),
    Pem(&'a str),
}

impl Key<'_> {
    fn decode<K: DecodePublicKey>(self) -> Option<K> {
        match self {
            Self::Der(der) => K::from_public_key_der(der).ok(),
            Self::Pem(pem) => K::from_public_key_pem(pem).ok(),
        }
    }
}

fn check<D>(key: Key<'_>, signature: &[u8], text: &[u8]) -> Result<(), String>
where
    D: Digest + rsa::pkcs8::AssociatedOid + rsa::sha2::digest::FixedOutputReset,
{
    let digest = D::digest(text);
    let verified = if let Some(key) = key.decode::<rsa::PublicKey>() {
        let signature = rsa::pkcs1v15::Signature::try_from(signature);
        signature.and_then(|signature| rsa::pkcs1v15::VerifyingKey::<D>::new(key).verify(text, &signature)).is_ok()
    } else if let Some(key) = key.decode::<p256::ecdsa::VerifyingKey>() {
        p256::ecdsa::Signature::from_der(signature).and_then(|signature| key.verify_prehash(&digest, &signature)).is_ok()
    } else if let Some(key) = key.decode::<p384::ecdsa::VerifyingKey>() {
        p384::ecdsa::Signature::from_der(signature).and_then(|signature| key.verify_prehash(&digest, &signature)).is_ok()
    } else if let Some(key) = key.decode::<p521::ecdsa::VerifyingKey>() {
        p521::ecdsa::Signature::from_der(signature).and_then(|signature| key.verify_prehash(&digest, &signature)).is_ok()
    } else {
        return Err(BAD_KEY.to_owned());
    };
    if verified { Ok(()) } else { Err(BAD_SIGNATURE.to_owned()) }
}

/// `VerifySignatureResult`: result = 1, error = 2. Defaults are not written.
fn answer(verified: Result<(), String>) -> Vec<u8> {
    match verified {
        Ok(()) => vec![0x08, 0x01],
        Err(error) => {
            let mut out = vec![0x12];
            // No message here is as long as 128 bytes but for an absurd hash name, which is cut.
            let error: Vec<u8> = error.into_bytes().into_iter().take(127).collect();
            out.extend(u8::try_from(error.len()));
            out.extend(error);
            out
        }
    }
}

#[cfg(test)]
mod tests;
