//! Finds the audit line in a line of a log: bare, behind a prefix, before a suffix, or escaped inside another format.

use std::borrow::Cow;

/// How every audit line begins, since `chain` sorts before its other members.
const OPENING: &[u8] = br#"{"chain":{"#;
/// The same inside a JSON string.
const ESCAPED: &[u8] = br#"{\"chain\":{"#;
/// The same as nginx writes it with its default escaping.
const NGINX_ESCAPED: &[u8] = br"{\x22chain\x22:{";
/// How often a log may have been put into a JSON string of another log.
const MAX_NESTING: usize = 4;

/// The audit line in a line of a log, or none when there is none. Whether it is a good one is not looked at.
///
/// ```
/// let log = br#"[info] wasm log: {"chain":{"seq":0},"v":1} <request 7>"#;
/// assert_eq!(countersign::extract::audit_line(log).as_deref(), Some(&br#"{"chain":{"seq":0},"v":1}"#[..]));
/// ```
#[must_use]
pub fn audit_line(log: &[u8]) -> Option<Cow<'_, [u8]>> {
    if let Some(at) = find(log, OPENING) {
        return log.get(at..).map(|rest| Cow::Borrowed(first_value(rest)));
    }
    if let Some(at) = find(log, NGINX_ESCAPED) {
        let plain = unescape_nginx(log.get(at..)?);
        return Some(Cow::Owned(first_value(&plain).to_vec()));
    }
    unescape_nested(log).map(Cow::Owned)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

/// The JSON value that the text starts with; the whole text when it is no JSON, so that it is refused with its reason.
fn first_value(text: &[u8]) -> &[u8] {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => text.get(..values.byte_offset()).unwrap_or(text),
        _ => text,
    }
}

/// Takes JSON string escapes away, one level after the other, until the line stands bare.
fn unescape_nested(log: &[u8]) -> Option<Vec<u8>> {
    let mut text = Cow::Borrowed(log);
    for _ in 0..MAX_NESTING {
        text = Cow::Owned(unescape_json(&text)?);
        if let Some(at) = find(&text, OPENING) {
            return text.get(at..).map(|rest| first_value(rest).to_vec());
        }
    }
    None
}

/// Decodes the JSON string that the opening brace of an escaped line lies in, from that brace on.
fn unescape_json(text: &[u8]) -> Option<Vec<u8>> {
    let at = find(text, ESCAPED).or_else(|| find(text, b"{\\\\"))?;
    let rest = text.get(at..)?;
    let mut quoted = Vec::with_capacity(rest.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(rest.get(..string_end(rest))?);
    quoted.push(b'"');
    serde_json::from_slice::<String>(&quoted).ok().map(String::into_bytes)
}

/// Where the first quote stands that no backslash escapes, or the end.
fn string_end(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|byte| match byte {
        b'"' if !escaped => true,
        b'\\' => {
            escaped = !escaped;
            false
        }
        _ => {
            escaped = false;
            false
        }
    });
    end.unwrap_or(text.len())
}

/// Takes `\xHH` away, as nginx writes quotes, backslashes and what is not printable.
fn unescape_nginx(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        match escaped_byte(rest) {
            Some((decoded, tail)) => {
                plain.push(decoded);
                rest = tail;
            }
            None => {
                plain.push(*byte);
                rest = tail;
            }
        }
    }
    plain
}

fn escaped_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, tail) = text.strip_prefix(br"\x")?.split_at_checked(2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 16).ok().map(|byte| (byte, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"chain":{"prev":"00","seq":1},"path":"/a\\b \"q\" é","v":1}"#;

    fn quoted(text: &str) -> String {
        serde_json::to_string(text).expect("a string")
    }

    #[test]
    fn a_line_is_found_however_a_gateway_or_shipper_wraps_it() {
        let envoy = format!("[2026-11-24 11:22:33.123][12][info][wasm] [source/x.cc:1148] wasm log countersign: {LINE}");
        let nginx = format!("2026/11/24 11:22:33 [info] 12#12: *1 [wasm] {LINE} <module: \"countersign\">, client: 1.2.3.4");
        let docker = format!(r#"{{"log":{},"stream":"stderr","time":"2026-11-24T11:22:33Z"}}"#, quoted(&format!("{envoy}\n")));
        let twice = format!(r#"{{"message":{}}}"#, quoted(&docker));
        let hex = format!("x {} y", LINE.replace('\\', "\\x5C").replace('"', "\\x22"));
        for log in [LINE.to_owned(), envoy, nginx, docker, twice, hex] {
            let found = audit_line(log.as_bytes()).unwrap_or_else(|| panic!("nothing in {log}"));
            assert_eq!(String::from_utf8_lossy(&found), LINE, "{log}");
        }
    }

    #[test]
    fn other_lines_of_a_log_hold_none() {
        for log in ["", "[info] started", r#"{"log":"hello \"world\"\n"}"#, r#"{"a":"\\"}"#, "{\\\\", "{\\\"chain"] {
            assert_eq!(audit_line(log.as_bytes()), None, "{log}");
        }
    }

    #[test]
    fn a_damaged_line_is_handed_on_so_that_it_can_be_refused() {
        let cut = &LINE.as_bytes()[..30];
        assert_eq!(audit_line(cut).as_deref(), Some(cut));
    }
}
