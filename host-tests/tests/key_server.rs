//! Keys that are fetched, on real Envoy, from a key server that misbehaves.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests are tests")]

use countersign_host_tests::artifacts;
use countersign_host_tests::gateway::{self, Stack};
use countersign_testbed::client::Request;
use countersign_testbed::collector::Collector;
use countersign_testbed::envoy::{Binary, Envoy, Options};
use countersign_testbed::load::Load;
use countersign_testbed::patience;
use countersign_testbed::tokens::{Algorithm, Issuer};
use countersign_testbed::upstream::Upstream;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a key server does with a request.
#[derive(Clone)]
enum Answer {
    Body(String),
    Reset,
}

/// A key server on a free loopback port; it lives as long as the test.
struct KeyServer {
    address: SocketAddr,
    state: Arc<Mutex<(Answer, u64)>>,
}

impl KeyServer {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new((answer, 0)));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(stream, &shared)));
        Self { address, state }
    }

    fn answer(&self, answer: Answer) {
        *self.state.lock().expect("whole") = (answer, 0);
    }

    /// How often it gave the present answer.
    fn answered(&self) -> u64 {
        self.state.lock().expect("whole").1
    }
}

/// One request a connection.
fn serve(mut stream: TcpStream, state: &Mutex<(Answer, u64)>) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).unwrap_or_default();
    let asked = String::from_utf8_lossy(request.get(..read).unwrap_or_default()).into_owned();
    let mut state = state.lock().expect("whole");
    state.1 += 1;
    if let Answer::Body(body) = &state.0 {
        assert!(asked.starts_with("GET /keys HTTP/1.1\r\n"), "{asked}");
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        // A peer that gives up on a long answer is part of the test.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }
}

fn configuration() -> Value {
    json!({
        "host": "envoy",
        "service": {"name": "orders-gateway"},
        "authentication": {"jwtRules": [{
            "issuer": "https://issuer.example", "jwksUri": "http://issuer.example/keys", "jwksCluster": "issuer",
            "jwksCacheDuration": "1s", "rolesFrom": ["roles"],
        }]},
        "authorization": {"policies": [{"name": "read", "rules": [{"from": [{"source": {"roles": ["reader"]}}]}]}]},
        "audit": {"sinks": gateway::sinks()},
    })
}

fn start(server: &KeyServer, folder: &Path, workers: u32) -> Stack {
    let upstream = Upstream::start().expect("starts");
    let collector = Collector::start(&artifacts::countersign().expect("built"), folder).expect("starts");
    let gateway = Stack::gateway(&configuration().to_string(), &upstream, &collector).expect("built");
    let gateway = gateway.cluster("issuer", server.address);
    let options = Options { workers, ..Options::default() };
    let envoy = Envoy::start_with(&Binary::locate().expect("envoy"), &gateway, folder, options).expect("starts");
    Stack { upstream, collector, envoy, folder: folder.to_owned() }
}

/// The fixed issuer's keys under these ids, all with the material of ES256.
fn jwks(ids: &[&str]) -> Answer {
    let keys = Issuer::fixed().expect("keys").jwks();
    let with_id = |id: &&str| {
        let mut key = keys["keys"][0].clone();
        key["kid"] = json!(id);
        key
    };
    Answer::Body(json!({"keys": ids.iter().map(with_id).collect::<Vec<_>>()}).to_string())
}

fn token(kid: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({"iss": "https://issuer.example", "sub": "ada", "roles": ["reader"], "exp": now + 3600});
    Issuer::fixed().expect("keys").sign(Algorithm::Es256, &json!({"alg": "ES256", "kid": kid}), &claims)
}

fn load(requests: u64, tokens: &[&str]) -> Load {
    let tokens = tokens.iter().map(|kid| token(kid)).collect();
    Load { connections: 8, requests, path: "/orders".to_owned(), headers: Vec::new(), tokens }
}

fn status(stack: &Stack, token: &str) -> u16 {
    Request::get("/orders").bearer(token).send(stack.envoy.address()).expect("answers").status
}

fn wait_for_status(stack: &Stack, token: &str, wanted: u16) {
    let answered = || (status(stack, token) == wanted).then_some(());
    patience::wait_for(Duration::from_secs(20), answered).expect("the status that is waited for");
}

fn assert_no_trap(stack: &Stack) {
    let log = stack.envoy.process().log().expect("log");
    assert!(!log.contains("wasm trap") && !log.contains("Function: proxy_"), "{log}");
}

#[test]
fn a_rotation_under_load_loses_no_valid_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = KeyServer::start(jwks(&["first"]));
    let stack = start(&server, folder.path(), 2);
    let address = stack.envoy.address();
    let before = std::thread::spawn(move || load(4000, &["first"]).run(address).expect("load"));
    let served = || (stack.upstream.requests() > 200).then_some(());
    patience::wait_for(Duration::from_secs(20), served).expect("the load is under way");
    server.answer(jwks(&["first", "second"]));
    // The new key signs at once: no worker has seen it.
    let during = load(4000, &["second", "first"]).run(address).expect("load");
    assert_eq!(before.join().expect("ends").statuses, BTreeMap::from([(200, 4000)]));
    assert_eq!(during.statuses, BTreeMap::from([(200, 4000)]));
    server.answer(jwks(&["second"]));
    wait_for_status(&stack, &token("first"), 401);
    assert_eq!(status(&stack, &token("second")), 200);
    let rotated = || stack.evidence(8000).iter().filter(|line| line["event"] == "jwks.rotated").count();
    assert!(rotated() >= 3, "each worker says which keys came and went");
    assert_no_trap(&stack);
}

#[test]
fn a_key_server_that_is_down_is_a_fault_until_it_is_back_and_garbage_keeps_the_old_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = KeyServer::start(Answer::Reset);
    let stack = start(&server, folder.path(), 1);
    let token = token("first");
    assert_eq!(status(&stack, &token), 503);
    assert_eq!(
        Request::get("/orders").send(stack.envoy.address()).expect("answers").status,
        401,
        "without a token none is needed"
    );
    server.answer(jwks(&["first"]));
    wait_for_status(&stack, &token, 200);
    for answer in [Answer::Body("<html>".to_owned()), Answer::Body(" ".repeat(10 << 20)), Answer::Reset] {
        server.answer(answer);
        let tried = || (server.answered() >= 2).then_some(());
        patience::wait_for(Duration::from_secs(30), tried).expect("it is asked again");
        assert_eq!(status(&stack, &token), 200);
    }
    let lines = stack.evidence(3);
    let fault = lines.iter().find(|line| line["decision"]["reason"] == "keys_unreachable").expect("an event of the fault");
    assert_eq!(fault["decision"]["outcome"], "fault");
    let verified = std::process::Command::new(artifacts::countersign().expect("built"))
        .arg("verify")
        .arg(stack.collector.store())
        .output()
        .expect("runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert_no_trap(&stack);
}
