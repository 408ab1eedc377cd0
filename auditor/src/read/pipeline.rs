//! The pipeline: one thread reads blocks, others read the lines in them, the caller takes the results in order.

use super::blocks::{Block, Blocks, Form};
use super::{Place, ReadFault};
use crate::digest::Digest;
use crate::extract;
use crate::line::{Line, LineFault};
use crate::otlp;
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Blocks that may wait before and behind each worker.
const WAITING: usize = 2;
/// Workers beyond this many only wait for the reader.
const MAX_WORKERS: usize = 8;

/// What one line of a file read as.
#[derive(Debug)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// Bytes of it in the file, its line feed included.
    pub length: usize,
    /// Whether it ends with a line feed: only the last line of a file may not.
    pub ended: bool,
    /// The audit line, or why it is none.
    pub read: Result<Line, LineFault>,
    /// The bytes, where the caller asked for them.
    pub bytes: Option<Vec<u8>>,
}

/// Takes what is read, in the order of the files and their lines.
pub trait Visitor {
    /// Whether it needs the bytes of the lines.
    const BYTES: bool = false;

    /// Takes one line.
    fn entry(&mut self, entry: Entry);

    /// Takes lines of a log that hold nothing of ours.
    fn others(&mut self, _file: u32, _count: u64) {}

    /// Takes the end of a file, and the digest of its bytes as they lie on disk.
    fn end_of_file(&mut self, _file: u32, _stored: Digest) {}
}

enum Job {
    Block { file: u32, block: Block },
    EndOfFile { file: u32, stored: Digest },
    Fault(ReadFault),
}

enum Outcome {
    Entries { file: u32, entries: Vec<Entry>, others: u64 },
    EndOfFile { file: u32, stored: Digest },
    Fault(ReadFault),
}

/// Reads all files, in order.
///
/// # Errors
/// [`ReadFault`] at the first file that cannot be read; what came before it was taken.
pub fn read_all<V: Visitor>(files: &[PathBuf], visitor: &mut V) -> Result<(), ReadFault> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    let (job_senders, job_receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(WAITING)).unzip();
    let (done_senders, done_receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(WAITING)).unzip();
    thread::scope(move |scope| {
        scope.spawn(move || read_blocks(files, &job_senders));
        for (jobs, done) in job_receivers.into_iter().zip(done_senders) {
            scope.spawn(move || work(&jobs, &done, V::BYTES));
        }
        // Each block goes to the next worker in turn, so taking from them in turn keeps the order.
        for done in done_receivers.iter().cycle() {
            match done.recv() {
                Ok(outcome) => take(outcome, visitor)?,
                Err(_) => break,
            }
        }
        Ok(())
    })
}

fn take<V: Visitor>(outcome: Outcome, visitor: &mut V) -> Result<(), ReadFault> {
    match outcome {
        Outcome::Entries { file, entries, others } => {
            entries.into_iter().for_each(|entry| visitor.entry(entry));
            visitor.others(file, others);
        }
        Outcome::EndOfFile { file, stored } => visitor.end_of_file(file, stored),
        Outcome::Fault(fault) => return Err(fault),
    }
    Ok(())
}

/// A send fails when the other side has stopped at a fault; then there is nothing left to do.
fn read_blocks(files: &[PathBuf], workers: &[SyncSender<Job>]) {
    let mut turns = workers.iter().cycle();
    let mut send = |job| turns.next().is_some_and(|worker| worker.send(job).is_ok());
    for (index, path) in files.iter().enumerate() {
        let file = u32::try_from(index).unwrap_or(u32::MAX);
        let read = Blocks::open(path).and_then(|blocks| read_file(file, blocks, &mut send));
        match read {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                send(Job::Fault(ReadFault::at(path)(error)));
                return;
            }
        }
    }
}

fn read_file(file: u32, mut blocks: Blocks, send: &mut impl FnMut(Job) -> bool) -> std::io::Result<bool> {
    while let Some(block) = blocks.next_block()? {
        if !send(Job::Block { file, block }) {
            return Ok(false);
        }
    }
    Ok(send(Job::EndOfFile { file, stored: blocks.stored_digest() }))
}

fn work(jobs: &Receiver<Job>, done: &SyncSender<Outcome>, with_bytes: bool) {
    while let Ok(job) = jobs.recv() {
        let outcome = match job {
            Job::Block { file, block } => read_lines(file, &block, with_bytes),
            Job::EndOfFile { file, stored } => Outcome::EndOfFile { file, stored },
            Job::Fault(fault) => Outcome::Fault(fault),
        };
        if done.send(outcome).is_err() {
            return;
        }
    }
}

fn read_lines(file: u32, block: &Block, with_bytes: bool) -> Outcome {
    let (mut entries, mut others) = (Vec::new(), 0);
    for (line, raw) in (block.first_line..).zip(block.bytes.split_inclusive(|byte| *byte == b'\n')) {
        let before = entries.len();
        read_line(raw, Place { file, line }, block.form, with_bytes, &mut entries);
        others += u64::from(entries.len() == before);
    }
    Outcome::Entries { file, entries, others }
}

/// Reads one line of a file, with its line feed: a bare one is one entry, one of a log at most one, one of OTLP any number.
pub fn read_line(raw: &[u8], place: Place, form: Form, with_bytes: bool, entries: &mut Vec<Entry>) {
    let (length, ended) = (raw.len(), raw.ends_with(b"\n"));
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    let mut push = |bytes: Cow<'_, [u8]>, read| {
        let bytes = with_bytes.then(|| bytes.into_owned());
        entries.push(Entry { place, length, ended, read, bytes });
    };
    match form {
        Form::Lines => push(raw.into(), Line::parse(raw)),
        Form::Log => {
            if let Some(found) = extract::audit_line(raw) {
                let read = Line::parse(&found);
                push(found, read);
            }
        }
        Form::Otlp => {
            for (bytes, read) in otlp::bodies(raw) {
                push(bytes.into(), read);
            }
        }
    }
}
