//! Receives evidence over OTLP and keeps it: what it acknowledges is synced to disk.
//!
//! Receivers read each record's body into an audit line (or a reject) and hand the batch to one committer, which appends
//! everything that is waiting, syncs once, and only then lets all of those batches be acknowledged (group commit). What
//! may wait is bounded: beyond it a sender is told to come again, rather than memory growing.

mod arrivals;
mod batch;
mod commit;
mod desk;
mod fault;
mod gate;
mod grpc;
mod http;
mod key;
mod ledger;
mod metrics;
mod rpc;

pub use batch::{Batch, Receipt, Record};
pub use commit::Refusal;
pub(crate) use desk::Desk;
pub use desk::Keeping;
pub use fault::CollectFault;
pub use gate::{GateFault, TlsFiles, Token};
pub use key::log_key;

use commit::Committer;
use gate::Gate;
use metrics::Metrics;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsServiceServer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;

/// The largest OTLP message, decompressed, that is taken.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// How long open connections may take to finish after the stop.
const DRAIN: Duration = Duration::from_secs(3);

/// What a collector is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where OTLP/gRPC is received; port 0 takes a free one.
    pub grpc: SocketAddr,
    /// Where OTLP/HTTP is received, and `/metrics` and `/healthz` are served.
    pub http: Option<SocketAddr>,
    /// How what is received is kept.
    pub keeping: Keeping,
    /// How many bytes may wait to be committed.
    pub queue_bytes: usize,
    /// TLS, for both listeners.
    pub tls: Option<TlsFiles>,
    /// The token that senders have to show.
    pub token: Option<Token>,
}

/// A collector that listens and is ready to serve.
pub struct Collector {
    grpc: (TcpListener, Option<TlsAcceptor>),
    http: Option<(TcpListener, Option<TlsAcceptor>)>,
    addresses: Addresses,
    desk: Desk,
    queue_bytes: usize,
    token: Option<Token>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Collector").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Where a collector listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// OTLP/gRPC.
    pub grpc: SocketAddr,
    /// OTLP/HTTP.
    pub http: Option<SocketAddr>,
}

impl Collector {
    /// Takes the store, repairs what a crash left behind, and listens.
    ///
    /// # Errors
    /// [`CollectFault`] when the store is in use or cannot be continued, or an address is taken.
    pub async fn bind(settings: Settings) -> Result<Self, CollectFault> {
        let tls = |protocols: &[&[u8]]| settings.tls.as_ref().map(|files| gate::acceptor(files, protocols)).transpose();
        let (grpc_tls, http_tls) = (tls(&[b"h2"])?, tls(&[b"h2", b"http/1.1"])?);
        let metrics = Arc::new(Metrics::default());
        let desk = Desk::open(settings.keeping, Arc::clone(&metrics))?;
        let (grpc, grpc_address) = listen(settings.grpc).await?;
        let http = match settings.http {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let addresses = Addresses { grpc: grpc_address, http: http.as_ref().map(|(_, address)| *address) };
        let http = http.map(|(listener, _)| (listener, http_tls));
        let (queue_bytes, token) = (settings.queue_bytes, settings.token);
        Ok(Self { grpc: (grpc, grpc_tls), http, addresses, desk, queue_bytes, token, metrics })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until `stop` completes, then finishes what was begun and leaves the store synced and closed.
    ///
    /// # Errors
    /// [`CollectFault::Serve`] when a transport fails.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), CollectFault> {
        let (intake, committer) = commit::start(self.desk, self.queue_bytes, Arc::clone(&self.metrics));
        let (stopping, stopped) = watch::channel(false);
        let shared = http::Shared { intake: intake.clone(), token: self.token.clone(), metrics: Arc::clone(&self.metrics) };
        let receiver = grpc::Receiver { intake, token: self.token, metrics: self.metrics };
        let grpc = serve_grpc(self.grpc, receiver, until(stopped.clone()));
        let http = serve_http(self.http, shared, until(stopped.clone()));
        let serving = async { tokio::try_join!(grpc, http).map(|_| ()) };
        let stop = async {
            stop.await;
            // Nobody listens when serving has ended by itself.
            let _ = stopping.send(true);
            tokio::time::sleep(DRAIN).await;
        };
        // A client that keeps its connection open cannot hold up the stop for ever.
        let served = tokio::select! {
            served = serving => served,
            () = stop => Ok(()),
        };
        Committer::finish(committer).await;
        served
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), CollectFault> {
    let fault = |error| CollectFault::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    Ok((listener, bound))
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and so is the collector.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn serve_grpc(
    (listener, tls): (TcpListener, Option<TlsAcceptor>),
    receiver: grpc::Receiver,
    stopped: impl Future<Output = ()>,
) -> Result<(), CollectFault> {
    let service = LogsServiceServer::new(receiver)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MAX_MESSAGE);
    let gate = Gate::open(listener, tls).map_err(|error| CollectFault::Serve { error: error.into() })?;
    let server = Server::builder().add_service(service).serve_with_incoming_shutdown(gate.into_stream(), stopped);
    server.await.map_err(|error| CollectFault::Serve { error: error.into() })
}

async fn serve_http(
    listener: Option<(TcpListener, Option<TlsAcceptor>)>,
    shared: http::Shared,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<(), CollectFault> {
    let Some((listener, tls)) = listener else { return Ok(()) };
    let serve = |error: std::io::Error| CollectFault::Serve { error: error.into() };
    let gate = Gate::open(listener, tls).map_err(serve)?;
    let service = http::router(shared).into_make_service_with_connect_info::<http::Peer>();
    axum::serve(gate, service).with_graceful_shutdown(stopped).await.map_err(serve)
}
