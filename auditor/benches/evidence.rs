//! How fast evidence is verified, against SHA-256 of the same bytes; and how fast it is collected, durably.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "bench"
)]

#[path = "../tests/support/sealer.rs"]
mod sealer;
#[path = "../tests/support/server.rs"]
mod server;

use countersign::digest::Digest;
use countersign::verify::{Trust, verify};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use sealer::Sealer;
use server::{Scratch, Server, request};
use std::time::{Duration, Instant};

fn verification(criterion: &mut Criterion) {
    let scratch = Scratch::new("bench-verify");
    let path = scratch.path("stream.jsonl");
    let lines = Sealer::new(1).signing(7).whole(50_000);
    let bytes = lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes();
    std::fs::write(&path, &bytes).unwrap();
    let now = countersign_core::time::UnixNanos(sealer::START + 3_600_000_000_000);
    let trust = Trust { keys: vec![], log_keys: vec![], saved: vec![], now, grace: Duration::from_secs(60) };
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10);
    group.bench_function("sha256 of the same bytes", |bencher| bencher.iter(|| Digest::of(&bytes)));
    group.bench_function("verify", |bencher| bencher.iter(|| verify(vec![path.clone()].into(), &trust).unwrap()));
    group.finish();
}

/// Four senders with batches of 400 lines each, as the filter sends them.
async fn send_all(address: &str, streams: Vec<Vec<String>>) {
    let senders: Vec<_> = streams
        .into_iter()
        .map(|lines| {
            let address = address.to_owned();
            tokio::spawn(async move {
                let mut client = LogsServiceClient::connect(address).await.unwrap();
                for batch in lines.chunks(400) {
                    client.export(request(batch)).await.unwrap();
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
}

fn collection(criterion: &mut Criterion) {
    const LINES: usize = 10_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scratch = Scratch::new("bench-collect");
    let server = Server::start(&scratch.path("store"), &[]);
    let mut seed = 0;
    let mut group = criterion.benchmark_group("collect");
    group.throughput(Throughput::Elements(4 * LINES as u64)).sample_size(10);
    group.bench_function("durable events from four senders", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut took = Duration::ZERO;
            for _ in 0..rounds {
                let streams = (0..4)
                    .map(|_| {
                        seed += 1;
                        Sealer::new(seed).whole(LINES * 10 / 11)
                    })
                    .collect();
                let started = Instant::now();
                runtime.block_on(send_all(&server.grpc(), streams));
                took += started.elapsed();
            }
            took
        });
    });
    group.finish();
    drop(runtime);
    assert!(server.stop().success());
}

criterion_group!(benches, verification, collection);
criterion_main!(benches);
