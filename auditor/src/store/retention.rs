//! Retention: segments beyond an age are removed, their manifests stay, and so do the leaves of their lines.

use super::manifest::{Manifest, manifests};
use super::{StoreFault, StoreLock};
use countersign_core::time::UnixNanos;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// So many segments were removed.
    Segments(u64),
    /// Nothing was removed, since a legal hold is in force.
    Held,
}

/// Removes the closed segments that were closed more than `age` ago. While anything lies in `holds/`, nothing is removed.
///
/// # Errors
/// When a segment cannot be removed or its manifest not be written.
pub fn expire(lock: &StoreLock, age: Duration, now: UnixNanos) -> Result<Expired, StoreFault> {
    if held(lock.root())? {
        return Ok(Expired::Held);
    }
    let mut removed = 0;
    for (path, manifest) in manifests(lock.root())? {
        let old = UnixNanos::parse(&manifest.closed).is_some_and(|closed| closed.plus(age) <= now);
        if old && manifest.expired.is_none() {
            remove(&path, manifest, now)?;
            removed += 1;
        }
    }
    Ok(Expired::Segments(removed))
}

fn held(root: &Path) -> Result<bool, StoreFault> {
    let holds = root.join("holds");
    match fs::read_dir(&holds) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreFault::io(&holds)(error)),
    }
}

/// The manifest says so first: a segment that is gone without that is missing.
fn remove(path: &Path, manifest: Manifest, now: UnixNanos) -> Result<(), StoreFault> {
    let segment = path.with_file_name(&manifest.file);
    Manifest { expired: Some(now.to_string()), ..manifest }.write(path)?;
    match fs::remove_file(&segment) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreFault::io(&segment)(error)),
        _ => Ok(()),
    }
}
