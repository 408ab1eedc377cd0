//! What a configuration means, once every value in it made sense.

mod key_source;

use super::audit::{self, Audit, ClientAddress, Sink, SinkKind};
use super::authentication::{self as wire, Authentication};
use super::decode::{ConfigFault, Faults, Path};
use crate::chain::{CheckpointKey, Head, ServiceName};
use crate::delivery::Limits;
use crate::identity::api_keys::{ApiKey, ApiKeys};
use crate::identity::credentials::Places;
use crate::identity::keys::KeySource;
use crate::jose::{Algorithm, DEFAULT_CLOCK_SKEW, Expiration, Requirements};
use crate::request::RequestView;
use std::collections::BTreeSet;
use std::time::Duration;

/// How callers are established.
#[derive(Debug, Default)]
pub struct AuthenticationPlan {
    /// Whose tokens are accepted.
    pub rules: Vec<IssuerRule>,
    /// Whether CORS preflight requests pass without credentials.
    pub bypass_cors_preflight: bool,
    /// API keys and where they are read from.
    pub api_keys: ApiKeys,
    /// Whether the connection's client certificate counts.
    pub peer_from_connection: bool,
    /// Status for two different credentials.
    pub ambiguous_status: u16,
    /// The `realm` of `WWW-Authenticate`.
    pub realm: String,
}

/// One issuer's tokens.
#[derive(Debug)]
pub struct IssuerRule {
    /// The `iss` that its tokens carry.
    pub issuer: String,
    /// What its tokens must satisfy.
    pub requirements: Requirements,
    /// Which signatures are accepted.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// Where tokens are read from.
    pub places: Places,
    /// Whether the token goes upstream.
    pub forward: bool,
    /// Header that gets the payload, lower case.
    pub payload_header: Option<String>,
    /// Headers that get a claim, lower case, each with its claim.
    pub claim_headers: Vec<(String, String)>,
    /// Claims that hold roles.
    pub roles_from: Vec<String>,
    /// Claims that are lists separated by spaces.
    pub space_delimited: Vec<String>,
    /// Whether the token must be bound to the client certificate.
    pub bound_certificate: bool,
}

impl AuthenticationPlan {
    /// The client certificate's principals, where they count.
    #[must_use]
    pub fn peers<'a>(&self, request: &RequestView<'a>) -> &'a [&'a str] {
        if self.peer_from_connection { request.peer.principals } else { &[] }
    }

    /// Gives the wire form its meaning.
    ///
    /// # Errors
    /// Every fault, with its path under `authentication`.
    pub fn compile(
        wire: Option<Authentication>,
        service: Option<&ServiceName>,
        host: Option<super::Host>,
    ) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::default();
        let at = Path::Root.field("authentication");
        let realm = service.map(|service| service.name.clone()).unwrap_or_default();
        let Some(wire) = wire else {
            return Ok(Self { peer_from_connection: true, ambiguous_status: 401, realm, ..Self::default() });
        };
        let Authentication { jwt_rules, bypass_cors_preflight, api_keys, peer, ambiguous_status, realm: named } = wire;
        let rules_at = at.field("jwtRules");
        let rules = jwt_rules
            .into_iter()
            .enumerate()
            .filter_map(|(index, rule)| issuer_rule(rule, host, &rules_at.index(index), &mut faults));
        let plan = Self {
            rules: rules.collect(),
            bypass_cors_preflight,
            api_keys: compile_api_keys(api_keys, &at.field("apiKeys"), &mut faults),
            peer_from_connection: peer_from_connection(peer, &at.field("peer"), &mut faults),
            ambiguous_status: status(ambiguous_status, &at.field("ambiguousStatus"), &mut faults),
            realm: named.unwrap_or(realm),
        };
        faults.into_result(Some(plan))
    }
}

fn status(wire: Option<u64>, at: &Path<'_>, faults: &mut Faults) -> u16 {
    match wire {
        None | Some(401) => 401,
        Some(400) => 400,
        Some(other) => {
            faults.add(at, format_args!("found `{other}`, expected `400` or `401`"));
            401
        }
    }
}

fn peer_from_connection(wire: Option<wire::Peer>, at: &Path<'_>, faults: &mut Faults) -> bool {
    let Some(wire::Peer { from_connection, from_forwarded_client_cert }) = wire else { return true };
    if from_forwarded_client_cert.is_some_and(|wire::Forwarded { trusted }| trusted) {
        faults.add(&at.field("fromForwardedClientCert"), "is not supported yet, so that it cannot be trusted by mistake");
    }
    from_connection.unwrap_or(true)
}

fn issuer_rule(rule: wire::JwtRule, host: Option<super::Host>, at: &Path<'_>, faults: &mut Faults) -> Option<IssuerRule> {
    let wire::JwtRule {
        issuer,
        audiences,
        jwks_uri,
        jwks,
        jwks_cluster,
        timeout,
        jwks_cache_duration,
        from_headers,
        from_params,
        from_cookies,
        forward_original_token,
        output_payload_to_header,
        output_claim_to_headers,
        space_delimited_claims,
        algorithms,
        clock_skew,
        require_expiration,
        max_lifetime,
        required_claims,
        token_types,
        roles_from,
        bound_certificate,
        revoked,
    } = rule;
    let keys = key_source::Wire { jwks, jwks_uri, jwks_cluster, timeout, jwks_cache_duration };
    let keys = key_source::key_source(keys, host, at, faults);
    let (revoked_tokens, revoked_subjects) = revoked_sets(revoked);
    let requirements = Requirements {
        issuer: Some(issuer.clone()),
        audiences,
        clock_skew: clock_skew.unwrap_or(DEFAULT_CLOCK_SKEW),
        expiration: if require_expiration { Expiration::Required } else { Expiration::Optional },
        max_lifetime,
        required_claims,
        token_types,
        revoked_tokens,
        revoked_subjects,
    };
    let claim_headers = claim_headers(output_claim_to_headers, &at.field("outputClaimToHeaders"), faults);
    let payload_header = output_payload_to_header.and_then(|name| header_name(name, &at.field("outputPayloadToHeader"), faults));
    Some(IssuerRule {
        issuer,
        requirements,
        algorithms: if algorithms.is_empty() { Algorithm::ASYMMETRIC.to_vec() } else { algorithms },
        keys: keys?,
        places: places(from_headers, from_params, from_cookies, at, faults).or_default(),
        forward: forward_original_token,
        payload_header,
        claim_headers,
        roles_from,
        space_delimited: space_delimited_claims.into_iter().chain(["scope".to_owned(), "permission".to_owned()]).collect(),
        bound_certificate,
    })
}

fn revoked_sets(wire: Option<wire::Revoked>) -> (BTreeSet<String>, BTreeSet<String>) {
    wire.map_or_else(Default::default, |wire::Revoked { jti, sub }| (BTreeSet::from_iter(jti), BTreeSet::from_iter(sub)))
}

fn claim_headers(wire: Vec<wire::ClaimToHeader>, at: &Path<'_>, faults: &mut Faults) -> Vec<(String, String)> {
    let each = wire.into_iter().enumerate().filter_map(|(index, wire::ClaimToHeader { header, claim })| {
        Some((header_name(header, &at.index(index).field("header"), faults)?, claim))
    });
    each.collect()
}

fn places(
    headers: Vec<wire::JwtHeader>,
    params: Vec<String>,
    cookies: Vec<String>,
    at: &Path<'_>,
    faults: &mut Faults,
) -> Places {
    let at = at.field("fromHeaders");
    let headers = headers.into_iter().enumerate().filter_map(|(index, wire::JwtHeader { name, prefix })| {
        Some((header_name(name, &at.index(index).field("name"), faults)?, prefix.unwrap_or_default()))
    });
    Places { headers: headers.collect(), params, cookies }
}

/// A header's name in lower case (RFC 9110 §5.1), and never one that frames or routes the request.
fn header_name(name: String, at: &Path<'_>, faults: &mut Faults) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    if lower.is_empty() || !lower.bytes().all(token) || ["host", "content-length", "transfer-encoding"].contains(&lower.as_str())
    {
        faults.add(at, format_args!("found `{name}`, expected the name of a header that may be read and replaced"));
        return None;
    }
    Some(lower)
}

fn compile_api_keys(wire: Option<wire::ApiKeys>, at: &Path<'_>, faults: &mut Faults) -> ApiKeys {
    let Some(wire) = wire else { return ApiKeys::default() };
    let wire::ApiKeys { from_headers, from_params, from_cookies, forward_original_key, keys } = wire;
    let places = places(from_headers, from_params, from_cookies, at, faults);
    if places.is_empty() {
        faults.add(at, "names no place to read keys from, expected `fromHeaders`, `fromParams` or `fromCookies`");
    }
    let keys_at = at.field("keys");
    let mut ids = BTreeSet::new();
    for (index, key) in keys.iter().enumerate() {
        if !ids.insert(key.id.as_str()) {
            faults.add(&keys_at.index(index).field("id"), format_args!("`{}` occurs twice", key.id));
        }
    }
    ApiKeys { places, forward: forward_original_key, keys: keys.into_iter().map(api_key).collect() }
}

fn api_key(wire: wire::ApiKey) -> ApiKey {
    let wire::ApiKey { id, sha256, roles, scopes, not_before, not_after, ip_blocks, services } = wire;
    ApiKey { id, sha256: sha256.0, roles, scopes, not_before, not_after, ip_blocks, services }
}

/// What is recorded and where it goes.
#[derive(Debug)]
pub struct AuditPlan {
    /// Whether lines go to the host's log.
    pub log: bool,
    /// Where they go by OTLP.
    pub otlp: Option<OtlpPlan>,
    /// How often the chain's head is recorded.
    pub checkpoint: CheckpointPlan,
    /// How much of the client's address is kept.
    pub client_address: ClientAddress,
    /// Key of the credential fingerprints.
    pub fingerprint_key: [u8; 32],
    /// What tells one destination of evidence from another.
    pub destination: Head,
}

/// An OTLP sink.
#[derive(Debug, Clone)]
pub struct OtlpPlan {
    /// The host's upstream.
    pub cluster: String,
    /// How long an export may take.
    pub timeout: Duration,
    /// Queue and batches.
    pub limits: Limits,
}

/// When the head of a chain is recorded, and who signs it.
#[derive(Debug, Clone)]
pub struct CheckpointPlan {
    /// After so many lines.
    pub every: u64,
    /// After so long.
    pub interval: Duration,
    /// The key.
    pub signer: Option<CheckpointKey>,
}

/// The longest time between two looks at what is due.
const TICK: Duration = Duration::from_millis(100);

impl AuditPlan {
    /// How often what is due has to be looked at.
    #[must_use]
    pub fn tick(&self) -> Duration {
        let flush = self.otlp.as_ref().map_or(TICK, |otlp| otlp.limits.flush_interval);
        flush.clamp(Duration::from_millis(10), TICK)
    }

    /// Gives the wire form its meaning.
    ///
    /// # Errors
    /// Every fault, with its path under `audit`.
    pub fn compile(wire: Option<Audit>, host: super::Host, digest: Head, destination: Head) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::default();
        let at = Path::Root.field("audit");
        let wire = wire.unwrap_or_else(nothing_said);
        let Audit { sinks, queue, redact, checkpoint, fingerprint_key } = wire;
        let limits = queue_limits(queue, &at.field("queue"), &mut faults);
        let otlp_sinks = sinks.iter().enumerate().filter(|(_, sink)| sink.kind == SinkKind::OtlpGrpc);
        let sinks_at = at.field("sinks");
        let mut otlp = None;
        for (index, sink) in otlp_sinks {
            let at = sinks_at.index(index);
            if otlp.is_some() {
                faults.add(&at, "is a second `otlp-grpc` sink, expected at most one");
            }
            if host != super::Host::Envoy {
                faults
                    .add(&at.field("kind"), format_args!("`otlp-grpc` needs gRPC callouts, which host `{}` lacks", host.word()));
            }
            otlp = otlp_plan(sink, limits, &at, &mut faults);
        }
        let plan = Self {
            log: sinks.is_empty() || sinks.iter().any(|sink| sink.kind == SinkKind::Log),
            otlp,
            checkpoint: checkpoint_plan(checkpoint, &at.field("checkpoint"), &mut faults),
            client_address: redact.map_or(ClientAddress::Full, |audit::Redact { client_address }| client_address),
            fingerprint_key: fingerprint_key.map_or_else(|| derived_key(&digest), |audit::Secret32(key)| key),
            destination,
        };
        faults.into_result(Some(plan))
    }
}

fn nothing_said() -> Audit {
    Audit { sinks: Vec::new(), queue: None, redact: None, checkpoint: None, fingerprint_key: None }
}

/// The same on every worker and gateway that has the same configuration, so that fingerprints can be compared.
fn derived_key(digest: &Head) -> [u8; 32] {
    crate::chain::head_of(&[b"countersign-fingerprint/1\n".as_slice(), digest].concat())
}

fn queue_limits(wire: Option<audit::Queue>, at: &Path<'_>, faults: &mut Faults) -> Limits {
    let defaults = Limits::default();
    let Some(audit::Queue { max_events, max_bytes, reserve_for_denials }) = wire else { return defaults };
    Limits {
        max_events: positive(max_events, defaults.max_events, &at.field("maxEvents"), faults),
        max_bytes: positive(max_bytes.map(|size| size.0), defaults.max_bytes, &at.field("maxBytes"), faults),
        reserve_percent: reserve_for_denials.map_or(defaults.reserve_percent, |percent| usize::from(percent.0)),
        ..defaults
    }
}

fn positive(wire: Option<u64>, default: usize, at: &Path<'_>, faults: &mut Faults) -> usize {
    match wire.map(usize::try_from) {
        None => default,
        Some(Ok(value)) if value > 0 => value,
        Some(_) => {
            faults.add(at, "found no usable number, expected at least 1");
            default
        }
    }
}

/// The longest cluster name: its encoded form stays within what every host takes.
const MAX_CLUSTER: usize = 255;

fn otlp_plan(sink: &Sink, limits: Limits, at: &Path<'_>, faults: &mut Faults) -> Option<OtlpPlan> {
    let Sink { kind: _, cluster, max_batch, flush_interval, timeout } = sink;
    let named = cluster.as_ref().filter(|name| !name.is_empty() && name.len() <= MAX_CLUSTER);
    if named.is_none() {
        faults.add(&at.field("cluster"), format_args!("expected the name of an upstream cluster, 1 to {MAX_CLUSTER} bytes"));
    }
    let limits = Limits {
        max_batch: positive(*max_batch, limits.max_batch, &at.field("maxBatch"), faults),
        flush_interval: flush_interval.unwrap_or(limits.flush_interval),
        ..limits
    };
    Some(OtlpPlan { cluster: named?.clone(), timeout: timeout.unwrap_or(Duration::from_secs(10)), limits })
}

fn checkpoint_plan(wire: Option<audit::Checkpoint>, at: &Path<'_>, faults: &mut Faults) -> CheckpointPlan {
    let audit::Checkpoint { every, interval, key } = wire.unwrap_or(audit::Checkpoint { every: None, interval: None, key: None });
    CheckpointPlan {
        every: positive(every, 1000, &at.field("every"), faults) as u64,
        interval: interval.unwrap_or(Duration::from_secs(10)),
        signer: key.map(|audit::Secret32(seed)| CheckpointKey::from_seed(&seed)),
    }
}
