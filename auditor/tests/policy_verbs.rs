//! What `check`, `explain`, `import` and `test` print.

#![allow(clippy::expect_used, reason = "a test may fail by panicking")]

use assert_cmd::Command;

/// Runs the tool beside the files of `tests/policies` and gives what it printed and its exit code.
fn run(arguments: &[&str]) -> String {
    run_with(arguments, "")
}

fn run_with(arguments: &[&str], input: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/policies");
    let mut command = Command::cargo_bin("countersign").expect("built");
    let output = command.current_dir(folder).args(arguments).write_stdin(input).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    format!("{}{}exit code {}\n", text(output.stdout), text(output.stderr), output.status.code().expect("exits"))
}

const NOON: &[&str] = &["explain", "--config", "orders.yaml", "--now", "2026-11-24T12:00:00Z", "--trust-claims"];

fn explain(request: &str) -> String {
    run(&[NOON, &[request]].concat())
}

#[test]
fn check_names_every_fault_with_its_path() {
    insta::assert_snapshot!(run(&["check", "faulty.yaml"]));
}

#[test]
fn check_warns_of_what_is_probably_not_meant() {
    insta::assert_snapshot!(run(&["check", "odd.yaml"]));
}

#[test]
fn check_finds_the_configuration_in_an_envoy_file() {
    insta::assert_snapshot!(run(&["check", "envoy.yaml"]));
}

#[test]
fn check_reads_istio_resources() {
    insta::assert_snapshot!(run(&["check", "istio.yaml"]));
}

#[test]
fn check_says_when_there_is_nothing_to_check() {
    insta::assert_snapshot!(run(&["check", "absent.yaml", "cases.yaml", "orders.yaml"]));
}

#[test]
fn explain_shows_what_would_have_had_to_be() {
    insta::assert_snapshot!(explain(
        r#"{"method":"POST","path":"/a/../orders/7?x","host":"shop","claims":{"iss":"https://i","sub":"ann","roles":["orders.admin"]}}"#
    ));
}

#[test]
fn explain_shows_which_policy_decides() {
    insta::assert_snapshot!(explain(
        r#"{"method":"GET","path":"/secret","principal":"spiffe://cluster.local/ns/billing/sa/default"}"#
    ));
}

#[test]
fn explain_says_when_the_policies_were_not_asked() {
    insta::assert_snapshot!(explain(r#"{"method":"GET","path":"/a%2fb"}"#));
}

#[test]
fn import_takes_over_rules_and_names_what_has_no_equal() {
    insta::assert_snapshot!(run(&["import", "istio", "istio.yaml"]));
}

#[test]
fn test_shows_what_differs_and_which_rules_no_case_reaches() {
    insta::assert_snapshot!(run(&["test", "cases.yaml"]));
}

#[test]
fn diff_shows_the_requests_that_would_be_decided_otherwise() {
    let requests = concat!(
        r#"{"id":"secret","method":"GET","path":"/secret"}"#,
        "\n",
        r#"{"id":"order","method":"GET","path":"/orders/7","claims":{"roles":["orders.reader"]}}"#,
        "\n",
        r#"{"id":"other","method":"GET","path":"/other"}"#,
        "\n",
        r#"{"id":"refused either way","method":"GET","path":"/a%2fb"}"#,
    );
    insta::assert_snapshot!(run_with(&["diff", "orders.yaml", "open.yaml", "--trust-claims"], requests));
}
