//! The segment that is being written.

use super::{StoreFault, layout, sync_directory};
use countersign_core::time::UnixNanos;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A segment that lines are appended to.
#[derive(Debug)]
pub(super) struct OpenSegment {
    pub(super) path: PathBuf,
    pub(super) opened: UnixNanos,
    /// Bytes that are known to be on disk.
    pub(super) durable: u64,
    file: File,
}

impl OpenSegment {
    /// Begins a segment in the partition of `now`.
    pub(super) fn create(root: &Path, now: UnixNanos) -> Result<Self, StoreFault> {
        let directory = root.join(layout::partition(now));
        fs::create_dir_all(&directory).map_err(StoreFault::io(&directory))?;
        let path = directory.join(layout::open_name(now));
        let file = File::options().append(true).create_new(true).open(&path).map_err(StoreFault::io(&path))?;
        for parent in [Some(&*directory), directory.parent(), Some(root)].into_iter().flatten() {
            sync_directory(parent).map_err(StoreFault::io(parent))?;
        }
        Ok(Self { path, opened: now, durable: 0, file })
    }

    /// Appends bytes that are whole lines, and syncs them.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.durable += bytes.len() as u64;
        Ok(())
    }

    /// Cuts off whatever follows the durable lines. Best effort: it was never acknowledged, and comes again.
    pub(super) fn cut_back(&self) {
        if self.file.set_len(self.durable).is_ok() {
            let _ = self.file.sync_all();
        }
    }
}
