//! The audit event of a request: drafted when it is decided, completed when its stream ends.
//!
//! The wire form is one canonical JSON object on one line; `docs/audit-format.md` is normative. A [`Draft`] holds what the
//! decision knew, rendered already, so that a stream which lives long holds one buffer and its end costs one copy. What
//! was cut to keep a line within its limit is named in the line's `truncated`.
//!
//! Nothing here is copied from a client's header into the identity: the caller passes only what was verified.

use crate::json::canonical::{self, Clip, ObjectWriter};
use crate::otlp;
use crate::request::RequestView;
use crate::time::UnixNanos;
use crate::trace::TraceContext;
use std::time::Duration;

/// Version of the line format, its member `v`.
pub const FORMAT_VERSION: u64 = 1;

/// What became of a request, as far as this gateway decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The rules say yes.
    Allow,
    /// The rules say no.
    Deny,
    /// It could not be told, and so the request was refused.
    Fault,
    /// The stream ended before any decision.
    NotEvaluated,
}

impl Outcome {
    /// The word in the event, in metrics and in OTLP attributes.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Fault => "fault",
            Self::NotEvaluated => "not_evaluated",
        }
    }
}

/// How a caller was established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// By a JSON Web Token (RFC 7519).
    Jwt,
    /// By an API key.
    ApiKey,
    /// By a client certificate.
    Mtls,
    /// Not at all.
    #[default]
    None,
}

impl Method {
    /// The word in the event.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
            Self::Mtls => "mtls",
            Self::None => "none",
        }
    }
}

/// Who called, as far as it was verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityFacts {
    /// How it was established.
    pub method: Method,
    /// The token's issuer.
    pub issuer: String,
    /// The token's subject, the key's id or the certificate's principal.
    pub subject: String,
    /// The OAuth client: `azp`, else `client_id`.
    pub client: String,
    /// The token's audiences.
    pub audiences: Vec<String>,
    /// Effective roles, sorted.
    pub roles: Vec<String>,
    /// Scopes, sorted.
    pub scopes: Vec<String>,
    /// Keyed fingerprint of the credential, lower-case hex.
    pub credential: String,
    /// When the credential ends.
    pub expires: Option<UnixNanos>,
}

/// The decision as the event records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionFacts {
    /// Allow, deny or fault.
    pub outcome: Outcome,
    /// Whether a refusal was recorded but not acted on (`mode: observe`).
    pub observed: bool,
    /// The stable code of the reason.
    pub reason: &'static str,
    /// The policy that decided.
    pub policy: Option<String>,
    /// Its rule, from 0.
    pub rule: Option<usize>,
    /// Digest of the policy set, lower-case hex.
    pub policy_digest: String,
    /// The rule that came nearest to allowing, where none did.
    pub nearest: Option<NearMiss>,
    /// What policies in shadow would have said.
    pub shadow: Vec<ShadowFacts>,
}

/// The allowing rule that failed on the fewest conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// Its policy.
    pub policy: String,
    /// The rule, from 0.
    pub rule: usize,
    /// The conditions that did not hold.
    pub failed: Vec<String>,
}

/// What one policy in shadow would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowFacts {
    /// The policy.
    pub policy: String,
    /// `allow`, `deny` or `audit`.
    pub action: &'static str,
    /// Its rule that matched, from 0.
    pub rule: usize,
}

/// What is known once a request has been decided.
#[derive(Debug)]
pub struct Decided<'a> {
    /// The event's id, also the response header `x-audit-id`.
    pub id: &'a str,
    /// The request.
    pub request: &'a RequestView<'a>,
    /// Its normalised path, without query.
    pub path: &'a str,
    /// The endpoint template that it matches.
    pub endpoint: Option<&'a str>,
    /// `HTTP/1.1`, `HTTP/2`, empty where unknown.
    pub protocol: &'a str,
    /// The gateway's request id.
    pub request_id: &'a str,
    /// Its trace context.
    pub trace: Option<&'a TraceContext<'a>>,
    /// The span of this hop where the filter started one.
    pub span_id: Option<&'a str>,
    /// The client's address as it may be recorded.
    pub source_address: &'a str,
    /// The calling service of the registry.
    pub source_service: Option<&'a str>,
    /// Who called.
    pub identity: &'a IdentityFacts,
    /// What was decided.
    pub decision: &'a DecisionFacts,
    /// Codes of what was noticed, sorted.
    pub findings: &'a [&'static str],
}

/// How much of each variable part a line may carry, so that the whole stays within the host's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the path, and again of the raw path.
    pub path: usize,
    /// Bytes of a short text: host, subject, issuer, user agent and the like.
    pub text: usize,
    /// Bytes of a list: roles, scopes, audiences.
    pub list: usize,
}

impl Caps {
    /// For hosts that pass long log lines: a line stays within 16 KiB.
    pub const FULL: Self = Self { path: 2048, text: 384, list: 1024 };
    /// For hosts that cut log lines at 2,048 bytes: a line stays within 1,800 bytes.
    pub const SHORT: Self = Self { path: 160, text: 48, list: 80 };
}

/// What was cut from a line, each by its path.
const CUT_NAMES: [&str; 23] = [
    "decision.nearest",
    "decision.policy",
    "decision.shadow",
    "identity.audiences",
    "identity.client",
    "identity.issuer",
    "identity.roles",
    "identity.scopes",
    "identity.subject",
    "request.endpoint",
    "request.host",
    "request.method",
    "request.path",
    "request.protocol",
    "request.raw_path",
    "request.user_agent",
    "request_id",
    "response.details",
    "source.principal",
    "source.service",
    "target",
    "trace.state",
    "trace.trace_id",
];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cuts(u32);

impl Cuts {
    fn note(&mut self, name: &'static str, clip: Clip) {
        if clip == Clip::Cut
            && let Some(bit) = CUT_NAMES.iter().position(|candidate| *candidate == name)
        {
            self.0 |= 1 << bit;
        }
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        CUT_NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

/// An event that waits for the end of its stream.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What became of the request.
    pub outcome: Outcome,
    /// When the request arrived.
    pub received: UnixNanos,
    parts: Vec<u8>,
    ends: PartEnds,
    cuts: Cuts,
    attributes: Vec<u8>,
    trace: Option<([u8; 16], [u8; 8])>,
    caps: Caps,
    has_endpoint: bool,
}

/// Where in the draft's buffer each rendered part ends: decision, findings to request id, source, trace.
#[derive(Debug, Clone, Copy)]
struct PartEnds {
    decision: usize,
    middle: usize,
    source: usize,
}

impl Draft {
    /// Renders what the decision knew.
    #[must_use]
    pub fn new(decided: &Decided<'_>, caps: Caps) -> Self {
        let mut parts = Vec::with_capacity(768);
        let mut cuts = Cuts::default();
        members(&mut parts, |line| decision_member(line, decided.decision, caps, &mut cuts));
        let decision = parts.len();
        members(&mut parts, |line| middle_members(line, decided, caps, &mut cuts));
        let middle = parts.len();
        members(&mut parts, |line| source_member(line, decided, caps, &mut cuts));
        let source = parts.len();
        members(&mut parts, |line| trace_member(line, decided, caps, &mut cuts));
        Self {
            outcome: decided.decision.outcome,
            received: decided.request.received,
            parts,
            ends: PartEnds { decision, middle, source },
            cuts,
            attributes: otlp_attributes(decided),
            trace: decided.trace.and_then(|trace| trace_bytes(trace, decided.span_id)),
            caps,
            has_endpoint: decided.endpoint.is_some(),
        }
    }

    /// Whether the request matched an endpoint template.
    #[must_use]
    pub fn has_endpoint(&self) -> bool {
        self.has_endpoint
    }

    /// The OTLP attributes that the decision gave, encoded.
    #[must_use]
    pub fn attributes(&self) -> &[u8] {
        &self.attributes
    }

    /// Trace id and span id as OTLP carries them.
    #[must_use]
    pub fn trace(&self) -> Option<(&[u8; 16], &[u8; 8])> {
        self.trace.as_ref().map(|(trace, span)| (trace, span))
    }

    /// Writes the members of the finished event after `chain`, in canonical order.
    pub fn finish(&self, line: &mut ObjectWriter<'_>, ending: &Ending<'_>, service: &[u8]) {
        let mut cuts = self.cuts;
        let part = |from: usize, to: usize| self.parts.get(from..to).unwrap_or_default();
        line.members("decision", part(0, self.ends.decision));
        if let Some(duration) = ending.duration {
            line.integer("duration_us", u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
        line.string("event", "access");
        line.members("request_id", part(self.ends.decision, self.ends.middle));
        response_member(line, ending, self.caps, &mut cuts);
        line.raw("service", service);
        line.members("source", part(self.ends.middle, self.ends.source));
        target_member(line, ending, self.caps, &mut cuts);
        line.time("time", self.received);
        line.members("trace", part(self.ends.source, self.parts.len()));
        let _ = line.strings("truncated", cuts.names(), usize::MAX);
        line.integer("v", FORMAT_VERSION);
    }
}

/// What the end of a stream tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ending<'a> {
    /// From the request's arrival to the end of its stream.
    pub duration: Option<Duration>,
    /// Status sent to the client; absent when none was.
    pub status: Option<u16>,
    /// The gateway's response flags (Envoy: a bit mask).
    pub flags: u64,
    /// The gateway's own word for how the response came about.
    pub details: &'a str,
    /// Body bytes sent.
    pub response_size: Option<u64>,
    /// Route that the gateway chose.
    pub route: &'a str,
    /// Upstream cluster.
    pub cluster: &'a str,
    /// Upstream host.
    pub upstream: &'a str,
}

/// Renders members without the braces of the object around them, so that they can be spliced into a line.
fn members(out: &mut Vec<u8>, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    let start = out.len();
    canonical::object(out, write);
    out.pop();
    if out.len() > start {
        out.remove(start);
    }
}

fn decision_member(line: &mut ObjectWriter<'_>, decision: &DecisionFacts, caps: Caps, cuts: &mut Cuts) {
    line.object("decision", |object| {
        if let Some(nearest) = &decision.nearest {
            object.object("nearest", |object| {
                cuts.note("decision.nearest", object.strings("failed", &nearest.failed, caps.list));
                cuts.note("decision.nearest", object.clipped("policy", nearest.policy.as_bytes(), caps.text));
                object.integer("rule", count(nearest.rule));
            });
        }
        if decision.observed {
            object.boolean("observed", true);
        }
        object.string("outcome", decision.outcome.word());
        let policy = decision.policy.as_deref().unwrap_or_default();
        cuts.note("decision.policy", object.clipped("policy", policy.as_bytes(), caps.text));
        let _ = object.clipped("policy_digest", decision.policy_digest.as_bytes(), usize::MAX);
        object.string("reason", decision.reason);
        if let Some(rule) = decision.rule {
            object.integer("rule", count(rule));
        }
        shadow_member(object, &decision.shadow, caps, cuts);
    });
}

/// At most so many shadow verdicts stand in one event.
const MAX_SHADOWS: usize = 4;

fn shadow_member(object: &mut ObjectWriter<'_>, shadow: &[ShadowFacts], caps: Caps, cuts: &mut Cuts) {
    if shadow.is_empty() {
        return;
    }
    if shadow.len() > MAX_SHADOWS || shadow.iter().any(|shadow| shadow.policy.len() > caps.text) {
        cuts.note("decision.shadow", Clip::Cut);
    }
    object.objects("shadow", shadow.iter().take(MAX_SHADOWS), |shadow, object| {
        object.string("action", shadow.action);
        let _ = object.clipped("policy", shadow.policy.as_bytes(), caps.text);
        object.integer("rule", count(shadow.rule));
    });
}

fn middle_members(line: &mut ObjectWriter<'_>, decided: &Decided<'_>, caps: Caps, cuts: &mut Cuts) {
    let _ = line.strings("findings", decided.findings, usize::MAX);
    line.string("id", decided.id);
    identity_member(line, decided.identity, caps, cuts);
    request_member(line, decided, caps, cuts);
    cuts.note("request_id", line.clipped("request_id", decided.request_id.as_bytes(), caps.text));
}

fn identity_member(line: &mut ObjectWriter<'_>, identity: &IdentityFacts, caps: Caps, cuts: &mut Cuts) {
    line.object("identity", |object| {
        cuts.note("identity.audiences", object.strings("audiences", &identity.audiences, caps.list));
        cuts.note("identity.client", object.clipped("client", identity.client.as_bytes(), caps.text));
        let _ = object.clipped("credential", identity.credential.as_bytes(), usize::MAX);
        if let Some(expires) = identity.expires {
            object.time("expires", expires);
        }
        cuts.note("identity.issuer", object.clipped("issuer", identity.issuer.as_bytes(), caps.text));
        object.string("method", identity.method.word());
        cuts.note("identity.roles", object.strings("roles", &identity.roles, caps.list));
        cuts.note("identity.scopes", object.strings("scopes", &identity.scopes, caps.list));
        cuts.note("identity.subject", object.clipped("subject", identity.subject.as_bytes(), caps.text));
        object.boolean("verified", identity.method != Method::None);
    });
}

fn request_member(line: &mut ObjectWriter<'_>, decided: &Decided<'_>, caps: Caps, cuts: &mut Cuts) {
    let request = decided.request;
    let raw_path = request.path_only();
    line.object("request", |object| {
        let endpoint = decided.endpoint.unwrap_or_default();
        cuts.note("request.endpoint", object.clipped("endpoint", endpoint.as_bytes(), caps.text));
        cuts.note("request.host", object.clipped("host", request.host.to_ascii_lowercase().as_bytes(), caps.text));
        cuts.note("request.method", object.clipped("method", request.method.as_bytes(), caps.text));
        cuts.note("request.path", object.clipped("path", decided.path.as_bytes(), caps.path));
        cuts.note("request.protocol", object.clipped("protocol", decided.protocol.as_bytes(), caps.text));
        if raw_path != decided.path {
            cuts.note("request.raw_path", object.clipped("raw_path", raw_path.as_bytes(), caps.path));
        }
        if let Some(size) = request.header("content-length").and_then(|size| size.parse().ok()) {
            object.integer("size", size);
        }
        let agent = request.header_values("user-agent").next().unwrap_or_default();
        cuts.note("request.user_agent", object.clipped("user_agent", agent, caps.text));
    });
}

fn source_member(line: &mut ObjectWriter<'_>, decided: &Decided<'_>, caps: Caps, cuts: &mut Cuts) {
    line.object_if("source", |object| {
        let _ = object.clipped("address", decided.source_address.as_bytes(), caps.text);
        let principal = decided.request.peer.principals.first().copied().unwrap_or_default();
        cuts.note("source.principal", object.clipped("principal", principal.as_bytes(), caps.text));
        let service = decided.source_service.unwrap_or_default();
        cuts.note("source.service", object.clipped("service", service.as_bytes(), caps.text));
    });
}

fn trace_member(line: &mut ObjectWriter<'_>, decided: &Decided<'_>, caps: Caps, cuts: &mut Cuts) {
    let Some(trace) = decided.trace else { return };
    line.object("trace", |object| {
        object.string("parent_id", trace.parent_id);
        let _ = object.clipped("span_id", decided.span_id.unwrap_or_default().as_bytes(), usize::MAX);
        cuts.note("trace.state", object.clipped("state", trace.state.as_bytes(), caps.text));
        object.string("trace_id", trace.trace_id);
    });
}

fn response_member(line: &mut ObjectWriter<'_>, ending: &Ending<'_>, caps: Caps, cuts: &mut Cuts) {
    line.object_if("response", |object| {
        cuts.note("response.details", object.clipped("details", ending.details.as_bytes(), caps.text));
        if ending.flags != 0 {
            object.integer("flags", ending.flags);
        }
        if let Some(size) = ending.response_size {
            object.integer("size", size);
        }
        if let Some(status) = ending.status {
            object.integer("status", u64::from(status));
        }
    });
}

fn target_member(line: &mut ObjectWriter<'_>, ending: &Ending<'_>, caps: Caps, cuts: &mut Cuts) {
    line.object_if("target", |object| {
        cuts.note("target", object.clipped("cluster", ending.cluster.as_bytes(), caps.text));
        cuts.note("target", object.clipped("route", ending.route.as_bytes(), caps.text));
        cuts.note("target", object.clipped("upstream", ending.upstream.as_bytes(), caps.text));
    });
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What people filter on; the evidence itself is the body.
fn otlp_attributes(decided: &Decided<'_>) -> Vec<u8> {
    let mut attributes = Vec::with_capacity(320);
    otlp::push_string_attribute(&mut attributes, "countersign.decision.outcome", decided.decision.outcome.word());
    otlp::push_string_attribute(&mut attributes, "countersign.decision.reason", decided.decision.reason);
    otlp::push_string_attribute(&mut attributes, "http.request.method", clip(decided.request.method));
    if let Some(endpoint) = decided.endpoint {
        otlp::push_string_attribute(&mut attributes, "http.route", clip(endpoint));
    }
    if !decided.identity.subject.is_empty() {
        otlp::push_string_attribute(&mut attributes, "user.id", clip(&decided.identity.subject));
    }
    attributes
}

fn clip(text: &str) -> &str {
    let end = text.floor_char_boundary(256);
    text.get(..end).unwrap_or_default()
}

fn trace_bytes(trace: &TraceContext<'_>, span_id: Option<&str>) -> Option<([u8; 16], [u8; 8])> {
    let mut ids = ([0; 16], [0; 8]);
    crate::hex::decode_into(trace.trace_id, &mut ids.0)?;
    crate::hex::decode_into(span_id.unwrap_or(trace.parent_id), &mut ids.1)?;
    Some(ids)
}
