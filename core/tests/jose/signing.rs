//! Keys of these tests alone, and tokens signed with them by the implementations that also verify.

use crate::support::base64url;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::jose::{Algorithm, KeySet};
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit, Mac};
use rsa::rand_core::{Infallible, TryCryptoRng, TryRng};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey, Pss};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::sync::LazyLock;

const N: &str = "qYDLBJcvKU_qmNVKc6NgWaVH8l_FCBOhy4yhJckwghRaks956cPvtipxcnqaNNZ7yCB5L1qBngeQ1-WnFZ6jRPgA0J0KwekrrJmjlA8hZLJ5dPN_SP2eMnB4h2gI-xI8Z52tM5RRvYEh9HzvWOMZN6y8OAjV9H9RkkfBLGAjPyDsOqTChXMOkzY8vBdTWWDH4d7w2eMcq8f3y1nfAiCnCpxNhgss6wnNE6NyZ6Qz6szM2cJxEETsStjDIsXVQpwLOdVbBIX7L9oEAtDsvbPB2Nb4mNl_HOP71HFevoz1c4k9nM4EsLf9Z-he1OvLfP68N24g_ElteNo1gaobAKQySw";
const D: &str = "PbOo83hXThoNw2mtCvA3hBqC2KtdDWYcGP0NsjQNCOUA3X1SGzLcgTrtBie0F7TV5VFQ29h943lMlBLAokGXnGUM4uOvxUusPs3EuoJRfRbs2JJEzNypqCHB9kR8NGz8eRlwMZz1rl6h7h5GgFxW0yn5cApjW_e2yWF-Y7lxSyqIqimA3sXsJ62FEFfbyYqqenS6GMy9WBHjeKV9AR4O8YAUEYrZ4h-xgqqHrwhCCyNWsJehVFqU3znmgvIz3YCya52qtCzrpm59-Hz4i4_j4zqAvbPLhsPptABq9xBo60rxkShVjk3YXrK0DmgnU29uYpeR11ffGfG2ouN1hL9UsQ";
const P: &str = "1ouRae161ZaKrrnb9nhrMqc2LZ2PTuomBtTCK1uMoq6kKp2vFpnC5_Lc73ZHebKZItptgz9o2bdeXsUSEnDf4bHPSzkHtbaeuvtv9Lj5m8NwN6_M1jUhLHfjT-85hZ8Xf5m5lnpHzFGB1RX_H8xoqNfvACDT2t1wIk3b71KrWHE";
const Q: &str = "ykE6RvRdQQ41Mks2jHMXnDPvJURQFt4X9r3OM7d1BTeTUGpx7jo1z2ONjcqASz9vhx949sP6btpAFsMnjdVnfy_TeSACBr-C-T7N3Ar3wqaFWlOo624xK-p1RR5oeYzAzDlTQHnzyvIWLXLiM0MaKdJZYMVg2MBJl4ip6YLV9Hs";

/// One shared secret, long enough for every HS algorithm.
const SECRET: [u8; 64] = [0x5a; 64];
const SEED: [u8; 32] = [7; 32];

static RSA: LazyLock<PrivateKey> = LazyLock::new(|| {
    let number = |text: &str| BoxedUint::from_be_slice_vartime(&URL_SAFE_NO_PAD.decode(text).expect("base64url"));
    let exponent = BoxedUint::from_be_slice_vartime(&[1, 0, 1]);
    PrivateKey::from_components(number(N), exponent, number(D), vec![number(P), number(Q)]).expect("an RSA key")
});

/// A key set with one unbound key of each kind, each with its kind as id.
pub(crate) static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let (keys, faults) = KeySet::parse(json!({"keys": all_jwks()}).to_string().as_bytes()).expect("a key set");
    assert_eq!(faults, []);
    keys
});

/// The public halves, or the secret, as JWKs.
pub(crate) fn all_jwks() -> Vec<Value> {
    let p256 = p256::ecdsa::SigningKey::from_slice(&SEED).expect("a scalar").verifying_key().to_sec1_point(false);
    let p384 = p384::ecdsa::SigningKey::from_slice(&[7; 48]).expect("a scalar").verifying_key().to_sec1_point(false);
    let p521 = p521::ecdsa::SigningKey::from_slice(&p521_scalar()).expect("a scalar").verifying_key().to_sec1_point(false);
    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&SEED).verifying_key();
    assert_eq!(RSA.size(), 256);
    vec![
        json!({"kty": "oct", "kid": "oct", "k": base64url(&SECRET)}),
        json!({"kty": "RSA", "kid": "RSA", "n": N, "e": "AQAB"}),
        ec_jwk("P-256", p256.as_bytes()),
        ec_jwk("P-384", p384.as_bytes()),
        ec_jwk("P-521", p521.as_bytes()),
        json!({"kty": "OKP", "kid": "Ed25519", "crv": "Ed25519", "x": base64url(ed25519.as_bytes())}),
    ]
}

fn ec_jwk(curve: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at((point.len() - 1) / 2);
    json!({"kty": "EC", "kid": curve, "crv": curve, "x": base64url(x), "y": base64url(y)})
}

fn p521_scalar() -> [u8; 66] {
    let mut scalar = [7; 66];
    scalar[0] = 0;
    scalar
}

/// The id of the key that [`sign`] signs with.
pub(crate) fn key_id(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => "oct",
        Algorithm::Es256 => "P-256",
        Algorithm::Es384 => "P-384",
        Algorithm::Es512 => "P-521",
        Algorithm::EdDsa => "Ed25519",
        _ => "RSA",
    }
}

/// A token with these header members, beside `alg`, and these claims.
pub(crate) fn token(algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    let mut header = header.clone();
    header["alg"] = algorithm.name().into();
    let input = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = sign(algorithm, input.as_bytes());
    format!("{input}.{}", base64url(&signature))
}

/// A signature over `message` with the key of the algorithm's kind.
pub(crate) fn sign(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    let digest = |algorithm: Algorithm| algorithm.hash_function().expect("a hash").digest(message);
    match algorithm {
        Algorithm::Hs256 => mac::<Hmac<Sha256>>(message),
        Algorithm::Hs384 => mac::<Hmac<Sha384>>(message),
        Algorithm::Hs512 => mac::<Hmac<Sha512>>(message),
        Algorithm::Rs256 => RSA.sign(Pkcs1v15Sign::new::<Sha256>(), &digest(algorithm)).expect("a signature"),
        Algorithm::Rs384 => RSA.sign(Pkcs1v15Sign::new::<Sha384>(), &digest(algorithm)).expect("a signature"),
        Algorithm::Rs512 => RSA.sign(Pkcs1v15Sign::new::<Sha512>(), &digest(algorithm)).expect("a signature"),
        Algorithm::Ps256 => {
            RSA.sign_with_rng(&mut Counter::default(), Pss::<Sha256>::new(), &digest(algorithm)).expect("a signature")
        }
        Algorithm::Ps384 => {
            RSA.sign_with_rng(&mut Counter::default(), Pss::<Sha384>::new(), &digest(algorithm)).expect("a signature")
        }
        Algorithm::Ps512 => {
            RSA.sign_with_rng(&mut Counter::default(), Pss::<Sha512>::new(), &digest(algorithm)).expect("a signature")
        }
        Algorithm::Es256 => {
            let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from_slice(&SEED).expect("a scalar").sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es384 => {
            let signature: p384::ecdsa::Signature =
                p384::ecdsa::SigningKey::from_slice(&[7; 48]).expect("a scalar").sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es512 => {
            let signature: p521::ecdsa::Signature =
                p521::ecdsa::SigningKey::from_slice(&p521_scalar()).expect("a scalar").sign(message);
            signature.to_bytes().to_vec()
        }
        Algorithm::EdDsa => ed25519_dalek::SigningKey::from_bytes(&SEED).sign(message).to_bytes().to_vec(),
    }
}

fn mac<M: Mac + KeyInit>(message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(&SECRET).expect("any length is good");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Numbers that are anything but random, so that every run signs alike.
#[derive(Default)]
struct Counter(u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 += 1;
        let digest = Sha256::digest(self.0.to_be_bytes());
        Ok(u64::from_be_bytes(digest[..8].try_into().expect("eight bytes")))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        for chunk in target.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
