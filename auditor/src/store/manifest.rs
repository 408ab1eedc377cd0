//! What a closed segment holds, written beside it when it is closed.

use super::{StoreFault, layout, replace};
use crate::digest::Digest;
use crate::line::StreamId;
use crate::runs::{Link, Run, Runs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How a manifest's name ends; what comes before is its segment's name up to `.jsonl`.
const SUFFIX: &str = ".manifest.json";

/// What a closed segment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form.
    pub v: u64,
    /// The name of the segment's file, in the same directory.
    pub file: String,
    /// SHA-256 of that file, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of its lines, decompressed.
    pub lines_sha256: String,
    /// Bytes of its lines.
    pub bytes: u64,
    /// Audit lines in it.
    pub rows: u64,
    /// Its first line's index in the log.
    pub first_leaf: u64,
    /// When it was begun (RFC 3339).
    pub opened: String,
    /// When it was closed.
    pub closed: String,
    /// The stretches of each stream in it.
    pub streams: Vec<Stretch>,
    /// When retention removed the file: then this is all that is left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<String>,
}

/// Consecutive lines of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// The stream.
    pub stream: String,
    /// Its first sequence number here.
    pub first: u64,
    /// Its last one.
    pub last: u64,
    /// What the first line gives as the digest of the line before it.
    pub prev: String,
    /// The digest of the last line.
    pub head: String,
}

impl Stretch {
    fn of(stream: StreamId, run: &Run<()>) -> Self {
        let Run { first, last } = run;
        Self {
            stream: stream.to_string(),
            first: first.seq,
            last: last.seq,
            prev: first.prev.to_string(),
            head: last.digest.to_string(),
        }
    }

    /// The stretch as a run, at a place that stands for it. The digests inside are not known, and are given as zeros.
    #[must_use]
    pub fn run<P: Copy>(&self, place: P) -> Option<(StreamId, Run<P>)> {
        let (prev, head) = (Digest::parse(&self.prev)?, Digest::parse(&self.head)?);
        let first = Link { seq: self.first, prev, digest: if self.first == self.last { head } else { Digest::ZERO }, place };
        let last = Link { seq: self.last, prev: if self.first == self.last { prev } else { Digest::ZERO }, digest: head, place };
        Some((StreamId::parse(&self.stream)?, Run { first, last }))
    }
}

/// The stretches of all streams, by stream.
pub(super) fn stretches(streams: &BTreeMap<StreamId, Runs<()>>) -> Vec<Stretch> {
    streams.iter().flat_map(|(id, runs)| runs.iter().map(|run| Stretch::of(*id, run))).collect()
}

impl Manifest {
    /// Where the manifest of a segment lies.
    #[must_use]
    pub fn path_for(segment: &Path) -> PathBuf {
        let name = segment.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = name.split(".jsonl").next().unwrap_or_default();
        segment.with_file_name(format!("{stem}{SUFFIX}"))
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`StoreFault::Manifest`] when it is none.
    pub fn read(path: &Path) -> Result<Self, StoreFault> {
        let bytes = std::fs::read(path).map_err(StoreFault::io(path))?;
        serde_json::from_slice(&bytes).map_err(|error| StoreFault::Manifest { path: path.to_path_buf(), error })
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), StoreFault> {
        let text = serde_json::to_string(self).map_err(|error| StoreFault::Manifest { path: path.to_path_buf(), error })?;
        replace(path, format!("{text}\n").as_bytes()).map_err(StoreFault::io(path))
    }
}

/// All manifests of a store with their paths, in the order of the log. While its segment is still open under its first
/// name, a manifest is not in force: a crash came between the two, and the segment will be closed again.
///
/// # Errors
/// A manifest that cannot be read.
pub fn manifests(root: &Path) -> Result<Vec<(PathBuf, Manifest)>, StoreFault> {
    let mut found = Vec::new();
    for path in layout::partition_files(root).map_err(StoreFault::io(root))? {
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(SUFFIX)) {
            let manifest = Manifest::read(&path)?;
            if !path.with_file_name(layout::open_name_of(&manifest.opened)).exists() {
                found.push((path, manifest));
            }
        }
    }
    found.sort_by_key(|(_, manifest)| manifest.first_leaf);
    Ok(found)
}
