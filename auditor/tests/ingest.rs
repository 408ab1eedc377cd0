//! `countersign ingest`: logs of every kind come out as the lines that were sealed, byte for byte.

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
use server::{Scratch, kept_lines, request, run, verify_json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn ingest(store: &Path, files: &[&Path]) -> (Option<i32>, serde_json::Value) {
    let mut arguments = vec!["ingest", "--json", "--store", store.to_str().unwrap()];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let output = run(&arguments);
    let sums = serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null);
    (output.status.code(), sums)
}

fn envoy(line: &str) -> String {
    format!(
        "[2026-11-24 11:22:33.123][12][info][wasm] [source/extensions/common/wasm/context.cc:1148] wasm log countersign: {line}"
    )
}

#[test]
fn logs_of_every_kind_yield_the_lines_that_were_sealed() {
    let scratch = Scratch::new("kinds");
    let lines = Sealer::new(1).signing(7).whole(88);
    let parts: Vec<_> = lines.chunks(20).collect();
    let text = |wrap: &dyn Fn(&String) -> String, part: &[String]| {
        part.iter().map(|line| format!("{}\n", wrap(line))).collect::<String>()
    };
    let plain = text(&|line| line.clone(), parts[0]);
    let logged = text(&|line| format!("[info] before\n{}", envoy(line)), parts[1]);
    let nginx = text(&|line| format!("2026/11/24 11:22:33 [info] 12#12: *1 [wasm] {line} <module: \"countersign\">"), parts[2]);
    let docker = text(&|line| serde_json::json!({"log": format!("{}\n", envoy(line)), "stream": "stderr"}).to_string(), parts[3]);
    let otlp = format!(
        "{}\n{}\n",
        serde_json::to_string(&request(&parts[4][..5])).unwrap(),
        serde_json::to_string(&request(&parts[4][5..])).unwrap()
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(logged.as_bytes()).unwrap();
    let files = [
        ("plain.jsonl", plain.into_bytes()),
        ("envoy.log.gz", gzip.finish().unwrap()),
        ("nginx.log", nginx.into_bytes()),
        ("docker.log.zst", zstd::encode_all(docker.as_bytes(), 3).unwrap()),
        ("otlp.json", otlp.into_bytes()),
    ]
    .map(|(name, bytes)| {
        std::fs::write(scratch.path(name), bytes).unwrap();
        scratch.path(name)
    });
    let files: Vec<&Path> = files.iter().map(|path| path.as_path()).collect();
    let store = scratch.path("store");
    let kept = lines.len();
    let (code, sums) = ingest(&store, &files);
    assert_eq!((code, sums), (Some(0), serde_json::json!({"kept": kept, "duplicates": 0, "rejected": 0, "others": 20})));
    assert_eq!(kept_lines(&store), lines);
    let (code, sums) = ingest(&store, &files);
    assert_eq!((code, sums), (Some(0), serde_json::json!({"kept": 0, "duplicates": kept, "rejected": 0, "others": 20})));
    assert_eq!(verify_json(&store, &["--strict"]).0, Some(0));
}

#[test]
fn what_should_have_been_a_line_goes_to_the_reject_file_with_its_place() {
    let scratch = Scratch::new("rejects");
    let lines = Sealer::new(1).whole(3);
    let log = format!("{}\nother\n{}\n{}\n", envoy(&lines[0]), envoy(&lines[1][..50]), envoy(&lines[2]));
    std::fs::write(scratch.path("envoy.log"), log).unwrap();
    let (code, sums) = ingest(&scratch.path("store"), &[&scratch.path("envoy.log")]);
    assert_eq!((code, sums), (Some(1), serde_json::json!({"kept": 2, "duplicates": 0, "rejected": 1, "others": 1})));
    let rejected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(scratch.path("store/rejected.jsonl")).unwrap()).unwrap();
    assert!(rejected["place"].as_str().unwrap().ends_with("envoy.log:3"), "{rejected}");
    assert_eq!(rejected["body"], lines[1][..50]);
    assert_eq!(ingest(&scratch.path("store"), &[Path::new("/nonexistent")]).0, Some(2));
}

struct Follower(Child);

impl Follower {
    fn start(store: &Path, file: &Path) -> Self {
        let mut command = Command::new(server::BINARY);
        command.args(["ingest", "--follow", "--json", "--store"]).args([store, file]).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn stop(mut self) -> serde_json::Value {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(self.0.wait().unwrap().success());
        serde_json::from_str(&line).unwrap()
    }
}

/// Waits until the store holds so many lines; a test that waits for ever is a test that fails.
fn wait_for(store: &Path, lines: usize) {
    let there = || countersign::store::segments(store).map_or(0, |_| kept_lines(store).len());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while there() < lines {
        assert!(std::time::Instant::now() < until, "{} of {lines} lines", there());
        std::thread::yield_now();
    }
}

#[test]
fn a_growing_log_is_followed_through_its_rotation_and_after_a_restart() {
    let scratch = Scratch::new("follow");
    let (store, log) = (scratch.path("store"), scratch.path("envoy.log"));
    let lines = Sealer::new(1).whole(50);
    let append = |lines: &[String]| {
        let text: String = lines.iter().map(|line| format!("{}\n", envoy(line))).collect();
        std::fs::File::options().create(true).append(true).open(&log).unwrap().write_all(text.as_bytes()).unwrap();
    };
    append(&lines[..10]);
    let follower = Follower::start(&store, &log);
    wait_for(&store, 10);
    let line = envoy(&lines[10]);
    for half in [&line[..200], &format!("{}\n", &line[200..])] {
        std::fs::File::options().append(true).open(&log).unwrap().write_all(half.as_bytes()).unwrap();
    }
    wait_for(&store, 11);
    append(&lines[11..20]);
    std::fs::rename(&log, scratch.path("envoy.log.1")).unwrap();
    append(&lines[20..30]);
    wait_for(&store, 30);
    assert_eq!(follower.stop(), serde_json::json!({"kept": 30, "duplicates": 0, "rejected": 0, "others": 0}));

    append(&lines[30..]);
    let follower = Follower::start(&store, &log);
    wait_for(&store, lines.len());
    let sums = follower.stop();
    assert_eq!(sums, serde_json::json!({"kept": lines.len() - 30, "duplicates": 0, "rejected": 0, "others": 0}));
    assert_eq!(kept_lines(&store), lines);
    assert_eq!(verify_json(&store, &["--strict"]).0, Some(0));
}
