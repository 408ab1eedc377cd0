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
            // Listed before manifests are read: a segment that is closed meanwhile then has one.
            let listed = store::segments(path).map_err(&fault)?;
            let stored = Stored::read(path)?;
            if listed.is_empty() && stored.is_none() {
                walk(path, &mut evidence.files).map_err(&fault)?;
            }
            evidence.files.extend(stored.iter().flat_map(Stored::present));
            evidence.files.extend(beside_manifests(&listed, stored.as_ref()));
            evidence.stores.extend(stored);
        }
        Ok(evidence)
    }
}

/// Segments that no manifest describes. One that lies there under both of its names is about to be closed: the open one counts.
fn beside_manifests(listed: &[PathBuf], stored: Option<&Stored>) -> Vec<PathBuf> {
    let described = |path: &Path| stored.is_some_and(|stored| stored.describes(path));
    let being_closed = |path: &Path| listed.contains(&store::open_form(path));
    let beside = listed.iter().filter(|path| !described(path) && (store::is_open(path) || !being_closed(path)));
    beside.cloned().collect()
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
