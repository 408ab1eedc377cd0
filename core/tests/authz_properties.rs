//! Properties that hold for every policy set and every request.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail by panicking"
)]

use countersign_core::authz::policies::Action;
use countersign_core::authz::{Attributes, Outcome, Policies, Reason, RequestPrincipal};
use countersign_core::config::authorization::{Authorization, PathNormalization};
use countersign_core::config::decode::{Decode, Faults, Path};
use countersign_core::path::normalize;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

fn compile(authorization: &Value) -> Policies {
    let mut faults = Faults::default();
    let wire = Authorization::decode(authorization, &Path::Root, &mut faults);
    Policies::compile(&faults.into_result(wire).expect("decodes")).expect("compiles")
}

/// A request of few values, so that policies of few values often match it.
#[derive(Debug, Clone)]
struct Request {
    method: &'static str,
    path: &'static str,
    host: &'static str,
    principals: Vec<&'static str>,
    subject: Option<&'static str>,
    roles: Vec<&'static str>,
    service: Option<&'static str>,
    headers: Vec<(&'static str, &'static [u8])>,
    source_ip: Option<&'static str>,
    port: Option<u16>,
    claims: Option<Map<String, Value>>,
}

impl Request {
    fn decide<T>(&self, with: impl FnOnce(&Attributes<'_>) -> T) -> T {
        with(&Attributes {
            method: self.method,
            path: self.path,
            host: self.host,
            headers: &self.headers,
            source_ip: self.source_ip.and_then(|ip| ip.parse().ok()),
            destination_port: self.port,
            peer_principals: &self.principals,
            request_principal: self.subject.map(|subject| RequestPrincipal { issuer: "https://i.example", subject }),
            roles: &self.roles,
            service: self.service,
            claims: self.claims.as_ref(),
            ..Attributes::default()
        })
    }
}

const METHODS: &[&str] = &["GET", "POST", "get"];
const PATHS: &[&str] = &["/", "/a", "/a/b", "/a/b/c", "/a/x/c", "/ab", "/b.html", "", "*"];
const HOSTS: &[&str] = &["a.example", "A.EXAMPLE", "b.a.example", "a.example:8080", ""];
const PRINCIPALS: &[&str] = &["spiffe://td/ns/prod/sa/a", "spiffe://td/ns/dev/sa/b", "CN=a/ns/prod/sa/a", ""];
const VALUES: &[&[u8]] = &[b"a", b"b", b""];
const WORDS: &[&str] = &["a", "b", "ab", "a,b"];

fn request() -> impl Strategy<Value = Request> {
    let claims =
        select(vec![None, Some(json!({"t": "a"})), Some(json!({"t": ["b", "ab"]})), Some(json!({"t": {"u": "a"}, "n": 1}))]);
    let operation = (select(METHODS), select(PATHS), select(HOSTS), prop::option::of(select(&[80_u16, 443][..])));
    let headers = prop::collection::vec((select(&["x-a", "x-b"][..]), select(VALUES)), 0..3);
    let peer = (prop::collection::vec(select(PRINCIPALS), 0..3), prop::option::of(select(&["10.0.0.1", "10.1.0.1", "::1"][..])));
    let token =
        (prop::option::of(select(WORDS)), prop::collection::vec(select(WORDS), 0..3), prop::option::of(select(WORDS)), claims);
    (operation, headers, peer, token).prop_map(
        |((method, path, host, port), headers, peer, (subject, roles, service, claims))| {
            let claims = claims.and_then(|claims| claims.as_object().cloned());
            Request { method, path, host, port, headers, principals: peer.0, source_ip: peer.1, subject, roles, service, claims }
        },
    )
}

fn texts(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(select(of), 1..3)
}

/// A field of a source with values, a quarter of them in their `not` form.
fn source_field() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        texts(&["td/ns/prod/sa/a", "spiffe://td/ns/dev/*", "*/sa/a", "*", "CN=a*"]).prop_map(|v| ("principals", json!(v))),
        texts(&["prod", "d*", "*"]).prop_map(|v| ("namespaces", json!(v))),
        texts(&["prod/a", "dev/b", "dev/a"]).prop_map(|v| ("serviceAccounts", json!(v))),
        texts(&["td", "t*", "other"]).prop_map(|v| ("trustDomains", json!(v))),
        texts(&["*", "https://i.example/a", "https://i.example/*", "*/b", "*b", "other*"])
            .prop_map(|v| ("requestPrincipals", json!(v))),
        texts(&["a", "a*", "*b", "*"]).prop_map(|v| ("roles", json!(v))),
        texts(&["a", "b", "*"]).prop_map(|v| ("services", json!(v))),
        texts(&["10.0.0.0/16", "10.0.0.1", "::/0", "0.0.0.0/0"]).prop_map(|v| ("ipBlocks", json!(v))),
        texts(&["10.1.0.0/16", "::1"]).prop_map(|v| ("remoteIpBlocks", json!(v))),
    ]
}

fn operation_field() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        texts(&["GET", "POST", "*", "G*"]).prop_map(|v| ("methods", json!(v))),
        texts(&["/a", "/a/*", "*.html", "*", "/a/{*}/c", "/{*}", "/{**}", "/a/{**}", "/{**}/c"])
            .prop_map(|v| ("paths", json!(v))),
        texts(&["a.example", "*.A.example", "a.example:*", "*"]).prop_map(|v| ("hosts", json!(v))),
        texts(&["80", "443"]).prop_map(|v| ("ports", json!(v))),
    ]
}

fn negated((field, values): (&'static str, Value), not: bool) -> (String, Value) {
    let mut letters = field.chars();
    let mut not_field = || letters.next().map(|first| format!("not{}{}", first.to_uppercase(), letters.as_str()));
    (if not { not_field().unwrap_or_default() } else { field.to_owned() }, values)
}

fn object(fields: impl Strategy<Value = (&'static str, Value)>) -> impl Strategy<Value = Value> {
    let fields = prop::collection::vec((fields, prop::bool::weighted(0.25)), 1..3);
    fields.prop_map(|fields| Value::Object(fields.into_iter().map(|(field, not)| negated(field, not)).collect()))
}

fn when() -> impl Strategy<Value = Value> {
    let keys = ["request.headers[x-a]", "request.headers[X-B]", "request.auth.claims[t]", "request.auth.claims[t][u]"];
    let values = texts(&["a", "a,b", "a*", "*b", "*"]);
    (select(keys.to_vec()), values, any::<bool>())
        .prop_map(|(key, values, not)| json!({"key": key, if not { "notValues" } else { "values" }: values}))
}

fn rule() -> impl Strategy<Value = Value> {
    let from = prop::collection::vec(object(source_field()).prop_map(|source| json!({"source": source})), 0..3);
    let to = prop::collection::vec(object(operation_field()).prop_map(|operation| json!({"operation": operation})), 0..3);
    let when = prop::collection::vec(when(), 0..2);
    (from, to, when).prop_map(|(from, to, when)| json!({"from": from, "to": to, "when": when}))
}

fn policy() -> impl Strategy<Value = Value> {
    let action = select(&["ALLOW", "ALLOW", "DENY", "AUDIT"][..]);
    (action, prop::bool::weighted(0.2), prop::collection::vec(rule(), 0..3))
        .prop_map(|(action, shadow, rules)| json!({"action": action, "shadow": shadow, "rules": rules}))
}

fn policies(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(policy(), count)
}

/// The first policy of an action that matches, found by looking at every rule.
fn first_match<'p>(policies: &'p Policies, action: Action, attributes: &Attributes<'_>) -> Option<(&'p str, usize)> {
    let enforced = policies.policies().iter().filter(|policy| policy.action == action && !policy.shadow);
    enforced
        .filter_map(|policy| {
            let rule = policy.rules.iter().position(|rule| rule.matches(attributes, &mut 0));
            rule.map(|rule| (policy.name.as_str(), rule))
        })
        .next()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_looking_at_every_rule_finds(list in policies(0..8), request in request()) {
        let policies = compile(&json!({"policies": list}));
        request.decide(|attributes| {
            let verdict = policies.decide(attributes);
            let denied = first_match(&policies, Action::Deny, attributes);
            let allowed = first_match(&policies, Action::Allow, attributes);
            let (reason, decided) = match (denied, allowed) {
                (Some(found), _) => (Reason::PolicyDenied, Some(found)),
                (None, Some(found)) => (Reason::PolicyAllowed, Some(found)),
                (None, None) => (Reason::NoPolicyMatched, None),
            };
            prop_assert_eq!((verdict.reason, verdict.policy.zip(verdict.rule)), (reason, decided));
            let recorded = verdict.shadow.iter().chain(&verdict.audit).count();
            let matching = |policy: &&countersign_core::authz::policies::Policy| policy.rules.iter().any(|rule| rule.matches(attributes, &mut 0));
            let expected = policies.policies().iter().filter(|policy| policy.shadow || policy.action == Action::Audit).filter(matching);
            prop_assert_eq!(recorded, expected.count());
            Ok(())
        })?;
    }

    #[test]
    fn adding_a_deny_policy_never_allows(list in policies(0..5), rules in prop::collection::vec(rule(), 0..3), request in request()) {
        let before = compile(&json!({"policies": list}));
        let mut more = list;
        more.push(json!({"action": "DENY", "rules": rules}));
        let after = compile(&json!({"policies": more}));
        request.decide(|attributes| {
            if before.decide(attributes).outcome == Outcome::Deny {
                prop_assert_eq!(after.decide(attributes).outcome, Outcome::Deny);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_policy_in_shadow_decides_nothing(list in policies(0..5), hidden in policy(), request in request()) {
        let before = compile(&json!({"policies": list}));
        let mut more = list;
        let mut hidden = hidden;
        hidden["shadow"] = json!(true);
        more.push(hidden);
        let after = compile(&json!({"policies": more}));
        request.decide(|attributes| {
            let (before, after) = (before.decide(attributes), after.decide(attributes));
            prop_assert_eq!((before.outcome, before.policy, before.rule), (after.outcome, after.policy, after.rule));
            Ok(())
        })?;
    }

    #[test]
    fn the_case_of_the_host_never_matters(list in policies(0..5), request in request()) {
        let policies = compile(&json!({"policies": list}));
        let lower = request.host.to_ascii_lowercase();
        let upper = request.host.to_ascii_uppercase();
        request.decide(|attributes| {
            let decided = |host: &str| policies.decide(&Attributes { host, ..*attributes }).outcome;
            prop_assert_eq!(decided(&lower), decided(&upper));
            Ok(())
        })?;
    }

    #[test]
    fn a_not_form_is_the_complement(field in prop_oneof![source_field().prop_map(|f| ("from", "source", f)), operation_field().prop_map(|f| ("to", "operation", f))], request in request()) {
        let (list, kind, field) = field;
        let policies = |not: bool| {
            let (name, values) = negated(field.clone(), not);
            compile(&json!({"policies": [{"rules": [{list: [{kind: {name: values}}]}]}]}))
        };
        request.decide(|attributes| {
            prop_assert_ne!(policies(false).decide(attributes).outcome, policies(true).decide(attributes).outcome);
            Ok(())
        })?;
    }

    #[test]
    fn normalising_twice_is_normalising_once(path in "(/|//|\\.|\\.\\.|%2e|%2E|%2f|%5C|%25|%|\\\\|a|Z|~|é|;|\\?|#| |%7e|%0){0,12}") {
        for mode in [PathNormalization::None, PathNormalization::Base, PathNormalization::MergeSlashes, PathNormalization::DecodeAndMergeSlashes] {
            let Ok(once) = normalize(&path, mode) else { continue };
            prop_assert_eq!(normalize(&once, mode), Ok(once.clone()), "{:?}", mode);
            if mode == PathNormalization::None { continue }
            prop_assert!(once.split('/').all(|segment| segment != "." && segment != ".."), "{} {:?}", once, mode);
            prop_assert!(!once.contains(['\\', '?', '#']));
            prop_assert!(mode == PathNormalization::Base || !once.contains("//"), "{}", once);
        }
    }
}
