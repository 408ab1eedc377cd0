//! What the collector knows of every stream, to tell what is new from what came before.

use crate::line::{Line, StreamId};
use crate::read::{self, Entry, Visitor};
use crate::recent::Recent;
use crate::runs::{Break, Link, Runs};
use crate::store::{self, Manifest, StoreFault};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How an arriving line stands to those that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Its place was free.
    New,
    /// It is kept already.
    Duplicate,
    /// Its place is taken by another line.
    Fork,
    /// Its place is taken by a line too long ago to compare: it is kept, and verification will compare.
    Late,
}

/// All streams that lines were kept of.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    streams: HashMap<StreamId, Runs<()>>,
    recent: Recent,
}

/// Lines of closed segments that are read again at the start, at least: those that a sender may still repeat.
const REMEMBERED: u64 = 20_000;

impl Ledger {
    /// What a store's manifests tell, and the lines of its newest segments.
    pub(super) fn load(root: &Path) -> Result<Self, StoreFault> {
        let mut ledger = Self::default();
        let manifests = store::manifests(root)?;
        for stretch in manifests.iter().flat_map(|(_, manifest)| &manifest.streams) {
            if let Some((stream, run)) = stretch.run(()) {
                ledger.streams.entry(stream).or_default().absorb(run);
            }
        }
        let newest = newest_segments(&manifests);
        read::read_all(&newest, &mut ledger).map_err(|fault| StoreFault::Io { path: fault.path, error: fault.error })?;
        Ok(ledger)
    }

    /// How a line stands to those that are kept. Nothing is learnt from the asking.
    pub(super) fn judge(&self, line: &Line) -> Arrival {
        let taken = self.streams.get(&line.stream).is_some_and(|runs| runs.contains(line.seq));
        match self.recent.digest(line.stream, line.seq) {
            _ if !taken => Arrival::New,
            Some(digest) if digest == line.digest => Arrival::Duplicate,
            Some(_) => Arrival::Fork,
            None => Arrival::Late,
        }
    }

    /// Learns a line that is kept; returns the links that it breaks.
    pub(super) fn learn(&mut self, line: &Line) -> Vec<Break<()>> {
        self.recent.remember(line.stream, line.seq, line.digest);
        let runs = self.streams.entry(line.stream).or_default();
        runs.insert(Link { seq: line.seq, prev: line.prev, digest: line.digest, place: () });
        runs.breaks_at(line.seq).copied().collect()
    }

    /// How many streams there are.
    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }
}

impl Visitor for Ledger {
    fn entry(&mut self, entry: Entry) {
        if let Ok(line) = entry.read {
            self.recent.remember(line.stream, line.seq, line.digest);
        }
    }
}

fn newest_segments(manifests: &[(PathBuf, Manifest)]) -> Vec<PathBuf> {
    let (mut newest, mut rows) = (Vec::new(), 0);
    for (path, manifest) in manifests.iter().rev().filter(|(_, manifest)| manifest.expired.is_none()) {
        newest.push(path.with_file_name(&manifest.file));
        rows += manifest.rows;
        if rows >= REMEMBERED {
            break;
        }
    }
    newest.reverse();
    newest
}
