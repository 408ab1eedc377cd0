//! The store: a directory in which evidence is kept as the lines that arrived, byte for byte.
//!
//! ```text
//! STORE/lock                                                held by the one process that writes
//! STORE/date=2026-11-24/hour=11/BEGUN.open.jsonl            the segment that lines are appended to
//! STORE/date=2026-11-24/hour=11/BEGUN-DIGEST.jsonl[.zst]    a closed one, read-only
//! STORE/date=2026-11-24/hour=11/BEGUN-DIGEST.manifest.json  what it holds
//! STORE/log/                                                the Merkle log over all closed lines, see [`crate::tlog`]
//! STORE/rejected.jsonl                                      what arrived and is no audit line, with its reason and place
//! STORE/findings.jsonl                                      what was remarkable as it arrived: forks, broken links
//! STORE/holds/NAME                                          as long as one is there, nothing expires
//! ```
//!
//! A line is in the store once the call that appended it has returned: it is written and synced by then.

mod append;
mod close;
mod layout;
mod manifest;
mod recover;
mod rejects;
mod retention;
mod segment;

pub use append::{Appender, Durable, SegmentPolicy};
pub use layout::{closed_form, is_open, is_segment, open_form, opened, partition, segment_stem, segments};
pub use manifest::{Manifest, Stretch, manifests};
pub use recover::Recovered;
pub use rejects::{Reject, RejectFile};
pub use retention::{Expired, expire};

use crate::tlog::LogFault;
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// Another process writes to it.
    #[error("`{}` is in use by another process", .path.display())]
    InUse {
        /// Its lock file.
        path: PathBuf,
    },
    /// A manifest is not readable as one.
    #[error("`{}` is no manifest: {error}", .path.display())]
    Manifest {
        /// Which one.
        path: PathBuf,
        /// What the JSON reader says.
        error: serde_json::Error,
    },
    /// Its log cannot be continued.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// A file or directory cannot be read or written.
    #[error("cannot use `{}`: {error}", .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl StoreFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "store_in_use",
            Self::Manifest { .. } => "store_manifest",
            Self::Log(fault) => fault.code(),
            Self::Io { .. } => "store_unusable",
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { path, error }
    }
}

/// The right to write to a store, held as long as this lives.
#[derive(Debug)]
pub struct StoreLock {
    root: PathBuf,
    _held: File,
}

impl StoreLock {
    /// Makes the directory where it is missing, and takes its lock.
    ///
    /// # Errors
    /// [`StoreFault::InUse`] while another process holds the lock.
    pub fn acquire(root: &Path) -> Result<Self, StoreFault> {
        std::fs::create_dir_all(root).map_err(StoreFault::io(root))?;
        let path = root.join("lock");
        let held = File::options().create(true).append(true).open(&path).map_err(StoreFault::io(&path))?;
        match held.try_lock() {
            Ok(()) => Ok(Self { root: root.to_path_buf(), _held: held }),
            Err(TryLockError::WouldBlock) => Err(StoreFault::InUse { path }),
            Err(TryLockError::Error(error)) => Err(StoreFault::Io { path, error }),
        }
    }

    /// The directory of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// Makes what was created or renamed in a directory survive a crash.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Writes a file whole or not at all: synced under another name first, then renamed.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension("unfinished");
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}
