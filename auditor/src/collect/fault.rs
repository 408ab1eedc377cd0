//! Why a collector cannot start, or stopped.

use super::gate::GateFault;
use crate::store::StoreFault;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a collector cannot start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum CollectFault {
    /// Its store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// TLS or the token cannot be set up.
    #[error(transparent)]
    Gate(#[from] GateFault),
    /// The key for the log cannot be read or made.
    #[error("cannot use the log's key `{}`: {error}", .path.display())]
    LogKey {
        /// Its file.
        path: PathBuf,
        /// What the system says, or what is wrong with it.
        error: io::Error,
    },
    /// The name for the log cannot be one.
    #[error("`{name}` cannot name a log: no spaces, no plus signs, not empty")]
    LogName {
        /// The name asked for.
        name: String,
    },
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
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CollectFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(fault) => fault.code(),
            Self::Gate(fault) => fault.code(),
            Self::LogKey { .. } => "collect_log_key",
            Self::LogName { .. } => "collect_log_name",
            Self::Listen { .. } => "collect_cannot_listen",
            Self::Announce { .. } => "collect_cannot_announce",
            Self::Signals { .. } => "collect_no_signals",
            Self::Serve { .. } => "collect_serve_ended",
        }
    }
}
