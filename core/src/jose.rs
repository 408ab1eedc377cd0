//! Signed tokens and the keys that verify them (RFC 7515, 7517, 7518, 7519, 8037, 8725).
//!
//! A token passes through stages, each a type: [`ParsedToken`] is well-formed, [`AuthenticToken`] is signed by a key that
//! was allowed to, [`AcceptedClaims`] satisfied the [`Requirements`]. Only the last shows claims. Each refusal is a
//! [`TokenDenial`] with a stable code.
//!
//! Threats met here, and where:
//!
//! | threat | answer |
//! |---|---|
//! | `alg: none`, or an algorithm of the attacker's choice (RFC 8725 §2.1) | `none` is no [`Algorithm`]; an allow-list; HS* only by name |
//! | an RSA public key used as HMAC secret | a key verifies only algorithms of its own type |
//! | `jwk`, `jku`, `x5u`, `x5c` in the header | ignored: a token does not choose its key |
//! | extensions that change the meaning (`crit`, `b64`) | refused |
//! | two readings of one token: duplicate members, padding, spare bits, whitespace | one canonical form, all else refused |
//! | keys meant for encryption, too short, off the curve, of small order, of weak generators | refused when the set is read |
//! | forged tokens that cost a fetch of keys | [`ParsedToken::refute`] first; an unknown `kid` is a reason of its own |
//! | oversized or deeply nested tokens | refused before or while they are read |
//!
//! ```
//! use countersign_core::jose::{Algorithm, KeySet, ParsedToken, Requirements};
//! use countersign_core::time::UnixNanos;
//!
//! // RFC 7515 A.3
//! let (keys, faults) = KeySet::parse(br#"{"keys":[{"kty":"EC","crv":"P-256",
//!     "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#)?;
//! assert!(faults.is_empty());
//! let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij\
//!     p0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
//! let authentic = ParsedToken::parse(token)?.authenticate(&keys, &Algorithm::ASYMMETRIC)?;
//! let claims = authentic.accept(&Requirements::default(), UnixNanos::from_seconds(1_300_819_000))?;
//! assert_eq!(claims.issuer(), Some("joe"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod base64url;
mod claims;
mod compact;
mod denial;
mod der;
mod finding;
mod jwk;
mod jws;
mod key;
mod key_fault;
mod key_set;
mod lookup;
mod numeric_date;
mod p256;
mod public_key_info;
mod requirements;
mod rsa;
mod token;
mod weak_modulus;

pub use algorithm::{Algorithm, HashFunction, KeyKind};
pub use claims::AcceptedClaims;
pub use compact::SignatureBytes;
pub use denial::{Part, TokenDenial};
pub use finding::{FindingThresholds, TokenFinding};
pub use jws::{AuthenticJws, MAX_TOKEN_BYTES, ParsedJws};
pub use key::{Key, Mismatch};
pub use key_fault::{KeyFault, KeyFaultReason, KeySetFault};
pub use key_set::{KeySet, MAX_KEY_SET_BYTES, MAX_KEYS};
pub use lookup::{Separation, strings_at};
pub use requirements::{DEFAULT_CLOCK_SKEW, Expiration, Requirements};
pub use token::{AuthenticToken, ParsedToken};
