//! Which files hold the lines that are to be verified.

use crate::read::ReadFault;
use crate::store;
use std::io;
use std::path::{Path, PathBuf};

/// The files that hold lines: a file is itself, a store its segments, any other directory the segments somewhere in it.
///
/// # Errors
/// [`ReadFault`] when a path is not there, or a directory cannot be listed.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ReadFault> {
    let mut files = Vec::new();
    for path in paths {
        let fault = ReadFault::at(path);
        if !std::fs::metadata(path).map_err(&fault)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let kept = store::segments(path).map_err(&fault)?;
        if kept.is_empty() {
            walk(path, &mut files).map_err(&fault)?;
        } else {
            files.extend(kept);
        }
    }
    Ok(files)
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
