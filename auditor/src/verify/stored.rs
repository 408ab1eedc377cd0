//! What a store says of itself: manifests, and the log over all lines.

use super::finding::{Finding, What};
use crate::digest::Digest;
use crate::line::StreamId;
use crate::read::Place;
use crate::runs::Run;
use crate::store::{self, Manifest, StoreFault};
use crate::tlog::{Checkpoint, Leaf, NoteVerifier, Tree, leaf_hash, leaf_hashes};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One store that is verified.
#[derive(Debug)]
pub struct Stored {
    root: PathBuf,
    manifests: Vec<Manifest>,
    by_segment: HashMap<PathBuf, usize>,
    /// For each file that is read and has a manifest: which one.
    by_file: HashMap<u32, usize>,
    next: usize,
    tree: Option<Tree>,
    checkpoint: Option<(String, Checkpoint)>,
    expected: Vec<Checkpoint>,
}

/// A place that stands for lines that are no longer here.
const NOWHERE: Place = Place { file: u32::MAX, line: 0 };

impl Stored {
    /// Reads what the store at `root` says; none when it is no store.
    ///
    /// # Errors
    /// [`StoreFault`] when a manifest cannot be read.
    pub(super) fn read(root: &Path) -> Result<Option<Self>, StoreFault> {
        // The checkpoint first: a collector that closes a segment meanwhile has written its manifest before it signs.
        let note = std::fs::read_to_string(root.join("log/checkpoint")).ok();
        let checkpoint = note.and_then(|note| Checkpoint::parse(&note).ok().map(|checkpoint| (note, checkpoint)));
        let found = store::manifests(root)?;
        if found.is_empty() {
            return Ok(None);
        }
        let by_segment = found.iter().enumerate().map(|(index, (path, manifest))| (path.with_file_name(&manifest.file), index));
        Ok(Some(Self {
            root: root.to_path_buf(),
            by_segment: by_segment.collect(),
            manifests: found.into_iter().map(|(_, manifest)| manifest).collect(),
            by_file: HashMap::new(),
            next: 0,
            tree: Some(Tree::default()),
            expected: checkpoint.iter().map(|(_, checkpoint)| checkpoint.clone()).collect(),
            checkpoint,
        }))
    }

    /// Its directory.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The segments that are there, in the order of the log.
    pub(super) fn present(&self) -> Vec<PathBuf> {
        let mut present: Vec<(&usize, &PathBuf)> = self.by_segment.iter().map(|(path, index)| (index, path)).collect();
        present.sort();
        present.into_iter().map(|(_, path)| path.clone()).filter(|path| path.exists()).collect()
    }

    /// Whether a segment, be it under its open name, has a manifest.
    pub(super) fn describes(&self, path: &Path) -> bool {
        let opened = store::is_open(path).then(|| store::opened(path));
        self.by_segment.contains_key(path) || self.manifests.iter().any(|manifest| Some(&manifest.opened) == opened.as_ref())
    }

    /// Learns under which index a segment of it will be read; says what is wrong where it has no manifest.
    pub(super) fn will_read(&mut self, file: u32, path: &Path) -> Option<Finding> {
        match self.by_segment.get(path).copied() {
            Some(index) => {
                self.by_file.insert(file, index);
                None
            }
            None if store::is_open(path) => None,
            None => Some(about(What::SegmentUnlisted, Place { file, line: 0 })),
        }
    }

    /// Earlier states of the log, which this one has to contain.
    pub(super) fn expect(&mut self, saved: &[Checkpoint]) {
        self.expected.extend_from_slice(saved);
    }

    /// The stretches of streams that have expired.
    pub(super) fn expired(&self) -> impl Iterator<Item = (StreamId, Run<Place>)> {
        let expired = self.manifests.iter().filter(|manifest| manifest.expired.is_some());
        expired.flat_map(|manifest| &manifest.streams).filter_map(|stretch| stretch.run(NOWHERE))
    }

    /// Takes the leaf of a line.
    pub(super) fn leaf(&mut self, file: u32, leaf: Leaf) {
        if let Some(index) = self.by_file.get(&file).copied() {
            self.catch_up(index);
            if let Some(tree) = &mut self.tree {
                tree.push(leaf_hash(&leaf.entry()));
            }
        }
    }

    /// Takes the leaves of segments that have expired before this one from the tiles; without them no root can be told.
    fn catch_up(&mut self, index: usize) {
        while self.next < index {
            let manifest = self.manifests.get(self.next).filter(|manifest| manifest.expired.is_some());
            if let (Some(tree), Some(manifest)) = (&mut self.tree, manifest)
                && tree.size() == manifest.first_leaf
            {
                match leaf_hashes(&self.root.join("log"), manifest.first_leaf, manifest.rows) {
                    Some(hashes) => hashes.into_iter().for_each(|hash| tree.push(hash)),
                    None => self.tree = None,
                }
            }
            self.next += 1;
        }
    }

    /// Takes the end of a file, with the digest of its bytes.
    pub(super) fn end_of_file(&mut self, file: u32, digest: Digest) -> Vec<Finding> {
        let Some(index) = self.by_file.get(&file).copied() else { return Vec::new() };
        let Some(manifest) = self.manifests.get(index) else { return Vec::new() };
        let mut findings = Vec::new();
        if manifest.sha256 != digest.to_string() {
            let what = What::SegmentEdited { expected: manifest.sha256.clone(), found: digest };
            findings.push(about(what, Place { file, line: 0 }));
        }
        findings.extend(self.compare_root());
        findings
    }

    /// Compares the root with every state that is known for the tree's present size.
    fn compare_root(&mut self) -> Option<Finding> {
        let tree = self.tree.as_ref()?;
        let size = tree.size();
        let due = self.expected.extract_if(.., |checkpoint| checkpoint.size == size).collect::<Vec<_>>();
        let differs = due.iter().any(|checkpoint| checkpoint.root != tree.root());
        differs.then_some(Finding { what: What::RootMismatch { size }, stream: None, seq: None, place: None, witness: None })
    }

    /// What the end shows: segments that are gone, states of the log that were not met, the note's signature.
    pub(super) fn conclude(mut self, trusted: &[NoteVerifier]) -> Vec<Finding> {
        self.catch_up(self.manifests.len());
        let mut findings: Vec<Finding> = self.compare_root().into_iter().collect();
        let read: Vec<usize> = self.by_file.values().copied().collect();
        let gone =
            self.manifests.iter().enumerate().filter(|(index, manifest)| manifest.expired.is_none() && !read.contains(index));
        for (_, manifest) in gone {
            let what = What::SegmentMissing { file: manifest.file.clone(), rows: manifest.rows };
            findings.push(Finding { what, stream: None, seq: None, place: None, witness: None });
        }
        let size = self.tree.as_ref().map(Tree::size);
        if let (Some(size), Some(unmet)) = (size, self.expected.iter().map(|checkpoint| checkpoint.size).max()) {
            let what = What::LogRollback { signed: unmet, size };
            findings.push(Finding { what, stream: None, seq: None, place: None, witness: None });
        }
        findings.extend(self.note_fault(trusted));
        findings
    }

    fn note_fault(&self, trusted: &[NoteVerifier]) -> Option<Finding> {
        let (note, checkpoint) = self.checkpoint.as_ref()?;
        let mut faults = trusted.iter().map(|verifier| verifier.open(note).err());
        let fault = faults.next()??;
        if faults.any(|fault| fault.is_none()) {
            return None;
        }
        let what = What::LogUnsigned { size: checkpoint.size, fault };
        Some(Finding { what, stream: None, seq: None, place: None, witness: None })
    }
}

fn about(what: What, place: Place) -> Finding {
    Finding { what, stream: None, seq: None, place: Some(place), witness: None }
}
