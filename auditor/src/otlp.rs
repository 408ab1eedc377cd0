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

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of the example in the OTLP repository (`examples/logs.json`): 64-bit numbers as strings, ids in hexadecimal, and
    /// what is empty left out.
    #[test]
    fn requests_as_other_collectors_write_them_are_read() {
        let json = br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"gw"}}]},
            "scopeLogs":[{"scope":{"name":"countersign.filter","version":"0.1.0"},"logRecords":[
            {"timeUnixNano":"1544712660300000000","observedTimeUnixNano":"1544712660300000000","severityNumber":10,"severityText":"Information",
             "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","body":{"stringValue":"one"},
             "attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}},{"key":"b","value":{"boolValue":true}}]},
            {"body":{"stringValue":"two"}},
            {"timeUnixNano":"1","body":{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":1.5}}]}},"eventName":"x"}]}]}]}"#;
        let found = bodies(json);
        let texts: Vec<_> = found.iter().map(|(bytes, _)| String::from_utf8_lossy(bytes).into_owned()).collect();
        assert_eq!(texts.first().map(String::as_str), Some("one"), "{texts:?}");
        assert_eq!(texts.get(1).map(String::as_str), Some("two"));
        assert!(texts.get(2).is_some_and(|text| text.contains("kvlistValue")), "{texts:?}");
    }
}
