//! What goes wrong around a gateway, on real Envoy: nothing is lost, nothing traps, nothing passes unseen.

#![expect(clippy::expect_used, reason = "what does not start ends the test")]

use countersign_host_tests::evidence;
use countersign_host_tests::gateway::{self, Stack};
use countersign_host_tests::{artifacts, scenario};
use countersign_testbed::client::{self, Request};
use countersign_testbed::collector::Collector;
use countersign_testbed::envoy::{Options, Update};
use countersign_testbed::gateway::{Gateway, WasmFilter};
use countersign_testbed::patience;
use countersign_testbed::tokens::{Algorithm, Issuer};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A configuration under which `good_token` may read orders.
fn configuration(issuer: &Issuer) -> Value {
    json!({
        "host": "envoy",
        "service": {"name": "orders-gateway"},
        "authentication": {"jwtRules": [{"issuer": "https://issuer.example", "jwks": issuer.jwks().to_string(), "rolesFrom": ["roles"]}]},
        "authorization": {"policies": [{"name": "read", "rules": [{"from": [{"source": {"roles": ["reader"]}}]}]}]},
        "audit": {"sinks": gateway::sinks(), "checkpoint": {"key": "11".repeat(32)}},
    })
}

/// How long Envoy may keep a replaced listener: its drain time, which the testbed leaves short, and some.
const DRAINS_WITHIN: Duration = Duration::from_secs(30);

fn good_token(issuer: &Issuer) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    issuer.mint(Algorithm::Es256, &json!({"iss": "https://issuer.example", "sub": "ada", "roles": ["reader"], "exp": now + 3600}))
}

fn stack(folder: &Path) -> (Stack, Issuer) {
    let issuer = Issuer::fixed().expect("keys");
    let stack = Stack::start(&configuration(&issuer).to_string(), folder, Options::default()).expect("starts");
    (stack, issuer)
}

fn verify(store: &Path) -> (i32, String) {
    let countersign = artifacts::countersign().expect("built");
    let output = Command::new(countersign).arg("verify").arg(store).output().expect("runs");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn what_was_collected_verifies() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stack, issuer) = stack(folder.path());
    let token = good_token(&issuer);
    for _ in 0..50 {
        assert_eq!(Request::get("/orders").bearer(&token).send(stack.envoy.address()).expect("answers").status, 200);
    }
    assert_eq!(evidence::access_count(&stack.evidence(50)), 50);
    let (code, report) = verify(stack.collector.store());
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_collector_that_is_killed_and_comes_back_loses_no_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stack, issuer) = stack(folder.path());
    let token = good_token(&issuer);
    let mut sent = 0;
    let mut send = |count: usize| {
        for _ in 0..count {
            assert_eq!(Request::get("/orders").bearer(&token).send(stack.envoy.address()).expect("answers").status, 200);
        }
        sent += count;
        sent
    };
    send(40);
    let (address, store) = (stack.collector.address(), stack.collector.store().to_owned());
    stack.collector.kill().expect("killed");
    send(60);
    // The gateway noticed: it has tried and failed.
    let failed = || (stack.envoy.admin().counter("wasmcustom.countersign.exports.failed").unwrap_or(0) > 0).then_some(());
    patience::wait_for(gateway::ARRIVES_WITHIN, failed).expect("an export fails while nobody listens");
    let countersign = artifacts::countersign().expect("built");
    let _collector = Collector::start_at(&countersign, address, folder.path()).expect("starts again");
    let sent = send(40);
    let enough = || (evidence::access_count(&evidence::lines(&store)) >= sent).then_some(());
    patience::wait_for(gateway::ARRIVES_WITHIN, enough);
    let mut places: Vec<String> = evidence::lines(&store).iter().map(|line| line["chain"]["seq"].to_string()).collect();
    places.sort();
    places.dedup();
    assert_eq!(evidence::access_count(&evidence::lines(&store)), sent, "count in is count out");
    assert!(places.len() > sent, "stream events are there too");
    let (code, report) = verify(&store);
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_broken_configuration_is_refused_with_every_fault_and_the_old_one_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut stack, issuer) = stack(folder.path());
    let mut broken = configuration(&issuer);
    broken["mode"] = json!("enforced");
    broken["authentication"]["jwtRules"][0]["audience"] = json!("x");
    broken["audit"]["sinks"][1]["cluster"] = json!("");
    let gateway = Stack::gateway(&broken.to_string(), &stack.upstream, &stack.collector).expect("built");
    let Update::Refused { log } = stack.envoy.reconfigure(&gateway).expect("answers") else {
        panic!("a broken configuration was accepted");
    };
    for fault in ["mode: found `enforced`", "authentication.jwtRules[0].audience: unknown field", "audit.sinks[1].cluster"] {
        assert!(log.contains(fault), "`{fault}` is not in:\n{log}");
    }
    assert_eq!(Request::get("/orders").send(stack.envoy.address()).expect("answers").status, 401);
    assert_eq!(Request::get("/orders").bearer(&good_token(&issuer)).send(stack.envoy.address()).expect("answers").status, 200);
}

#[test]
fn a_new_configuration_goes_on_in_the_same_chain_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut stack, issuer) = stack(folder.path());
    let token = good_token(&issuer);
    Request::get("/orders").bearer(&token).send(stack.envoy.address()).expect("answers");
    let mut stricter = configuration(&issuer);
    stricter["authorization"]["policies"][0]["rules"][0]["from"][0]["source"]["roles"] = json!(["writer"]);
    let gateway = Stack::gateway(&stricter.to_string(), &stack.upstream, &stack.collector).expect("built");
    assert_eq!(stack.envoy.reconfigure(&gateway).expect("answers"), Update::Accepted);
    assert_eq!(Request::get("/orders").bearer(&token).send(stack.envoy.address()).expect("answers").status, 403);
    let lines = stack.evidence(2);
    let streams: std::collections::BTreeSet<String> = lines.iter().map(|line| line["chain"]["stream"].to_string()).collect();
    let applied = lines.iter().filter(|line| line["event"] == "config.applied").count();
    assert_eq!((streams.len(), applied), (1, 1), "{streams:?}");
    let (code, report) = verify(stack.collector.store());
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_configuration_under_another_name_closes_the_old_chain_and_hands_over_what_is_pending() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut stack, issuer) = stack(folder.path());
    let token = good_token(&issuer);
    for _ in 0..20 {
        assert_eq!(Request::get("/orders").bearer(&token).send(stack.envoy.address()).expect("answers").status, 200);
    }
    let mut renamed = configuration(&issuer);
    renamed["service"]["name"] = json!("orders-gateway-2");
    let gateway = Stack::gateway(&renamed.to_string(), &stack.upstream, &stack.collector).expect("built");
    assert_eq!(stack.envoy.reconfigure(&gateway).expect("answers"), Update::Accepted);
    for _ in 0..20 {
        assert_eq!(Request::get("/orders").bearer(&token).send(stack.envoy.address()).expect("answers").status, 200);
    }
    let store = stack.collector.store();
    let closed = || evidence::lines(store).iter().any(|line| line["event"] == "stream.close").then_some(());
    assert_eq!(evidence::access_count(&stack.evidence(40)), 40);
    patience::wait_for(DRAINS_WITHIN, closed).expect("the old chain is closed once its listener is drained");
    let (code, report) = verify(store);
    assert_eq!(code, 0, "{report}");
}

#[test]
fn rubbish_from_clients_gets_an_answer_and_an_event_and_never_a_trap() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stack, issuer) = stack(folder.path());
    let token = good_token(&issuer);
    let requests = [
        Request::get("/orders").header("authorization", [b"Bearer ".as_slice(), &[0xff, 0xfe, 0x80]].concat()),
        Request::get("/orders").header("user-agent", [0xc3, 0x28, 0xa0]).bearer(&token),
        Request::get("/orders").header("x-odd", [0x80; 200]).header("traceparent", "00-zz").bearer(&token),
        Request::get("/orders?access_token=%00%ff&&&=&").bearer(&token),
        Request::get("/%e2%28%a1/%%%").bearer(&token),
        Request::get("/orders").header("authorization", "Bearer ".repeat(2000)),
        Request::get("/orders").bearer(&"e30.".repeat(2000)),
        Request::get("/orders").bearer(&format!("{{}}.{}", "[".repeat(4000))),
        Request::new("OPTIONS", "*").bearer(&token),
        Request::new("BREW", "/orders").header("cookie", "=;=;;;=\"").bearer(&token),
    ];
    for request in &requests {
        let answer = request.send(stack.envoy.address()).expect("answers");
        assert!([200, 400, 401, 403, 404].contains(&answer.status), "{} to {request:?}", answer.status);
    }
    // More header bytes than Envoy itself takes, and bytes that are no request at all: Envoy answers, and there is an event.
    assert_eq!(Request::get("/orders").bearer(&"x".repeat(100_000)).send(stack.envoy.address()).expect("answers").status, 431);
    client::exchange(stack.envoy.address(), b"\x00\x01\x02 rubbish\r\n\r\n").expect("answers");
    let lines = stack.evidence(requests.len() + 1);
    let unseen = lines.iter().filter(|line| line["decision"]["outcome"] == "not_evaluated").count();
    assert!(unseen >= 1, "the request that never reached the filter has an event");
    assert_eq!(Request::get("/orders").bearer(&token).send(stack.envoy.address()).expect("answers").status, 200);
    let log = stack.envoy.process().log().expect("log");
    assert!(!log.contains("wasm trap") && !log.contains("Function: proxy_"), "{log}");
    let (code, report) = verify(stack.collector.store());
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_gateway_whose_evidence_has_nowhere_to_go_still_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stack, issuer) = stack(folder.path());
    let token = good_token(&issuer);
    let store = stack.collector.store().to_owned();
    stack.collector.kill().expect("killed");
    for (token, status) in [(token.as_str(), 200), ("e30.e30.e30", 401)] {
        assert_eq!(Request::get("/orders").bearer(token).send(stack.envoy.address()).expect("answers").status, status);
    }
    assert_eq!(evidence::access_count(&evidence::lines(&store)), 0);
    // The host's log has them all the same.
    let logged = || stack.envoy.process().log().ok().filter(|log| log.matches("\"event\":\"access\"").count() == 2);
    patience::wait_for(gateway::ARRIVES_WITHIN, logged).expect("both events are in the log");
}

#[test]
fn the_corpus_names_each_case_once() {
    for (name, scenario) in scenario::all().expect("corpus") {
        let mut names: Vec<&str> = scenario.cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), scenario.cases.len(), "{name}");
    }
}

/// A gateway without an upstream or a collector, for what needs neither.
#[test]
fn a_filter_that_is_not_configured_does_not_let_envoy_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let filter = WasmFilter::new(artifacts::filter().expect("built"), "{}");
    let binary = countersign_testbed::envoy::Binary::locate().expect("envoy");
    let fault = countersign_testbed::envoy::Envoy::start(&binary, &Gateway::answering_itself().wasm(&filter), folder.path())
        .expect_err("must not start")
        .to_string();
    assert!(fault.contains("authorization: missing"), "{fault}");
}
