//! Ingests files from their beginning to their end.

use super::{IngestFault, Ingested, Intake};
use crate::collect::{Keeping, Refusal};
use crate::read::{self, Entry, Visitor};
use std::path::PathBuf;

/// Ingests whole files, compressed or not; `progress` hears of the bytes and lines read so far.
///
/// # Errors
/// [`IngestFault`] when a file cannot be read or the store not be written; what came before is kept.
pub fn ingest(files: &[PathBuf], keeping: Keeping, progress: impl FnMut(u64, Ingested)) -> Result<Ingested, IngestFault> {
    let mut walk = Walk { files, intake: Intake::open(keeping)?, bytes: 0, refused: None, progress };
    let read = read::read_all(files, &mut walk);
    walk.commit();
    let Walk { intake, refused, .. } = walk;
    let sum = intake.close();
    read?;
    refused.map_or(Ok(sum), |refusal| Err(refusal.into()))
}

struct Walk<'f, P> {
    files: &'f [PathBuf],
    intake: Intake,
    bytes: u64,
    refused: Option<Refusal>,
    progress: P,
}

impl<P: FnMut(u64, Ingested)> Walk<'_, P> {
    fn commit(&mut self) {
        if self.refused.is_none() {
            self.refused = self.intake.commit().err();
            (self.progress)(self.bytes, self.intake.sum);
        }
    }
}

impl<P: FnMut(u64, Ingested)> Visitor for Walk<'_, P> {
    const BYTES: bool = true;

    fn entry(&mut self, Entry { place, length, read, bytes, .. }: Entry) {
        let file = usize::try_from(place.file).ok().and_then(|index| self.files.get(index));
        let place = || format!("{}:{}", file.map_or_else(String::new, |file| file.display().to_string()), place.line);
        self.bytes += length as u64;
        self.intake.batch.push(read, bytes.unwrap_or_default(), place);
        if self.intake.is_full() {
            self.commit();
        }
    }

    fn others(&mut self, _file: u32, count: u64) {
        self.intake.sum.others += count;
    }
}
