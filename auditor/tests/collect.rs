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
use prost::Message;
use sealer::Sealer;
use server::{Scratch, Server, kept_lines, request, verify_json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tonic::Code;

const HTTP: &[&str] = &["--listen-http", "127.0.0.1:0"];

fn codes(report: &serde_json::Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

fn files(store: &Path, ending: &str) -> Vec<PathBuf> {
    let segments = countersign::store::segments(store).unwrap();
    let directory = segments.first().and_then(|path| path.parent()).expect("a segment").to_path_buf();
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

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

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_twice_is_kept_once_also_after_a_restart() {
    let scratch = Scratch::new("twice");
    let store = scratch.path("store");
    let lines = Sealer::new(3).whole(25);
    for round in 0..2 {
        let server = Server::start(&store, HTTP);
        let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
        client.export(request(&lines[..20])).await.unwrap();
        client.export(request(&lines[10..])).await.unwrap();
        assert_eq!(server.metric("duplicates_total"), if round == 0 { 10 } else { 40 });
        assert_eq!(server.metric("lines_total"), if round == 0 { 30 } else { 0 });
        drop(client);
        assert!(server.stop().success());
    }
    assert_eq!(kept_lines(&store), lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_broken_links_and_false_attributes_are_kept_and_remarked_as_they_arrive() {
    let scratch = Scratch::new("fork");
    let store = scratch.path("store");
    let server = Server::start(&store, HTTP);
    let mut sealer = Sealer::new(4);
    let (open, mut other) = (sealer.open(), sealer.clone());
    let (first, forked, next) = (sealer.access(), other.access().replace("billing", "billinq"), sealer.access());
    let broken = sealer.access().replace(&format!("\"prev\":\"{}", &sealer::sha256_hex(next.as_bytes())[..4]), "\"prev\":\"ffff");
    let mut mislabelled = request(&[sealer.access()]);
    mislabelled.resource_logs[0].scope_logs[0].log_records[0].attributes = vec![server::attribute("countersign.chain.seq", 77)];
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    client.export(request(&[open, first, forked, next, broken])).await.unwrap();
    client.export(mislabelled).await.unwrap();
    assert_eq!([server.metric("forks_total"), server.metric("lines_total")], [1, 6]);
    drop(client);
    assert!(server.stop().success());
    let remarks = std::fs::read_to_string(store.join("findings.jsonl")).unwrap();
    let remarks: Vec<serde_json::Value> = remarks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = remarks.iter().map(|remark| (remark["code"].as_str().unwrap(), remark["seq"].as_u64().unwrap())).collect();
    assert_eq!(told, [("FORK", 1), ("BROKEN_LINK", 3), ("BROKEN_LINK", 4), ("ATTRIBUTES_DIFFER", 4)]);
    let (code, report) = verify_json(&store, &[]);
    assert_eq!((code, codes(&report)), (Some(1), vec!["FORK", "EDITED", "UNCLEAN_END"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_takes_protobuf_and_json_plain_and_compressed() {
    let scratch = Scratch::new("http");
    let store = scratch.path("store");
    let server = Server::start(&store, HTTP);
    let lines = Sealer::new(5).whole(40);
    let parts: Vec<_> = lines.chunks(12).map(request).collect();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let protobuf = parts[0].encode_to_vec();
    let json = serde_json::to_vec(&parts[1]).unwrap();
    let (gzipped, zstd) =
        (gzip(&parts[2].encode_to_vec()), zstd::encode_all(&serde_json::to_vec(&parts[3]).unwrap()[..], 3).unwrap());
    for (headers, body, answer) in [
        ("Content-Type: application/x-protobuf", protobuf, &b""[..]),
        ("Content-Type: application/json; charset=utf-8", json, b"{}"),
        ("Content-Type: application/x-protobuf\r\nContent-Encoding: gzip", gzipped, b""),
        ("Content-Type: application/json\r\nContent-Encoding: zstd", zstd, b"{}"),
    ] {
        let (status, _, body) = server.send(&format!("POST /v1/logs HTTP/1.1\r\n{headers}"), &body);
        assert_eq!(status, 200, "{headers}");
        assert!(body == answer || body == br#"{"partialSuccess":null}"#, "{headers}: {}", String::from_utf8_lossy(&body));
    }
    for (headers, body, expected) in [
        ("Content-Type: text/plain", &b"x"[..], 415),
        ("Content-Type: application/json", b"{", 400),
        ("Content-Type: application/x-protobuf", b"\xff\xff", 400),
        ("Content-Type: application/x-protobuf\r\nContent-Encoding: br", b"", 415),
        ("Content-Type: application/x-protobuf\r\nContent-Encoding: gzip", b"no gzip", 400),
    ] {
        assert_eq!(server.send(&format!("POST /v1/logs HTTP/1.1\r\n{headers}"), body).0, expected, "{headers}");
    }
    let bomb = gzip(&vec![0; 17 << 20]);
    let head = "POST /v1/logs HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: gzip";
    assert_eq!(server.send(head, &bomb).0, 413);
    assert_eq!(server.send("GET /healthz HTTP/1.1", b"").0, 200);
    assert!(server.stop().success());
    assert_eq!(kept_lines(&store), lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_segments_are_read_only_described_and_logged() {
    let scratch = Scratch::new("segments");
    let store = scratch.path("store");
    let lines = Sealer::new(6).whole(30);
    let published = scratch.path("published");
    for (part, more) in lines.chunks(12).zip([&[][..], &["--compress"], &[]]) {
        let server = Server::start(&store, &[more, &["--publish", published.to_str().unwrap()]].concat());
        let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
        client.export(request(part)).await.unwrap();
        drop(client);
        assert!(server.stop().success());
    }
    assert_eq!(kept_lines(&store), lines);
    let segments = countersign::store::segments(&store).unwrap();
    assert_eq!((segments.len(), files(&store, ".manifest.json").len()), (3, 3));
    assert!(segments.iter().all(|path| std::fs::metadata(path).unwrap().permissions().readonly()));
    let vkey = std::fs::read_to_string(store.join("log.key.vkey")).unwrap();
    let checks = ["--log-key", vkey.trim(), "--checkpoints", published.to_str().unwrap()];
    let (code, report) = verify_json(&store, &checks);
    assert_eq!((code, codes(&report)), (Some(0), vec![]), "{report}");

    let damage = |name: &str, hurt: &dyn Fn(&Path)| {
        let copy = scratch.path(name);
        assert!(Command::new("cp").args(["-r".as_ref(), store.as_os_str(), copy.as_os_str()]).status().unwrap().success());
        hurt(&copy);
        let (code, report) = verify_json(&copy, &checks);
        (code.unwrap(), codes(&report).join(" "))
    };
    let first = |copy: &Path| countersign::store::segments(copy).unwrap().remove(0);
    let edit_last = |copy: &Path| {
        let path = first(copy);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, text.replacen("billing", "billinq", 1)).unwrap();
    };
    assert_eq!(damage("edited", &edit_last), (1, "ROOT_MISMATCH ROOT_MISMATCH ROOT_MISMATCH SEGMENT_EDITED EDITED".into()));
    let (code, said) = damage("gone", &|copy| std::fs::remove_file(first(copy)).unwrap());
    assert!(code == 1 && said.contains("SEGMENT_MISSING") && said.contains("GAP"), "{said}");
    let (code, said) = damage("rolled-back", &|copy| {
        let last = countersign::store::segments(copy).unwrap().pop().unwrap();
        std::fs::remove_file(countersign::store::Manifest::path_for(&last)).unwrap();
        std::fs::remove_file(last).unwrap();
    });
    assert!(code == 1 && said.contains("LOG_ROLLBACK"), "{said}");
    let other_key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let (code, report) = verify_json(&store, &["--log-key", other_key]);
    assert_eq!((code, codes(&report)), (Some(1), vec!["LOG_UNSIGNED"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_line_is_put_aside_and_what_was_acknowledged_stays() {
    let scratch = Scratch::new("torn");
    let store = scratch.path("store");
    let server = Server::start(&store, HTTP);
    let lines = Sealer::new(7).whole(12);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    client.export(request(&lines[..10])).await.unwrap();
    server.kill();
    let open = countersign::store::segments(&store).unwrap().remove(0);
    let torn = &lines[10].as_bytes()[..100];
    std::fs::File::options().append(true).open(open).unwrap().write_all(torn).unwrap();

    let server = Server::start(&store, HTTP);
    assert_eq!([server.metric("recovered_lines_total"), server.metric("torn_bytes_total")], [10, 100]);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    client.export(request(&lines[5..])).await.unwrap();
    assert_eq!(server.metric("duplicates_total"), 5);
    drop(client);
    assert!(server.stop().success());
    assert_eq!(kept_lines(&store), lines);
    let rejected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(store.join("rejected.jsonl")).unwrap()).unwrap();
    assert_eq!((rejected["reason"].as_str(), rejected["body"].as_str().map(str::as_bytes)), (Some("line_torn"), Some(torn)));
    assert_eq!(verify_json(&store, &[]).0, Some(0));
}

/// A limit on file size stands for a full disk: the write fails half way, and the process goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_is_answered_unavailable_and_leaves_no_trace() {
    let scratch = Scratch::new("full");
    let store = scratch.path("store");
    let server = Server::start_with(&store, HTTP, "trap '' XFSZ; ulimit -f 32; exec \"$@\"");
    let lines = Sealer::new(8).whole(100);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    client.export(request(&lines[..5])).await.unwrap();
    let status = client.export(request(&lines[5..])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(!status.details().is_empty(), "it says when to come again");
    assert_eq!(server.send("GET /healthz HTTP/1.1", b"").0, 503);
    for part in lines[5..].chunks(5) {
        while let Err(status) = client.export(request(part)).await {
            assert_eq!(status.code(), Code::Unavailable, "each failure leaves its segment and begins another");
        }
    }
    assert_eq!(server.send("GET /healthz HTTP/1.1", b"").0, 200);
    drop(client);
    assert!(server.stop().success());
    let kept: std::collections::BTreeSet<_> = kept_lines(&store).into_iter().collect();
    assert_eq!(kept, lines.iter().cloned().collect());
    let (code, report) = verify_json(&store, &[]);
    assert_eq!((code, &report["lines"]), (Some(0), &lines.len().into()), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_demanded_where_one_is_set() {
    let scratch = Scratch::new("token");
    std::fs::write(scratch.path("token"), "secret-1\n").unwrap();
    let token = scratch.path("token");
    let server = Server::start(&scratch.path("store"), &[HTTP, &["--token-file", token.to_str().unwrap()]].concat());
    let lines = Sealer::new(9).whole(1);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    assert_eq!(client.export(request(&lines)).await.unwrap_err().code(), Code::Unauthenticated);
    let mut good = tonic::Request::new(request(&lines));
    good.metadata_mut().insert("authorization", "Bearer secret-1".parse().unwrap());
    client.export(good).await.unwrap();
    let head = "POST /v1/logs HTTP/1.1\r\nContent-Type: application/x-protobuf";
    let body = request(&lines).encode_to_vec();
    assert_eq!(server.send(head, &body).0, 401);
    assert_eq!(server.send(&format!("{head}\r\nAuthorization: Bearer secret-2"), &body).0, 401);
    assert_eq!(server.send(&format!("{head}\r\nAuthorization: Bearer secret-1"), &body).0, 200);
    assert_eq!(server.send("GET /metrics HTTP/1.1", b"").0, 401);
    drop(client);
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_keeps_the_digests_and_a_hold_keeps_everything() {
    use countersign::store::{Expired, StoreLock, expire, manifests};
    let scratch = Scratch::new("retention");
    let store = scratch.path("store");
    let lines = Sealer::new(10).whole(30);
    for part in lines.chunks(12) {
        let server = Server::start(&store, &[]);
        let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
        client.export(request(part)).await.unwrap();
        drop(client);
        assert!(server.stop().success());
    }
    let lock = StoreLock::acquire(&store).unwrap();
    let closed: Vec<_> = manifests(&store).unwrap().into_iter().map(|(_, manifest)| manifest.closed).collect();
    let second = countersign_core::time::UnixNanos::parse(&closed[1]).unwrap();
    std::fs::create_dir(store.join("holds")).unwrap();
    std::fs::write(store.join("holds/case-7"), "").unwrap();
    assert_eq!(expire(&lock, std::time::Duration::ZERO, second).unwrap(), Expired::Held);
    std::fs::remove_file(store.join("holds/case-7")).unwrap();
    assert_eq!(expire(&lock, std::time::Duration::ZERO, second).unwrap(), Expired::Segments(2));
    drop(lock);
    assert_eq!(kept_lines(&store), lines[24..]);
    let vkey = std::fs::read_to_string(store.join("log.key.vkey")).unwrap();
    let (code, report) = verify_json(&store, &["--log-key", vkey.trim()]);
    assert_eq!((code, codes(&report), &report["lines"]), (Some(0), vec![], &(lines.len() - 24).into()), "{report}");

    let server = Server::start(&store, HTTP);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    client.export(request(&Sealer::new(11).whole(3))).await.unwrap();
    drop(client);
    assert!(server.stop().success());
    assert_eq!(verify_json(&store, &["--log-key", vkey.trim()]).0, Some(0), "the log goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_verified_while_it_is_written_and_its_segments_are_closed() {
    let scratch = Scratch::new("live");
    let store = scratch.path("store");
    let server = Server::start(&store, &["--segment-age", "1ms", "--compress"]);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    let mut sealer = Sealer::new(12);
    client.export(request(&[sealer.open()])).await.unwrap();
    let sending = tokio::spawn(async move {
        for _ in 0..150 {
            let lines: Vec<_> = (0..5).map(|_| sealer.access()).collect();
            client.export(request(&lines)).await.unwrap();
        }
    });
    let mut rounds = 0;
    while !sending.is_finished() || rounds == 0 {
        let (code, report) = verify_json(&store, &[]);
        let told = codes(&report);
        assert!(code == Some(0) && told.iter().all(|code| *code == "UNCLEAN_END"), "{told:?} {report}");
        rounds += 1;
    }
    sending.await.unwrap();
    assert!(server.stop().success());
    assert_eq!(kept_lines(&store).len(), 751);
    println!("verified {rounds} times while 751 lines were written");
}
