//! The transparency log over all kept lines: an RFC 6962 Merkle tree in the files of C2SP tlog-tiles, with checkpoints as
//! C2SP signed notes, so that the tools of transparency logs can check it.
//!
//! A leaf says that a line was kept, and holds nothing of what the line says: stream, sequence number, and the digest of
//! the salted line.

mod note;
mod tiles;
mod tree;

pub use note::{Checkpoint, NoteFault, NoteKey, NoteVerifier};
pub(crate) use tiles::leaf_hashes;
pub use tiles::{Log, LogFault};
pub use tree::{Hash, Tree, leaf_hash};

use crate::digest::Digest;
use crate::line::{Line, StreamId};

/// What one leaf says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The stream of the line.
    pub stream: StreamId,
    /// Its place in the stream.
    pub seq: u64,
    /// The digest of the line.
    pub digest: Digest,
}

/// How every leaf entry begins.
pub const LEAF_CONTEXT: &[u8] = b"countersign-leaf/1\n";

impl Leaf {
    /// The leaf of a line.
    #[must_use]
    pub fn of(line: &Line) -> Self {
        Self { stream: line.stream, seq: line.seq, digest: line.digest }
    }

    /// The bytes that the log hashes: context, stream (16 bytes), sequence number (8, big-endian), digest (32).
    #[must_use]
    pub fn entry(&self) -> Vec<u8> {
        [LEAF_CONTEXT, &self.stream.0, &self.seq.to_be_bytes(), &self.digest.0].concat()
    }
}
