//! Signing keys with fixed material, their JWKS, good tokens and bad ones.
//!
//! The keys are public knowledge: whoever trusts them outside a test trusts everybody.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_dalek::Signer as _;
use p256::ecdsa;
use rsa::PrivateKey;
use rsa::pkcs1v15;
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::SignatureEncoding;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use sha2::Sha256;

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256.
    Es256,
    /// RSA PKCS#1 v1.5 with a key of 2048 bits.
    Rs256,
    /// Ed25519.
    EdDsa,
}

/// Someone who signs tokens.
#[derive(Debug)]
pub struct Issuer {
    es256: ecdsa::SigningKey,
    rs256: pkcs1v15::SigningKey<Sha256>,
    eddsa: ed25519_dalek::SigningKey,
}

/// Fixed key material that its own library refuses.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The P-256 scalar.
    #[error("the fixed P-256 key is refused")]
    P256,
    /// The RSA key.
    #[error("the fixed RSA key is refused: {0}")]
    Rsa(#[from] rsa::pkcs8::Error),
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];

    /// The name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The `kid` of the issuer's key for it.
    #[must_use]
    pub fn key_id(self) -> &'static str {
        match self {
            Self::Es256 => "es256-1",
            Self::Rs256 => "rs256-1",
            Self::EdDsa => "eddsa-1",
        }
    }
}

impl Issuer {
    /// The one issuer of tests and demo.
    pub fn fixed() -> Result<Self, KeyError> {
        let es256 = ecdsa::SigningKey::from_slice(&[0x42; 32]).map_err(|_| KeyError::P256)?;
        let rsa = PrivateKey::from_pkcs8_pem(include_str!("../keys/rs256-test-only.pem"))?;
        let eddsa = ed25519_dalek::SigningKey::from_bytes(&[0x42; 32]);
        Ok(Self { es256, rs256: pkcs1v15::SigningKey::new(rsa), eddsa })
    }

    /// The public keys as a JWK set (RFC 7517 §5), one key for each algorithm.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let point = self.es256.verifying_key().to_sec1_point(false);
        let rsa: &PrivateKey = self.rs256.as_ref();
        let coordinate = |bytes: Option<&p256::FieldBytes>| encode(bytes.map(|bytes| bytes.as_slice()).unwrap_or_default());
        let (x, y) = (coordinate(point.x()), coordinate(point.y()));
        let (n, e) = (encode(&rsa.n_bytes()), encode(&rsa.e_bytes()));
        let edwards = encode(self.eddsa.verifying_key().as_bytes());
        let [ec, rs, ed] = Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm.key_id()));
        json!({"keys": [
            {"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": ec.0, "kid": ec.1, "use": "sig"},
            {"kty": "RSA", "n": n, "e": e, "alg": rs.0, "kid": rs.1, "use": "sig"},
            {"kty": "OKP", "crv": "Ed25519", "x": edwards, "alg": ed.0, "kid": ed.1, "use": "sig"},
        ]})
    }

    /// A signed token with these claims (RFC 7515 §7.1).
    #[must_use]
    pub fn mint(&self, algorithm: Algorithm, claims: &Value) -> String {
        self.sign(algorithm, &json!({"alg": algorithm.name(), "kid": algorithm.key_id(), "typ": "JWT"}), claims)
    }

    /// A token with any header, signed by the key of `algorithm`.
    #[must_use]
    pub fn sign(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = match algorithm {
            Algorithm::Es256 => {
                let signature: ecdsa::Signature = self.es256.sign(signed.as_bytes());
                signature.to_vec()
            }
            Algorithm::Rs256 => self.rs256.sign(signed.as_bytes()).to_vec(),
            Algorithm::EdDsa => self.eddsa.sign(signed.as_bytes()).to_bytes().to_vec(),
        };
        format!("{signed}.{}", encode(&signature))
    }
}

/// A good token's header and signature around other claims: what a forger without the key can do.
#[must_use]
pub fn forged(good: &str, claims: &Value) -> String {
    let mut parts = good.split('.');
    let header = parts.next().unwrap_or_default();
    let signature = parts.nth(1).unwrap_or_default();
    format!("{header}.{}.{signature}", encode(claims.to_string().as_bytes()))
}

/// A token that says it needs no signature (RFC 7519 §6).
#[must_use]
pub fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", encode(br#"{"alg":"none","typ":"JWT"}"#), encode(claims.to_string().as_bytes()))
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::signature::Verifier;

    fn parts(token: &str) -> (String, Value, Value, Vec<u8>) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |part: &str| serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap();
        (signed.to_owned(), json(header), json(claims), BASE64URL.decode(signature).unwrap())
    }

    #[test]
    fn tokens_verify_with_the_key_that_the_jwks_shows() {
        let issuer = Issuer::fixed().unwrap();
        for algorithm in Algorithm::ALL {
            let (signed, header, claims, signature) = parts(&issuer.mint(algorithm, &json!({"sub": "ada"})));
            assert_eq!(claims, json!({"sub": "ada"}));
            let jwks = issuer.jwks();
            let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap().clone();
            assert_eq!(key["alg"], header["alg"]);
            let field = |name: &str| BASE64URL.decode(key[name].as_str().unwrap()).unwrap();
            match algorithm {
                Algorithm::Es256 => {
                    let point = [vec![4], field("x"), field("y")].concat();
                    let key = ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
                    key.verify(signed.as_bytes(), &ecdsa::Signature::from_slice(&signature).unwrap()).unwrap();
                }
                Algorithm::Rs256 => {
                    let number = |name: &str| rsa::BoxedUint::from_be_slice_vartime(&field(name));
                    let key = rsa::PublicKey::new(number("n"), number("e")).unwrap();
                    let signature = pkcs1v15::Signature::try_from(signature.as_slice()).unwrap();
                    pkcs1v15::VerifyingKey::<Sha256>::new(key).verify(signed.as_bytes(), &signature).unwrap();
                }
                Algorithm::EdDsa => {
                    let key = ed25519_dalek::VerifyingKey::from_bytes(&field("x").try_into().unwrap()).unwrap();
                    let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
                    key.verify_strict(signed.as_bytes(), &signature).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_forged_token_differs_in_its_claims_alone() {
        let good = Issuer::fixed().unwrap().mint(Algorithm::Es256, &json!({"sub": "ada"}));
        let forged = forged(&good, &json!({"sub": "root"}));
        assert_eq!(parts(&forged).1, parts(&good).1);
        assert_eq!(parts(&forged).2, json!({"sub": "root"}));
        assert_eq!(parts(&forged).3, parts(&good).3);
    }

    #[test]
    fn an_unsigned_token_says_so_and_has_an_empty_signature() {
        let (_, header, _, signature) = parts(&unsigned(&json!({})));
        assert_eq!(header["alg"], "none");
        assert!(signature.is_empty());
    }
}
