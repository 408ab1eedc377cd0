//! W3C Trace Context, level 2 (<https://www.w3.org/TR/trace-context-2/>): reading `traceparent` and `tracestate`.
//!
//! A trace context that breaks the rules is not repaired: the caller either goes on without one or starts a new one, as
//! the recommendation's processing model says, and a broken `tracestate` is discarded without harm to its `traceparent`.

use crate::request::RequestView;

/// A trace context that keeps the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext<'a> {
    /// 32 lower-case hex digits, not all zero.
    pub trace_id: &'a str,
    /// The caller's span: 16 lower-case hex digits, not all zero.
    pub parent_id: &'a str,
    /// Bit 0 sampled, bit 1 random trace id; the others are kept as received in version 00.
    pub flags: u8,
    /// The list members of `tracestate`, joined by `,`; empty when there is none or it was discarded.
    pub state: String,
}

/// Why a request has no usable trace context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TraceFault {
    /// No `traceparent` header.
    #[error("no traceparent header")]
    Missing,
    /// More than one `traceparent` header.
    #[error("more than one traceparent header")]
    Repeated,
    /// Not `version-traceid-parentid-flags` in lower-case hex, an all-zero id, or version `ff`.
    #[error("traceparent is malformed")]
    Malformed,
}

/// Reads the trace context of a request.
///
/// # Errors
/// [`TraceFault`] when the caller should go on as if the request had none (§3.2.2.3).
pub fn read<'a>(request: &RequestView<'a>) -> Result<TraceContext<'a>, TraceFault> {
    let mut parents = request.header_values("traceparent");
    let parent = parents.next().ok_or(TraceFault::Missing)?;
    if parents.next().is_some() {
        return Err(TraceFault::Repeated);
    }
    let parent = std::str::from_utf8(parent).map_err(|_| TraceFault::Malformed)?;
    let (trace_id, parent_id, flags) = parse_parent(trim(parent)).ok_or(TraceFault::Malformed)?;
    let state = read_state(request.header_values("tracestate")).unwrap_or_default();
    Ok(TraceContext { trace_id, parent_id, flags, state })
}

/// Splits a `traceparent` of any version: of a version above 00, only what version 00 defines is read (§4.3).
#[must_use]
pub fn parse_parent(text: &str) -> Option<(&str, &str, u8)> {
    let mut parts = text.splitn(5, '-');
    let (version, trace_id, parent_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let more = parts.next().is_some();
    let shape = is_hex(version, 2) && is_id(trace_id, 32) && is_id(parent_id, 16) && is_hex(flags, 2);
    let future = version != "00";
    (shape && version != "ff" && (future || !more)).then_some(())?;
    Some((trace_id, parent_id, u8::from_str_radix(flags, 16).ok()?))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|byte| byte != b'0')
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// At most so many list members (§3.3.1.1).
const MAX_MEMBERS: usize = 32;

/// Joins the list members of all `tracestate` headers, or `None` when any of them breaks the grammar. A repeated key is kept
/// as received: which of the two counts is its vendor's to say.
fn read_state<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut joined = String::new();
    let mut count = 0;
    for value in values {
        for member in std::str::from_utf8(value).ok()?.split(',').map(trim).filter(|member| !member.is_empty()) {
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) || count == MAX_MEMBERS {
                return None;
            }
            count += 1;
            if !joined.is_empty() {
                joined.push(',');
            }
            joined.push_str(member);
        }
    }
    Some(joined)
}

/// `key = ( lcalpha / DIGIT ) 0*255 ( lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@" )`.
fn is_key(key: &str) -> bool {
    let starts_well = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    starts_well && key.len() <= 256 && key.bytes().all(plain)
}

/// `value = 0*255(chr) nblk-chr`: printable ASCII but `,` and `=`, not ending in a space.
fn is_value(value: &str) -> bool {
    let plain = |byte| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=';
    !value.is_empty() && value.len() <= 256 && value.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    #[test]
    fn a_good_traceparent_is_read() {
        assert_eq!(parse_parent(GOOD), Some(("12345678901234567890123456789012", "1234567890123456", 1)));
    }

    #[test]
    fn later_versions_may_say_more_and_version_00_may_not() {
        let longer = format!("{}-what", GOOD.replacen("00", "cc", 1));
        assert!(parse_parent(&longer).is_some());
        assert!(parse_parent(&format!("{GOOD}-what")).is_none());
        assert!(parse_parent(&GOOD.replacen("00", "ff", 1)).is_none());
    }

    #[test]
    fn every_single_character_that_is_not_lower_hex_breaks_it() {
        for index in 0..GOOD.len() {
            let mut bytes = GOOD.as_bytes().to_vec();
            bytes[index] = b'G';
            assert_eq!(parse_parent(std::str::from_utf8(&bytes).expect("ascii")), None, "{index}");
        }
    }

    #[test]
    fn a_state_is_kept_whole_or_discarded_whole() {
        let read = |text: &'static str| read_state([text.as_bytes()].into_iter());
        assert_eq!(read("foo=1 \t , bar=2,,"), Some("foo=1,bar=2".into()));
        for broken in ["foo =1", "FOO=1", "foo=1=2", "foo=", "@foo=1", "foo"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
