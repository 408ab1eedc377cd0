//! Tokens bound to a client certificate (RFC 8705 §3), and the header in which a proxy in front hands one on (RFC 9440).

use crate::jose::AcceptedClaims;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// SHA-256 of a certificate in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint(pub [u8; 32]);

/// Why a token does not hold for this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BindingDenial {
    /// The token names no certificate.
    #[error("the token is bound to no certificate")]
    Unbound,
    /// The client showed no certificate.
    #[error("the client showed no certificate")]
    NoCertificate,
    /// The token is bound to another certificate, or its thumbprint is no SHA-256 in base64url.
    #[error("the token is bound to another certificate")]
    OtherCertificate,
}

impl BindingDenial {
    /// Every denial.
    pub const ALL: [Self; 3] = [Self::Unbound, Self::NoCertificate, Self::OtherCertificate];

    /// The denial's stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unbound => "token_unbound",
            Self::NoCertificate => "token_binding_no_certificate",
            Self::OtherCertificate => "token_binding_mismatch",
        }
    }
}

impl Thumbprint {
    /// Reads hexadecimal digits, as hosts write a certificate's digest.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        crate::hex::decode_into(text, &mut digest)?;
        Some(Self(digest))
    }

    /// The thumbprint of the certificate in a `client-cert` header: DER in base64 between colons (RFC 9440 §2.2, RFC 8941
    /// §3.3.5). Worth something only where the proxy in front is trusted to set it.
    #[must_use]
    pub fn from_client_cert_header(value: &str) -> Option<Self> {
        let encoded = value.trim().strip_prefix(':')?.strip_suffix(':')?;
        let certificate = STANDARD.decode(encoded).ok().filter(|certificate| !certificate.is_empty())?;
        Some(Self(Sha256::digest(certificate).into()))
    }
}

/// Checks that the token is bound to the certificate that the client showed (`cnf.x5t#S256`, RFC 8705 §3.1).
///
/// # Errors
/// [`BindingDenial`].
pub fn check_binding(claims: &AcceptedClaims, shown: Option<Thumbprint>) -> Result<(), BindingDenial> {
    let bound = claims.certificate_thumbprint().ok_or(BindingDenial::Unbound)?;
    let shown = shown.ok_or(BindingDenial::NoCertificate)?;
    match URL_SAFE_NO_PAD.decode(bound) {
        Ok(bound) if bound == shown.0 => Ok(()),
        _ => Err(BindingDenial::OtherCertificate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, KeySet, ParsedToken, Requirements};
    use crate::time::UnixNanos;
    use hmac::{Hmac, KeyInit, Mac};

    fn claims(payload: &str) -> AcceptedClaims {
        let secret = [7; 32];
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(payload));
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("any length");
        mac.update(input.as_bytes());
        let text = format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        let document = format!(r#"{{"keys":[{{"kty":"oct","k":"{}"}}]}}"#, URL_SAFE_NO_PAD.encode(secret));
        let (keys, _) = KeySet::parse(document.as_bytes()).expect("a key set");
        let authentic =
            ParsedToken::parse(&text).expect("well-formed").authenticate(&keys, &[Algorithm::Hs256]).expect("authentic");
        authentic.accept(&Requirements::default(), UnixNanos::default()).expect("accepted")
    }

    #[test]
    fn a_bound_token_holds_only_with_its_certificate() {
        // RFC 8705 §3.1, figure 2.
        let bound = claims(r#"{"cnf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}"#);
        let digest = URL_SAFE_NO_PAD.decode("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect("base64url");
        let other = Thumbprint(digest.try_into().expect("32 bytes"));
        assert_eq!(check_binding(&bound, Some(other)), Err(BindingDenial::OtherCertificate));
        assert_eq!(check_binding(&bound, None), Err(BindingDenial::NoCertificate));
        assert_eq!(check_binding(&claims("{}"), Some(other)), Err(BindingDenial::Unbound));
        let zeros = claims(r#"{"cnf":{"x5t#S256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#);
        assert_eq!(check_binding(&zeros, Some(other)), Ok(()));
        let hexadecimal = claims(&format!(r#"{{"cnf":{{"x5t#S256":"{}"}}}}"#, "00".repeat(32)));
        assert_eq!(check_binding(&hexadecimal, Some(other)), Err(BindingDenial::OtherCertificate));
    }

    #[test]
    fn thumbprints_are_read_from_hexadecimal_and_from_the_header() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Thumbprint::from_hex(empty), Thumbprint::from_hex(&empty.to_uppercase()));
        assert_eq!(Thumbprint::from_hex("e3"), None);
        assert_eq!(Thumbprint::from_client_cert_header(":Zm9v:"), Some(Thumbprint(Sha256::digest(b"foo").into())));
        for value in ["Zm9v", ":Zm9v", "::", ":Zm9v:, :Zm9v:", ":Zm 9v:"] {
            assert_eq!(Thumbprint::from_client_cert_header(value), None, "{value}");
        }
    }
}
