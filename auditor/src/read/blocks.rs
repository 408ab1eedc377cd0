//! Cuts a file into blocks of whole lines.

use super::decode::{Opened, open};
use crate::digest::Digest;
use crate::store;
use memchr::memrchr;
use std::io::{self, Read};
use std::path::Path;

/// Bytes that a block is filled with before it is handed on.
const BLOCK: usize = 1 << 20;
/// The longest line, of a log, that is looked at; the rest of a longer one is dropped.
pub const MAX_PIECE: usize = 1 << 20;

/// What the lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Audit lines, and nothing else.
    Lines,
    /// A log in which audit lines stand among others.
    Log,
    /// OTLP log requests as JSON, one a line, as collectors write them to files.
    Otlp,
}

/// Whole lines of a file; only the last one of the file may lack its line feed.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) first_line: u64,
    pub(super) form: Form,
}

/// Reads a file block by block.
#[derive(Debug)]
pub(super) struct Blocks {
    opened: Opened,
    rest: Vec<u8>,
    next_line: u64,
    form: Option<Form>,
    named_lines: bool,
    skipping: bool,
    ended: bool,
}

impl Blocks {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let named_lines = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(".jsonl"));
        let opened = open(path).or_else(|error| open_once_closed(path, error))?;
        Ok(Self { opened, rest: Vec::new(), next_line: 1, form: None, named_lines, skipping: false, ended: false })
    }

    /// The next block, or none at the end of the file.
    pub(super) fn next_block(&mut self) -> io::Result<Option<Block>> {
        while !self.ended {
            let mut bytes = std::mem::take(&mut self.rest);
            self.fill(&mut bytes)?;
            self.skip_overlong(&mut bytes);
            match memrchr(b'\n', &bytes) {
                Some(last) if !self.ended => self.rest = bytes.split_off(last + 1),
                None if !self.ended && bytes.len() > MAX_PIECE => {
                    self.skipping = true;
                    bytes.truncate(MAX_PIECE);
                    bytes.push(b'\n');
                }
                None if !self.ended => {
                    self.rest = bytes;
                    continue;
                }
                _ => {}
            }
            if !bytes.is_empty() {
                return Ok(Some(self.block(bytes)));
            }
        }
        Ok(None)
    }

    /// The digest of the file as it lies on disk, once its last block was read.
    pub(super) fn stored_digest(&self) -> Digest {
        self.opened.stored_digest()
    }

    fn fill(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let target = bytes.len() + BLOCK;
        bytes.reserve(BLOCK);
        self.ended = (&mut self.opened).take(BLOCK as u64).read_to_end(bytes)? < BLOCK;
        debug_assert!(bytes.len() <= target, "no more than asked for");
        Ok(())
    }

    /// Drops what is left of a line that was too long, up to its line feed.
    fn skip_overlong(&mut self, bytes: &mut Vec<u8>) {
        if !self.skipping {
            return;
        }
        match memchr::memchr(b'\n', bytes) {
            Some(end) => {
                bytes.drain(..=end);
                self.skipping = false;
            }
            None => bytes.clear(),
        }
    }

    fn block(&mut self, bytes: Vec<u8>) -> Block {
        let named_lines = self.named_lines;
        let form = *self.form.get_or_insert_with(|| form_of(&bytes, named_lines));
        let first_line = self.next_line;
        self.next_line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Block { bytes, first_line, form }
    }
}

/// A collector may have closed a segment after it was listed: then it has another name.
fn open_once_closed(path: &Path, error: io::Error) -> io::Result<Opened> {
    match store::closed_form(path) {
        Some(closed) if error.kind() == io::ErrorKind::NotFound => open(&closed),
        _ => Err(error),
    }
}

/// How to read a file or a log that grows, told by its first line; `named_lines` where its name says that it holds lines.
#[must_use]
pub fn form_of(bytes: &[u8], named_lines: bool) -> Form {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.trim_ascii_start().starts_with(br#"{"resourceLogs""#) {
        Form::Otlp
    } else if named_lines || crate::line::Line::parse(first).is_ok() {
        Form::Lines
    } else {
        Form::Log
    }
}
