//! A decision among ten thousand policies looks at no more conditions than one among ten.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail by panicking"
)]

use countersign_core::authz::{Attributes, Policies, Reason};
use countersign_core::config::authorization::Authorization;
use countersign_core::config::decode::{Decode, Faults, Path};
use serde_json::{Value, json};

fn compile(policies: &[Value]) -> Policies {
    let mut faults = Faults::default();
    let wire = Authorization::decode(&json!({"policies": policies}), &Path::Root, &mut faults);
    Policies::compile(&faults.into_result(wire).expect("decodes")).expect("compiles")
}

/// Makes the rule of the policy of a number.
type MakeRule = fn(usize) -> Value;

/// Ways in which large policy sets differ from policy to policy; each makes the rule of one policy.
const FAMILIES: &[(&str, MakeRule)] = &[
    ("exact path", |i| json!({"to": [{"operation": {"methods": ["GET"], "paths": [format!("/api/{i}")]}}]})),
    ("path prefix", |i| json!({"to": [{"operation": {"methods": ["GET"], "paths": [format!("/api/{i}/*")]}}]})),
    ("path suffix", |i| json!({"to": [{"operation": {"paths": [format!("*/{i}.html")]}}]})),
    ("template", |i| json!({"to": [{"operation": {"paths": [format!("/{{*}}/{i}/items/{{**}}")]}}]})),
    ("host", |i| json!({"to": [{"operation": {"hosts": [format!("*.tenant{i}.example")], "paths": ["/api*"]}}]})),
    ("role", |i| json!({"from": [{"source": {"roles": [format!("role{i}")]}}], "to": [{"operation": {"paths": ["/api*"]}}]})),
    ("principal", |i| json!({"from": [{"source": {"principals": [format!("td/ns/n{i}/sa/a")]}}]})),
    ("namespace", |i| json!({"from": [{"source": {"namespaces": [format!("n{i}")]}}]})),
    (
        "service or role",
        |i| json!({"from": [{"source": {"services": [format!("s{i}")]}}, {"source": {"roles": [format!("role{i}")]}}]}),
    ),
    ("address", |i| json!({"from": [{"source": {"ipBlocks": [format!("10.{}.{}.0/24", i / 250, i % 250)]}}]})),
    ("header", |i| json!({"when": [{"key": "request.headers[x-tenant]", "values": [format!("t{i}")]}]})),
    ("claim", |i| json!({"when": [{"key": "request.auth.claims[tenant]", "values": [format!("t{i}")]}]})),
];

fn policies(rule: MakeRule, count: usize) -> Policies {
    let policy =
        |i: usize| json!({"name": format!("p{i}"), "action": if i % 10 == 9 { "DENY" } else { "ALLOW" }, "rules": [rule(i)]});
    compile(&(0..count).map(policy).collect::<Vec<_>>())
}

/// A request that, by every family, matches the policy of one number and no other.
fn decide<T>(number: usize, with: impl FnOnce(&Attributes<'_>) -> T) -> T {
    decide_at(&format!("/api/{number}"), number, with)
}

fn decide_at<T>(path: &str, number: usize, with: impl FnOnce(&Attributes<'_>) -> T) -> T {
    let (host, role, principal) =
        (format!("x.tenant{number}.example"), format!("role{number}"), format!("spiffe://td/ns/n{number}/sa/a"));
    let (service, tenant) = (format!("s{number}"), format!("t{number}"));
    let claims = json!({"tenant": tenant});
    with(&Attributes {
        method: "GET",
        path,
        host: &host,
        roles: &[&role],
        peer_principals: &[&principal],
        service: Some(&service),
        headers: &[("x-tenant", tenant.as_bytes())],
        claims: claims.as_object(),
        source_ip: format!("10.{}.{}.7", number / 250, number % 250).parse().ok(),
        ..Attributes::default()
    })
}

fn path_of(family: &str, number: usize) -> String {
    match family {
        "path prefix" => format!("/api/{number}/x"),
        "path suffix" => format!("/api/{number}.html"),
        "template" => format!("/api/{number}/items/7"),
        _ => format!("/api/{number}"),
    }
}

#[test]
fn the_conditions_looked_at_do_not_grow_with_the_policies() {
    for (family, rule) in FAMILIES {
        let (few, many) = (policies(*rule, 10), policies(*rule, 10_000));
        for (number, reason) in [(3, Reason::PolicyAllowed), (9, Reason::PolicyDenied)] {
            let evaluated = |policies: &Policies| {
                decide_at(&path_of(family, number), number, |attributes| {
                    let verdict = policies.decide(attributes);
                    assert_eq!((verdict.reason, verdict.policy), (reason, Some(&*format!("p{number}"))), "{family}");
                    verdict.evaluated
                })
            };
            assert_eq!(evaluated(&few), evaluated(&many), "{family} {number}");
            assert!(evaluated(&many) <= 4, "{family} {number}: {}", evaluated(&many));
        }
    }
}

#[test]
fn a_refusal_and_its_nearest_miss_are_bounded_too() {
    for (family, rule) in FAMILIES {
        let (few, many) = (policies(*rule, 10), policies(*rule, 10_000));
        let evaluated = |policies: &Policies| decide(20_000, |attributes| policies.decide(attributes).evaluated);
        assert!(evaluated(&many) <= 2 * evaluated(&few).max(16), "{family}: {} {}", evaluated(&few), evaluated(&many));
    }
}

#[test]
fn the_nearest_miss_among_many_policies_is_the_one_for_the_path() {
    let rule = |i: usize| json!({"from": [{"source": {"roles": [format!("role{}", i % 7)]}}], "to": [{"operation": {"methods": ["PUT"], "paths": [format!("/api/{i}")]}}]});
    let many = policies(rule, 10_000);
    decide(4_321, |attributes| {
        let verdict = many.decide(attributes);
        let nearest = verdict.nearest.expect("a near miss");
        assert_eq!((nearest.policy, nearest.rule), ("p4321", 0));
        assert_eq!(nearest.failed, ["source.roles", "operation.methods"]);
    });
}
