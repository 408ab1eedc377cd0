//! The audit event of a request: drafted when it is decided, completed when its stream ends.
//!
//! The wire form is one canonical JSON object on one line; `docs/audit-format.md` is normative. A [`Draft`] holds what the
//! decision knew, rendered already, so that a stream which lives long holds one buffer and its end costs one copy. What
//! was cut to keep a line within its limit is named in the line's `truncated`.
//!
//! Nothing here is copied from a client's header into the identity: the caller passes only what was verified.

mod render;

use crate::json::canonical::ObjectWriter;
use crate::otlp;
use crate::request::RequestView;
use crate::time::UnixNanos;
use crate::trace::TraceContext;
use render::{Cuts, decision_member, members, middle_members, response_member, source_member, target_member, trace_member};
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
