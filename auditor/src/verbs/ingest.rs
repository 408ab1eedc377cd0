//! `countersign ingest`.

use crate::collect::{self, CollectFault, Keeping};
use crate::exit::Exit;
use crate::ingest::{self, IngestFault, Ingested};
use crate::store::SegmentPolicy;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Keep the audit lines of gateway logs and OTLP files: plain, prefixed or escaped, gzip and zstd too
///
/// Lines that were kept before are recognised. Exit code 0: all was kept. 1: something that should have been an audit line was
/// not, and is in the reject file. 2: a file or the store could not be used.
#[derive(Debug, clap::Args)]
pub(super) struct Ingest {
    /// Files to ingest
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Directory of the store
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// File for what should have been an audit line and is none [default: rejected.jsonl in the store]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Go on as the files grow and are rotated, until SIGTERM or SIGINT; start again where the last one stopped
    #[arg(long)]
    follow: bool,
    /// Compress closed segments (zstd)
    #[arg(long)]
    compress: bool,
    /// File of the seed that signs the log's checkpoints [default: log.key in the store, made when missing]
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// Name of the log
    #[arg(long, value_name = "NAME", default_value = "countersign/log")]
    log_name: String,
    /// Print the sums as JSON
    #[arg(long)]
    json: bool,
}

/// How often files that are followed are looked at.
const LOOK: Duration = Duration::from_millis(200);

impl Ingest {
    pub(super) fn run(self) -> Exit {
        let ingested = match self.keeping() {
            Ok(keeping) => self.ingest(keeping),
            Err(fault) => return failed(&fault),
        };
        match ingested {
            Ok(sum) => self.print(sum),
            Err(fault) => failed(&fault),
        }
    }

    fn keeping(&self) -> Result<Keeping, CollectFault> {
        let key_file = self.log_key.clone().unwrap_or_else(|| self.store.join("log.key"));
        Ok(Keeping {
            store: self.store.clone(),
            segments: SegmentPolicy { compress: self.compress, ..SegmentPolicy::default() },
            log_key: collect::log_key(&key_file, &self.log_name)?,
            publish: None,
            rejects: self.rejects.clone(),
            retention: None,
        })
    }

    fn ingest(&self, keeping: Keeping) -> Result<Ingested, IngestFault> {
        if !self.follow {
            let watched = std::io::stderr().is_terminal();
            let sum = ingest::ingest(&self.files, keeping, |bytes, sum| show(watched, bytes, sum));
            if watched {
                eprintln!();
            }
            return sum;
        }
        let stop = stop_signal();
        ingest::follow(&self.files, keeping, |_| matches!(stop.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)))
    }

    fn print(&self, sum: Ingested) -> Exit {
        let Ingested { kept, duplicates, rejected, others } = sum;
        if self.json {
            println!("{}", json!({"kept": kept, "duplicates": duplicates, "rejected": rejected, "others": others}));
        } else {
            println!("{kept} lines kept, {duplicates} kept before, {rejected} rejected, {others} others");
        }
        if rejected == 0 { Exit::Good } else { Exit::Findings }
    }
}

/// One line on a terminal that is written over and over.
fn show(watched: bool, bytes: u64, sum: Ingested) {
    if watched {
        eprint!("\r{} MiB read, {} lines kept", bytes >> 20, sum.kept);
        // A terminal that is gone needs no progress.
        let _ = std::io::stderr().flush();
    }
}

/// Hears of the first SIGTERM or SIGINT; without a runtime to wait for them, they end the process as they always do.
fn stop_signal() -> Receiver<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return std::thread::park();
        };
        runtime.block_on(async {
            if let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
        });
        // Nobody waits for it when following has ended by itself.
        let _ = sender.send(());
    });
    receiver
}

fn failed(fault: &dyn std::fmt::Display) -> Exit {
    eprintln!("countersign ingest: {fault}");
    Exit::CouldNotTell
}
