//! The real `countersign collect`, started for a test, and an OTLP client for it.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its own part")]

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

pub const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// A directory of its own for a test, gone with it.
#[derive(Debug)]
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running collector.
#[derive(Debug)]
pub struct Server {
    pub child: Child,
    pub ready: serde_json::Value,
}

impl Server {
    pub fn start(store: &Path, more: &[&str]) -> Self {
        Self::start_with(store, more, "exec \"$@\"")
    }

    /// Starts it from a line of shell, in which `"$@"` is the collector.
    pub fn start_with(store: &Path, more: &[&str], shell: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", shell, "sh", BINARY])
            .args(["collect", "--listen", "127.0.0.1:0", "--store"])
            .arg(store)
            .args(more)
            .stdout(Stdio::piped())
            // Where a limit on files is part of a test, a log file of the test run's own must not meet it.
            .stderr(Stdio::null())
            .spawn()
            .expect("the collector starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a ready line");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("ready line `{line}`: {error}"));
        Self { child, ready }
    }

    pub fn grpc(&self) -> String {
        format!("http://{}", self.ready["grpc"].as_str().expect("an address"))
    }

    /// Sends one HTTP/1.1 request on a connection of its own; returns status, headers and body.
    pub fn send(&self, head: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.http()).expect("connected");
        let head = format!("{head}\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(answer[..end].to_vec()).expect("text").to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head, answer[end + 4..].to_vec())
    }

    /// The value of one metric, without its prefix.
    pub fn metric(&self, name: &str) -> u64 {
        let (status, _, body) = self.send("GET /metrics HTTP/1.1", b"");
        assert_eq!(status, 200);
        let text = String::from_utf8(body).expect("text");
        let prefix = format!("countersign_collect_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.parse().expect("a number")
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    pub fn http(&self) -> String {
        self.ready["http"].as_str().expect("an address").to_owned()
    }

    pub fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn request(bodies: &[String]) -> ExportLogsServiceRequest {
    let log_records = bodies
        .iter()
        .map(|body| LogRecord { body: Some(AnyValue { value: Some(Value::StringValue(body.clone())) }), ..LogRecord::default() })
        .collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

pub fn attribute(key: &str, value: i64) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::IntValue(value)) }), ..KeyValue::default() }
}

pub fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().expect("the binary runs")
}

pub fn verify_json(path: &Path, more: &[&str]) -> (Option<i32>, serde_json::Value) {
    let path = path.to_str().expect("UTF-8");
    let output = run(&[&["verify", "--json", path], more].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: `{text}` {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

/// All lines in the segments of a store.
pub fn kept_lines(store: &Path) -> Vec<String> {
    let segments = countersign::store::segments(store).expect("a store");
    let texts = segments.iter().map(|path| read_segment(path));
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn read_segment(path: &Path) -> String {
    let bytes = std::fs::read(path).expect("readable");
    let bytes =
        if path.extension().is_some_and(|end| end == "zst") { zstd::decode_all(&bytes[..]).expect("zstd") } else { bytes };
    String::from_utf8(bytes).expect("UTF-8")
}
