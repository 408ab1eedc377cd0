//! Appending to a store: lines into the open segment, closed segments into the log.

use super::recover::{self, Recovered};
use super::segment::OpenSegment;
use super::{StoreFault, StoreLock, layout};
use crate::tlog::{Log, NoteKey};
use countersign_core::time::UnixNanos;
use std::path::PathBuf;
use std::time::Duration;

/// When a segment is closed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentPolicy {
    /// The size, in bytes, from which on it is closed.
    pub max_bytes: u64,
    /// The age from which on it is closed.
    pub max_age: Duration,
    /// Whether closed segments are compressed (zstd).
    pub compress: bool,
}

impl Default for SegmentPolicy {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_age: Duration::from_secs(300), compress: false }
    }
}

/// Appends lines to a store's open segment, each append durable when it returns.
#[derive(Debug)]
pub struct Appender {
    root: PathBuf,
    policy: SegmentPolicy,
    segment: Option<OpenSegment>,
    log: Log,
}

/// Proof that what was appended is synced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// Lines that were appended.
    pub lines: usize,
    /// Bytes that were appended, line feeds included.
    pub bytes: usize,
}

impl Appender {
    /// Opens the store for appending, after repairing what a crash left behind.
    ///
    /// # Errors
    /// [`StoreFault`] when the store or its log cannot be continued.
    pub fn open(lock: &StoreLock, policy: SegmentPolicy, key: NoteKey, now: UnixNanos) -> Result<(Self, Recovered), StoreFault> {
        let root = lock.root().to_path_buf();
        let mut log = recover::open_log(&root, key)?;
        let recovered = recover::close_left_open(&root, policy.compress, &mut log, now)?;
        Ok((Self { root, policy, segment: None, log }, recovered))
    }

    /// Appends lines, each followed by a line feed, and syncs them.
    ///
    /// # Errors
    /// When it cannot be said that all of them are on disk. None of them then counts as kept: the segment is cut back to
    /// where it was and left, since after a failed sync nothing more can be said about that file's pages.
    pub fn append<'l>(&mut self, lines: impl Iterator<Item = &'l [u8]>, now: UnixNanos) -> Result<Durable, StoreFault> {
        let (mut bytes, mut count) = (Vec::new(), 0);
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
        match segment.append(bytes) {
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

    /// Closes the open segment where its size, its age or the hour demand it. Returns the log's new checkpoint then.
    ///
    /// # Errors
    /// When the segment or the log cannot be written; what was appended stays durable all the same.
    pub fn rotate(&mut self, now: UnixNanos) -> Result<Option<String>, StoreFault> {
        let due = self.segment.as_ref().is_some_and(|segment| {
            segment.durable >= self.policy.max_bytes
                || now.since(segment.opened) >= self.policy.max_age
                || layout::partition(now) != layout::partition(segment.opened)
        });
        if due { self.close(now) } else { Ok(None) }
    }

    /// Closes the open segment, and what failed writes have left open. Returns the log's new checkpoint, if it has one.
    ///
    /// # Errors
    /// As [`Appender::rotate`].
    pub fn close(&mut self, now: UnixNanos) -> Result<Option<String>, StoreFault> {
        self.segment = None;
        recover::close_left_open(&self.root, self.policy.compress, &mut self.log, now).map(|closed| closed.checkpoint)
    }

    /// How many lines the log holds.
    #[must_use]
    pub fn log_size(&self) -> u64 {
        self.log.size()
    }
}
