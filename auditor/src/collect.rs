//! Receives evidence over OTLP and keeps it: what it acknowledges is synced to disk.
//!
//! Receivers read each record's body into an audit line (or a reject) and hand the batch to one committer, which appends
//! everything that is waiting, syncs once, and only then lets all of those batches be acknowledged (group commit).

mod batch;
mod commit;
mod grpc;

pub use batch::{Batch, Receipt};
pub use commit::Refusal;

use crate::store::{StoreFault, StoreLock};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsServiceServer;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;

/// The largest OTLP message, decoded, that is taken.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// How long open connections may take to finish after the stop.
const DRAIN: Duration = Duration::from_secs(3);

/// What a collector is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where OTLP/gRPC is received; port 0 takes a free one.
    pub grpc: SocketAddr,
    /// The directory of the store.
    pub store: PathBuf,
}

/// Why a collector cannot start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum CollectFault {
    /// Its store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The file for the ready line cannot be written.
    #[error("cannot write `{}`: {error}", .path.display())]
    Announce {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The signals that stop it cannot be waited for.
    #[error("cannot wait for signals: {error}")]
    Signals {
        /// What the system says.
        error: io::Error,
    },
    /// Serving ended with an error.
    #[error("serving ended: {error}")]
    Serve {
        /// What the transport says.
        error: tonic::transport::Error,
    },
}

impl CollectFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(fault) => fault.code(),
            Self::Listen { .. } => "collect_cannot_listen",
            Self::Announce { .. } => "collect_cannot_announce",
            Self::Signals { .. } => "collect_no_signals",
            Self::Serve { .. } => "collect_serve_ended",
        }
    }
}

/// A collector that listens and is ready to serve.
#[derive(Debug)]
pub struct Collector {
    listener: TcpListener,
    grpc: SocketAddr,
    lock: StoreLock,
}

impl Collector {
    /// Takes the store and listens.
    ///
    /// # Errors
    /// [`CollectFault`] when the store is in use or unusable, or the address is taken.
    pub async fn bind(settings: Settings) -> Result<Self, CollectFault> {
        let lock = StoreLock::acquire(&settings.store)?;
        let listen = |error| CollectFault::Listen { address: settings.grpc, error };
        let listener = TcpListener::bind(settings.grpc).await.map_err(listen)?;
        let grpc = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, grpc, lock })
    }

    /// The address on which OTLP/gRPC is received.
    #[must_use]
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc
    }

    /// Serves until `stop` completes, then finishes what was begun and leaves the store synced.
    ///
    /// # Errors
    /// [`CollectFault::Serve`] when the transport fails.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), CollectFault> {
        let (intake, committer) = commit::start(&self.lock);
        let service = LogsServiceServer::new(grpc::Receiver::new(intake))
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(MAX_MESSAGE);
        let (stopping, stopped) = oneshot::channel();
        let serving = Server::builder().add_service(service).serve_with_incoming_shutdown(
            TcpListenerStream::new(self.listener),
            async move {
                stop.await;
                // Nobody waits for it when serving has ended by itself.
                let _ = stopping.send(());
            },
        );
        let served = until_drained(serving, stopped).await;
        committer.finish().await;
        served.map_err(|error| CollectFault::Serve { error })
    }
}

/// Lets open connections finish after the stop, but not for ever: a client that keeps its connection cannot hold it up.
async fn until_drained<E>(serving: impl Future<Output = Result<(), E>>, stopped: oneshot::Receiver<()>) -> Result<(), E> {
    let deadline = async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => served,
        () = deadline => Ok(()),
    }
}
