//! What was remarkable about lines as they arrived. Nothing is refused for it: evidence of an attack is evidence.

use crate::line::Line;
use crate::runs::Break;
use countersign_core::time::UnixNanos;
use serde_json::json;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Something remarkable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    /// Another line has the same place in its stream.
    Fork,
    /// The line before it is not the one it was sealed after, or it is not the one that the line after it was.
    BrokenLink,
    /// The record's attributes name another place than the line does.
    AttributesDiffer,
}

impl Remark {
    /// The stable code, as in the findings of verification.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Fork => "FORK",
            Self::BrokenLink => "BROKEN_LINK",
            Self::AttributesDiffer => "ATTRIBUTES_DIFFER",
        }
    }
}

/// The file of remarks, one JSON object a line.
#[derive(Debug)]
pub(super) struct Remarks {
    path: PathBuf,
    waiting: Vec<String>,
}

impl Remarks {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), waiting: Vec::new() }
    }

    pub(super) fn add(&mut self, remark: Remark, line: &Line, now: UnixNanos) {
        let (stream, seq, digest) = (line.stream.to_string(), line.seq, line.digest.to_string());
        let event = json!({"at": now.to_string(), "code": remark.code(), "digest": digest, "seq": seq, "stream": stream});
        self.waiting.push(format!("{event}\n"));
    }

    pub(super) fn add_breaks(&mut self, breaks: &[Break<()>], line: &Line, now: UnixNanos) {
        if !breaks.is_empty() {
            self.add(Remark::BrokenLink, line, now);
        }
    }

    /// Writes what is waiting. What cannot be written stays waiting: the lines themselves are kept, and show the same.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        file.write_all(self.waiting.concat().as_bytes())?;
        self.waiting.clear();
        file.sync_data()
    }
}
