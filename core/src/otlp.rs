//! OTLP log records in protobuf, written by hand: lengths first, no intermediate structs (opentelemetry-proto 1.x,
//! `logs/v1/logs.proto` and `collector/logs/v1/logs_service.proto`).

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

/// A log record's severity (`SeverityNumber`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 9.
    Info,
    /// 13.
    Warn,
    /// 17.
    Error,
}

impl Severity {
    fn number(self) -> u64 {
        match self {
            Self::Info => 9,
            Self::Warn => 13,
            Self::Error => 17,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// One log record to encode.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// How grave.
    pub severity: Severity,
    /// The body, which must be UTF-8: a string, kept byte for byte.
    pub body: &'a [u8],
    /// Attributes, encoded by [`push_string_attribute`] and [`push_integer_attribute`].
    pub attributes: &'a [u8],
    /// More attributes.
    pub more_attributes: &'a [u8],
    /// Trace id and span id.
    pub trace: Option<(&'a [u8; 16], &'a [u8; 8])>,
    /// `event_name`.
    pub event_name: &'a str,
}

/// Appends a record as an element of `ScopeLogs.log_records`.
pub fn push_record(out: &mut Vec<u8>, record: &LogRecord<'_>) {
    let body = field_length(1, record.body.len());
    let trace = if record.trace.is_some() { field_length(9, 16) + field_length(10, 8) } else { 0 };
    let length = 9
        + 1
        + varint_length(record.severity.number())
        + field_length(3, record.severity.text().len())
        + field_length(5, body)
        + record.attributes.len()
        + record.more_attributes.len()
        + trace
        + field_length(12, record.event_name.len());
    out.reserve(length + 8);
    push_tag(out, 2, BYTES);
    push_varint(out, length as u64);
    push_tag(out, 1, FIXED64);
    out.extend_from_slice(&record.time.to_le_bytes());
    push_tag(out, 2, VARINT);
    push_varint(out, record.severity.number());
    push_bytes(out, 3, record.severity.text().as_bytes());
    push_tag(out, 5, BYTES);
    push_varint(out, body as u64);
    push_bytes(out, 1, record.body);
    out.extend_from_slice(record.attributes);
    out.extend_from_slice(record.more_attributes);
    if let Some((trace_id, span_id)) = record.trace {
        push_bytes(out, 9, trace_id);
        push_bytes(out, 10, span_id);
    }
    push_bytes(out, 12, record.event_name.as_bytes());
}

/// Appends a `KeyValue` with a string as an element of `LogRecord.attributes`.
pub fn push_string_attribute(out: &mut Vec<u8>, key: &str, value: &str) {
    attribute(out, 6, key, field_length(1, value.len()), |out| push_bytes(out, 1, value.as_bytes()));
}

/// Appends a `KeyValue` with an integer as an element of `LogRecord.attributes`.
pub fn push_integer_attribute(out: &mut Vec<u8>, key: &str, value: u64) {
    attribute(out, 6, key, 1 + varint_length(value), |out| {
        push_tag(out, 3, VARINT);
        push_varint(out, value);
    });
}

fn attribute(out: &mut Vec<u8>, number: u32, key: &str, value_length: usize, value: impl FnOnce(&mut Vec<u8>)) {
    push_tag(out, number, BYTES);
    push_varint(out, (field_length(1, key.len()) + field_length(2, value_length)) as u64);
    push_bytes(out, 1, key.as_bytes());
    push_tag(out, 2, BYTES);
    push_varint(out, value_length as u64);
    value(out);
}

/// The parts of an export request that are the same in every batch, encoded once.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// The version of the semantic conventions that the attribute names are from.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

impl Envelope {
    /// Resource attributes and the instrumentation scope's name and version.
    #[must_use]
    pub fn new(resource_attributes: &[(&str, &str)], scope_name: &str, scope_version: &str) -> Self {
        let mut attributes = Vec::new();
        for (key, value) in resource_attributes {
            attribute(&mut attributes, 1, key, field_length(1, value.len()), |out| push_bytes(out, 1, value.as_bytes()));
        }
        let mut resource = Vec::new();
        push_bytes(&mut resource, 1, &attributes);
        let mut scope_fields = Vec::new();
        push_bytes(&mut scope_fields, 1, scope_name.as_bytes());
        push_bytes(&mut scope_fields, 2, scope_version.as_bytes());
        let mut scope = Vec::new();
        push_bytes(&mut scope, 1, &scope_fields);
        Self { resource, scope }
    }

    /// An `ExportLogsServiceRequest` around records that [`push_record`] encoded.
    pub fn wrap<'r>(&self, records: impl Iterator<Item = &'r [u8]> + Clone) -> Vec<u8> {
        let records_length: usize = records.clone().map(<[u8]>::len).sum();
        let schema = field_length(3, SCHEMA_URL.len());
        let scope_logs = self.scope.len() + records_length + schema;
        let resource_logs = self.resource.len() + field_length(2, scope_logs) + schema;
        let mut out = Vec::with_capacity(field_length(1, resource_logs));
        push_tag(&mut out, 1, BYTES);
        push_varint(&mut out, resource_logs as u64);
        out.extend_from_slice(&self.resource);
        push_tag(&mut out, 2, BYTES);
        push_varint(&mut out, scope_logs as u64);
        out.extend_from_slice(&self.scope);
        for record in records {
            out.extend_from_slice(record);
        }
        push_bytes(&mut out, 3, SCHEMA_URL.as_bytes());
        push_bytes(&mut out, 3, SCHEMA_URL.as_bytes());
        out
    }
}

/// How many records an `ExportLogsServiceResponse` says were rejected; an answer that cannot be read says none.
#[must_use]
pub fn rejected_records(response: &[u8]) -> u64 {
    field(response, 1).and_then(|partial| varint_field(partial, 1)).unwrap_or(0)
}

fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut rest = message;
    while !rest.is_empty() {
        let (number, value, tail) = next_field(rest)?;
        match value {
            FieldValue::Bytes(bytes) if number == wanted => return Some(bytes),
            _ => rest = tail,
        }
    }
    None
}

fn varint_field(message: &[u8], wanted: u64) -> Option<u64> {
    let mut rest = message;
    while !rest.is_empty() {
        let (number, value, tail) = next_field(rest)?;
        match value {
            FieldValue::Varint(value) if number == wanted => return Some(value),
            _ => rest = tail,
        }
    }
    None
}

enum FieldValue<'m> {
    Varint(u64),
    Bytes(&'m [u8]),
    Fixed,
}

fn next_field(message: &[u8]) -> Option<(u64, FieldValue<'_>, &[u8])> {
    let (tag, rest) = read_varint(message)?;
    let number = tag >> 3;
    match tag & 7 {
        0 => read_varint(rest).map(|(value, tail)| (number, FieldValue::Varint(value), tail)),
        1 => rest.get(8..).map(|tail| (number, FieldValue::Fixed, tail)),
        2 => {
            let (length, rest) = read_varint(rest)?;
            let (bytes, tail) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((number, FieldValue::Bytes(bytes), tail))
        }
        5 => rest.get(4..).map(|tail| (number, FieldValue::Fixed, tail)),
        _ => None,
    }
}

fn read_varint(message: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in message.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, message.get(index + 1..)?));
        }
    }
    None
}

fn push_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    push_tag(out, number, BYTES);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Every field number used here is below 16, so that a tag is one byte.
fn push_tag(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    out.push(u8::try_from(number << 3).unwrap_or_default() | wire_type);
}

fn push_varint(out: &mut Vec<u8>, value: u64) {
    let mut rest = value;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes that a length-delimited field of a number below 16 takes.
fn field_length(_number: u32, length: usize) -> usize {
    1 + varint_length(length as u64) + length
}
