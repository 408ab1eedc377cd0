//! Files of lines, read one after the other.

use super::finding::Place;
use crate::line::{Line, LineFault};
use crate::store;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {error}", .path.display())]
pub struct ReadFault {
    /// The file or directory.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

impl ReadFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "read_failed"
    }

    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self { path: path.clone(), error }
    }
}

/// The files that hold lines: a file is itself, a store its segments, any other directory its files of lines.
///
/// # Errors
/// [`ReadFault`] when a path is not there, or a directory cannot be listed.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ReadFault> {
    let mut files = Vec::new();
    for path in paths {
        let fault = ReadFault::at(path);
        if std::fs::metadata(path).map_err(&fault)?.is_dir() {
            files.extend(store::segments(path).map_err(&fault)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Calls `take` for each line of each file, in order, with its place, its length in bytes and what it reads as.
pub(super) fn each_line(files: &[PathBuf], mut take: impl FnMut(Place, usize, Result<Line, LineFault>)) -> Result<(), ReadFault> {
    for (index, path) in files.iter().enumerate() {
        let file = u32::try_from(index).unwrap_or(u32::MAX);
        let fault = ReadFault::at(path);
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(&fault)?);
        let (mut bytes, mut line) = (Vec::new(), 0);
        while reader.read_until(b'\n', &mut bytes).map_err(&fault)? > 0 {
            line += 1;
            let length = bytes.len();
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            take(Place { file, line }, length, Line::parse(&bytes));
            bytes.clear();
        }
    }
    Ok(())
}
