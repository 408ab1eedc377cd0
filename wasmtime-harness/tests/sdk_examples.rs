//! Plugins that this project did not write: the examples of proxy-wasm-rust-sdk.
//!
//! They are built outside the repository; `COUNTERSIGN_SDK_EXAMPLES` names the
//! cargo target directory that holds them for both wasm targets. Without it
//! the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::Duration;

use countersign_harness::{Host, LogLevel, Peer, Profile, PropertyValue, Response, Setup};

const TARGETS: [&str; 2] = ["wasm32-wasip1", "wasm32-unknown-unknown"];

/// The example built for both targets, or nothing when there are none.
fn example(name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let Ok(root) = std::env::var("COUNTERSIGN_SDK_EXAMPLES") else {
        eprintln!("skipped: COUNTERSIGN_SDK_EXAMPLES is not set");
        return Vec::new();
    };
    let path = |target| format!("{root}/{target}/release/proxy_wasm_example_{name}.wasm");
    TARGETS.map(|target| (target, std::fs::read(path(target)).unwrap())).into()
}

fn run(name: &str, setup: impl Fn() -> Setup, configuration: &str, test: impl Fn(Host)) {
    for (target, bytes) in example(name) {
        println!("{name} on {target}");
        test(setup().load(bytes).unwrap().configure(configuration).unwrap());
    }
}

fn envoy() -> Setup {
    Host::new(Profile::envoy())
}

#[test]
fn http_headers_answers_hello_itself_and_passes_the_rest() {
    run("http_headers", envoy, "", |host| {
        let hello = host.request().get("/hello").send();
        let reply = hello.reply().unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "Hello, World!\n"));
        assert_eq!(reply.headers.get("powered-by"), Some("proxy-wasm"));
        hello.finish().unwrap();
        assert!(hello.upstream().is_none());

        let other = host.request().get("/other").send();
        assert_eq!(other.upstream().unwrap().headers.get(":path"), Some("/other"));
        other.respond(200, [("a", "b")]).unwrap().finish().unwrap();
        let logs = host.logs();
        assert!(logs.iter().any(|line| line.level == LogLevel::Info && line.message.ends_with("<- a: b")));
        assert_eq!(logs.iter().filter(|line| line.message.ends_with("completed.")).count(), 2);
        assert!(host.traps().is_empty());
    });
}

#[test]
fn http_auth_random_waits_for_its_callout_and_obeys_the_answer() {
    run("http_auth_random", envoy, "", |host| {
        for (byte, status) in [(2u8, 200), (3, 403)] {
            let exchange = host.request().send();
            assert!(exchange.is_paused());
            let call = host.http_calls().pop().unwrap();
            assert_eq!(call.upstream, "httpbin");
            assert_eq!(call.headers.get(":path"), Some("/bytes/1"));
            assert_eq!(call.timeout, Duration::from_secs(1));
            call.respond(200, [("x", "y")], vec![byte]).unwrap();
            if exchange.is_forwarded() {
                exchange.respond(200, [("server", "up")]).unwrap();
            }
            let reply = exchange.finish().unwrap().reply().unwrap();
            assert_eq!(reply.status, status);
            assert_eq!(reply.headers.all("powered-by").last(), Some(&"proxy-wasm"));
        }
    });
}

#[test]
fn http_auth_random_refuses_when_its_callout_times_out() {
    run("http_auth_random", envoy, "", |host| {
        let exchange = host.request().send();
        host.advance(Duration::from_millis(999));
        assert!(exchange.is_paused());
        host.advance(Duration::from_millis(1));
        assert_eq!(exchange.status(), Some(403));
    });
}

#[test]
fn grpc_auth_random_obeys_the_grpc_status() {
    run("grpc_auth_random", envoy, "", |host| {
        let plain = host.request().send();
        assert_eq!(plain.status(), Some(503));
        for (status, allowed) in [(2, true), (5, false)] {
            let exchange = host.request().post("/a.B/C").header("content-type", "application/grpc").send();
            let call = host.grpc_calls().pop().unwrap();
            assert_eq!((call.service.as_str(), call.method.as_str()), ("grpcbin.GRPCBin", "RandomError"));
            assert_eq!(call.target, b"grpcbin");
            call.fail(status).unwrap();
            assert_eq!(exchange.is_forwarded(), allowed, "status {status}");
        }
    });
}

#[test]
fn http_body_sees_the_whole_body_of_a_chunked_response() {
    run("http_body", envoy, "", |host| {
        let exchange = host.request().send();
        let response = Response::new(200).header("content-length", "15").chunk("a sec").chunk("ret ").chunk("inside");
        let reply = exchange.respond_with(response).unwrap().finish().unwrap().reply().unwrap();
        assert_eq!(reply.text(), "Original message body (15 bytes) redacted.\n");
        assert!(!reply.headers.contains("content-length"));

        let exchange = host.request().send();
        let reply = exchange.respond_with(Response::new(200).chunk("noth").chunk("ing")).unwrap().reply().unwrap();
        assert_eq!(reply.text(), "nothing");
    });
}

#[test]
fn http_config_adds_the_configured_header_before_and_after_an_update() {
    run("http_config", envoy, "first", |host| {
        let old = host.request().send();
        host.reconfigure("second").unwrap();
        let new = host.request().send();
        for (exchange, value) in [(old, "first"), (new, "second")] {
            exchange.respond(200, [("a", "b")]).unwrap().finish().unwrap();
            assert_eq!(exchange.reply().unwrap().headers.get("custom-header"), Some(value));
        }
        host.drain();
        assert!(host.traps().is_empty());
    });
}

#[test]
fn hello_world_greets_in_every_vm_and_ticks_on_the_virtual_clock() {
    run("hello_world", envoy, "", |host| {
        let greetings = host.take_logs();
        assert_eq!(greetings.iter().filter(|line| line.message == "Hello, World!").count(), 3);
        host.advance(Duration::from_secs(11));
        let ticks = host.logs();
        assert_eq!(ticks.len(), 4, "two ticks on the main thread and on one worker");
        assert!(ticks[0].message.starts_with("It's 2026-01-01 00:00:05 UTC"), "{}", ticks[0].message);
    });
}

#[test]
fn envoy_filter_metadata_reads_a_property_the_test_set() {
    run("envoy_filter_metadata", envoy, "", |host| {
        let path = "metadata.filter_metadata.envoy.filters.http.lua.uppercased-custom-metadata";
        let exchange = host.request().property(path, "LOUD").send();
        assert_eq!(exchange.reply().unwrap().headers.get("uppercased-metadata"), Some("LOUD"));
        assert!(host.request().send().is_forwarded());
    });
}

#[test]
fn envoy_tcp_routing_chooses_a_cluster_by_the_last_byte_of_the_address() {
    run("envoy_tcp_routing", envoy, "", |host| {
        for (address, cluster) in [("10.0.0.2:5000", "egress-router1"), ("10.0.0.3:5000", "egress-router2")] {
            let connection = host.connection().property("source.address", address).open();
            let chosen = connection.property("filter_state.envoy.tcp_proxy.cluster");
            assert_eq!(chosen, Some(PropertyValue::from(cluster)));
            connection.send("ping").unwrap().close(Peer::Remote).unwrap();
            assert_eq!(connection.forwarded(), b"ping");
        }
        assert!(host.traps().is_empty());
    });
}
