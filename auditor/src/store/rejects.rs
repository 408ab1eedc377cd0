//! What arrived and is no audit line: kept aside with its reason and place, never lost.

use super::StoreFault;
use countersign_core::time::UnixNanos;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// One thing that is no audit line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The stable code of the reason.
    pub reason: &'static str,
    /// The reason in words.
    pub detail: String,
    /// Where it came from: a peer and the record's place in its batch, or a file and line.
    pub place: String,
    /// What it was, as text.
    pub body: String,
}

/// The file that they are kept in, one JSON object a line.
#[derive(Debug)]
pub struct RejectFile {
    path: PathBuf,
    file: Option<File>,
}

impl RejectFile {
    /// The reject file at `path`, made when the first reject comes.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), file: None }
    }

    /// Appends rejects and syncs them.
    ///
    /// # Errors
    /// When it cannot be said that all of them are on disk.
    pub fn append<'r>(&mut self, rejects: impl Iterator<Item = &'r Reject>, now: UnixNanos) -> Result<usize, StoreFault> {
        let lines: Vec<String> = rejects.map(|reject| reject.render(now)).collect();
        if lines.is_empty() {
            return Ok(0);
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => File::options().append(true).create(true).open(&self.path).map_err(StoreFault::io(&self.path))?,
        };
        file.write_all(lines.concat().as_bytes()).and_then(|()| file.sync_data()).map_err(StoreFault::io(&self.path))?;
        self.file = Some(file);
        Ok(lines.len())
    }
}

impl Reject {
    fn render(&self, now: UnixNanos) -> String {
        let Self { reason, detail, place, body } = self;
        format!("{}\n", json!({"at": now.to_string(), "body": body, "detail": detail, "place": place, "reason": reason}))
    }
}
