//! An OTLP sender that is not ours: Python's opentelemetry-proto over grpcio, and over HTTP.
//!
//! Skipped, visibly, where Python or the packages cannot be had. `COUNTERSIGN_PYTHON` names a Python that has them.

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

use sealer::Sealer;
use server::{Scratch, Server, kept_lines, verify_json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn has_packages(python: &Path) -> bool {
    let import = "import grpc, opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc";
    Command::new(python).args(["-c", import]).output().is_ok_and(|output| output.status.success())
}

/// A Python with the packages: the one that is named, the one on the path, or a virtual environment made for it.
fn python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let named = std::env::var_os("COUNTERSIGN_PYTHON").map(PathBuf::from);
        let known = named.into_iter().chain([PathBuf::from("python3")]).find(|python| has_packages(python));
        known.or_else(|| {
            let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("otlp-peer");
            let python = directory.join("bin/python");
            let succeeded = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
            let made = has_packages(&python)
                || (succeeded(Command::new("python3").args(["-m", "venv"]).arg(&directory))
                    && succeeded(Command::new(&python).args(["-m", "pip", "install", "-q", "opentelemetry-proto", "grpcio"])));
            made.then_some(python)
        })
    };
    let found = FOUND.get_or_init(find).as_deref();
    if found.is_none() {
        println!("skipped: no Python with opentelemetry-proto and grpcio, and none could be made");
    }
    found
}

fn send(python: &Path, arguments: &[&str]) -> Result<String, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/peer.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn write(path: &Path, lines: &[String]) {
    std::fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[test]
fn a_sender_that_is_not_ours_is_understood_over_grpc_and_http() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new("peer");
    let store = scratch.path("store");
    let server = Server::start(&store, &["--listen-http", "127.0.0.1:0"]);
    let lines = Sealer::new(1).whole(40);
    let (first, second) = lines.split_at(20);
    let path = scratch.path("lines");
    write(&path, &[first, &["no line".to_owned()]].concat());
    let grpc = server.grpc().replace("http://", "");
    assert_eq!(send(python, &["grpc", &grpc, path.to_str().unwrap()]), Ok("1".to_owned()));
    write(&path, second);
    assert_eq!(send(python, &["http", &server.http(), path.to_str().unwrap()]), Ok("0".to_owned()));
    assert!(server.stop().success());
    assert_eq!(kept_lines(&store), lines);
    assert_eq!(verify_json(&store, &["--strict"]).0, Some(0));
}

/// A certificate authority, a server and a client certificate, made with OpenSSL.
fn certificates(directory: &Path) -> bool {
    let script = r#"
        cd "$0" && exec 2>openssl.log
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca
        for name in server client; do
          openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
          printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > $name.ext
          openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $name.pem -days 2 -extfile $name.ext
        done
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -days 2 -subj /CN=client
    "#;
    Command::new("sh").args(["-ec", script]).arg(directory).status().is_ok_and(|status| status.success())
}

#[test]
fn over_tls_a_client_certificate_of_another_authority_is_refused() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new("tls");
    if !certificates(&scratch.0) {
        println!("skipped: OpenSSL made no certificates");
        return;
    }
    let file = |name: &str| scratch.path(name).to_str().unwrap().to_owned();
    let (store, lines) = (scratch.path("store"), Sealer::new(1).whole(4));
    write(&scratch.path("lines"), &lines);
    let options = ["--tls-cert", &file("server.pem"), "--tls-key", &file("server.key"), "--tls-client-ca", &file("ca.pem")];
    let server = Server::start(&store, &options);
    let address = server.grpc().replace("http://", "");
    let call = ["grpcs", &address, &file("lines"), scratch.0.to_str().unwrap()];
    assert_eq!(send(python, &call), Ok("0".to_owned()));
    assert!(send(python, &["grpc", &address, &file("lines")]).is_err(), "no TLS, no answer");
    std::fs::copy(file("other.pem"), file("client.pem")).unwrap();
    std::fs::copy(file("other.key"), file("client.key")).unwrap();
    assert!(send(python, &call).is_err(), "a certificate of nobody");
    assert!(server.stop().success());
    assert_eq!(kept_lines(&store), lines);
}
