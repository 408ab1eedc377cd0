//! Keys that are fetched, on the harness: what a key server may do, and what becomes of the requests that need its keys.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests are tests")]

use countersign_harness::{CalloutState, Exchange, Host, Hostcall, HttpCall, Plugin, Profile, Status};
use countersign_host_tests::artifacts;
use countersign_testbed::tokens::{Algorithm, Issuer};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::Duration;

const NOW: u64 = 1_795_519_353;
const SECOND: Duration = Duration::from_secs(1);

static PLUGIN: LazyLock<Plugin> =
    LazyLock::new(|| Plugin::compile(std::fs::read(artifacts::filter().expect("built")).expect("readable")).expect("compiles"));

fn configuration(host: &str) -> Value {
    let mut rule = json!({
        "issuer": "https://issuer.example",
        "jwksUri": "https://issuer.example/.well-known/jwks.json?v=1",
        "rolesFrom": ["roles"],
    });
    if host == "envoy" {
        rule["jwksCluster"] = json!("issuer");
    }
    json!({
        "host": host,
        "authentication": {"jwtRules": [rule]},
        "authorization": {"policies": [{"name": "read", "rules": [{"from": [{"source": {"roles": ["reader"]}}]}]}]},
        "audit": {"sinks": [{"kind": "log"}]},
    })
}

fn start(profile: &str) -> Host {
    let loaded = Host::new(Profile::named(profile).expect("known")).clock(Duration::from_secs(NOW)).load(&*PLUGIN).unwrap();
    loaded.configure(configuration(profile).to_string()).expect("the configuration is accepted")
}

/// The fixed issuer's keys, of which the one for ES256 has this id.
fn jwks(es256: &str) -> String {
    Issuer::fixed().unwrap().jwks().to_string().replace("es256-1", es256)
}

fn token(kid: &str) -> String {
    let claims = json!({"iss": "https://issuer.example", "sub": "ada", "roles": ["reader"], "exp": NOW + 400_000});
    Issuer::fixed().unwrap().sign(Algorithm::Es256, &json!({"alg": "ES256", "kid": kid}), &claims)
}

fn send(host: &Host, token: &str) -> Exchange {
    let request = host.request().get("/orders").header("authorization", format!("Bearer {token}"));
    request.property("source.address", "127.0.0.1:40000").send()
}

/// The calls that wait for an answer.
fn pending(host: &Host) -> Vec<HttpCall> {
    host.http_calls().into_iter().filter(|call| call.state == CalloutState::Pending).collect()
}

/// Sends a request and answers the fetch that it leads to.
fn fetch(host: &Host, kid: &str, body: impl Into<Vec<u8>>) -> Exchange {
    let exchange = send(host, &token(kid));
    pending(host).first().expect("a fetch").respond(200, [("a", "b")], body).unwrap();
    exchange
}

fn events(host: &Host) -> Vec<Value> {
    host.logs().iter().filter_map(|line| serde_json::from_str(&line.message).ok()).collect()
}

fn assert_clean(host: &Host) {
    assert!(host.traps().is_empty(), "{:?}", host.traps());
    assert!(host.violations().is_empty(), "{:?}", host.violations());
}

#[test]
fn a_request_waits_for_keys_and_goes_on_with_them() {
    let host = start("envoy");
    let exchange = send(&host, &token("es256-1"));
    assert!(exchange.is_paused());
    let calls = pending(&host);
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.upstream.as_str(), call.timeout), ("issuer", 5 * SECOND));
    assert_eq!(call.headers.get(":path"), Some("/.well-known/jwks.json?v=1"));
    assert_eq!(call.headers.get(":authority"), Some("issuer.example"));
    call.respond(200, [("content-type", "application/json")], jwks("es256-1")).unwrap();
    assert!(exchange.is_forwarded());
    assert!(exchange.upstream().unwrap().headers.get("authorization").is_none(), "the token is stripped");
    assert!(send(&host, &token("es256-1")).is_forwarded(), "the next one need not wait");
    assert_eq!(host.http_calls().len(), 1);
    let rotated = events(&host).into_iter().find(|event| event["event"] == "jwks.rotated").expect("a notice");
    assert_eq!(rotated["jwks"]["added"], json!(["es256-1", "rs256-1", "eddsa-1"]));
    assert_clean(&host);
}

#[test]
fn requests_that_wait_share_one_fetch_and_each_goes_on_once() {
    let host = start("envoy");
    let exchanges: Vec<Exchange> = (0..5).map(|_| send(&host, &token("es256-1"))).collect();
    assert!(exchanges.iter().all(Exchange::is_paused));
    let calls = pending(&host);
    assert_eq!(calls.len(), 1);
    calls[0].respond(200, [("a", "b")], jwks("es256-1")).unwrap();
    assert!(exchanges.iter().all(Exchange::is_forwarded));
    assert_clean(&host);
}

#[test]
fn what_no_key_can_turn_around_costs_no_fetch() {
    let host = start("envoy");
    let claims = json!({"iss": "https://issuer.example", "sub": "ada", "exp": NOW - 3600});
    let expired = Issuer::fixed().unwrap().mint(Algorithm::Es256, &claims);
    assert_eq!(send(&host, &expired).status(), Some(401));
    assert_eq!(send(&host, "e30.e30.e30").status(), Some(401));
    assert!(pending(&host).is_empty());
}

#[test]
fn a_key_server_that_does_not_answer_is_a_fault_until_it_does() {
    let host = start("envoy");
    let exchange = send(&host, &token("es256-1"));
    pending(&host)[0].fail().unwrap();
    assert_eq!(exchange.status(), Some(503));
    exchange.finish().unwrap();
    let event = events(&host).into_iter().find(|event| event["event"] == "access").expect("an event");
    assert_eq!((&event["decision"]["outcome"], &event["decision"]["reason"]), (&json!("fault"), &json!("keys_unreachable")));
    assert_eq!(send(&host, &token("es256-1")).status(), Some(503), "while it backs off, nobody waits");
    assert!(pending(&host).is_empty());
    host.advance(3 * SECOND);
    let waiting = send(&host, &token("es256-1"));
    assert!(waiting.is_paused());
    pending(&host)[0].respond(200, [("a", "b")], jwks("es256-1")).unwrap();
    assert!(waiting.is_forwarded());
    assert_clean(&host);
}

#[test]
fn a_late_answer_finds_nobody_waiting() {
    let host = start("envoy");
    let exchange = send(&host, &token("es256-1"));
    let call = pending(&host).remove(0);
    host.advance(8 * SECOND);
    assert_eq!(exchange.status(), Some(503));
    assert!(call.respond(200, [("a", "b")], jwks("es256-1")).is_err(), "the host has given it up");
    assert_clean(&host);
}

#[test]
fn an_answer_that_is_no_key_set_is_a_fault() {
    let bodies = [b"<html>".to_vec(), Vec::new(), br#"{"keys":[]}"#.to_vec(), vec![b' '; 10 << 20]];
    for body in bodies {
        let host = start("envoy");
        let length = body.len();
        assert_eq!(fetch(&host, "es256-1", body).status(), Some(503), "{length} bytes");
        assert_clean(&host);
    }
    let host = start("envoy");
    let exchange = send(&host, &token("es256-1"));
    pending(&host)[0].respond(404, [("a", "b")], jwks("es256-1")).unwrap();
    assert_eq!(exchange.status(), Some(503));
}

#[test]
fn keys_are_refreshed_ahead_of_their_expiry_and_garbage_keeps_the_old_ones() {
    let host = start("envoy");
    assert!(fetch(&host, "es256-1", jwks("es256-1")).is_forwarded());
    host.advance(479 * SECOND);
    assert!(pending(&host).is_empty(), "not before 80 % of the ten minutes");
    let asked = (480..571).find(|_| {
        host.advance(SECOND);
        !pending(&host).is_empty()
    });
    assert!(asked.is_some(), "before they are over");
    pending(&host)[0].respond(200, [("a", "b")], "garbage").unwrap();
    assert!(send(&host, &token("es256-1")).is_forwarded());
    for hour in 1..24 {
        host.advance(3600 * SECOND);
        for call in pending(&host) {
            call.respond(500, [("a", "b")], "").unwrap();
        }
        assert!(send(&host, &token("es256-1")).is_forwarded(), "hour {hour}");
    }
    host.advance(3600 * SECOND);
    pending(&host).iter().for_each(|call| call.fail().unwrap());
    assert_eq!(send(&host, &token("es256-1")).status(), Some(503), "no key is trusted for longer than a day");
    assert_clean(&host);
}

#[test]
fn an_unknown_key_id_leads_to_one_fetch_in_a_while() {
    let host = start("envoy");
    assert!(fetch(&host, "es256-1", jwks("es256-1")).is_forwarded());
    let unknown = fetch(&host, "nobody-1", jwks("es256-1"));
    assert_eq!(unknown.status(), Some(401));
    assert_eq!(send(&host, &token("nobody-1")).status(), Some(401), "remembered");
    assert_eq!(send(&host, &token("nobody-2")).status(), Some(401), "too soon");
    assert_eq!(host.http_calls().len(), 2);
    host.advance(31 * SECOND);
    assert_eq!(send(&host, &token("nobody-1")).status(), Some(401), "remembered");
    assert!(pending(&host).is_empty());
    assert!(send(&host, &token("nobody-3")).is_paused());
    assert!(send(&host, &token("es256-1")).is_forwarded(), "known keys go on meanwhile");
    assert_eq!(host.http_calls().len(), 3);
    assert_clean(&host);
}

#[test]
fn a_rotation_is_followed_and_takes_what_the_old_key_verified() {
    let host = start("envoy");
    assert!(fetch(&host, "es256-1", jwks("es256-1")).is_forwarded());
    assert!(send(&host, &token("es256-1")).is_forwarded(), "it is remembered");
    assert!(fetch(&host, "es256-2", jwks("es256-2")).is_forwarded());
    host.advance(31 * SECOND);
    let old = fetch(&host, "es256-1", jwks("es256-2"));
    assert_eq!(old.status(), Some(401), "the token outlived its key");
    let rotated: Vec<Value> = events(&host).into_iter().filter(|event| event["event"] == "jwks.rotated").collect();
    assert_eq!(rotated.len(), 2);
    assert_eq!((&rotated[1]["jwks"]["added"], &rotated[1]["jwks"]["removed"]), (&json!(["es256-2"]), &json!(["es256-1"])));
    assert_clean(&host);
}

#[test]
fn a_request_that_ends_while_it_waits_is_forgotten() {
    let host = start("envoy");
    let (gone, stays) = (send(&host, &token("es256-1")), send(&host, &token("es256-1")));
    gone.finish().unwrap();
    pending(&host)[0].respond(200, [("a", "b")], jwks("es256-1")).unwrap();
    assert!(stays.is_forwarded());
    let outcomes: Vec<Value> = events(&host)
        .iter()
        .filter(|event| event["event"] == "access")
        .map(|event| event["decision"]["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["not_evaluated"]);
    assert_clean(&host);
}

#[test]
fn a_worker_that_serves_nobody_fetches_nothing() {
    let host = start("envoy");
    host.advance(1200 * SECOND);
    assert!(host.http_calls().is_empty());
}

#[test]
fn a_host_that_refuses_the_call_is_a_fault() {
    let host = start("envoy");
    host.break_hostcall(Hostcall::HttpCall, Status::BadArgument);
    assert_eq!(send(&host, &token("es256-1")).status(), Some(503));
    host.mend(Hostcall::HttpCall);
    host.advance(2 * SECOND);
    pending(&host)[0].respond(200, [("a", "b")], jwks("es256-1")).unwrap();
    assert!(send(&host, &token("es256-1")).is_forwarded());
    assert_clean(&host);
}

#[test]
fn a_new_configuration_starts_with_the_keys_of_the_old_one() {
    let host = start("envoy");
    assert!(fetch(&host, "es256-1", jwks("es256-1")).is_forwarded());
    let mut changed = configuration("envoy");
    changed["service"] = json!({"name": "another"});
    host.reconfigure(changed.to_string()).unwrap();
    assert!(send(&host, &token("es256-1")).is_forwarded());
    assert_eq!(host.http_calls().len(), 1);
    assert_clean(&host);
}

#[test]
fn a_root_that_goes_away_leaves_nobody_waiting() {
    let host = start("envoy");
    let exchange = send(&host, &token("es256-1"));
    host.shut_down();
    assert_eq!((exchange.status(), exchange.upstream().is_none()), (Some(503), true), "{:?}", exchange.stage());
    assert!(host.traps().is_empty(), "{:?}", host.traps());
}

/// On hosts where a request goes on by itself when its callout ends, each has its own, and none slips through.
#[test]
fn where_callouts_are_not_shared_each_request_makes_its_own() {
    let host = start("nginx-wasm");
    let exchanges: Vec<Exchange> = (0..3).map(|_| send(&host, &token("es256-1"))).collect();
    let calls = pending(&host);
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[0].upstream, "issuer.example");
    calls[0].respond(200, [("a", "b")], jwks("es256-1")).unwrap();
    assert!(exchanges[0].is_forwarded() && exchanges[1].is_paused());
    calls[1].fail().unwrap();
    assert!(exchanges[1].is_forwarded(), "the keys are here");
    exchanges[2].finish().unwrap();
    assert!(send(&host, &token("es256-1")).is_forwarded());
    assert_clean(&host);
}

#[test]
fn where_requests_go_on_by_themselves_none_passes_without_keys() {
    for answered in [true, false] {
        let host = start("nginx-wasm");
        let exchange = send(&host, &token("es256-1"));
        let call = pending(&host).remove(0);
        if answered {
            call.respond(200, [("a", "b")], "garbage").unwrap()
        } else {
            call.fail().unwrap()
        };
        assert_eq!((exchange.status(), exchange.upstream().is_none()), (Some(503), true));
        assert_clean(&host);
    }
}

/// The answer that a refresh brings may be older than the key that signed a token which came meanwhile.
#[test]
fn a_request_that_joined_an_earlier_fetch_may_wait_for_one_of_its_own() {
    let host = start("envoy");
    assert!(fetch(&host, "es256-1", jwks("es256-1")).is_forwarded());
    host.advance(479 * SECOND);
    let refreshes = (0..100).find(|_| {
        host.advance(SECOND);
        !pending(&host).is_empty()
    });
    assert!(refreshes.is_some());
    host.advance(Duration::from_millis(1));
    let exchanges = [send(&host, &token("es256-2")), send(&host, &token("es256-2"))];
    pending(&host)[0].respond(200, [("a", "b")], jwks("es256-1")).unwrap();
    assert!(exchanges.iter().all(Exchange::is_paused));
    let calls = pending(&host);
    assert_eq!(calls.len(), 1);
    calls[0].respond(200, [("a", "b")], jwks("es256-2")).unwrap();
    assert!(exchanges.iter().all(Exchange::is_forwarded));
    assert_clean(&host);
}
