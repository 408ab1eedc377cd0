//! Follows files as they grow, and through their rotation.
//!
//! How far each file was ingested is remembered beside the store, after what came before was committed: who starts again
//! goes on there, and what was read twice is recognised.

use super::{IngestFault, Ingested, Intake};
use crate::collect::Keeping;
use crate::read::{Entry, Form, Place, ReadFault, form_of, read_line};
use crate::store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes that are read at a time.
const PIECE: u64 = 1 << 20;

/// How far a file was ingested: which file it was, and how many bytes and lines of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Reached {
    inode: u64,
    offset: u64,
    lines: u64,
}

#[derive(Debug)]
struct Followed {
    path: PathBuf,
    file: Option<File>,
    reached: Reached,
    form: Option<Form>,
}

/// Follows files until `wait` says that it is over: it is called, with the sums so far, whenever all is ingested.
///
/// # Errors
/// [`IngestFault`] when a file cannot be read or the store not be written.
pub fn follow(paths: &[PathBuf], keeping: Keeping, mut wait: impl FnMut(Ingested) -> bool) -> Result<Ingested, IngestFault> {
    let state = keeping.store.join("followed.json");
    let mut intake = Intake::open(keeping)?;
    let remembered = recall(&state);
    let mut files: Vec<Followed> = paths.iter().map(|path| Followed::start(path, &remembered)).collect();
    loop {
        let mut grown = false;
        for file in &mut files {
            grown |= file.take(&mut intake).map_err(ReadFault::at(&file.path))?;
        }
        if grown {
            intake.commit()?;
            remember(&state, &files).map_err(|error| IngestFault::State { path: state.clone(), error })?;
        } else if !wait(intake.sum) {
            return Ok(intake.close());
        } else {
            intake.desk.look_after();
        }
    }
}

fn recall(state: &Path) -> BTreeMap<PathBuf, Reached> {
    std::fs::read(state).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn remember(state: &Path, files: &[Followed]) -> io::Result<()> {
    let reached: BTreeMap<&PathBuf, Reached> = files.iter().map(|file| (&file.path, file.reached)).collect();
    store::replace(state, &serde_json::to_vec(&reached)?)
}

impl Followed {
    fn start(path: &Path, remembered: &BTreeMap<PathBuf, Reached>) -> Self {
        let reached = remembered.get(path).copied().unwrap_or_default();
        Self { path: path.to_path_buf(), file: None, reached, form: None }
    }

    /// Takes what has been appended, up to one piece. Says whether there was anything.
    fn take(&mut self, intake: &mut Intake) -> io::Result<bool> {
        if self.file.is_none() && !self.open()? {
            return Ok(false);
        }
        let bytes = self.read_lines()?;
        if bytes.is_empty() {
            return self.follow_rotation();
        }
        let form = *self.form.get_or_insert_with(|| form_of(&bytes, false));
        let mut entries = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.reached.lines += 1;
            let (before, place) = (entries.len(), Place { file: 0, line: self.reached.lines });
            read_line(line, place, form, true, &mut entries);
            intake.sum.others += u64::from(entries.len() == before);
        }
        self.reached.offset += bytes.len() as u64;
        for Entry { place, read, bytes, .. } in entries {
            intake.batch.push(read, bytes.unwrap_or_default(), || format!("{}:{}", self.path.display(), place.line));
        }
        Ok(true)
    }

    /// Opens the file that has the name now; one that was begun before goes on where it was.
    fn open(&mut self) -> io::Result<bool> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if metadata.ino() != self.reached.inode || metadata.len() < self.reached.offset {
            self.reached = Reached { inode: metadata.ino(), ..Reached::default() };
        }
        self.file = Some(file);
        Ok(true)
    }

    /// The whole lines that follow; a line that is not ended yet waits. One longer than a piece is taken as it is.
    fn read_lines(&mut self) -> io::Result<Vec<u8>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.reached.offset))?;
        file.take(PIECE).read_to_end(&mut bytes)?;
        match memchr::memrchr(b'\n', &bytes) {
            Some(end) => bytes.truncate(end + 1),
            None if (bytes.len() as u64) < PIECE => bytes.clear(),
            None => {}
        }
        Ok(bytes)
    }

    /// All of this file is taken. When another file has the name now, or it was cut, the next round begins anew.
    fn follow_rotation(&mut self) -> io::Result<bool> {
        let same = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata.ino() == self.reached.inode && metadata.len() >= self.reached.offset,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        if !same {
            self.file = None;
            self.form = None;
        }
        Ok(!same)
    }
}
