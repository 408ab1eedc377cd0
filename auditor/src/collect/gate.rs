//! Who may connect: listening, TLS, client certificates, the bearer token.

use crate::digest::Digest;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that may wait to be served.
const WAITING: usize = 64;

/// The files for TLS, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate chain of the collector.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose client certificates are demanded; without them none is.
    pub client_authorities: Option<PathBuf>,
}

/// Why TLS cannot be set up, or a token not be used.
#[derive(Debug, thiserror::Error)]
pub enum GateFault {
    /// A file cannot be used.
    #[error("cannot use `{}`: {reason}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not, in the words of the reader.
        reason: String,
    },
    /// The certificate and key do not make a server.
    #[error("cannot serve TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl GateFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "gate_file",
            Self::Tls(_) => "gate_tls",
        }
    }

    fn file<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> Self {
        let path = path.to_path_buf();
        move |error| Self::File { path: path.clone(), reason: error.to_string() }
    }
}

/// The bearer token that a sender has to show, as its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(Digest);

impl Token {
    /// Reads the token from a file; white space around it does not count.
    ///
    /// # Errors
    /// [`GateFault::File`] when it cannot be read or is empty.
    pub fn read(path: &Path) -> Result<Self, GateFault> {
        let text = std::fs::read_to_string(path).map_err(GateFault::file(path))?;
        match text.trim() {
            "" => Err(GateFault::file(path)("the token is empty")),
            token => Ok(Self(Digest::of(token.as_bytes()))),
        }
    }

    /// Whether an `authorization` header shows it (RFC 6750 §2.1). Digests are compared, so that time tells nothing.
    pub(super) fn is_shown(&self, authorization: Option<&[u8]>) -> bool {
        let shown = authorization.and_then(|value| value.split_at_checked(7));
        shown.is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case(b"bearer ") && Digest::of(token.trim_ascii()) == self.0)
    }
}

/// Sets up TLS for the protocols of a listener.
pub(super) fn acceptor(files: &TlsFiles, protocols: &[&[u8]]) -> Result<TlsAcceptor, GateFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(GateFault::file(path))?)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(GateFault::file(&files.key))?;
    let mut config = builder.with_single_cert(certificates(&files.certificate)?, key)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, GateFault> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found.map_err(GateFault::file(path))? {
        found if found.is_empty() => Err(GateFault::file(path)("no certificate in it")),
        found => Ok(found),
    }
}

/// A connection, with or without TLS.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Accepts connections; handshakes run beside each other, so that a slow one holds up nobody.
#[derive(Debug)]
pub(super) struct Gate {
    connections: mpsc::Receiver<(Connection, SocketAddr)>,
    address: SocketAddr,
}

impl Gate {
    pub(super) fn open(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, connections) = mpsc::channel(WAITING);
        tokio::spawn(accept_all(listener, tls, sender));
        Ok(Self { connections, address })
    }

    /// The connections, as tonic takes them.
    pub(super) fn into_stream(self) -> impl tokio_stream::Stream<Item = io::Result<Connection>> {
        tokio_stream::StreamExt::map(tokio_stream::wrappers::ReceiverStream::new(self.connections), |(connection, _)| {
            Ok(connection)
        })
    }
}

impl axum::serve::Listener for Gate {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept_all(listener: TcpListener, tls: Option<TlsAcceptor>, sender: mpsc::Sender<(Connection, SocketAddr)>) {
    loop {
        tokio::select! {
            () = sender.closed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Without it small answers wait for more to send.
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(hand_over(stream, peer, tls.clone(), sender.clone()));
                }
                // Out of file descriptors, as a rule: to try at once again would only spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

async fn hand_over(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    sender: mpsc::Sender<(Connection, SocketAddr)>,
) {
    let connection = match tls {
        None => Connection::Plain(stream),
        Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => Connection::Tls(Box::new(stream)),
            Ok(Err(_)) | Err(_) => return,
        },
    };
    // Nobody takes connections any more when the collector stops.
    let _ = sender.send((connection, peer)).await;
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        match self {
            Self::Plain(stream) => stream.connect_info(),
            Self::Tls(stream) => stream.get_ref().0.connect_info(),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, buffer),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
