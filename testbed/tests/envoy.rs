//! The testbed against a real Envoy, without any filter of ours.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use countersign_testbed::client::{Request, exchange};
use countersign_testbed::envoy::{Binary, Envoy, EnvoyError, Options, Update};
use countersign_testbed::gateway::{Gateway, NativeAccess, WasmFilter};
use countersign_testbed::load::Load;
use countersign_testbed::tokens::{Algorithm, Issuer, forged, unsigned};
use countersign_testbed::upstream::Upstream;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

fn envoy(gateway: &Gateway) -> (Envoy, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let envoy = Envoy::start(&Binary::locate().unwrap(), gateway, folder.path()).unwrap();
    (envoy, folder)
}

fn claims(roles: &[&str]) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({"iss": "https://issuer.example", "aud": "orders-api", "sub": "ada", "roles": roles, "iat": now, "exp": now + 300})
}

fn native_access(issuer: &Issuer) -> NativeAccess {
    NativeAccess {
        issuer: "https://issuer.example".into(),
        audience: "orders-api".into(),
        jwks: issuer.jwks(),
        roles_claim: "roles".into(),
        role: "orders.reader".into(),
    }
}

#[test]
fn a_request_reaches_the_upstream_through_envoy() {
    let upstream = Upstream::start().unwrap();
    let (envoy, _folder) = envoy(&Gateway::to(upstream.address()));
    let echo = Request::get("/orders/7?x=1").header("x-a", "b").send(envoy.address()).unwrap().json().unwrap();
    assert_eq!(echo["path"], "/orders/7?x=1");
    assert!(echo["headers"].as_array().unwrap().contains(&json!(["x-a", "b"])));
    assert_eq!(upstream.requests(), 1);
    assert!(envoy.process().resident_bytes().unwrap() > 1_000_000);
    assert!(envoy.stop().unwrap().success());
}

#[test]
fn bytes_that_are_no_http_get_a_400_and_do_not_reach_the_upstream() {
    let upstream = Upstream::start().unwrap();
    let (envoy, _folder) = envoy(&Gateway::to(upstream.address()));
    let answer = exchange(envoy.address(), b"GET / HTTP/1.1\r\nhost: a\r\nx\x01y: 1\r\n\r\n").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn the_native_filters_take_good_tokens_of_every_algorithm_and_no_bad_ones() {
    let issuer = Issuer::fixed().unwrap();
    let (envoy, _folder) = envoy(&Gateway::answering_itself().native_access(&native_access(&issuer)));
    let status = |token: &str| Request::get("/orders/7").bearer(token).send(envoy.address()).unwrap().status;
    for algorithm in Algorithm::ALL {
        let good = issuer.mint(algorithm, &claims(&["orders.reader"]));
        assert_eq!(status(&good), 200, "{algorithm:?}");
        assert_eq!(status(&forged(&good, &claims(&["orders.reader", "root"]))), 401, "{algorithm:?}");
        assert_eq!(status(&issuer.mint(algorithm, &claims(&["invoices.reader"]))), 403, "{algorithm:?}");
    }
    assert_eq!(status(&unsigned(&claims(&["orders.reader"]))), 401);
}

#[test]
fn a_refused_configuration_leaves_the_old_one_in_force() {
    let issuer = Issuer::fixed().unwrap();
    let (mut envoy, _folder) = envoy(&Gateway::answering_itself());
    let status = |envoy: &Envoy| Request::get("/orders/7").send(envoy.address()).unwrap().status;
    assert_eq!(status(&envoy), 200);

    let guarded = Gateway::answering_itself().native_access(&native_access(&issuer));
    assert_eq!(envoy.reconfigure(&guarded).unwrap(), Update::Accepted);
    assert_eq!(status(&envoy), 401);

    let broken = Gateway::answering_itself().wasm(&WasmFilter::new("/nowhere/filter.wasm", ""));
    let Update::Refused { log } = envoy.reconfigure(&broken).unwrap() else { panic!("it was accepted") };
    assert!(log.contains("/nowhere/filter.wasm"), "{log}");
    assert_eq!(status(&envoy), 401);

    assert_eq!(envoy.reconfigure(&Gateway::answering_itself()).unwrap(), Update::Accepted);
    assert_eq!(status(&envoy), 200);
}

#[test]
fn a_first_configuration_that_is_refused_is_an_error_with_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Gateway::answering_itself().wasm(&WasmFilter::new("/nowhere/filter.wasm", ""));
    let error = Envoy::start(&Binary::locate().unwrap(), &broken, folder.path()).unwrap_err();
    assert!(matches!(&error, EnvoyError::Refused { log } if log.contains("/nowhere/filter.wasm")), "{error}");
}

#[test]
fn a_bootstrap_that_is_no_bootstrap_is_an_error_with_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = folder.path().join("envoy.yaml");
    std::fs::write(&bootstrap, "static_resources: {nonsense: 1}").unwrap();
    let error = Envoy::start_file(&Binary::locate().unwrap(), &bootstrap, folder.path(), Options::default()).unwrap_err();
    assert!(matches!(&error, EnvoyError::Ended { log } if log.contains("nonsense")), "{error}");
}

#[test]
fn native_logs_of_both_kinds_are_valid_and_load_is_counted() {
    let upstream = Upstream::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.json");
    // Nobody answers at the audit cluster: traffic must not care.
    let gateway = Gateway::to(upstream.address()).audit_to(upstream.address()).opentelemetry_log().file_log(&log);
    let (envoy, _folder) = envoy(&gateway);
    let before = envoy.process().cpu().unwrap();
    let load = Load { connections: 4, requests: 200, path: "/orders/7".into(), headers: vec![], tokens: vec!["t".into()] };
    assert_eq!(load.run(envoy.address()).unwrap().statuses, [(200, 200)].into());
    assert!(envoy.process().cpu().unwrap() > before);
    assert!(envoy.stop().unwrap().success());
    let lines = std::fs::read_to_string(&log).unwrap();
    assert_eq!(lines.lines().count(), 200);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["route"], "everything");
}
