//! What the committer does: sorts out what is new, writes it, and looks after the store.

use super::arrivals::{Remark, Remarks};
use super::batch::{Batch, Receipt, Record};
use super::commit::Refusal;
use super::ledger::{Arrival, Ledger};
use super::metrics::Metrics;
use crate::clock;
use crate::digest::Digest;
use crate::line::StreamId;
use crate::store::{self, Appender, Expired, RejectFile, SegmentPolicy, StoreFault, StoreLock};
use crate::tlog::NoteKey;
use countersign_core::time::UnixNanos;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often retention looks for what has expired.
const RETENTION_EVERY: Duration = Duration::from_secs(600);

/// How lines are kept.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// The directory of the store.
    pub store: PathBuf,
    /// When segments are closed, and how.
    pub segments: SegmentPolicy,
    /// The key that signs the log's checkpoints.
    pub log_key: NoteKey,
    /// A file, out of the store's reach, that each checkpoint is appended to.
    pub publish: Option<PathBuf>,
    /// Where what is no audit line is kept aside, instead of in the store.
    pub rejects: Option<PathBuf>,
    /// The age at which segments are removed.
    pub retention: Option<Duration>,
}

/// Everything that lines are written to, by one writer at a time.
#[derive(Debug)]
pub(crate) struct Desk {
    lock: StoreLock,
    appender: Appender,
    ledger: Ledger,
    rejects: RejectFile,
    remarks: Remarks,
    metrics: Arc<Metrics>,
    publish: Option<PathBuf>,
    retention: Option<Duration>,
    looked: Option<Instant>,
}

/// What is to be written of a group, and what is remarkable in it.
struct Sorted<'b> {
    kept: Vec<(&'b Record, Arrival)>,
    receipts: Vec<Receipt>,
}

impl Desk {
    /// Takes the store, and repairs what a crash left behind.
    ///
    /// # Errors
    /// [`StoreFault`] when the store is in use or cannot be continued.
    pub(crate) fn open(keeping: Keeping, metrics: Arc<Metrics>) -> Result<Self, StoreFault> {
        let Keeping { store, segments, log_key, publish, rejects, retention } = keeping;
        let lock = StoreLock::acquire(&store)?;
        let (appender, recovered) = Appender::open(&lock, segments, log_key, clock::now())?;
        metrics.torn_bytes.add(recovered.torn_bytes);
        metrics.recovered_lines.add(recovered.lines);
        let ledger = Ledger::load(lock.root())?;
        let rejects = RejectFile::new(&rejects.unwrap_or_else(|| store.join("rejected.jsonl")));
        let remarks = Remarks::new(&store.join("findings.jsonl"));
        let mut desk = Self { lock, appender, ledger, rejects, remarks, metrics, publish, retention, looked: None };
        desk.published(recovered.checkpoint)?;
        Ok(desk)
    }

    /// Writes all batches of a group and syncs once; all of them are kept, or none.
    pub(crate) fn commit<'b>(&mut self, group: impl Iterator<Item = &'b Batch> + Clone) -> Vec<Result<Receipt, Refusal>> {
        let (started, now) = (Instant::now(), clock::now());
        let sorted = self.sort(group.clone());
        if let Err(fault) = self.write(group, &sorted, now) {
            self.metrics.store_failures.add(1);
            self.metrics.store_failing.set(1);
            crate::console::tell(format_args!("countersign collect: {fault}"));
            return sorted.receipts.iter().map(|_| Err(Refusal::StoreUnavailable)).collect();
        }
        if !sorted.receipts.is_empty() {
            self.metrics.store_failing.set(0);
            self.metrics.committed(started.elapsed());
        }
        self.learn(&sorted, now);
        sorted.receipts.into_iter().map(Ok).collect()
    }

    /// Nothing is learnt here: what then cannot be written would be taken for a duplicate when it comes again.
    fn sort<'b>(&self, group: impl Iterator<Item = &'b Batch>) -> Sorted<'b> {
        let mut sorted = Sorted { kept: Vec::new(), receipts: Vec::new() };
        let mut within: HashMap<(StreamId, u64), Digest> = HashMap::new();
        for batch in group {
            let mut receipt = Receipt { rejected: batch.rejects.len(), ..Receipt::default() };
            for record in &batch.records {
                let line = &record.line;
                let arrival = match within.get(&(line.stream, line.seq)) {
                    Some(digest) if *digest == line.digest => Arrival::Duplicate,
                    Some(_) => Arrival::Fork,
                    None => self.ledger.judge(line),
                };
                if arrival == Arrival::Duplicate {
                    receipt.duplicates += 1;
                } else {
                    within.entry((line.stream, line.seq)).or_insert(line.digest);
                    receipt.kept += 1;
                    sorted.kept.push((record, arrival));
                }
            }
            sorted.receipts.push(receipt);
        }
        sorted
    }

    fn write<'b>(
        &mut self,
        group: impl Iterator<Item = &'b Batch>,
        sorted: &Sorted<'_>,
        now: UnixNanos,
    ) -> Result<(), StoreFault> {
        self.rejects.append(group.flat_map(|batch| &batch.rejects), now)?;
        let durable = self.appender.append(sorted.kept.iter().map(|(record, _)| record.bytes.as_slice()), now)?;
        self.metrics.lines.add(durable.lines as u64);
        self.metrics.bytes.add(durable.bytes as u64);
        Ok(())
    }

    fn learn(&mut self, sorted: &Sorted<'_>, now: UnixNanos) {
        for (record, arrival) in &sorted.kept {
            let line = &record.line;
            match arrival {
                Arrival::Fork => {
                    self.metrics.forks.add(1);
                    self.remarks.add(Remark::Fork, line, now);
                }
                Arrival::Late => self.metrics.late.add(1),
                Arrival::New | Arrival::Duplicate => {
                    let breaks = self.ledger.learn(line);
                    self.metrics.broken_links.add(breaks.len() as u64);
                    self.remarks.add_breaks(&breaks, line, now);
                }
            }
            if record.mislabelled {
                self.metrics.attributes_differ.add(1);
                self.remarks.add(Remark::AttributesDiffer, line, now);
            }
        }
        for receipt in &sorted.receipts {
            self.metrics.duplicates.add(receipt.duplicates as u64);
            self.metrics.rejected.add(receipt.rejected as u64);
        }
        self.metrics.streams.set(self.ledger.streams() as u64);
        self.report(|desk| desk.remarks.flush().map_err(StoreFault::io(desk.lock.root())));
    }

    /// Closes the segment when it is due, and removes what has expired. A failure is reported, and tried again later.
    pub(crate) fn look_after(&mut self) {
        self.report(|desk| {
            let checkpoint = desk.appender.rotate(clock::now())?;
            desk.published(checkpoint)
        });
        if self.retention.is_some() && self.looked.is_none_or(|looked| looked.elapsed() >= RETENTION_EVERY) {
            self.looked = Some(Instant::now());
            self.report(Self::expire);
        }
    }

    /// Closes the segment at the end.
    pub(crate) fn close(&mut self) {
        self.report(|desk| {
            let checkpoint = desk.appender.close(clock::now())?;
            desk.published(checkpoint)
        });
    }

    fn report(&mut self, task: impl FnOnce(&mut Self) -> Result<(), StoreFault>) {
        if let Err(fault) = task(self) {
            self.metrics.store_failures.add(1);
            crate::console::tell(format_args!("countersign collect: {fault}"));
        }
    }

    /// Appends a new checkpoint to a file out of the store's reach, if one is given.
    fn published(&mut self, checkpoint: Option<String>) -> Result<(), StoreFault> {
        self.metrics.log_size.set(self.appender.log_size());
        let (Some(note), Some(path)) = (checkpoint, &self.publish) else { return Ok(()) };
        let written = File::options().create(true).append(true).open(path).and_then(|mut file| {
            file.write_all(format!("{note}\n").as_bytes())?;
            file.sync_data()
        });
        written.map_err(StoreFault::io(path))
    }

    fn expire(&mut self) -> Result<(), StoreFault> {
        let Some(age) = self.retention else { return Ok(()) };
        if let Expired::Segments(count) = store::expire(&self.lock, age, clock::now())? {
            self.metrics.expired_segments.add(count);
        }
        Ok(())
    }
}
