//! `authentication`: Istio's RequestAuthentication `jwtRules`, field for field, and what Istio lacks beside it.

use crate::config::decode::{Decode, Faults, Path, mismatch, wire};
use crate::jose::Algorithm;
use crate::time::UnixNanos;
use serde_json::Value;
use std::time::Duration;

wire! {
    /// How callers are established.
    pub struct Authentication {
        /// Whose tokens are accepted, and what they must hold.
        "jwtRules" => jwt_rules: Vec<JwtRule>,
        /// Lets `OPTIONS` with `Origin` and `Access-Control-Request-Method` pass without credentials, as Istio does.
        "bypassCorsPreflight" => bypass_cors_preflight: bool,
        /// API keys.
        "apiKeys" => api_keys: Option<ApiKeys>,
        /// Client certificates.
        "peer" => peer: Option<Peer>,
        /// Status for a request that carries two different credentials: 401 (default) or 400.
        "ambiguousStatus" => ambiguous_status: Option<u64>,
        /// The `realm` of `WWW-Authenticate` (RFC 6750 §3); the service's name when absent.
        "realm" => realm: Option<String>,
    }
}

wire! {
    /// One issuer's tokens.
    pub struct JwtRule {
        /// The `iss` claim that these tokens carry (RFC 7519 §4.1.1).
        "issuer" => issuer: String,
        /// The token's `aud` must hold one of these; any audience when empty.
        "audiences" => audiences: Vec<String>,
        /// Where the issuer publishes its keys. Needs `jwksCluster` on hosts that call out by cluster.
        "jwksUri" => jwks_uri: Option<String>,
        /// The keys themselves, as a JWK Set in a string (RFC 7517).
        "jwks" => jwks: Option<String>,
        /// The host's upstream through which `jwksUri` is fetched.
        "jwksCluster" => jwks_cluster: Option<String>,
        /// How long a fetch of keys may take (default 5s).
        "timeout" => timeout: Option<Duration>,
        /// How long fetched keys are used before they are fetched again (default 10m).
        "jwksCacheDuration" => jwks_cache_duration: Option<Duration>,
        /// Headers that carry the token; `authorization: Bearer` and the query parameter `access_token` when no place is named.
        "fromHeaders" => from_headers: Vec<JwtHeader>,
        /// Query parameters that carry the token.
        "fromParams" => from_params: Vec<String>,
        /// Cookies that carry the token.
        "fromCookies" => from_cookies: Vec<String>,
        /// Keeps the token in the request that goes upstream (default false).
        "forwardOriginalToken" => forward_original_token: bool,
        /// Header that gets the token's payload, base64url as received.
        "outputPayloadToHeader" => output_payload_to_header: Option<String>,
        /// Claims that are copied to headers.
        "outputClaimToHeaders" => output_claim_to_headers: Vec<ClaimToHeader>,
        /// Claims whose string value is a list separated by spaces, beside `scope` and `permission`.
        "spaceDelimitedClaims" => space_delimited_claims: Vec<String>,
        /// Signature algorithms that are accepted; all asymmetric ones when empty. HS256, HS384 and HS512 only when named.
        "algorithms" => algorithms: Vec<Algorithm>,
        /// Tolerance for `exp`, `nbf` and `iat` (default 60s).
        "clockSkew" => clock_skew: Option<Duration>,
        /// Refuses tokens without `exp`.
        "requireExpiration" => require_expiration: bool,
        /// Longest lifetime of a token, as issued (`exp - iat`) and as it remains.
        "maxLifetime" => max_lifetime: Option<Duration>,
        /// Claims that must be present and not empty.
        "requiredClaims" => required_claims: Vec<String>,
        /// Values of the `typ` header that are accepted (RFC 8725 §3.11); any when empty.
        "tokenTypes" => token_types: Vec<String>,
        /// Claims that hold roles, nested by dots: `realm_access.roles`.
        "rolesFrom" => roles_from: Vec<String>,
        /// Requires `cnf.x5t#S256` to match the client certificate (RFC 8705 §3.1).
        "boundCertificate" => bound_certificate: bool,
        /// Tokens and subjects that are refused whatever they say.
        "revoked" => revoked: Option<Revoked>,
    }
}

wire! {
    /// A header that carries a credential.
    pub struct JwtHeader {
        /// The header's name.
        "name" => name: String,
        /// What stands before the token, exactly, with its space.
        "prefix" => prefix: Option<String>,
    }
}

wire! {
    /// A claim and the header that it is copied to.
    pub struct ClaimToHeader {
        /// The header's name.
        "header" => header: String,
        /// The claim, nested by dots.
        "claim" => claim: String,
    }
}

wire! {
    /// What is revoked.
    pub struct Revoked {
        /// Token ids (RFC 7519 §4.1.7).
        "jti" => jti: Vec<String>,
        /// Subjects.
        "sub" => sub: Vec<String>,
    }
}

wire! {
    /// API keys and where they are read from.
    pub struct ApiKeys {
        /// Headers that carry the key.
        "fromHeaders" => from_headers: Vec<JwtHeader>,
        /// Query parameters that carry the key.
        "fromParams" => from_params: Vec<String>,
        /// Cookies that carry the key.
        "fromCookies" => from_cookies: Vec<String>,
        /// Keeps the key in the request that goes upstream (default false).
        "forwardOriginalKey" => forward_original_key: bool,
        /// The keys.
        "keys" => keys: Vec<ApiKey>,
    }
}

wire! {
    /// One API key. Only its hash is ever written down.
    pub struct ApiKey {
        /// What it is called in policies and events.
        "id" => id: String,
        /// SHA-256 of the key, hexadecimal.
        "sha256" => sha256: Sha256Hex,
        /// Roles of whoever holds it.
        "roles" => roles: Vec<String>,
        /// Scopes of whoever holds it.
        "scopes" => scopes: Vec<String>,
        /// Not before this instant.
        "notBefore" => not_before: Option<UnixNanos>,
        /// Not after this instant.
        "notAfter" => not_after: Option<UnixNanos>,
        /// Addresses that it may be used from; any when empty.
        "ipBlocks" => ip_blocks: Vec<ipnet::IpNet>,
        /// Services of the registry that may use it; any when empty.
        "services" => services: Vec<String>,
    }
}

wire! {
    /// Where a client certificate's identity is taken from.
    pub struct Peer {
        /// From the connection itself (default true).
        "fromConnection" => from_connection: Option<bool>,
        /// From `x-forwarded-client-cert`.
        "fromForwardedClientCert" => from_forwarded_client_cert: Option<Forwarded>,
    }
}

wire! {
    /// Whether a header that tells of a certificate is believed.
    pub struct Forwarded {
        /// Only where whatever is in front strips what clients send.
        "trusted" => trusted: bool,
    }
}

/// A SHA-256 in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256Hex(pub [u8; 32]);

impl Decode for Sha256Hex {
    fn expected() -> String {
        "64 hexadecimal digits".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let mut bytes = [0; 32];
        match value.as_str().and_then(|text| crate::hex::decode_into(text, &mut bytes)) {
            Some(()) => Some(Self(bytes)),
            None => mismatch(value, at, faults),
        }
    }
}

impl Decode for UnixNanos {
    fn expected() -> String {
        "a time such as `2027-01-01T00:00:00Z`".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        value.as_str().and_then(Self::parse).or_else(|| mismatch(value, at, faults))
    }
}

impl Decode for Algorithm {
    fn expected() -> String {
        "a signature algorithm such as `ES256` (RFC 7518 §3.1, RFC 8037 §3.1)".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        value.as_str().and_then(Self::from_name).or_else(|| mismatch(value, at, faults))
    }
}

impl Decode for ipnet::IpNet {
    fn expected() -> String {
        "an address or a CIDR block such as `10.2.0.0/16`".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let text = value.as_str();
        let block = text.and_then(|text| text.parse().ok());
        let address = || text.and_then(|text| text.parse::<std::net::IpAddr>().ok()).map(Self::from);
        block.or_else(address).or_else(|| mismatch(value, at, faults))
    }
}
