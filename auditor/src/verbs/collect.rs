//! `countersign collect`.

use crate::collect::{self, CollectFault, Collector, Keeping, Settings, TlsFiles, Token};
use crate::exit::Exit;
use crate::store::SegmentPolicy;
use countersign_core::time::parse_duration;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Receive evidence over OTLP and keep it; what is acknowledged is on disk
///
/// When it is ready, one line of JSON on standard output names the addresses that it listens on. SIGTERM and SIGINT stop it:
/// what was begun is finished, and the segment closed.
#[derive(Debug, clap::Args)]
pub(super) struct Collect {
    /// Address to receive OTLP/gRPC on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4317")]
    listen: SocketAddr,
    /// Address to receive OTLP/HTTP on (/v1/logs), and to serve /metrics and /healthz
    #[arg(long, value_name = "ADDRESS")]
    listen_http: Option<SocketAddr>,
    /// Directory of the store
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// File to write the ready line to as well
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Size from which on a segment is closed, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    segment_size: u64,
    /// Age from which on a segment is closed
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    segment_age: Duration,
    /// Compress closed segments (zstd)
    #[arg(long)]
    compress: bool,
    /// Remove closed segments of this age; their manifests and digests stay (nothing is removed while holds/ has an entry)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    retention: Option<Duration>,
    /// Memory for batches that wait to be written, in MiB; beyond it senders are told to come again
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    queue_size: usize,
    /// File of the seed that signs the log's checkpoints [default: log.key in the store, made when missing]
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// Name of the log
    #[arg(long, value_name = "NAME", default_value = "countersign/log")]
    log_name: String,
    /// File, out of the store's reach, to append each checkpoint of the log to
    #[arg(long, value_name = "FILE")]
    publish: Option<PathBuf>,
    /// Certificate chain to serve TLS with, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Authorities of the client certificates to demand, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// File of the bearer token to demand
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("expected a duration as 90s, 10m or 365d, found `{text}`"))
}

impl Collect {
    pub(super) fn run(self) -> Exit {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&error),
        };
        match runtime.block_on(self.serve()) {
            Ok(()) => Exit::Good,
            Err(fault) => failed(&fault),
        }
    }

    async fn serve(self) -> Result<(), CollectFault> {
        let stop = stop_signal()?;
        let collector = Collector::bind(self.settings()?).await?;
        self.announce(&collector)?;
        collector.serve(stop).await
    }

    fn settings(&self) -> Result<Settings, CollectFault> {
        let key_file = self.log_key.clone().unwrap_or_else(|| self.store.join("log.key"));
        let tls = self.tls_cert.clone().zip(self.tls_key.clone());
        Ok(Settings {
            grpc: self.listen,
            http: self.listen_http,
            keeping: Keeping {
                store: self.store.clone(),
                segments: SegmentPolicy {
                    max_bytes: self.segment_size << 20,
                    max_age: self.segment_age,
                    compress: self.compress,
                },
                log_key: collect::log_key(&key_file, &self.log_name)?,
                publish: self.publish.clone(),
                rejects: None,
                retention: self.retention,
            },
            queue_bytes: self.queue_size << 20,
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key, client_authorities: self.tls_client_ca.clone() }),
            token: self.token_file.as_deref().map(Token::read).transpose()?,
        })
    }

    fn announce(&self, collector: &Collector) -> Result<(), CollectFault> {
        let addresses = collector.addresses();
        let ready = json!({
            "grpc": addresses.grpc.to_string(),
            "http": addresses.http.map(|address| address.to_string()),
            "store": self.store.display().to_string(),
        });
        println!("{ready}");
        let fault = |path: &PathBuf| {
            let path = path.clone();
            move |error| CollectFault::Announce { path, error }
        };
        match &self.port_file {
            Some(path) => std::fs::write(path, format!("{ready}\n")).map_err(fault(path)),
            None => Ok(()),
        }
    }
}

/// Completes at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, CollectFault> {
    let listen = |kind| signal(kind).map_err(|error| CollectFault::Signals { error });
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn failed(fault: &dyn std::fmt::Display) -> Exit {
    crate::console::tell(format_args!("countersign collect: {fault}"));
    Exit::CouldNotTell
}
