//! The segment that is being written.

use super::{StoreFault, layout, sync_directory};
use countersign_core::time::UnixNanos;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Appends lines to a store's open segment, each append durable when it returns.
#[derive(Debug)]
pub struct Appender {
    root: PathBuf,
    segment: Option<OpenSegment>,
}

/// Proof that what was appended is synced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// Lines that were appended.
    pub lines: usize,
    /// Bytes that were appended, line feeds included.
    pub bytes: usize,
}

#[derive(Debug)]
struct OpenSegment {
    path: PathBuf,
    file: File,
    durable: u64,
}

impl Appender {
    /// An appender to the store at `root`, which begins its segment with the first line.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), segment: None }
    }

    /// Appends lines, each followed by a line feed, and syncs them.
    ///
    /// # Errors
    /// When it cannot be said that all of them are on disk. None of them then counts as kept: the segment is cut back to
    /// where it was and left, since after a failed sync nothing more can be said about that file's pages.
    pub fn append<'l>(&mut self, lines: impl Iterator<Item = &'l [u8]>, now: UnixNanos) -> Result<Durable, StoreFault> {
        let mut bytes = Vec::new();
        let mut count = 0;
        for line in lines {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
            count += 1;
        }
        if count > 0 {
            self.write(&bytes, now)?;
        }
        Ok(Durable { lines: count, bytes: bytes.len() })
    }

    fn write(&mut self, bytes: &[u8], now: UnixNanos) -> Result<(), StoreFault> {
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => OpenSegment::create(&self.root, now)?,
        };
        match segment.write(bytes) {
            Ok(()) => {
                self.segment = Some(segment);
                Ok(())
            }
            Err(error) => {
                segment.cut_back();
                Err(StoreFault::Io { path: segment.path, error })
            }
        }
    }
}

impl OpenSegment {
    fn create(root: &Path, now: UnixNanos) -> Result<Self, StoreFault> {
        let directory = root.join(layout::partition(now));
        std::fs::create_dir_all(&directory).map_err(StoreFault::io(&directory))?;
        let path = directory.join(format!("{}.open.jsonl", layout::segment_stem(now)));
        let file = File::options().append(true).create_new(true).open(&path).map_err(StoreFault::io(&path))?;
        for parent in [Some(&*directory), directory.parent(), Some(root)].into_iter().flatten() {
            sync_directory(parent).map_err(StoreFault::io(parent))?;
        }
        Ok(Self { path, file, durable: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.durable += bytes.len() as u64;
        Ok(())
    }

    /// Best effort: what stays behind was never acknowledged, and comes again.
    fn cut_back(&mut self) {
        if self.file.set_len(self.durable).is_ok() {
            let _ = self.file.sync_all();
        }
    }
}
