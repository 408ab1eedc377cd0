//! Says what kept lines prove: whether anything was edited, removed, inserted, moved, repeated or lost.
//!
//! Lines may come from any number of files in any order. Each stream is kept as its *runs*, the unbroken stretches of
//! sequence numbers seen so far, so memory grows with the damage and not with the evidence. What one pass cannot answer
//! (is this late line a repetition or a fork?) is asked in a second one.

mod checkpoint;
mod explain;
mod finding;
mod pass;
mod questions;
mod render;
mod sources;
mod stored;
mod stream;
mod tail;

pub use explain::SCRIPT;
pub use finding::{Finding, Severity, What};
pub use render::{render_json, render_text};
pub use sources::{Evidence, VerifyFault};
pub use stored::Stored;

use crate::digest::Digest;
use crate::line::StreamId;
use crate::read::{self, Entry, Visitor};
use crate::seal::TrustedKey;
use crate::tlog::{Checkpoint, NoteVerifier};
use countersign_core::time::UnixNanos;
use std::path::PathBuf;
use std::time::Duration;

/// What verification may rely on, beside the lines.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The keys that may sign checkpoints. When there are none, a stream's own key is used, and the report says so.
    pub keys: Vec<TrustedKey>,
    /// The keys that may sign a store's log. When there are none, only its root is compared.
    pub log_keys: Vec<NoteVerifier>,
    /// Earlier checkpoints of the log, which it has to contain.
    pub saved: Vec<Checkpoint>,
    /// The time now: what is younger than [`Trust::grace`] may still be on its way.
    pub now: UnixNanos,
    /// How long a line may be on its way, and a live stream silent.
    pub grace: Duration,
}

/// What verification found.
#[derive(Debug, Default)]
pub struct Report {
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// Lines that were read.
    pub lines: u64,
    /// Lines that nothing is held against.
    pub valid: u64,
    /// Lines of logs that hold nothing of ours.
    pub others: u64,
    /// Bytes of the lines that were read, decompressed.
    pub bytes: u64,
    /// Each stream, by its name.
    pub streams: Vec<StreamReport>,
    /// What is to be said, the gravest first.
    pub findings: Vec<Finding>,
}

/// One stream as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamReport {
    /// Which one.
    pub stream: StreamId,
    /// Its first sequence number here.
    pub first: u64,
    /// Its last one here.
    pub last: u64,
    /// Distinct lines of it.
    pub lines: u64,
    /// Whether it was closed.
    pub closed: bool,
    /// Its checkpoints.
    pub checkpoints: u64,
    /// Those whose signature holds.
    pub signed: u64,
}

impl Report {
    /// How many findings are at least this grave.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.what.severity() <= severity).count()
    }
}

/// Verifies all lines of some evidence, in the order of its files.
///
/// # Errors
/// [`VerifyFault`] when a file cannot be read: then nothing can be said.
pub fn verify(evidence: Evidence, trust: &Trust) -> Result<Report, VerifyFault> {
    let Evidence { files, stores } = evidence;
    let mut pass = pass::Pass::new(trust, &files, stores);
    read::read_all(&files, &mut pass)?;
    let mut questions = pass.questions();
    if !questions.is_empty() {
        read::read_all(&files, &mut questions)?;
    }
    Ok(pass.report(questions, files))
}

impl Visitor for pass::Pass<'_> {
    fn entry(&mut self, entry: Entry) {
        self.take(entry);
    }

    fn others(&mut self, _file: u32, count: u64) {
        self.others += count;
    }

    fn end_of_file(&mut self, file: u32, stored: Digest) {
        self.take_end(file, stored);
    }
}

impl Visitor for questions::Questions {
    fn entry(&mut self, entry: Entry) {
        if let Ok(line) = entry.read {
            self.look(entry.place, &line);
        }
    }
}
