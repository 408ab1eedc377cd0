//! Which files hold the lines that are to be verified.

use super::stored::Stored;
use crate::read::ReadFault;
use crate::store::{self, StoreFault};
use std::io;
use std::path::{Path, PathBuf};

/// What is to be verified.
#[derive(Debug, Default)]
pub struct Evidence {
    pub(super) files: Vec<PathBuf>,
    pub(super) stores: Vec<Stored>,
}

impl From<Vec<PathBuf>> for Evidence {
    fn from(files: Vec<PathBuf>) -> Self {
        Self { files, stores: Vec::new() }
    }
}

/// Why evidence cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyFault {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// A store cannot be made sense of.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl VerifyFault {
    /// Whether a collector closed a segment between the listing of the store and the reading: then it has another name now.
    #[must_use]
    pub fn store_moved_on(&self) -> bool {
        match self {
            Self::Read(ReadFault { path, error }) => error.kind() == io::ErrorKind::NotFound && store::is_open(path),
            Self::Store(_) => false,
        }
    }

    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(fault) => fault.code(),
            Self::Store(fault) => fault.code(),
        }
    }
}

impl Evidence {
    /// Finds what holds lines: a file is itself, a store its segments, any other directory the segments somewhere in it.
    ///
    /// # Errors
    /// [`VerifyFault`] when a path is not there, or a directory cannot be listed.
    pub fn find(paths: &[PathBuf]) -> Result<Self, VerifyFault> {
        let mut evidence = Self::default();
        for path in paths {
            let fault = ReadFault::at(path);
            if !std::fs::metadata(path).map_err(&fault)?.is_dir() {
                evidence.files.push(path.clone());
                continue;
            }
            let kept = store::segments(path).map_err(&fault)?;
            evidence.stores.extend(Stored::read(path)?);
            if kept.is_empty() {
                walk(path, &mut evidence.files).map_err(&fault)?;
            } else {
                evidence.files.extend(kept);
            }
        }
        Ok(evidence)
    }
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = std::fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else if entry.file_name().to_str().is_some_and(store::is_segment) {
            files.push(entry.path());
        }
    }
    Ok(())
}
