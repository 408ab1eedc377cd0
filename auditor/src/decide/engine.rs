//! A configuration as something that decides: the filter's own engine behind requests that a line describes.

use super::{Answer, Request};
use countersign_core::authz::{Attributes, Outcome, Policies};
use countersign_core::chain::head_of;
use countersign_core::config::{self, decode::ConfigFault};
use countersign_core::engine::{Act, Decision, HeaderChange, TrustedClaims};
use countersign_core::event;
use countersign_core::request::{Header, Peer, RequestView};
use countersign_core::time::UnixNanos;
use serde_json::{Map, Value};

/// Decides requests by a configuration.
#[derive(Debug)]
pub struct Engine(countersign_core::engine::Engine);

impl Engine {
    /// Compiles a configuration.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn from_config(config: &Value) -> Result<Self, Vec<ConfigFault>> {
        let digest = head_of(config.to_string().as_bytes());
        config::from_value(config, digest).map(|config| Self(countersign_core::engine::Engine::new(config)))
    }

    /// Decides a request.
    #[must_use]
    pub fn decide(&mut self, request: &Request, now: UnixNanos) -> Answer {
        let decide = |view: &RequestView<'_>| self.0.decide_trusting(view, now, trusted(request));
        answer(request.id.clone(), with_view(request, now, decide))
    }

    /// The policies by which requests are decided.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.0.config().policies
    }

    /// What the policies see of a request; `None` when it is refused before they are asked.
    pub fn with_attributes<T>(
        &mut self,
        request: &Request,
        now: UnixNanos,
        use_them: impl FnOnce(&Attributes<'_>) -> T,
    ) -> Option<T> {
        with_view(request, now, |view| self.0.with_attributes(view, now, trusted(request), use_them))
    }
}

fn with_view<T>(request: &Request, now: UnixNanos, use_it: impl FnOnce(&RequestView<'_>) -> T) -> T {
    let headers: Vec<Header<'_>> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let principals: Vec<&str> = request.principals.iter().map(String::as_str).collect();
    let view = RequestView {
        method: &request.method,
        path: &request.path,
        host: &request.host,
        scheme: "",
        headers: &headers,
        peer: Peer {
            source_ip: request.source_ip,
            remote_ip: request.remote_ip,
            destination_ip: request.destination_ip,
            destination_port: request.port,
            sni: request.sni.as_deref(),
            principals: &principals,
            certificate_sha256: None,
        },
        received: now,
    };
    use_it(&view)
}

/// What a line says of a token that someone else has verified, if it says anything.
fn trusted(request: &Request) -> Option<TrustedClaims<'_>> {
    let (request_principal, claims) = (request.request_principal.as_deref(), request.claims.as_ref());
    (request_principal.is_some() || claims.is_some()).then_some(TrustedClaims { request_principal, claims })
}

fn answer(id: Value, decision: Decision) -> Answer {
    let status = decision.status();
    Answer {
        id,
        outcome: if decision.facts.outcome == event::Outcome::Allow { Outcome::Allow } else { Outcome::Deny },
        status,
        reason: decision.facts.reason.to_owned(),
        policy: decision.facts.policy,
        rule: decision.facts.rule,
        // A path that was refused for its form has no normal one.
        path: (!decision.facts.reason.starts_with("path_")).then_some(decision.path),
        upstream_headers: match decision.act {
            Act::Forward(changes) => changes.into_iter().map(change).filter(|(name, _)| !name.starts_with(':')).collect(),
            Act::Refuse(_) => Map::new(),
        },
    }
}

/// A header that is set, or null for one that is taken out.
fn change(change: HeaderChange) -> (String, Value) {
    match change {
        HeaderChange::Replace { name, value } => (name, Value::String(value)),
        HeaderChange::Remove { name } => (name, Value::Null),
    }
}
