//! Reads files of lines: plain, gzip or zstd; bare lines, or the logs that they stand in.
//!
//! Reading is a pipeline of bounded memory: one thread reads blocks of whole lines, others read the lines in them, and the
//! caller takes the results in the order of the files.

mod blocks;
mod decode;
mod pipeline;

pub use blocks::{Form, MAX_PIECE, form_of};
pub use decode::{Encoding, open};
pub use pipeline::{Entry, Visitor, read_all, read_line};

use std::io;
use std::path::{Path, PathBuf};

/// Where a line was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file, by its index in the list that was read.
    pub file: u32,
    /// The line in it, from 1.
    pub line: u64,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {error}", .path.display())]
pub struct ReadFault {
    /// The file or directory.
    pub path: PathBuf,
    /// What the system, or the decompressor, says.
    pub error: io::Error,
}

impl ReadFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "read_failed"
    }

    pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self { path: path.clone(), error }
    }
}
