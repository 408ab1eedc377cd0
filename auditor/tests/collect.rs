//! The real collector, over the wire: what it acknowledges is in its store, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test"
)]

#[path = "support/sealer.rs"]
mod sealer;
#[path = "support/server.rs"]
mod server;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use sealer::Sealer;
use server::{Scratch, Server, kept_lines, request, verify_json};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_kept_byte_for_byte_and_verifies() {
    let scratch = Scratch::new("kept");
    let store = scratch.path("store");
    let server = Server::start(&store, &[]);
    let lines = Sealer::new(1).signing(7).whole(25);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    for batch in lines.chunks(10) {
        let answer = client.export(request(batch)).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
    }
    drop(client);
    assert!(server.stop().success());
    assert_eq!(kept_lines(&store), lines);
    let (code, report) = verify_json(&store, &[]);
    assert_eq!((code, &report["valid"], &report["lines"]), (Some(0), &30.into(), &30.into()), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_audit_line_is_kept_aside_and_counted() {
    let scratch = Scratch::new("aside");
    let store = scratch.path("store");
    let server = Server::start(&store, &[]);
    let mut lines = Sealer::new(2).whole(1);
    let whole = lines.clone();
    lines.insert(1, "hello \"world\"".to_owned());
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    let answer = client.export(request(&lines)).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_log_records, 1);
    drop(client);
    assert!(server.stop().success());
    assert_eq!(kept_lines(&store), whole);
    let rejected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(store.join("rejected.jsonl")).unwrap()).unwrap();
    assert_eq!(rejected["body"], "hello \"world\"");
    assert_eq!(rejected["reason"], "line_not_audit");
    assert!(rejected["place"].as_str().unwrap().ends_with("record 1"), "{rejected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_one_writer() {
    let scratch = Scratch::new("one-writer");
    let server = Server::start(&scratch.path("store"), &[]);
    let second = server::run(&["collect", "--listen", "127.0.0.1:0", "--store", scratch.path("store").to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"));
    assert!(server.stop().success());
}
