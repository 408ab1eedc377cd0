//! Bringing a store into order: what a crash left open is closed, and the log is brought up to the segments.

use super::close::{close, summarise};
use super::manifest::{Manifest, manifests};
use super::rejects::RejectFile;
use super::{StoreFault, layout};
use crate::read;
use crate::tlog::{Log, LogFault, NoteKey};
use countersign_core::time::UnixNanos;
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// What was closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Segments that had been left open.
    pub segments: u64,
    /// Audit lines in them.
    pub lines: u64,
    /// Bytes at their ends that were no whole lines, and were put aside.
    pub torn_bytes: u64,
    /// The log's checkpoint afterwards, where it has a new one.
    pub checkpoint: Option<String>,
}

/// Opens the log and appends the lines of closed segments that it lacks. Tiles that a power loss took are made anew, as
/// long as no segment has expired; the checkpoint has to come out the same.
pub(super) fn open_log(root: &Path, key: NoteKey) -> Result<Log, StoreFault> {
    let directory = root.join("log");
    let mut log = match Log::open(&directory, key.clone()) {
        Err(LogFault::Root { size }) => remake(root, &directory, key, size)?,
        opened => opened?,
    };
    let before = log.size();
    append_missing(root, &mut log, u64::MAX)?;
    if log.size() > before {
        log.publish()?;
    }
    Ok(log)
}

fn remake(root: &Path, directory: &Path, key: NoteKey, size: u64) -> Result<Log, StoreFault> {
    let aside = directory.with_extension("remade");
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(StoreFault::io(&aside))?;
    }
    let mut log = Log::open(&aside, key)?;
    append_missing(root, &mut log, size)?;
    let expected = fs::read_to_string(directory.join("checkpoint")).map_err(StoreFault::io(directory))?;
    if log.size() != size || log.publish()? != expected {
        fs::remove_dir_all(&aside).map_err(StoreFault::io(&aside))?;
        return Err(LogFault::Root { size }.into());
    }
    fs::remove_dir_all(directory).and_then(|()| fs::rename(&aside, directory)).map_err(StoreFault::io(directory))?;
    log.moved_to(directory);
    Ok(log)
}

/// Appends what closed segments hold beyond the log's size, up to `limit` leaves in all.
fn append_missing(root: &Path, log: &mut Log, limit: u64) -> Result<(), StoreFault> {
    for (path, manifest) in manifests(root)? {
        let end = manifest.first_leaf + manifest.rows;
        if end <= log.size() || end > limit {
            continue;
        }
        if manifest.first_leaf != log.size() || manifest.expired.is_some() {
            return Err(LogFault::Root { size: log.size() }.into());
        }
        let (_, leaves) = summarise(&read_segment(&path, &manifest)?);
        log.append(leaves.into_iter())?;
    }
    Ok(())
}

fn read_segment(manifest_path: &Path, manifest: &Manifest) -> Result<Vec<u8>, StoreFault> {
    let path = manifest_path.with_file_name(&manifest.file);
    let mut bytes = Vec::new();
    read::open(&path).and_then(|mut opened| opened.read_to_end(&mut bytes)).map_err(StoreFault::io(&path))?;
    Ok(bytes)
}

/// Closes all segments that are open, the oldest first, and signs the log's new state.
pub(super) fn close_left_open(root: &Path, compress: bool, log: &mut Log, now: UnixNanos) -> Result<Recovered, StoreFault> {
    let mut recovered = Recovered::default();
    let mut aside = RejectFile::new(&root.join("rejected.jsonl"));
    for path in layout::segments(root).map_err(StoreFault::io(root))?.into_iter().filter(|path| layout::is_open(path)) {
        let closed = close(&path, &mut aside, compress, log, now)?;
        recovered.segments += 1;
        recovered.lines += closed.rows;
        recovered.torn_bytes += closed.torn;
    }
    if recovered.lines > 0 {
        recovered.checkpoint = Some(log.publish()?);
    }
    Ok(recovered)
}
