//! Who calls. At most one token and one API key count; what does not verify refuses the request, and a request without
//! credentials goes on anonymously, as in Istio, for the policies to decide.

use super::cache::TokenCache;
use crate::config::Config;
use crate::config::plan::IssuerRule;
use crate::event::{IdentityFacts, Method};
use crate::identity::credentials::{Found, Place};
use crate::identity::keys::{Cure, KeyStore, Patience};
use crate::jose::{
    AcceptedClaims, AuthenticToken, FindingThresholds, Key, KeySet, ParsedToken, Separation, TokenDenial, TokenFinding,
};
use crate::request::RequestView;
use crate::time::UnixNanos;
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;
use std::rc::Rc;

/// Who calls, as far as credentials say.
#[derive(Debug, Default)]
pub(super) struct Caller {
    pub(super) identity: Rc<IdentityFacts>,
    pub(super) token: Option<Rc<VerifiedToken>>,
    pub(super) api_key: Option<String>,
    pub(super) findings: Vec<&'static str>,
    /// Where the credentials stood that must not go upstream.
    pub(super) strip: Vec<OwnedPlace>,
}

/// Where a credential stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnedPlace {
    Header(String),
    Param(String),
    Cookie(String),
}

impl From<Place<'_>> for OwnedPlace {
    fn from(place: Place<'_>) -> Self {
        match place {
            Place::Header(name) => Self::Header(name.to_owned()),
            Place::Param(name) => Self::Param(name.to_owned()),
            Place::Cookie(name) => Self::Cookie(name.to_owned()),
        }
    }
}

/// A token that verified, with what decision and event need of it in shape.
#[derive(Debug)]
pub(super) struct VerifiedToken {
    pub(super) claims: AcceptedClaims,
    pub(super) rule: usize,
    /// The key that verified it.
    pub(super) key: Key,
    identity: Rc<IdentityFacts>,
}

/// A credential that was refused.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) code: &'static str,
    pub(super) ambiguous: bool,
    pub(super) credential: String,
    pub(super) finding: Option<&'static str>,
}

impl Denied {
    fn new(code: &'static str) -> Self {
        Self { code, ambiguous: false, credential: String::new(), finding: None }
    }
}

/// Why it is not established who calls.
#[derive(Debug)]
pub(super) enum Stop {
    /// The rules say no.
    Denied(Denied),
    /// The issuer's keys may be fetched, and then it can be told.
    KeysNeeded { rule: usize },
    /// It cannot be told, since the issuer's keys cannot be fetched.
    KeysUnreachable { credential: String },
}

impl From<Denied> for Stop {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// What was verified before, and what verifies.
#[derive(Debug)]
pub(super) struct Known<'k> {
    pub(super) cache: &'k mut TokenCache,
    pub(super) keys: &'k mut KeyStore,
}

pub(super) fn authenticate(
    config: &Config,
    request: &RequestView<'_>,
    now: UnixNanos,
    known: Known<'_>,
    patience: Patience,
) -> Result<Caller, Stop> {
    let mut caller = Caller::default();
    if let Some(verified) = (Tokens { config, request, now, known, patience }).only_one(&mut caller.strip)? {
        caller.findings = token_findings(&verified, config, now);
        caller.identity = Rc::clone(&verified.identity);
        caller.token = Some(verified);
    }
    api_key(config, request, now, &mut caller)?;
    Ok(caller)
}

/// The tokens of a request, and what decides about them.
struct Tokens<'t, 'r> {
    config: &'t Config,
    request: &'t RequestView<'r>,
    now: UnixNanos,
    known: Known<'t>,
    patience: Patience,
}

impl Tokens<'_, '_> {
    /// The one token of the request, verified.
    fn only_one(mut self, strip: &mut Vec<OwnedPlace>) -> Result<Option<Rc<VerifiedToken>>, Stop> {
        let rules = &self.config.authentication.rules;
        let mut found = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            // Rules that read from the same places find the same tokens.
            if rules.iter().take(index).all(|earlier| earlier.places != rule.places) {
                rule.places.find(self.request, &mut found);
            }
        }
        let Some(text) = one_value(&found)? else { return Ok(None) };
        let verified = self.verified(text).map_err(|refusal| stop(self.config, text, &refusal))?;
        let rule = rules.get(verified.rule);
        if rule.is_some_and(|rule| !rule.forward) {
            strip.extend(found.iter().map(|found| found.place.into()));
        }
        Ok(Some(verified))
    }

    fn verified(&mut self, text: &str) -> Result<Rc<VerifiedToken>, TokenRefusal> {
        match self.known.cache.find(text) {
            // Keys that are not trusted any more take what they verified with them.
            Some(verified) if self.known.keys.usable(verified.rule, self.now).is_some() => self.again(text, verified),
            _ => self.verify(text),
        }
    }

    fn again(&mut self, text: &str, verified: Rc<VerifiedToken>) -> Result<Rc<VerifiedToken>, TokenRefusal> {
        if let Err(denial) = verified.claims.recheck(self.now) {
            self.known.cache.forget(text);
            return Err(denial.into());
        }
        check_binding(self.config, &verified, self.request)?;
        Ok(verified)
    }

    fn verify(&mut self, text: &str) -> Result<Rc<VerifiedToken>, TokenRefusal> {
        let parsed = ParsedToken::parse(text)?;
        let (rule_index, rule) = rule_for(self.config, &parsed)?;
        parsed.refute(&rule.requirements, self.now)?;
        let authentic = self.authentic(&parsed, rule_index, rule)?;
        let key = authentic.key().clone();
        let claims = authentic.accept(&rule.requirements, self.now)?;
        let identity = Rc::new(token_identity(self.config, rule, &claims));
        let verified = Rc::new(VerifiedToken { claims, rule: rule_index, key, identity });
        check_binding(self.config, &verified, self.request)?;
        self.known.cache.keep(text, &verified);
        Ok(verified)
    }

    /// A signature that no key at hand can verify may be one of a key that is not here yet. What no key could turn around
    /// is refused without one.
    fn authentic(&mut self, parsed: &ParsedToken, index: usize, rule: &IssuerRule) -> Result<AuthenticToken, TokenRefusal> {
        let (now, patience) = (self.now, self.patience);
        let usable = self.known.keys.usable(index, now);
        let none = KeySet::default();
        let denial = match parsed.authenticate(usable.unwrap_or(&none), &rule.algorithms) {
            Ok(authentic) => return Ok(authentic),
            Err(denial) if denial.may_be_cured_by_new_keys() => denial,
            Err(denial) => return Err(denial.into()),
        };
        let cure = if usable.is_some() {
            let wanted = format!("{} {}", parsed.algorithm(), parsed.key_id().unwrap_or_default());
            self.known.keys.cure_unknown(index, &wanted, now, patience)
        } else {
            self.known.keys.cure_missing(index, now, patience)
        };
        Err(match cure {
            Cure::Fetch => TokenRefusal::KeysNeeded { rule: index },
            Cure::None => TokenRefusal::Token(denial),
            Cure::Unreachable => TokenRefusal::KeysUnreachable,
        })
    }
}

/// Zero or one distinct credential; two different ones are ambiguous, since gateway and upstream may pick differently.
fn one_value<'f>(found: &'f [Found<'_>]) -> Result<Option<&'f str>, Denied> {
    let Some(first) = found.first() else { return Ok(None) };
    if found.iter().any(|other| other.value != first.value) {
        return Err(Denied { ambiguous: true, ..Denied::new("credentials_ambiguous") });
    }
    Ok(Some(&first.value))
}

/// Why a token is refused, beyond what a token alone can show.
#[derive(Debug)]
enum TokenRefusal {
    Token(TokenDenial),
    NoRuleForIssuer,
    NotBound,
    KeysNeeded { rule: usize },
    KeysUnreachable,
}

impl From<TokenDenial> for TokenRefusal {
    fn from(denial: TokenDenial) -> Self {
        Self::Token(denial)
    }
}

fn stop(config: &Config, text: &str, refusal: &TokenRefusal) -> Stop {
    let (code, finding) = match refusal {
        TokenRefusal::KeysNeeded { rule } => return Stop::KeysNeeded { rule: *rule },
        TokenRefusal::KeysUnreachable => return Stop::KeysUnreachable { credential: fingerprint(config, text) },
        TokenRefusal::Token(denial) => (denial.code(), denial_finding(denial)),
        TokenRefusal::NoRuleForIssuer => ("token_issuer_unknown", None),
        TokenRefusal::NotBound => ("token_not_bound", None),
    };
    Denied { credential: fingerprint(config, text), finding, ..Denied::new(code) }.into()
}

fn denial_finding(denial: &TokenDenial) -> Option<&'static str> {
    match denial {
        TokenDenial::Expired { .. } => Some("token_expired"),
        TokenDenial::LifetimeExceeded { .. } => Some("token_lifetime_exceeded"),
        _ => None,
    }
}

/// The rule of the token's issuer. The issuer is only claimed yet, but choosing by it gives nothing away: the token still
/// has to verify under that rule's keys.
fn rule_for<'c>(config: &'c Config, parsed: &ParsedToken) -> Result<(usize, &'c IssuerRule), TokenRefusal> {
    let issuer = parsed.claimed_issuer();
    let rules = config.authentication.rules.iter().enumerate();
    let mut matching = rules.filter(|(_, rule)| issuer == Some(rule.issuer.as_str()));
    matching.next().ok_or(TokenRefusal::NoRuleForIssuer)
}

/// RFC 8705 §3.1: the certificate of the connection is the one that the token names.
fn check_binding(config: &Config, verified: &VerifiedToken, request: &RequestView<'_>) -> Result<(), TokenRefusal> {
    if !config.authentication.rules.get(verified.rule).is_some_and(|rule| rule.bound_certificate) {
        return Ok(());
    }
    let mut digest = [0; 32];
    let presented = request.peer.certificate_sha256.and_then(|hex| crate::hex::decode_into(hex, &mut digest));
    let thumbprint = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
    match (presented, verified.claims.certificate_thumbprint()) {
        (Some(()), Some(bound)) if bound == thumbprint => Ok(()),
        _ => Err(TokenRefusal::NotBound),
    }
}

fn token_identity(config: &Config, rule: &IssuerRule, claims: &AcceptedClaims) -> IdentityFacts {
    let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let granted = rule.roles_from.iter().flat_map(|path| claims.strings_at(path, separation(rule, path)));
    let mut scopes = owned(claims.scopes());
    scopes.sort_unstable();
    scopes.dedup();
    IdentityFacts {
        method: Method::Jwt,
        issuer: claims.issuer().unwrap_or_default().to_owned(),
        subject: claims.subject().unwrap_or_default().to_owned(),
        client: claims.client().unwrap_or_default().to_owned(),
        audiences: owned(claims.audiences()),
        roles: owned(config.roles.effective(granted)),
        scopes,
        credential: fingerprint(config, claims.compact()),
        expires: claims.expires(),
    }
}

fn separation(rule: &IssuerRule, claim: &str) -> Separation {
    if rule.space_delimited.iter().any(|delimited| delimited == claim) { Separation::Spaces } else { Separation::None }
}

fn token_findings(verified: &VerifiedToken, config: &Config, now: UnixNanos) -> Vec<&'static str> {
    let rule = config.authentication.rules.get(verified.rule);
    let thresholds =
        FindingThresholds { lifetime: rule.and_then(|rule| rule.requirements.max_lifetime), ..FindingThresholds::default() };
    let found = verified.claims.findings(&thresholds, now);
    let vague = found.iter().any(|finding| finding.is_vague()).then_some("vague_token");
    found.into_iter().map(TokenFinding::code).chain(vague).collect()
}

/// The API key of the request, if it carries one.
fn api_key(config: &Config, request: &RequestView<'_>, now: UnixNanos, caller: &mut Caller) -> Result<(), Denied> {
    let keys = &config.authentication.api_keys;
    let mut found = Vec::new();
    keys.places.find(request, &mut found);
    let Some(presented) = one_value(&found)? else { return Ok(()) };
    let peers = config.authentication.peers(request);
    let service = config.services.identify(peers, request.peer.source_ip).filter(|service| !service.out_of_bounds);
    let source = request.peer.remote_ip.or(request.peer.source_ip);
    let key = keys.accept(presented, now, source, service.map(|service| service.name)).map_err(|denial| Denied {
        credential: fingerprint(config, presented),
        finding: (denial.code() == "api_key_out_of_bounds").then_some("key_out_of_bounds"),
        ..Denied::new(denial.code())
    })?;
    if !keys.forward {
        caller.strip.extend(found.iter().map(|found| found.place.into()));
    }
    caller.api_key = Some(key.id.clone());
    caller.identity = Rc::new(joined(config, &caller.identity, key, presented));
    Ok(())
}

/// The identity of a key, or of a token and a key: who holds both may do what either allows.
fn joined(config: &Config, token: &IdentityFacts, key: &crate::identity::api_keys::ApiKey, presented: &str) -> IdentityFacts {
    let granted = key.roles.iter().chain(&token.roles).map(String::as_str);
    let roles = config.roles.effective(granted).into_iter().map(str::to_owned).collect();
    let mut scopes: Vec<String> = key.scopes.iter().chain(&token.scopes).cloned().collect();
    scopes.sort_unstable();
    scopes.dedup();
    match token.method {
        Method::Jwt => IdentityFacts { roles, scopes, ..token.clone() },
        Method::ApiKey | Method::Mtls | Method::None => IdentityFacts {
            method: Method::ApiKey,
            subject: key.id.clone(),
            roles,
            scopes,
            credential: fingerprint(config, presented),
            expires: key.not_after,
            ..IdentityFacts::default()
        },
    }
}

/// A keyed fingerprint: shows that a credential was used again, and does not tell which it is.
fn fingerprint(config: &Config, credential: &str) -> String {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(&config.audit.fingerprint_key) else { return String::new() };
    let digest = mac.chain_update(credential.as_bytes()).finalize().into_bytes();
    crate::hex::encode(digest.get(..16).unwrap_or_default())
}

/// The strings that claims hold under a name or a path of names joined by dots.
pub(super) fn strings<'a>(claims: Option<&'a Map<String, Value>>, path: &str, config: &Config) -> Vec<&'a str> {
    let delimited = matches!(path, "scope" | "permission")
        || config.authentication.rules.iter().any(|rule| separation(rule, path) == Separation::Spaces);
    let separation = if delimited { Separation::Spaces } else { Separation::None };
    claims.map(|claims| crate::jose::strings_at(claims, path, separation)).unwrap_or_default()
}
