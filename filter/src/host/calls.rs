//! What the filter asks of the host. Each call returns what the host said; none can fail otherwise.
#![expect(unsafe_code, reason = "the host is reached through raw imports, and its buffers are handed over as pointers")]

use super::imports;
use countersign_core::time::UnixNanos;
use std::ptr;
use std::time::Duration;

/// Status 12 of the ABI: the host does not have this call.
#[cfg(not(target_arch = "wasm32"))]
pub(super) const UNIMPLEMENTED: u32 = 12;

/// What a host answered when it was not `Ok`: the number of the ABI, 1 not found, 2 bad argument, 10 internal failure, 12
/// unimplemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u32);

fn check(status: u32) -> Result<(), Status> {
    if status == 0 { Ok(()) } else { Err(Status(status)) }
}

/// Levels of the host's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Warn = 3,
    Error = 4,
}

/// Writes a line to the host's log: UTF-8.
pub(crate) fn log(level: LogLevel, message: impl AsRef<[u8]>) {
    let message = message.as_ref();
    // A host that cannot log has no other place to be told so.
    let _ = unsafe { imports::proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// The wall clock. WASI's, since one host lacks the ABI's own.
pub(crate) fn now() -> UnixNanos {
    let mut nanos = 0;
    let status = unsafe { imports::clock_time_get(0, 1, &raw mut nanos) };
    if status == 0 { UnixNanos(nanos) } else { UnixNanos(0) }
}

/// Fills the buffer with random bytes of the host's cryptographic source.
pub(crate) fn random(buffer: &mut [u8]) -> Result<(), Status> {
    check(unsafe { imports::random_get(buffer.as_mut_ptr(), buffer.len()) })
}

/// Has the host call the tick of this root context about every so often.
pub(crate) fn set_tick_period(period: Duration) -> Result<(), Status> {
    let millis = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    check(unsafe { imports::proxy_set_tick_period_milliseconds(millis) })
}

/// Buffers of the ABI that the filter reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Buffer {
    HttpCallBody = 4,
    GrpcMessage = 5,
    PluginConfiguration = 7,
}

/// A buffer's bytes; empty when there is none.
pub(crate) fn buffer(buffer: Buffer) -> Vec<u8> {
    owned(|out, size| unsafe { imports::proxy_get_buffer_bytes(buffer as u32, 0, usize::MAX >> 1, out, size) })
        .unwrap_or_default()
}

/// Header maps of the ABI that the filter reads or changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HeaderMap {
    Request = 0,
    HttpCallResponse = 6,
}

/// All pairs of a header map in one call.
pub(crate) fn header_pairs(map: HeaderMap) -> Result<HeaderPairs, Status> {
    owned(|out, size| unsafe { imports::proxy_get_header_map_pairs(map as u32, out, size) }).map(HeaderPairs::parse)
}

/// Sets a header to one value, whatever it held.
pub(crate) fn replace_header(map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
    check(unsafe { imports::proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Removes all values of a header.
pub(crate) fn remove_header(map: HeaderMap, name: &str) -> Result<(), Status> {
    check(unsafe { imports::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// A property of the host, its path parts joined by NUL.
pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    owned(|out, size| unsafe { imports::proxy_get_property(path.as_ptr(), path.len(), out, size) }).ok()
}

/// Answers the request instead of the upstream.
pub(crate) fn send_local_response(
    status: u16,
    details: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    grpc_status: Option<i32>,
) -> Result<(), Status> {
    let headers = serialize_pairs(headers);
    check(unsafe {
        imports::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status.unwrap_or(-1),
        )
    })
}

/// Lets a request go on that was held.
pub(crate) fn continue_request() -> Result<(), Status> {
    check(unsafe { imports::proxy_continue_stream(0) })
}

/// An HTTP call without a body through one of the host's upstreams. The answer comes as a callback with the token.
pub(crate) fn http_call(upstream: &str, headers: &[(&str, &str)], timeout: Duration) -> Result<u32, Status> {
    let headers = serialize_pairs(headers);
    let trailers = serialize_pairs(&[]);
    let mut token = 0;
    let status = unsafe {
        imports::proxy_http_call(
            upstream.as_ptr(),
            upstream.len(),
            headers.as_ptr(),
            headers.len(),
            ptr::null(),
            0,
            trailers.as_ptr(),
            trailers.len(),
            u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            &raw mut token,
        )
    };
    check(status).map(|()| token)
}

/// A unary gRPC call through one of the host's clusters. The answer comes as a callback with the token.
pub(crate) fn grpc_call(cluster: &str, service: &str, method: &str, message: &[u8], timeout: Duration) -> Result<u32, Status> {
    let target = grpc_service(cluster);
    let metadata = serialize_pairs(&[]);
    let mut token = 0;
    let status = unsafe {
        imports::proxy_grpc_call(
            target.as_ptr(),
            target.len(),
            service.as_ptr(),
            service.len(),
            method.as_ptr(),
            method.len(),
            metadata.as_ptr(),
            metadata.len(),
            message.as_ptr(),
            message.len(),
            u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            &raw mut token,
        )
    };
    check(status).map(|()| token)
}

/// Kinds of metric of the ABI.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MetricKind {
    Counter = 0,
}

/// Defines a metric, or finds the one of that name.
pub(crate) fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Status> {
    let mut id = 0;
    check(unsafe { imports::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) }).map(|()| id)
}

/// Adds to a counter; a host refuses zero.
pub(crate) fn increment_metric(id: u32, by: u64) -> Result<(), Status> {
    let offset = i64::try_from(by).unwrap_or(i64::MAX);
    check(unsafe { imports::proxy_increment_metric(id, offset) })
}

/// Makes a context the one that the next call is about.
pub(crate) fn set_effective_context(context: u32) -> Result<(), Status> {
    check(unsafe { imports::proxy_set_effective_context(context) })
}

/// Tells the host that a root context which asked for time is done.
pub(crate) fn done() -> Result<(), Status> {
    check(unsafe { imports::proxy_done() })
}

/// Takes over a buffer that the host allocated in this module's memory through `proxy_on_memory_allocate`.
fn owned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let mut data: *mut u8 = ptr::null_mut();
    let mut size = 0;
    check(call(&raw mut data, &raw mut size))?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // The allocation came from `allocate` below with exactly this size, and the host has written all of it.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Memory that the host asked for, which it fills; it comes back through [`owned`]. Clearing it first would take a third of
/// the time of a request.
#[cfg(target_arch = "wasm32")]
pub(super) fn allocate(size: usize) -> *mut u8 {
    match std::alloc::Layout::array::<u8>(size) {
        Ok(layout) if size > 0 => unsafe { std::alloc::alloc(layout) },
        _ => ptr::null_mut(),
    }
}

/// The header pairs as the host serialised them, and where in them each name and value stands.
#[derive(Debug, Default)]
pub(crate) struct HeaderPairs {
    bytes: Vec<u8>,
    pairs: Vec<(Span, Span)>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
}

impl HeaderPairs {
    /// Reads the ABI's layout: the count, then each pair's two sizes, then each name and value ended by NUL. What does not
    /// fit is left out.
    fn parse(bytes: Vec<u8>) -> Self {
        let pairs = parse_pairs(&bytes).unwrap_or_default();
        Self { bytes, pairs }
    }

    /// The pairs in order; names that are not UTF-8 are left out, since no host passes such.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let bytes = |span: Span| self.bytes.get(span.start..span.start + span.length).unwrap_or_default();
        self.pairs.iter().filter_map(move |(name, value)| Some((std::str::from_utf8(bytes(*name)).ok()?, bytes(*value))))
    }
}

fn parse_pairs(bytes: &[u8]) -> Option<Vec<(Span, Span)>> {
    let word = |index: usize| {
        let four = bytes.get(index * 4..index * 4 + 4)?;
        usize::try_from(u32::from_le_bytes(four.try_into().ok()?)).ok()
    };
    let count = word(0)?;
    // Each pair takes eight bytes of sizes and two of terminators, so a count beyond that is a lie.
    let mut pairs = Vec::with_capacity(count.min(bytes.len() / 10));
    let mut start = 4 + count.checked_mul(8)?;
    for index in 0..count {
        let (name, value) = (word(1 + 2 * index)?, word(2 + 2 * index)?);
        let value_start = start.checked_add(name)?.checked_add(1)?;
        pairs.push((Span { start, length: name }, Span { start: value_start, length: value }));
        start = value_start.checked_add(value)?.checked_add(1)?;
    }
    (start <= bytes.len()).then_some(pairs)
}

fn serialize_pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let size = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = u32::try_from(pairs.len()).unwrap_or(0).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend(size(name));
        bytes.extend(size(value));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// `GrpcService{envoy_grpc{cluster_name}}` in protobuf: a bare name may parse as a message without target, on which Envoy
/// aborts the process.
fn grpc_service(cluster: &str) -> Vec<u8> {
    let field = |bytes: &[u8]| {
        let mut out = vec![0x0a];
        let mut rest = bytes.len();
        while rest >= 0x80 {
            out.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
        out.extend_from_slice(bytes);
        out
    };
    field(&field(cluster.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_both_ways() {
        let pairs = HeaderPairs::parse(serialize_pairs(&[(":path", "/x"), ("a", ""), ("b", "ü")]));
        let read: Vec<(&str, &[u8])> = pairs.iter().collect();
        assert_eq!(read, [(":path", &b"/x"[..]), ("a", b""), ("b", "ü".as_bytes())]);
    }

    #[test]
    fn pairs_that_lie_about_their_size_are_left_out() {
        let good = serialize_pairs(&[("name", "value")]);
        for length in 0..good.len() {
            assert_eq!(HeaderPairs::parse(good.get(..length).expect("shorter").to_vec()).iter().count(), 0, "{length}");
        }
        let mut lie = good.clone();
        lie.splice(0..4, u32::MAX.to_le_bytes());
        assert_eq!(HeaderPairs::parse(lie).iter().count(), 0);
    }

    #[test]
    fn a_cluster_is_named_as_an_encoded_grpc_service() {
        assert_eq!(grpc_service("sink"), b"\n\x06\n\x04sink");
        let long = grpc_service(&"c".repeat(200));
        assert_eq!(long.get(..6), Some(&[0x0a, 203, 1, 0x0a, 200, 1][..]));
    }
}
