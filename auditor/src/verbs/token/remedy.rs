//! What to change when a token is refused.

use countersign_core::jose::TokenDenial;

/// One sentence for whoever issues, sends or checks the token.
#[expect(clippy::too_many_lines, reason = "one total match, so that a new reason breaks the build until it has a remedy")]
pub(super) const fn remedy(denial: &TokenDenial) -> &'static str {
    match denial {
        TokenDenial::TooLarge { .. } => {
            "Put fewer claims into the token (groups are the usual cause), or pass a reference instead."
        }
        TokenDenial::NotThreeParts { .. } => {
            "Send a signed token in compact form, `header.payload.signature`: no encrypted token (5 parts), no opaque token, no prefix such as `Bearer`."
        }
        TokenDenial::NotBase64Url(_) => {
            "Encode each part as base64url without `=`, spaces or line breaks; a copied token may have lost or gained characters."
        }
        TokenDenial::NotJson(..) => {
            "The part is not JSON: the token was damaged or was not made as a JWT. If it is a JWS of other content, use --signature-only."
        }
        TokenDenial::DuplicateMember(..) => {
            "Mend the issuer: a name must occur once in an object, since readers disagree about which one counts."
        }
        TokenDenial::TooDeep(..) => "Flatten the claims.",
        TokenDenial::NotAnObject(_) => {
            "Header and claims must be JSON objects. If this is a JWS of other content, use --signature-only."
        }
        TokenDenial::MalformedHeader(_) => "Mend the issuer: `alg` must be there, and `alg`, `kid` and `typ` must be strings.",
        TokenDenial::CriticalExtension(_) => {
            "Issue the token without `crit`: no extension is supported, and ignoring one would change the token's meaning."
        }
        TokenDenial::UnencodedPayload => "Issue the token without `b64`.",
        TokenDenial::Unsigned(_) => "Sign the token. An unsigned one is never accepted, and no option changes that.",
        TokenDenial::UnknownAlgorithm(_) => {
            "Sign with one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (or HS256, HS384, HS512)."
        }
        TokenDenial::AlgorithmNotAllowed(_) => {
            "Sign with an allowed algorithm, or allow this one by `algorithms` (--algorithms). HS* lets everyone who can check a token forge one."
        }
        TokenDenial::UnknownKey(_) => {
            "The key set does not have the signing key, or not in a usable form: fetch it anew, check that the token comes from this issuer, and see what is said about refused keys."
        }
        TokenDenial::NoKeyForAlgorithm(_) => {
            "The set has no key of the type that this algorithm needs, or its `alg`, `use` or `key_ops` forbid it: compare them with the token's `alg`."
        }
        TokenDenial::SignatureLength { .. } => {
            "The signature is damaged or in another form: JOSE wants r and s of ECDSA as two numbers of full length, not in DER."
        }
        TokenDenial::SignatureMismatch => {
            "Header, payload or signature were changed, or another key signed them: compare the issuer's current keys with the set."
        }
        TokenDenial::MalformedClaim(_) => {
            "Mend the issuer: `iss`, `sub` and `jti` are strings, `aud` is a string or strings, `exp`, `nbf` and `iat` are numbers."
        }
        TokenDenial::MissingClaim(_) => "Have the issuer add the claim, or drop it from `requiredClaims`.",
        TokenDenial::WrongIssuer { .. } => {
            "Compare the two character by character (a trailing `/` counts), and use the rule that is meant for this issuer."
        }
        TokenDenial::WrongAudience { .. } => "Request the token for this service, or add its audience to `audiences`.",
        TokenDenial::Expired { .. } => {
            "Get a new token. If it is fresh, compare the clocks; `clockSkew` is how far they may differ."
        }
        TokenDenial::NotYetValid { .. } => "Compare the clocks; `clockSkew` is how far they may differ.",
        TokenDenial::NoExpiration => "Have the issuer set `exp`.",
        TokenDenial::LifetimeExceeded { .. } => "Have the issuer shorten the lifetime, or raise `maxLifetime`.",
        TokenDenial::IssuedInFuture { .. } => {
            "Compare the clocks; with a limited lifetime, a token from the future would evade the limit."
        }
        TokenDenial::WrongType(_) => {
            "Send the right kind of token (an ID token is no access token), or add its `typ` to `tokenTypes`."
        }
        TokenDenial::RevokedToken(_) => "Get a new token.",
        TokenDenial::RevokedSubject(_) => "The subject was locked out on purpose: ask whoever keeps the list.",
    }
}
