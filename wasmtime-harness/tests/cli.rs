//! The binary, as people and pipelines call it.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::process::{Command, Output};

fn harness(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-harness"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn run_plays_every_scenario_under_each_profile() {
    let output = harness(&["run", "scenarios/guard.yaml"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("ok     a request without a key is refused (nginx-wasm)\n"), "{text}");
    assert!(text.ends_with("7 passed, 0 failed\n"), "{text}");
}

#[test]
fn run_takes_profiles_from_the_command_line() {
    let text = stdout(&harness(&["run", "scenarios/guard.yaml", "--profile", "strict", "--format", "tap"]));
    assert!(text.starts_with("TAP version 14\n1..4\nok 1 - a request without a key is refused (strict)\n"), "{text}");
    let output = harness(&["run", "scenarios/guard.yaml", "--profile", "iis"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn run_names_what_did_not_hold_and_shows_the_trace() {
    let output = harness(&["run", "scenarios/wrong.yaml"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1));
    for expected in [
        "step 1: status: expected 200, found 401",
        "step 1: header `www-authenticate`: expected \"Basic\", found \"Key\"",
        "step 1: upstream: nothing reached it",
        "step 1: logs: no line with `nothing of the kind`",
        "step 1: metric `guard.refused`: expected 7, found 1",
        "step 2: cannot respond to an exchange that is replied",
        "step 3: no HTTP call is pending",
        "| worker 0   <- proxy_send_local_response(401, refused) = 0",
        "configure: plugin refused its configuration on canary",
        "0 passed, 2 failed",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing in\n{text}");
    }
}

#[test]
fn run_writes_junit() {
    let text = stdout(&harness(&["run", "scenarios/wrong.yaml", "--format", "junit"]));
    assert!(text.contains("<testsuite name=\"countersign-harness\" tests=\"2\" failures=\"2\">"), "{text}");
}

#[test]
fn run_could_not_tell_without_a_readable_file_or_plugin() {
    for arguments in [&["run", "scenarios/none.yaml"][..], &["run", "plugins/guard.wat"]] {
        let output = harness(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn inspect_shows_which_hosts_refuse_a_module_and_why() {
    let text = stdout(&harness(&["inspect", "plugins/metric.wat"]));
    assert!(text.contains("apisix      REFUSES\n    import_type: import `env.proxy_get_metric`"), "{text}");
    assert!(text.contains("nginx-wasm  loads\n    traps when called: proxy_grpc_call\n"), "{text}");
    assert!(text.contains("gcp         loads\n    does nothing: proxy_get_metric, proxy_grpc_call\n"), "{text}");
}

#[test]
fn inspect_exits_with_1_for_a_host_that_refuses() {
    let code = |host| harness(&["inspect", "plugins/metric.wat", "--host", host]).status.code();
    assert_eq!((code("apisix"), code("envoy"), code("iis")), (Some(1), Some(0), Some(2)));
}

#[test]
fn inspect_gives_json() {
    let text = stdout(&harness(&["inspect", "plugins/guard.wat", "--json"]));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["abi"], "0.2.1");
    assert_eq!(value["hosts"].as_array().unwrap().len(), 4);
    assert_eq!(value["imports"][0], "env.proxy_log");
}

#[test]
fn bench_counts_the_same_every_time_and_compares() {
    let configuration = ["--configuration", "scenarios/guard.yaml"];
    let few = ["--requests", "20", "--warm-up", "1", "--json", "--header", "x-key: k"];
    let arguments = [&["bench", "plugins/guard.wat", "--compare", "plugins/metric.wat"][..], &configuration, &few].concat();
    let parse = |output: &Output| serde_json::from_str::<serde_json::Value>(&stdout(output)).unwrap();
    let (first, second) = (parse(&harness(&arguments)), parse(&harness(&arguments)));
    assert_eq!(first[0]["fuel"], second[0]["fuel"]);
    assert!(first[0]["fuel"].as_u64().unwrap() > first[1]["fuel"].as_u64().unwrap());
    assert_eq!(first[0]["hostcalls"]["proxy_http_call"], 1.0);
    assert_eq!(first[0]["callbacks"]["proxy_on_request_headers"]["count"], 1.0);
    assert_eq!(first[0]["statuses"], "200 x20");
    assert_eq!(first[0]["memory"], 2 * 65536);
}

#[test]
fn bench_shows_both_plugins_side_by_side() {
    let few = ["--requests", "5", "--warm-up", "1", "--configuration", "scenarios/guard.yaml"];
    let output = harness(&[&["bench", "plugins/guard.wat", "--compare", "plugins/metric.wat"][..], &few].concat());
    let text = stdout(&output);
    let first = text.lines().next().unwrap();
    assert!(first.contains("guard.wat") && first.ends_with("metric.wat"), "{text}");
    assert!(text.contains("proxy_send_local_response"), "{text}");
}
