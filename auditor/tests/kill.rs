//! SIGKILL of the real collector at random moments under load: what it acknowledged is there afterwards.

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
use sealer::{Dice, Sealer};
use server::{Scratch, Server, kept_lines, request, verify_json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Rounds to run; `COUNTERSIGN_KILLS` asks for more.
fn rounds() -> u64 {
    std::env::var("COUNTERSIGN_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(20)
}

/// A gateway's worker: seals, sends, and sends again what was not acknowledged.
struct Worker {
    sealer: Sealer,
    pending: Vec<String>,
    acknowledged: Vec<String>,
}

impl Worker {
    async fn send_until_killed(mut self, address: String, acknowledged: Arc<AtomicU64>) -> Self {
        let Ok(mut client) = LogsServiceClient::connect(address).await else { return self };
        loop {
            while self.pending.len() < 25 {
                let line = if self.sealer.seq == 0 { self.sealer.open() } else { self.sealer.access() };
                self.pending.push(line);
            }
            if client.export(request(&self.pending)).await.is_err() {
                return self;
            }
            acknowledged.fetch_add(1, Ordering::SeqCst);
            self.acknowledged.append(&mut self.pending);
        }
    }
}

/// Kills it once some batches were acknowledged, in the middle of whatever it is doing then.
async fn kill_after(server: Server, batches: u64, delay: Duration, acknowledged: Arc<AtomicU64>) {
    while acknowledged.load(Ordering::SeqCst) < batches {
        tokio::task::yield_now().await;
    }
    let until = std::time::Instant::now() + delay;
    while std::time::Instant::now() < until {
        std::hint::spin_loop();
    }
    server.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_is_there_after_a_kill_at_any_moment() {
    let scratch = Scratch::new("kill");
    let store = scratch.path("store");
    let mut dice = Dice(2026);
    let mut workers: Vec<Worker> =
        (0..3).map(|seed| Worker { sealer: Sealer::new(seed), pending: Vec::new(), acknowledged: Vec::new() }).collect();
    let mut kept = 0;
    for round in 0..rounds() {
        let more: &[&str] = if round % 2 == 0 { &["--segment-age", "50ms"] } else { &["--segment-age", "20ms", "--compress"] };
        let server = Server::start(&store, more);
        let (address, acknowledged) = (server.grpc(), Arc::new(AtomicU64::new(0)));
        let sending: Vec<_> = workers
            .drain(..)
            .map(|worker| tokio::spawn(worker.send_until_killed(address.clone(), Arc::clone(&acknowledged))))
            .collect();
        let delay = Duration::from_micros(dice.roll() % 5_000);
        kill_after(server, dice.roll() % 40, delay, acknowledged).await;
        for worker in sending {
            workers.push(worker.await.unwrap());
        }
        kept = assert_all_there(&store, &workers, round);
    }
    finish(&store, workers).await;
    println!("{} kills, {kept} lines acknowledged and kept", rounds());
}

fn assert_all_there(store: &std::path::Path, workers: &[Worker], round: u64) -> usize {
    // A segment under two names, of which a crash left both, counts once, as it does after the next start.
    let there: BTreeSet<String> = kept_lines(store).into_iter().collect();
    let mut count = 0;
    for line in workers.iter().flat_map(|worker| &worker.acknowledged) {
        assert!(there.contains(line), "round {round}: acknowledged and gone: {line}");
        count += 1;
    }
    count
}

/// After the last start everything not acknowledged is sent again; then every stream is whole, and each line there once.
async fn finish(store: &std::path::Path, workers: Vec<Worker>) {
    let server = Server::start(store, &[]);
    let mut client = LogsServiceClient::connect(server.grpc()).await.unwrap();
    let mut lines = 0;
    for mut worker in workers {
        let close = worker.sealer.close();
        worker.pending.push(close);
        client.export(request(&worker.pending)).await.unwrap();
        lines += worker.sealer.seq;
    }
    drop(client);
    assert!(server.stop().success());
    let mut times = BTreeMap::<String, u32>::new();
    kept_lines(store).into_iter().for_each(|line| *times.entry(line).or_default() += 1);
    assert!(times.values().all(|times| *times == 1), "a line is there twice");
    let vkey = std::fs::read_to_string(store.join("log.key.vkey")).unwrap();
    let (code, report) = verify_json(store, &["--strict", "--log-key", vkey.trim()]);
    assert_eq!((code, &report["valid"]), (Some(0), &lines.into()), "{}", report["findings"]);
}
