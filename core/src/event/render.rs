//! How the parts of an event are written, each within its limit and with a note of what was cut.

use super::{Caps, Decided, DecisionFacts, Ending, IdentityFacts, Method, ShadowFacts};
use crate::json::canonical::{self, Clip, ObjectWriter};

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
pub(super) struct Cuts(u32);

impl Cuts {
    pub(super) fn note(&mut self, name: &'static str, clip: Clip) {
        if clip == Clip::Cut
            && let Some(bit) = CUT_NAMES.iter().position(|candidate| *candidate == name)
        {
            self.0 |= 1 << bit;
        }
    }

    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        CUT_NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

/// Renders members without the braces of the object around them, so that they can be spliced into a line.
pub(super) fn members(out: &mut Vec<u8>, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    let start = out.len();
    canonical::object(out, write);
    out.pop();
    if out.len() > start {
        out.remove(start);
    }
}

pub(super) fn decision_member(line: &mut ObjectWriter<'_>, decision: &DecisionFacts, caps: Caps, cuts: &mut Cuts) {
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

pub(super) fn middle_members(line: &mut ObjectWriter<'_>, decided: &Decided<'_>, caps: Caps, cuts: &mut Cuts) {
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

pub(super) fn source_member(line: &mut ObjectWriter<'_>, decided: &Decided<'_>, caps: Caps, cuts: &mut Cuts) {
    line.object_if("source", |object| {
        let _ = object.clipped("address", decided.source_address.as_bytes(), caps.text);
        let principal = decided.request.peer.principals.first().copied().unwrap_or_default();
        cuts.note("source.principal", object.clipped("principal", principal.as_bytes(), caps.text));
        let service = decided.source_service.unwrap_or_default();
        cuts.note("source.service", object.clipped("service", service.as_bytes(), caps.text));
    });
}

pub(super) fn trace_member(line: &mut ObjectWriter<'_>, decided: &Decided<'_>, caps: Caps, cuts: &mut Cuts) {
    let Some(trace) = decided.trace else { return };
    line.object("trace", |object| {
        object.string("parent_id", trace.parent_id);
        let _ = object.clipped("span_id", decided.span_id.unwrap_or_default().as_bytes(), usize::MAX);
        cuts.note("trace.state", object.clipped("state", trace.state.as_bytes(), caps.text));
        object.string("trace_id", trace.trace_id);
    });
}

pub(super) fn response_member(line: &mut ObjectWriter<'_>, ending: &Ending<'_>, caps: Caps, cuts: &mut Cuts) {
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

pub(super) fn target_member(line: &mut ObjectWriter<'_>, ending: &Ending<'_>, caps: Caps, cuts: &mut Cuts) {
    line.object_if("target", |object| {
        cuts.note("target", object.clipped("cluster", ending.cluster.as_bytes(), caps.text));
        cuts.note("target", object.clipped("route", ending.route.as_bytes(), caps.text));
        cuts.note("target", object.clipped("upstream", ending.upstream.as_bytes(), caps.text));
    });
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
