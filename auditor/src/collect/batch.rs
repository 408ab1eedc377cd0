//! From an OTLP request to what is to be kept of it.

use crate::line::{Line, LineFault};
use crate::store::Reject;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

/// What one request holds: its audit lines, and what is none.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines, in the order of the request, with their exact bytes.
    pub lines: Vec<(Line, Vec<u8>)>,
    /// What is kept aside.
    pub rejects: Vec<Reject>,
}

/// What became of a batch, once all of it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Lines that were kept.
    pub kept: usize,
    /// Records that were no audit lines, and were kept aside.
    pub rejected: usize,
}

impl Batch {
    /// Reads every record of a request. `peer` is who sent it, for the place of a reject.
    #[must_use]
    pub fn read(request: ExportLogsServiceRequest, peer: &str) -> Self {
        let mut batch = Self::default();
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        let records = scopes.flat_map(|scope| scope.log_records);
        for (index, record) in records.enumerate() {
            batch.take(record, || format!("{peer} record {index}"));
        }
        batch
    }

    /// The memory that it holds, in bytes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let lines: usize = self.lines.iter().map(|(_, bytes)| bytes.len() + size_of::<Line>()).sum();
        let rejects: usize = self.rejects.iter().map(|reject| reject.body.len() + size_of::<Reject>()).sum();
        lines + rejects
    }

    fn take(&mut self, record: LogRecord, place: impl Fn() -> String) {
        match body_bytes(record) {
            Ok(bytes) => match Line::parse(&bytes) {
                Ok(line) => self.lines.push((line, bytes)),
                Err(fault) => self.reject(&fault, String::from_utf8_lossy(&bytes).into_owned(), place()),
            },
            Err(other) => self.reject(&LineFault::NotText, other, place()),
        }
    }

    fn reject(&mut self, fault: &LineFault, body: String, place: String) {
        self.rejects.push(Reject { reason: fault.code(), detail: fault.to_string(), place, body });
    }
}

/// The bytes of a text body; or, for any other record, the whole of it as JSON.
fn body_bytes(mut record: LogRecord) -> Result<Vec<u8>, String> {
    match record.body.take() {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => Ok(text.into_bytes()),
        Some(AnyValue { value: Some(Value::BytesValue(bytes)) }) => Ok(bytes),
        other => {
            record.body = other;
            Err(serde_json::to_string(&record).unwrap_or_default())
        }
    }
}
