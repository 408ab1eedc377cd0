//! Closing a segment: from then on its name tells its content, its manifest lies beside it, and it is read-only.
//!
//! It is closed from what lies on disk, so that a segment that a crash left open is closed in the very same way. Every
//! step can be taken again with the same result: the manifest comes before the name, and the open file goes last.

use super::manifest::{Manifest, stretches};
use super::rejects::{Reject, RejectFile};
use super::{StoreFault, layout, replace, sync_directory};
use crate::digest::Digest;
use crate::line::{Line, StreamId};
use crate::runs::{Link, Runs};
use crate::tlog::{Leaf, Log};
use countersign_core::time::UnixNanos;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What closing one segment came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Closed {
    /// Audit lines in it.
    pub(super) rows: u64,
    /// Bytes at its end that were no whole line, and were put aside.
    pub(super) torn: u64,
}

/// Closes one open segment and appends its lines to the log. An empty one is removed.
pub(super) fn close(
    path: &Path,
    aside: &mut RejectFile,
    compress: bool,
    log: &mut Log,
    now: UnixNanos,
) -> Result<Closed, StoreFault> {
    let mut bytes = fs::read(path).map_err(StoreFault::io(path))?;
    let torn = cut_torn(path, &mut bytes, aside, now)?;
    if bytes.is_empty() {
        fs::remove_file(path).map_err(StoreFault::io(path))?;
        return Ok(Closed { rows: 0, torn });
    }
    let (streams, leaves) = summarise(&bytes);
    let digest = Digest::of(&bytes);
    let target = path.with_file_name(layout::closed_name(path, &digest, compress));
    let stored = if compress { compress_to(&bytes, &target)? } else { digest };
    let manifest = Manifest {
        v: 1,
        file: target.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: stored.to_string(),
        lines_sha256: digest.to_string(),
        bytes: bytes.len() as u64,
        rows: leaves.len() as u64,
        first_leaf: log.size(),
        opened: layout::opened(path),
        closed: now.to_string(),
        streams: stretches(&streams),
        expired: None,
    };
    manifest.write(&Manifest::path_for(&target))?;
    remove_if_there(&path.with_file_name(layout::closed_name(path, &digest, !compress)))?;
    finish(path, &target, compress).map_err(StoreFault::io(&target))?;
    log.append(leaves.iter().copied())?;
    Ok(Closed { rows: leaves.len() as u64, torn })
}

/// The same segment in the other form: left by a crash, and made in the form that was asked for then.
fn remove_if_there(path: &Path) -> Result<(), StoreFault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreFault::io(path)(error)),
        _ => Ok(()),
    }
}

/// A crash may have cut the last line anywhere. What is left of it goes to the side file before it is cut off here.
fn cut_torn(path: &Path, bytes: &mut Vec<u8>, aside: &mut RejectFile, now: UnixNanos) -> Result<u64, StoreFault> {
    let whole = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
    let torn = bytes.split_off(whole);
    if torn.is_empty() {
        return Ok(0);
    }
    let reject = Reject {
        reason: "line_torn",
        detail: format!("{} bytes at the end are no whole line", torn.len()),
        place: format!("{} byte {whole}", path.display()),
        body: String::from_utf8_lossy(&torn).into_owned(),
    };
    aside.append(std::iter::once(&reject), now)?;
    let cut = File::options().write(true).open(path).and_then(|file| file.set_len(whole as u64).and_then(|()| file.sync_all()));
    cut.map_err(StoreFault::io(path))?;
    Ok(torn.len() as u64)
}

/// What is no audit line stays where it is, for verification to find; it has no leaf.
pub(super) fn summarise(bytes: &[u8]) -> (BTreeMap<StreamId, Runs<()>>, Vec<Leaf>) {
    let (mut streams, mut leaves) = (BTreeMap::<_, Runs<()>>::new(), Vec::new());
    for line in bytes.split(|byte| *byte == b'\n').filter_map(|line| Line::parse(line).ok()) {
        let link = Link { seq: line.seq, prev: line.prev, digest: line.digest, place: () };
        streams.entry(line.stream).or_default().insert(link);
        leaves.push(Leaf::of(&line));
    }
    (streams, leaves)
}

/// The compressed file is synced and under its final name when this returns; the digest is of the compressed bytes.
fn compress_to(bytes: &[u8], target: &Path) -> Result<Digest, StoreFault> {
    let compressed = zstd::encode_all(bytes, 3).map_err(StoreFault::io(target))?;
    replace(target, &compressed).map_err(StoreFault::io(target))?;
    Ok(Digest::of(&compressed))
}

fn finish(path: &Path, target: &Path, compress: bool) -> io::Result<()> {
    if compress {
        fs::remove_file(path)?;
    } else {
        fs::rename(path, target)?;
    }
    let mut permissions = fs::metadata(target)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(target, permissions)?;
    target.parent().map_or(Ok(()), sync_directory)
}
