//! Policies and paths against cases that this project did not write: `rbac-cases.jsonl`, `path-normalization.jsonl`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail by panicking"
)]

mod support;

use countersign_core::authz::{Attributes, Policies};
use countersign_core::config::authorization::{Authorization, PathNormalization};
use countersign_core::config::decode::{Decode, Faults, Path};
use countersign_core::path::{normalize, without_query};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What of a case has no equal in this language; `docs/authorization.md` says why.
fn inexpressible(case: &Value) -> Option<&'static str> {
    let needs = case["needs"].as_str().unwrap_or_default();
    let policy = case["policy"].to_string();
    match needs {
        needs if needs.contains("CEL") => Some("no CEL"),
        needs if needs.contains("case-insensitive path") => Some("paths are case-sensitive"),
        needs if needs.contains("regex") && policy.contains("\".*cncf.*\"") => Some("no substring match"),
        needs if needs.contains("regex") && policy.contains("\".*abc.*\"") => Some("no substring match"),
        _ => None,
    }
}

/// A case's policies in our configuration.
fn authorization(case: &Value) -> Value {
    let mut policies = case["policy"].as_array().expect("policies").clone();
    for (index, policy) in policies.iter_mut().enumerate() {
        policy["name"] = json!(format!("p{index}"));
        without_regex(&mut policy["rules"]);
    }
    let allows = policies.iter().any(|policy| policy["action"] == "ALLOW");
    let raw = case["needs"].as_str().is_some_and(|needs| needs.contains("normalize_path=false"));
    json!({
        // Without any ALLOW policy Istio allows what is not denied.
        "unmatched": if allows { "deny" } else { "allow" },
        "pathNormalization": if raw { "NONE" } else { "MERGE_SLASHES" },
        "policies": policies,
    })
}

/// `.*x`, `x.*` and `x` say the same as `*x`, `x*` and `x`.
fn without_regex(rules: &mut Value) {
    for rule in rules.as_array_mut().into_iter().flatten() {
        for when in rule.get_mut("when").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(regex) = when.as_object_mut().and_then(|when| when.remove("regex")) {
                when["values"] = json!([regex.as_str().expect("text").replace(".*", "*")]);
            }
        }
    }
}

fn decide(case: &Value) -> &'static str {
    let mut faults = Faults::default();
    let wire = Authorization::decode(&authorization(case), &Path::Root, &mut faults);
    let wire = faults.into_result(wire).expect("decodes");
    let policies = Policies::compile(&wire).expect("compiles");
    let request = &case["request"];
    let Some(target) = request["path"].as_str() else { return "deny" };
    let Ok(path) = normalize(target, policies.path_normalization()) else { return "deny" };
    let headers = headers(&request["headers"]);
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let sans = request["principal_uri_sans"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let principals: Vec<&str> = request["principal"].as_str().into_iter().chain(sans).collect();
    let address = |name: &str| request[name].as_str().and_then(|text| text.parse().ok());
    let verdict = policies.decide(&Attributes {
        method: request["method"].as_str().expect("a method"),
        path: &path,
        host: request["host"].as_str().expect("a host"),
        headers: &headers,
        source_ip: address("source_ip"),
        remote_ip: address("remote_ip"),
        destination_ip: address("destination_ip"),
        destination_port: request["port"].as_u64().map(|port| u16::try_from(port).expect("a port")),
        sni: request["sni"].as_str(),
        peer_principals: &principals,
        ..Attributes::default()
    });
    assert_eq!(verdict.permit().is_some(), verdict.outcome.code() == "allow");
    verdict.outcome.code()
}

fn headers(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    match value {
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        pairs => pairs.as_array().expect("pairs").iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
    }
}

#[test]
fn rbac_cases_of_envoy_and_grpc_are_decided_as_there() {
    let Some(cases) = support::vectors("rbac-cases.jsonl") else { return };
    let mut exceptions: BTreeMap<&str, u32> = BTreeMap::new();
    let mut differing = Vec::new();
    for case in &cases {
        match inexpressible(case) {
            Some(reason) => *exceptions.entry(reason).or_default() += 1,
            None if decide(case) != case["expected"] => differing.push(case["id"].to_string()),
            None => {}
        }
    }
    assert_eq!(differing, Vec::<String>::new());
    let expected = [("no CEL", 3), ("no substring match", 3), ("paths are case-sensitive", 3)];
    assert_eq!(exceptions, BTreeMap::from(expected), "of {} cases", cases.len());
}

#[test]
fn paths_are_normalised_as_istio_does() {
    let Some(cases) = support::vectors("path-normalization.jsonl") else { return };
    let mut compared = 0;
    for case in &cases {
        let mode = match case["op"].as_str().expect("an op") {
            "istio_NONE" => PathNormalization::None,
            "istio_BASE" | "normalize_rfc3986" => PathNormalization::Base,
            "istio_MERGE_SLASHES" => PathNormalization::MergeSlashes,
            "istio_DECODE_AND_MERGE_SLASHES" => PathNormalization::DecodeAndMergeSlashes,
            _ => continue,
        };
        compared += 1;
        let normal = normalize(case["input"].as_str().expect("input"), mode);
        let rejected = case["expected"] == "REJECT(400)";
        assert!(
            if rejected { normal.is_err() } else { normal.as_deref() == Ok(case["expected"].as_str().expect("text")) },
            "{case}"
        );
    }
    assert!(compared > 110, "{compared} cases");
}

#[test]
fn query_and_fragment_are_stripped_as_envoy_does() {
    let Some(cases) = support::vectors("path-normalization.jsonl") else { return };
    for case in cases.iter().filter(|case| case["op"] == "strip_query_fragment") {
        assert_eq!(without_query(case["input"].as_str().expect("input")), case["expected"], "{case}");
    }
}
