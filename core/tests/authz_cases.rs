//! What each field of a policy means: named cases with decision, rule and reason.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail by panicking"
)]

use countersign_core::authz::{Attributes, Policies, RequestPrincipal, Verdict};
use countersign_core::config::authorization::Authorization;
use countersign_core::config::decode::{Decode, Faults, Path};
use countersign_core::request::Header;
use countersign_core::time::UnixNanos;
use serde_json::{Value, json};

fn compile(authorization: &Value) -> Policies {
    let mut faults = Faults::default();
    let wire = Authorization::decode(authorization, &Path::Root, &mut faults);
    Policies::compile(&faults.into_result(wire).expect("decodes")).expect("compiles")
}

const ADMIN: &str = "spiffe://cluster.local/ns/prod/sa/admin";
const HEADERS: &[Header<'static>] = &[("x-version", b"v1"), ("x-list", b"a"), ("x-empty", b""), ("x-list", b"b"), ("x-id", b"7")];

/// Decides a request that has a value for everything.
fn decide<T>(policies: &Policies, check: impl FnOnce(&Verdict<'_>) -> T) -> T {
    let claims = json!({
        "tenant": "acme", "groups": ["a", "b", "billing"], "realm": {"roles": ["x", "y"], "admin": true}, "level": 3, "empty": "", "a.b": "dotted",
    });
    check(&policies.decide(&Attributes {
        method: "GET",
        path: "/orders/7",
        host: "Shop.Example:8443",
        headers: HEADERS,
        source_ip: "10.1.2.3".parse().ok(),
        remote_ip: "203.0.113.9".parse().ok(),
        destination_ip: "::ffff:192.0.2.1".parse().ok(),
        destination_port: Some(8443),
        sni: Some("shop.example"),
        peer_principals: &[ADMIN],
        request_principal: Some(RequestPrincipal { issuer: "https://issuer.example", subject: "ann" }),
        audiences: &["orders", "billing"],
        presenter: Some("web"),
        claims: claims.as_object(),
        roles: &["orders.reader"],
        scopes: &["read"],
        service: Some("billing"),
        service_state: Some("offline"),
        api_key: Some("batch"),
        now: UnixNanos::parse("2026-11-24T12:00:00Z").expect("an instant"),
    }))
}

fn matches(rule: &Value) -> bool {
    decide(&compile(&json!({"policies": [{"rules": [rule]}]})), |verdict| verdict.permit().is_some())
}

#[test]
fn every_field_of_a_source_matches_what_it_names() {
    for (field, matching, other) in [
        ("principals", "cluster.local/ns/prod/sa/admin", "cluster.local/ns/prod/sa/other"),
        ("principals", "spiffe://cluster.local/ns/prod/*", "spiffe://cluster.local/ns/dev/*"),
        ("requestPrincipals", "https://issuer.example/ann", "https://issuer.example/bob"),
        ("namespaces", "pro*", "dev"),
        ("serviceAccounts", "prod/admin", "dev/admin"),
        ("trustDomains", "cluster.local", "other.local"),
        ("ipBlocks", "10.1.0.0/16", "203.0.113.0/24"),
        ("remoteIpBlocks", "203.0.113.9", "10.1.0.0/16"),
        ("roles", "orders.*", "orders.writer"),
        ("scopes", "read", "write"),
        ("services", "billing", "shipping"),
        ("apiKeys", "batch", "other"),
    ] {
        let negated = format!("not{}{}", field[..1].to_uppercase(), &field[1..]);
        let rule = |field: &str, values: Value| json!({"from": [{"source": {field: values}}]});
        assert!(matches(&rule(field, json!([other, matching]))), "{field} {matching}");
        assert!(!matches(&rule(field, json!([other]))), "{field} {other}");
        assert!(!matches(&rule(&negated, json!([other, matching]))), "{negated} {matching}");
        assert!(matches(&rule(&negated, json!([other]))), "{negated} {other}");
    }
}

#[test]
fn every_field_of_an_operation_matches_what_it_names() {
    for (field, matching, other) in [
        ("hosts", "shop.example:8443", "shop.example"),
        ("hosts", "SHOP.example:*", "*.shop.example"),
        ("ports", "8443", "443"),
        ("methods", "GET", "get"),
        ("paths", "/orders/*", "/Orders/*"),
        ("paths", "/orders/{*}", "/orders/{*}/{**}"),
        ("paths", "*/7", "/orders"),
    ] {
        let rule = |field: &str, values: Value| json!({"to": [{"operation": {field: values}}]});
        let negated = format!("not{}{}", field[..1].to_uppercase(), &field[1..]);
        assert!(matches(&rule(field, json!([other, matching]))), "{field} {matching}");
        assert!(!matches(&rule(field, json!([other]))), "{field} {other}");
        assert!(!matches(&rule(&negated, json!([matching]))), "{negated} {matching}");
        assert!(matches(&rule(&negated, json!([other]))), "{negated} {other}");
    }
}

#[test]
fn every_key_of_a_condition_matches_what_it_names() {
    for (key, matching, other) in [
        ("request.headers[x-version]", "v1", "v2"),
        ("request.headers[X-Version]", "v*", "V1"),
        ("request.headers[x-list]", "a,b", "a"),
        ("request.headers[host]", "Shop.Example:8443", "shop.example:8443"),
        ("request.headers[:method]", "GET", "PUT"),
        ("source.ip", "10.1.2.3", "10.1.2.4"),
        ("remote.ip", "203.0.113.0/24", "10.0.0.0/8"),
        ("source.namespace", "prod", "pro"),
        ("source.principal", "*/sa/admin", "*/sa/other"),
        ("source.serviceAccount", "prod/admin", "prod/other"),
        ("source.trustDomain", "*.local", "local"),
        ("request.auth.principal", "https://issuer.example/*", "other/*"),
        ("request.auth.audiences", "billing", "bill"),
        ("request.auth.presenter", "web", "mobile"),
        ("request.auth.claims[tenant]", "acme", "other"),
        ("request.auth.claims[groups]", "b", "c"),
        ("request.auth.claims[realm][roles]", "y", "z"),
        ("request.auth.claims[a.b]", "dotted", "other"),
        ("destination.ip", "192.0.2.0/24", "192.0.3.0/24"),
        ("destination.port", "8443", "80"),
        ("connection.sni", "*.example", "example"),
        ("request.path[1]", "orders", "7"),
        ("request.path[2]", "{request.headers[x-id]}", "{request.headers[x-version]}"),
        ("request.path[2]", "7", "{request.headers[x-absent]}"),
        ("request.auth.claims[groups]", "{source.service}", "{request.path[2]}"),
        ("source.service", "billing", "bill"),
        ("source.serviceState", "offline", "active"),
        ("request.timeOfDay", "11:59-12:01", "12:01-11:59"),
        ("request.weekday", "Mon-Tue", "Wed-Mon"),
    ] {
        let rule = |field: &str, value: &str| json!({"when": [{"key": key, field: [value]}]});
        assert!(matches(&rule("values", matching)), "{key} {matching}");
        assert!(!matches(&rule("values", other)), "{key} {other}");
        assert!(!matches(&rule("notValues", matching)), "{key} not {matching}");
        assert!(matches(&rule("notValues", other)), "{key} not {other}");
    }
}

#[test]
fn present_means_not_empty_and_only_texts_are_claims_that_match() {
    for (key, present) in [
        ("request.headers[x-empty]", false),
        ("request.headers[x-absent]", false),
        ("request.headers[x-version]", true),
        ("request.auth.claims[empty]", false),
        ("request.auth.claims[level]", false),
        ("request.auth.claims[realm][admin]", false),
        ("request.auth.claims[realm]", false),
        ("request.auth.claims[tenant][x]", false),
        ("request.auth.claims[groups]", true),
    ] {
        assert_eq!(matches(&json!({"when": [{"key": key, "values": ["*"]}]})), present, "{key}");
        assert_eq!(matches(&json!({"when": [{"key": key, "notValues": ["*"]}]})), !present, "{key}");
    }
}

#[test]
fn values_and_not_values_of_one_condition_must_both_hold() {
    let rule = |values: &[&str], not: &[&str]| json!({"when": [{"key": "request.auth.claims[groups]", "values": values, "notValues": not}]});
    assert!(matches(&rule(&["a"], &["c"])));
    assert!(!matches(&rule(&["a"], &["b"])));
}

#[test]
fn one_of_from_and_one_of_to_and_all_of_when_must_match() {
    let source = |role: &str| json!({"source": {"roles": [role]}});
    let operation = |method: &str| json!({"operation": {"methods": [method]}});
    let when = |tenant: &str| json!({"key": "request.auth.claims[tenant]", "values": [tenant]});
    let rule = |from: Value, to: Value, when: Value| json!({"from": from, "to": to, "when": when});
    let (held, other) = (source("orders.reader"), source("other"));
    assert!(matches(&rule(json!([other, held]), json!([operation("PUT"), operation("GET")]), json!([when("acme"), when("a*")]))));
    assert!(!matches(&rule(json!([other]), json!([operation("GET")]), json!([]))));
    assert!(!matches(&rule(json!([held]), json!([operation("PUT")]), json!([]))));
    assert!(!matches(&rule(json!([held]), json!([operation("GET")]), json!([when("acme"), when("other")]))));
    let both = json!({"source": {"roles": ["orders.reader"], "notServices": ["billing"]}});
    assert!(!matches(&rule(json!([both]), json!([]), json!([]))), "all fields of a source must match");
}

/// Policies by name: reader allows, writer does not match, denier refuses, watcher records.
fn verdict_of(unmatched: &str, policies: &[&str]) -> (String, String, Option<String>, Option<usize>) {
    let policies: Vec<Value> = policies
        .iter()
        .map(|name| match *name {
            "reader" => json!({"name": name, "rules": [{"to": [{"operation": {"methods": ["PUT"]}}]}, {"from": [{"source": {"roles": ["orders.reader"]}}]}]}),
            "writer" => json!({"name": name, "action": "ALLOW", "rules": [{"from": [{"source": {"roles": ["orders.writer"]}}]}]}),
            "denier" => json!({"name": name, "action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/orders*"]}}]}]}),
            "shadow denier" => json!({"name": name, "action": "DENY", "shadow": true, "rules": [{}]}),
            "watcher" => json!({"name": name, "action": "AUDIT", "rules": [{}]}),
            "empty" => json!({"name": name, "action": "ALLOW"}),
            "empty denier" => json!({"name": name, "action": "DENY", "rules": []}),
            other => panic!("no policy {other}"),
        })
        .collect();
    let policies = compile(&json!({"unmatched": unmatched, "policies": policies}));
    decide(&policies, |verdict| {
        let policy = verdict.policy.map(str::to_owned);
        (verdict.outcome.code().to_owned(), verdict.reason.code().to_owned(), policy, verdict.rule)
    })
}

#[test]
fn deny_comes_before_allow_and_both_before_what_is_unmatched() {
    for (unmatched, policies, outcome, reason, policy, rule) in [
        ("deny", &["reader"][..], "allow", "policy_allowed", Some("reader"), Some(1)),
        ("deny", &["reader", "denier"], "deny", "policy_denied", Some("denier"), Some(0)),
        ("allow", &["denier", "reader"], "deny", "policy_denied", Some("denier"), Some(0)),
        ("deny", &["writer", "reader"], "allow", "policy_allowed", Some("reader"), Some(1)),
        ("deny", &["writer"], "deny", "no_policy_matched", None, None),
        ("allow", &["writer"], "allow", "default_allow", None, None),
        ("deny", &[], "deny", "no_policy_matched", None, None),
        ("deny", &["empty"], "deny", "no_policy_matched", None, None),
        ("deny", &["reader", "empty denier"], "allow", "policy_allowed", Some("reader"), Some(1)),
        ("deny", &["watcher"], "deny", "no_policy_matched", None, None),
        ("deny", &["reader", "shadow denier"], "allow", "policy_allowed", Some("reader"), Some(1)),
    ] {
        let found = verdict_of(unmatched, policies);
        assert_eq!(found, (outcome.to_owned(), reason.to_owned(), policy.map(str::to_owned), rule), "{unmatched} {policies:?}");
    }
}

#[test]
fn a_verdict_tells_shadow_audit_and_nearest_miss() {
    let policies = compile(&json!({"policies": [
        {"name": "far", "rules": [{"from": [{"source": {"roles": ["x"]}}], "to": [{"operation": {"methods": ["PUT"], "paths": ["/x"]}}]}]},
        {"name": "near", "rules": [{"to": [{"operation": {"paths": ["/orders/*"], "methods": ["PUT"]}}]}]},
        {"name": "dark", "action": "ALLOW", "shadow": true, "rules": [{}]},
        {"name": "watch", "action": "AUDIT", "rules": [{"to": [{"operation": {"methods": ["PUT"]}}]}, {}]},
    ]}));
    decide(&policies, |verdict| {
        let nearest = verdict.nearest.as_ref().expect("a near miss");
        assert_eq!((nearest.policy, nearest.rule, nearest.failed.as_slice()), ("near", 0, &["operation.methods"][..]));
        assert_eq!(verdict.shadow.iter().map(|found| (found.policy, found.rule)).collect::<Vec<_>>(), [("dark", 0)]);
        assert_eq!(verdict.shadow_outcome.map(|outcome| outcome.code()), Some("allow"));
        assert_eq!(verdict.audit.iter().map(|found| (found.policy, found.rule)).collect::<Vec<_>>(), [("watch", 1)]);
    });
}

#[test]
fn the_digest_follows_the_meaning_and_not_the_layout() {
    let digest = |authorization: Value| *compile(&authorization).digest();
    let plain = json!({"policies": [{"name": "a", "rules": [{"to": [{"operation": {"paths": ["/a", "/b"]}}]}]}]});
    let explicit = json!({"unmatched": "deny", "policies": [{"rules": [{"from": [], "to": [{"operation": {"paths": ["/a", "/b"], "methods": []}}]}], "shadow": false, "action": "ALLOW", "name": "a"}]});
    assert_eq!(digest(plain.clone()), digest(explicit));
    for (pointer, value) in [
        ("/policies/0/name", json!("b")),
        ("/policies/0/rules/0/to/0/operation/paths", json!(["/a/b"])),
        ("/policies/0/rules/0/to/0/operation/paths", json!(["/b", "/a"])),
        ("/policies/0/rules/0/to/0/operation", json!({"notPaths": ["/a", "/b"]})),
        ("/policies/0/rules/0", json!({})),
    ] {
        let mut changed = plain.clone();
        *changed.pointer_mut(pointer).expect("a place") = value;
        assert_ne!(digest(plain.clone()), digest(changed), "{pointer}");
    }
}

#[test]
fn duplicate_names_are_refused() {
    let mut faults = Faults::default();
    let wire = Authorization::decode(&json!({"policies": [{"name": "a"}, {"name": "a"}]}), &Path::Root, &mut faults);
    let faults = Policies::compile(&wire.expect("decodes")).expect_err("a duplicate");
    assert_eq!(faults[0].to_string(), "authorization.policies[1].name: `a` is also the name of policies[0]");
}

#[test]
fn codes_are_unique() {
    use countersign_core::authz::Reason;
    let codes: std::collections::BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
}
