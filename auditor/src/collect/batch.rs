//! From an OTLP request to what is to be kept of it.

use crate::line::{Line, LineFault};
use crate::otlp;
use crate::store::Reject;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

/// What one request holds: its audit lines, and what is none.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines, in the order of the request.
    pub records: Vec<Record>,
    /// What is kept aside.
    pub rejects: Vec<Reject>,
}

/// An audit line as it came in a record.
#[derive(Debug)]
pub struct Record {
    /// The line, read.
    pub line: Line,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Whether the record's attributes name another place in another stream.
    pub mislabelled: bool,
}

/// What became of a batch, once all of it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Lines that were kept.
    pub kept: usize,
    /// Lines that had been kept before.
    pub duplicates: usize,
    /// Records that were no audit lines, and were kept aside.
    pub rejected: usize,
}

impl Batch {
    /// Reads every record of a request. `peer` is who sent it, for the place of a reject.
    #[must_use]
    pub fn read(request: ExportLogsServiceRequest, peer: &str) -> Self {
        let mut batch = Self::default();
        for (index, record) in otlp::records(request).enumerate() {
            batch.take(record, || format!("{peer} record {index}"));
        }
        batch
    }

    /// The memory that it holds, in bytes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let records: usize = self.records.iter().map(|record| record.bytes.len() + size_of::<Record>()).sum();
        let rejects: usize = self.rejects.iter().map(|reject| reject.body.len() + size_of::<Reject>()).sum();
        records + rejects
    }

    /// Takes one line that was read, or what is none.
    pub(crate) fn push(&mut self, read: Result<Line, LineFault>, bytes: Vec<u8>, place: impl FnOnce() -> String) {
        match read {
            Ok(line) => self.records.push(Record { line, bytes, mislabelled: false }),
            Err(fault) => self.reject(&fault, String::from_utf8_lossy(&bytes).into_owned(), place()),
        }
    }

    fn take(&mut self, mut record: LogRecord, place: impl Fn() -> String) {
        match otlp::take_body(&mut record) {
            Ok(bytes) => match Line::parse(&bytes) {
                Ok(line) => {
                    let mislabelled = record.attributes.iter().any(|attribute| contradicts(attribute, &line));
                    self.records.push(Record { line, bytes, mislabelled });
                }
                Err(fault) => self.reject(&fault, String::from_utf8_lossy(&bytes).into_owned(), place()),
            },
            Err(other) => self.reject(&LineFault::NotText, other, place()),
        }
    }

    fn reject(&mut self, fault: &LineFault, body: String, place: String) {
        self.rejects.push(Reject { reason: fault.code(), detail: fault.to_string(), place, body });
    }
}

/// Attributes are a projection of the line, for tools that look no further; they may not say something else.
fn contradicts(attribute: &KeyValue, line: &Line) -> bool {
    let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
    match (attribute.key.as_str(), value) {
        ("countersign.chain.stream", Some(Value::StringValue(stream))) => *stream != line.stream.to_string(),
        ("countersign.chain.seq", Some(Value::IntValue(seq))) => u64::try_from(*seq) != Ok(line.seq),
        ("countersign.chain.seq", Some(Value::StringValue(seq))) => *seq != line.seq.to_string(),
        ("countersign.chain.stream" | "countersign.chain.seq", _) => true,
        _ => false,
    }
}
