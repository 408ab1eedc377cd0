//! From a request to a decision: identity, then authorization, then what is to be done.
//!
//! A denial (the rules say no) and a fault (it could not be told) both refuse; they differ in status, metric and alarm. The
//! engine keeps what it verified, so that a token seen before costs a look-up; everything else about it is a function of
//! the configuration, the request and the time that is passed in.
//!
//! | module | what it is for |
//! |---|---|
//! | [`decision`] | what a decision says, and what the gateway is to do |
//! | [`reply`] | how a refusal looks to the client |
//! | `attributes` | what policies may ask about a request |
//! | `authenticate` | who calls |
//! | `cache` | tokens verified before |
//! | `key_answers` | what fetched keys change |
//! | `upstream` | which headers change on the way to the upstream |

pub mod decision;
pub mod reply;

mod attributes;
mod authenticate;
mod cache;
mod key_answers;
mod upstream;

pub use decision::{Act, Decision, HeaderChange};
pub use key_answers::KeysChanged;
pub use reply::Reply;

use crate::authz::{Attributes, EndpointMatch, Verdict};
use crate::config::audit::ClientAddress;
use crate::config::authorization::registry::ServiceState;
use crate::config::{Config, Mode};
use crate::event::{DecisionFacts, IdentityFacts, Method, NearMiss, Outcome, ShadowFacts};
use crate::identity::keys::{KeyStore, Patience};
use crate::path;
use crate::request::RequestView;
use crate::time::UnixNanos;
use attributes::{AttributeParts, attributes};
use authenticate::{Caller, Denied, Known, Stop};
use cache::TokenCache;
use std::net::IpAddr;
use std::rc::Rc;

/// Decides requests under one configuration.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    policy_digest: String,
    cache: TokenCache,
    keys: KeyStore,
}

/// A request that cannot be decided before the keys of an issuer are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysNeeded {
    /// The place of the issuer's rule.
    pub rule: usize,
}

/// Claims that stand for a token which someone else has verified. Only a tool that says so passes them.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrustedClaims<'a> {
    /// `issuer/subject`.
    pub request_principal: Option<&'a str>,
    /// The claims.
    pub claims: Option<&'a serde_json::Map<String, serde_json::Value>>,
}

impl Engine {
    /// An engine that has seen no request yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let policy_digest = crate::hex::encode(config.policies.digest().get(..8).unwrap_or_default());
        let keys = KeyStore::new(config.authentication.rules.iter().map(|rule| &rule.keys));
        Self { config, policy_digest, cache: TokenCache::default(), keys }
    }

    /// The first eight bytes of the policy set's digest, lower-case hex: what events carry.
    #[must_use]
    pub fn policy_digest(&self) -> &str {
        &self.policy_digest
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The client's address as it may be recorded.
    #[must_use]
    pub fn recorded_address(&self, request: &RequestView<'_>) -> String {
        let address = request.peer.remote_ip.or(request.peer.source_ip);
        address.map_or_else(String::new, |address| match self.config.audit.client_address {
            ClientAddress::Full => address.to_string(),
            ClientAddress::Truncate => truncated(address).to_string(),
            ClientAddress::Drop => String::new(),
        })
    }

    /// Decides a request, or says whose keys it takes. When they were fetched, or could not be, the request is to be
    /// decided by [`decide`](Self::decide).
    ///
    /// # Errors
    /// [`KeysNeeded`]: nothing must be done with the request yet.
    pub fn decide_or_wait(&mut self, request: &RequestView<'_>, now: UnixNanos) -> Result<Decision, KeysNeeded> {
        self.evaluate(request, now, None, Patience::MayWait)
    }

    /// Decides a request by the keys that are here. Where a token's keys are not, that is a fault.
    pub fn decide(&mut self, request: &RequestView<'_>, now: UnixNanos) -> Decision {
        self.decide_trusting(request, now, None)
    }

    /// Decides a request whose token someone else has verified.
    pub fn decide_trusting(&mut self, request: &RequestView<'_>, now: UnixNanos, trusted: Option<TrustedClaims<'_>>) -> Decision {
        self.evaluate(request, now, trusted, Patience::Over).unwrap_or_else(|KeysNeeded { .. }| {
            let path = path::without_query(request.path);
            let mut decision = self.without_keys(request, path, String::new());
            self.observe(&mut decision);
            decision
        })
    }

    fn evaluate(
        &mut self,
        request: &RequestView<'_>,
        now: UnixNanos,
        trusted: Option<TrustedClaims<'_>>,
        patience: Patience,
    ) -> Result<Decision, KeysNeeded> {
        let mut decision = match path::normalize(request.path, self.config.policies.path_normalization()) {
            Ok(path) => self.decide_path(request, now, trusted, &path, patience)?,
            Err(fault) => {
                let path = path::without_query(request.path);
                let draft = self.refusal(request, path, Outcome::Deny, fault.code());
                Decision { act: Act::Refuse(Reply::forbidden(request, fault.code())), ..draft }
            }
        };
        self.observe(&mut decision);
        Ok(decision)
    }

    fn decide_path(
        &mut self,
        request: &RequestView<'_>,
        now: UnixNanos,
        trusted: Option<TrustedClaims<'_>>,
        path: &str,
        patience: Patience,
    ) -> Result<Decision, KeysNeeded> {
        if self.config.authentication.bypass_cors_preflight && is_cors_preflight(request) {
            let facts = self.facts(Outcome::Allow, "cors_preflight");
            let changes = upstream::changes(&self.config, request, path, None);
            return Ok(Decision { facts, act: Act::Forward(changes), ..self.blank(path) });
        }
        let known = Known { cache: &mut self.cache, keys: &mut self.keys };
        match authenticate::authenticate(&self.config, request, now, known, patience) {
            Ok(caller) => Ok(self.authorize(request, now, trusted, path, caller)),
            Err(Stop::Denied(denied)) => Ok(self.refuse_credential(request, path, denied)),
            Err(Stop::KeysUnreachable { credential }) => Ok(self.without_keys(request, path, credential)),
            Err(Stop::KeysNeeded { rule }) => Err(KeysNeeded { rule }),
        }
    }

    /// A fault, not a denial: another token would not help the client.
    fn without_keys(&self, request: &RequestView<'_>, path: &str, credential: String) -> Decision {
        const CODE: &str = "keys_unreachable";
        let mut decision = self.refusal(request, path, Outcome::Fault, CODE);
        decision.act = Act::Refuse(Reply::undecided(request, CODE));
        decision.identity = Rc::new(IdentityFacts { credential, ..IdentityFacts::default() });
        decision
    }

    fn refuse_credential(&self, request: &RequestView<'_>, path: &str, denied: Denied) -> Decision {
        let mut decision = self.refusal(request, path, Outcome::Deny, denied.code);
        let status = if denied.ambiguous { self.config.authentication.ambiguous_status } else { 401 };
        decision.act = Act::Refuse(Reply::unauthorized(request, status, &self.config.authentication.realm, Some(&denied)));
        decision.identity = Rc::new(IdentityFacts { credential: denied.credential, ..IdentityFacts::default() });
        decision.add_findings(denied.finding);
        decision
    }

    fn authorize(
        &self,
        request: &RequestView<'_>,
        now: UnixNanos,
        trusted: Option<TrustedClaims<'_>>,
        path: &str,
        caller: Caller,
    ) -> Decision {
        let peers = self.config.authentication.peers(request);
        let service = self.config.services.identify(peers, request.peer.source_ip);
        let subject = AttributeParts::of(&caller, trusted, &self.config);
        let attributes = attributes(request, now, path, peers, &subject, &caller, service);
        let verdict = self.config.policies.decide(&attributes);
        let anonymous = caller.identity.method == Method::None && trusted.is_none() && peers.is_empty();
        let of_service = service.as_ref().and_then(|service| state_finding(service.state, service.out_of_bounds));
        let of_caller = caller.findings.iter().copied().chain(anonymous.then_some("missing_identity"));
        let act = match verdict.permit() {
            Some(_) => Act::Forward(upstream::changes(&self.config, request, path, Some(&caller))),
            None => Act::Refuse(self.reply(request, &verdict, anonymous)),
        };
        let mut decision = Decision {
            facts: self.verdict_facts(&verdict),
            identity: identity_facts(&caller, peers),
            source_service: service.map(|service| service.name.to_owned()),
            act,
            ..self.blank(path)
        };
        decision.add_findings(of_caller.chain(of_service));
        decision
    }

    /// What the policies see of a request, for whoever wants to know more than the decision says; `None` when the request is
    /// refused before they are asked.
    pub fn with_attributes<T>(
        &mut self,
        request: &RequestView<'_>,
        now: UnixNanos,
        trusted: Option<TrustedClaims<'_>>,
        use_them: impl FnOnce(&Attributes<'_>) -> T,
    ) -> Option<T> {
        let path = path::normalize(request.path, self.config.policies.path_normalization()).ok()?;
        let known = Known { cache: &mut self.cache, keys: &mut self.keys };
        let caller = authenticate::authenticate(&self.config, request, now, known, Patience::Over).ok()?;
        let peers = self.config.authentication.peers(request);
        let service = self.config.services.identify(peers, request.peer.source_ip);
        let subject = AttributeParts::of(&caller, trusted, &self.config);
        Some(use_them(&attributes(request, now, &path, peers, &subject, &caller, service)))
    }

    /// 401 where credentials could have helped and there were none, else 403.
    fn reply(&self, request: &RequestView<'_>, verdict: &Verdict<'_>, anonymous: bool) -> Reply {
        let code = verdict.reason.code();
        let asks = !self.config.authentication.rules.is_empty() || !self.config.authentication.api_keys.keys.is_empty();
        if anonymous && asks && verdict.policy.is_none() {
            return Reply::unauthorized(request, 401, &self.config.authentication.realm, None);
        }
        Reply::forbidden(request, code)
    }

    fn verdict_facts(&self, verdict: &Verdict<'_>) -> DecisionFacts {
        let outcome = match verdict.outcome {
            crate::authz::Outcome::Allow => Outcome::Allow,
            crate::authz::Outcome::Deny => Outcome::Deny,
        };
        let nearest = verdict.nearest.as_ref().map(|nearest| NearMiss {
            policy: nearest.policy.to_owned(),
            rule: nearest.rule,
            failed: nearest.failed.iter().map(|&name| name.to_owned()).collect(),
        });
        let shadows = verdict.shadow.iter().map(|found| (found, found.outcome.code()));
        let audits = verdict.audit.iter().map(|found| (found, "audit"));
        let shadow = shadows
            .chain(audits)
            .map(|(found, action)| ShadowFacts { policy: found.policy.to_owned(), action, rule: found.rule })
            .collect();
        DecisionFacts {
            policy: verdict.policy.map(str::to_owned),
            rule: verdict.rule,
            nearest,
            shadow,
            ..self.facts(outcome, verdict.reason.code())
        }
    }

    fn facts(&self, outcome: Outcome, reason: &'static str) -> DecisionFacts {
        DecisionFacts {
            outcome,
            observed: false,
            reason,
            policy: None,
            rule: None,
            policy_digest: self.policy_digest.clone(),
            nearest: None,
            shadow: Vec::new(),
        }
    }

    fn blank(&self, path: &str) -> Decision {
        let mut decision = Decision {
            facts: self.facts(Outcome::NotEvaluated, "not_evaluated"),
            identity: Rc::default(),
            path: path.to_owned(),
            endpoint: None,
            source_service: None,
            findings: Vec::new(),
            act: Act::Forward(Vec::new()),
        };
        decision.note_route(self.config.endpoints.find(path));
        decision
    }

    fn refusal(&self, request: &RequestView<'_>, path: &str, outcome: Outcome, reason: &'static str) -> Decision {
        let act = Act::Refuse(Reply::forbidden(request, reason));
        Decision { facts: self.facts(outcome, reason), act, ..self.blank(path) }
    }

    /// What is to be recorded of a stream that ended before its request could be decided.
    #[must_use]
    pub fn not_evaluated(&self, request: &RequestView<'_>) -> Decision {
        self.blank(path::without_query(request.path))
    }

    /// In `mode: observe` everything is recorded and nothing is refused. Headers that a client must not set are still taken
    /// out of what goes upstream.
    fn observe(&self, decision: &mut Decision) {
        if self.config.mode == Mode::Observe && matches!(decision.act, Act::Refuse(_)) {
            decision.facts.observed = true;
            decision.act = Act::Forward(upstream::removals(&self.config));
        }
    }
}

/// The event's identity. Without a token or key, the client certificate is what there is.
fn identity_facts(caller: &Caller, peers: &[&str]) -> Rc<IdentityFacts> {
    match peers.first() {
        Some(principal) if caller.identity.method == Method::None => {
            Rc::new(IdentityFacts { method: Method::Mtls, subject: (*principal).to_owned(), ..IdentityFacts::default() })
        }
        _ => Rc::clone(&caller.identity),
    }
}

fn state_finding(state: ServiceState, out_of_bounds: bool) -> Option<&'static str> {
    match state {
        _ if out_of_bounds => Some("service_out_of_bounds"),
        ServiceState::Active => None,
        ServiceState::Offline => Some("offline_service"),
        ServiceState::Retired => Some("retired_service"),
    }
}

/// As Istio asks: `OPTIONS` with an origin and the method that is to follow (Fetch §4.8).
fn is_cors_preflight(request: &RequestView<'_>) -> bool {
    let present = |name: &str| request.header(name).is_some_and(|value| !value.is_empty());
    request.method == "OPTIONS" && present("origin") && present("access-control-request-method")
}

/// The network of an address: /24 of IPv4, /48 of IPv6.
fn truncated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & !0xff).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !(u128::MAX >> 48)).into()),
    }
}

impl Decision {
    fn note_route(&mut self, found: EndpointMatch<'_>) {
        match found {
            EndpointMatch::Endpoint(template) => self.endpoint = Some(template.to_owned()),
            EndpointMatch::Mismatched => self.findings.push("mismatched_route"),
            EndpointMatch::Undeclared => {}
        }
    }

    /// Keeps findings sorted, each once.
    fn add_findings(&mut self, found: impl IntoIterator<Item = &'static str>) {
        self.findings.extend(found);
        self.findings.sort_unstable();
        self.findings.dedup();
    }
}
