//! The `decide` verb, as an outsider measures it: a configuration file, requests on standard input, answers on standard output.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::PathBuf;

fn vectors() -> Option<Vec<Value>> {
    let folder = std::env::var_os("COUNTERSIGN_VECTORS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"));
    match std::fs::read_to_string(folder.join("rbac-cases.jsonl")) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).expect("a case a line")).collect()),
        Err(_) => {
            eprintln!("skipped: rbac-cases.jsonl is not in {}", folder.display());
            None
        }
    }
}

fn decide(name: &str, config: &str, input: &str, extra: &[&str]) -> (i32, Vec<Value>, String) {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, config).expect("a writable folder");
    let mut command = Command::cargo_bin("countersign").expect("built");
    let output = command.args(["decide", "--config"]).arg(&file).args(extra).write_stdin(input).output().expect("runs");
    let answers = String::from_utf8(output.stdout).expect("text");
    let answers = answers.lines().map(|line| serde_json::from_str(line).expect("json")).collect();
    (output.status.code().expect("exits"), answers, String::from_utf8(output.stderr).expect("text"))
}

#[test]
fn plain_rbac_cases_are_decided_by_the_binary_as_in_envoy_and_grpc() {
    let Some(cases) = vectors() else { return };
    let plain: Vec<&Value> = cases.iter().filter(|case| case.get("needs").is_none()).collect();
    assert!(plain.len() > 90, "{} cases", plain.len());
    let mut differing = Vec::new();
    for (index, case) in plain.iter().enumerate() {
        let mut policies = case["policy"].as_array().expect("policies").clone();
        for (index, policy) in policies.iter_mut().enumerate() {
            policy["name"] = json!(format!("p{index}"));
        }
        let allows = policies.iter().any(|policy| policy["action"] == "ALLOW");
        let unmatched = if allows { "deny" } else { "allow" };
        let config = json!({"authorization": {"unmatched": unmatched, "policies": policies}}).to_string();
        let mut request = case["request"].clone();
        request["id"] = case["id"].clone();
        let (code, answers, _) = decide(&format!("rbac-{index}.json"), &config, &request.to_string(), &[]);
        let allowed = case["expected"] == "allow";
        let agrees = answers.len() == 1 && answers[0]["outcome"] == case["expected"] && answers[0]["id"] == case["id"];
        if !agrees || code != i32::from(!allowed) {
            differing.push(format!("{} {answers:?}", case["id"]));
        }
    }
    assert_eq!(differing, Vec::<String>::new());
}

const CONFIG: &str = r#"
service: {name: orders}
roles: {orders.admin: {includes: [orders.reader]}}
services: [{name: billing, principals: [cluster.local/ns/billing/sa/default]}]
authorization:
  policies:
  - name: no-secrets
    action: DENY
    rules: [{to: [{operation: {paths: ["/secret*"]}}]}]
  - name: read-orders
    rules:
    - from: [{source: {roles: [orders.reader]}}, {source: {services: [billing]}}]
      to: [{operation: {methods: [GET], paths: ["/orders/{*}"]}}]
"#;

#[test]
fn an_answer_names_policy_rule_reason_and_path() {
    let input = concat!(
        r#"{"id":1,"method":"GET","path":"/a/../orders//7?x=1","principal":"spiffe://cluster.local/ns/billing/sa/default"}"#,
        "\n\n",
        r#"{"id":"two","method":"GET","path":"/secret/x"}"#,
        "\n",
        r#"{"method":"GET","path":"/orders/7"}"#,
        "\n",
        r#"{"id":4,"method":"GET","path":"/a%2fb"}"#,
        "\n",
        r#"{"id":5,"path":"/x"}"#,
        "\nnonsense\n",
    );
    let (code, answers, stderr) = decide("named.yaml", CONFIG, input, &[]);
    let answer = |id: Value, outcome: &str, status: u16, reason: &str, policy: Value, rule: Value, path: Value| json!({"id": id, "outcome": outcome, "status": status, "reason": reason, "policy": policy, "rule": rule, "path": path, "upstream_headers": {}});
    let null = || Value::Null;
    assert_eq!(
        answers,
        [
            answer(json!(1), "allow", 200, "policy_allowed", json!("read-orders"), json!(0), json!("/orders/7")),
            answer(json!("two"), "deny", 403, "policy_denied", json!("no-secrets"), json!(0), json!("/secret/x")),
            answer(null(), "deny", 403, "no_policy_matched", null(), null(), json!("/orders/7")),
            answer(json!(4), "deny", 403, "path_escaped_slash", null(), null(), null()),
            answer(json!(5), "deny", 403, "malformed_request", null(), null(), null()),
            answer(null(), "deny", 403, "malformed_request", null(), null(), null()),
        ]
    );
    assert_eq!((code, stderr.trim()), (1, "1 allowed, 3 denied, 2 malformed"));
}

#[test]
fn claims_count_only_when_they_are_trusted() {
    let input = r#"{"id":1,"method":"GET","path":"/orders/7","claims":{"roles":["orders.admin"]}}"#;
    assert_eq!(decide("distrusted.yaml", CONFIG, input, &[]).0, 1);
    assert_eq!(decide("trusted.yaml", CONFIG, input, &["--trust-claims", "--now", "2026-11-24T12:00:00Z"]).0, 0);
}

#[test]
fn a_faulty_configuration_is_unusable_and_every_fault_is_named() {
    let config = "authorization:\n  policies:\n  - {name: a, rules: [{to: [{operation: {ports: [x], pahts: [a]}}]}]}\n  - {name: b, action: MAYBE}\n";
    let (code, answers, stderr) = decide("faulty.yaml", config, "{}", &[]);
    assert_eq!((code, answers.len()), (2, 0));
    let second = "authorization:\n  policies:\n  - {name: a, rules: [{to: [{operation: {ports: [x], pahts: [a]}}]}]}\n";
    assert!(decide("second.yaml", second, "{}", &[]).2.contains("operation.ports[0]: found `x`"));
    for fault in
        ["authorization.policies[0].rules[0].to[0].operation.pahts: unknown", "authorization.policies[1].action: found `MAYBE`"]
    {
        assert!(stderr.contains(fault), "{stderr}");
    }
    assert_eq!(decide("duplicate.yaml", "authorization: {}\nauthorization: {}\n", "{}", &[]).0, 2);
}
