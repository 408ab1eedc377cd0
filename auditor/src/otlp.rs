//! What OTLP log records carry: an audit line as their body, or something else.

use crate::line::{Line, LineFault};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

/// All records of a request, in order.
pub fn records(request: ExportLogsServiceRequest) -> impl Iterator<Item = LogRecord> {
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records)
}

/// The bytes of a text body, which is taken out of the record.
///
/// # Errors
/// For any other record, the whole of it as JSON.
pub fn take_body(record: &mut LogRecord) -> Result<Vec<u8>, String> {
    match record.body.take() {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => Ok(text.into_bytes()),
        Some(AnyValue { value: Some(Value::BytesValue(bytes)) }) => Ok(bytes),
        other => {
            record.body = other;
            Err(serde_json::to_string(record).unwrap_or_default())
        }
    }
}

/// The bodies in a request written as JSON, each with what it reads as; the whole text, when it is no request.
pub(crate) fn bodies(json: &[u8]) -> Vec<(Vec<u8>, Result<Line, LineFault>)> {
    if json.trim_ascii().is_empty() {
        return Vec::new();
    }
    match serde_json::from_slice(json) {
        Ok(request) => records(request).map(body).collect(),
        Err(error) => vec![(json.to_vec(), Err(LineFault::Shape { message: error.to_string() }))],
    }
}

fn body(mut record: LogRecord) -> (Vec<u8>, Result<Line, LineFault>) {
    match take_body(&mut record) {
        Ok(bytes) => {
            let read = Line::parse(&bytes);
            (bytes, read)
        }
        Err(other) => (other.into_bytes(), Err(LineFault::NotText)),
    }
}
