//! Keeps the lines that gateways wrote to their logs, or collectors to files, as if they had been received.
//!
//! What was kept before is recognised, so that a log can be ingested again, or beside the same lines received over OTLP.

mod files;
mod follow;

pub use files::ingest;
pub use follow::follow;

use crate::collect::{Batch, Desk, Keeping, Receipt, Refusal};
use crate::read::ReadFault;
use crate::store::StoreFault;
use std::path::PathBuf;
use std::sync::Arc;

/// What became of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ingested {
    /// Audit lines that were kept.
    pub kept: u64,
    /// Audit lines that had been kept before.
    pub duplicates: u64,
    /// Lines that should have been audit lines, and were kept aside.
    pub rejected: u64,
    /// Other lines of logs.
    pub others: u64,
}

/// Why lines could not be ingested.
#[derive(Debug, thiserror::Error)]
pub enum IngestFault {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The store cannot be written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The place reached in the files that are followed cannot be remembered.
    #[error("cannot write `{}`: {error}", .path.display())]
    State {
        /// The file for it.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

impl IngestFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(fault) => fault.code(),
            Self::Store(fault) => fault.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::State { .. } => "ingest_state",
        }
    }
}

/// Hands batches to the store, and adds up what became of them.
#[derive(Debug)]
struct Intake {
    desk: Desk,
    batch: Batch,
    sum: Ingested,
}

/// Lines, kept or not, that are committed together.
const BATCH: usize = 5_000;

impl Intake {
    fn open(keeping: Keeping) -> Result<Self, StoreFault> {
        Ok(Self { desk: Desk::open(keeping, Arc::default())?, batch: Batch::default(), sum: Ingested::default() })
    }

    fn is_full(&self) -> bool {
        self.batch.records.len() + self.batch.rejects.len() >= BATCH
    }

    /// Commits what is waiting; it is on disk when this returns.
    fn commit(&mut self) -> Result<(), Refusal> {
        let batch = std::mem::take(&mut self.batch);
        for receipt in self.desk.commit(std::iter::once(&batch)) {
            let Receipt { kept, duplicates, rejected } = receipt?;
            self.sum.kept += kept as u64;
            self.sum.duplicates += duplicates as u64;
            self.sum.rejected += rejected as u64;
        }
        self.desk.look_after();
        Ok(())
    }

    fn close(mut self) -> Ingested {
        self.desk.close();
        self.sum
    }
}
