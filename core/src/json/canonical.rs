//! Writing canonical JSON (RFC 8785) into a buffer that is reused: no allocation once the buffer has grown.
//!
//! Members are written in the order of their names by whoever calls; a debug build checks that order. Numbers are
//! integers below 2^53, so that every JSON reader agrees about them. What is absent or empty is left out by the callers
//! of the `_if` forms. Bytes that are not UTF-8 are written as `%XX`, upper-case hex, since they come from header values
//! and paths, where that is how bytes are spelled.

use crate::time::UnixNanos;

/// Writes the members of one object.
#[derive(Debug)]
pub struct ObjectWriter<'b> {
    out: &'b mut Vec<u8>,
    last_name: &'static str,
    empty: bool,
}

/// The largest integer that every JSON reader keeps exactly (I-JSON, RFC 7493 §2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Writes one object into the buffer.
pub fn object(out: &mut Vec<u8>, members: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.push(b'{');
    members(&mut ObjectWriter { out, last_name: "", empty: true });
    out.push(b'}');
}

impl ObjectWriter<'_> {
    fn name(&mut self, name: &'static str) {
        debug_assert!(self.last_name < name, "`{name}` after `{}` is not canonical", self.last_name);
        self.last_name = name;
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A string member, whole.
    pub fn string(&mut self, name: &'static str, value: &str) {
        self.name(name);
        let _ = quoted(self.out, value.as_bytes(), usize::MAX);
    }

    /// A string member of which at most `limit` bytes are written, escapes included. Tells whether it was cut; empty values
    /// are left out.
    pub fn clipped(&mut self, name: &'static str, value: &[u8], limit: usize) -> Clip {
        if value.is_empty() {
            return Clip::Whole;
        }
        self.name(name);
        quoted(self.out, value, limit)
    }

    /// An integer member; what is above [`MAX_INTEGER`] is written as that.
    pub fn integer(&mut self, name: &'static str, value: u64) {
        self.name(name);
        push_decimal(self.out, value.min(MAX_INTEGER));
    }

    /// A boolean member.
    pub fn boolean(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A member whose value is written already: a canonical JSON value.
    pub fn raw(&mut self, name: &'static str, json: &[u8]) {
        self.name(name);
        self.out.extend_from_slice(json);
    }

    /// Members that are written already, without braces, of which `last` is the last name; none when empty.
    pub fn members(&mut self, last: &'static str, json: &[u8]) {
        if json.is_empty() {
            return;
        }
        debug_assert!(self.last_name < last, "`{last}` after `{}` is not canonical", self.last_name);
        self.last_name = last;
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.extend_from_slice(json);
    }

    /// A time in RFC 3339 with nine digits of a second.
    pub fn time(&mut self, name: &'static str, time: UnixNanos) {
        self.name(name);
        self.out.push(b'"');
        time.push_rfc3339(self.out);
        self.out.push(b'"');
    }

    /// A member of hexadecimal digits.
    pub fn hex(&mut self, name: &'static str, bytes: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        push_hex(self.out, bytes);
        self.out.push(b'"');
    }

    /// An object member.
    pub fn object(&mut self, name: &'static str, members: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.name(name);
        object(self.out, members);
    }

    /// An object member that is left out when nothing was written into it.
    pub fn object_if(&mut self, name: &'static str, members: impl FnOnce(&mut ObjectWriter<'_>)) {
        let (length, last_name, empty) = (self.out.len(), self.last_name, self.empty);
        self.name(name);
        let start = self.out.len();
        object(self.out, members);
        if self.out.len() == start + 2 {
            self.out.truncate(length);
            (self.last_name, self.empty) = (last_name, empty);
        }
    }

    /// A list of strings, left out when empty; at most `limit` bytes of it are written, whole items only.
    pub fn strings<S: AsRef<str>>(&mut self, name: &'static str, items: impl IntoIterator<Item = S>, limit: usize) -> Clip {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return Clip::Whole;
        }
        self.name(name);
        self.out.push(b'[');
        let start = self.out.len();
        let mut clip = Clip::Whole;
        for item in items {
            let before = self.out.len();
            if before > start {
                self.out.push(b',');
            }
            let _ = quoted(self.out, item.as_ref().as_bytes(), usize::MAX);
            if self.out.len() - start > limit {
                self.out.truncate(before);
                clip = Clip::Cut;
                break;
            }
        }
        self.out.push(b']');
        clip
    }

    /// A list of objects.
    pub fn objects<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        each: impl Fn(T, &mut ObjectWriter<'_>),
    ) {
        self.name(name);
        self.out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            object(self.out, |writer| each(item, writer));
        }
        self.out.push(b']');
    }
}

/// Whether a value was written whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an event has to name what was cut"]
pub enum Clip {
    /// Every byte of it.
    Whole,
    /// Only the beginning.
    Cut,
}

/// Appends decimal digits.
pub fn push_decimal(out: &mut Vec<u8>, value: u64) {
    let start = out.len();
    let mut rest = value;
    loop {
        out.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Appends lower-case hexadecimal digits.
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(hex_digit(byte >> 4));
        out.push(hex_digit(byte & 15));
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// Writes a quoted string of at most `limit` bytes between the quotes, never cutting an escape or a character.
fn quoted(out: &mut Vec<u8>, value: &[u8], limit: usize) -> Clip {
    out.push(b'"');
    let end = out.len().saturating_add(limit);
    let clip = escaped(out, value, end);
    out.push(b'"');
    clip
}

fn escaped(out: &mut Vec<u8>, value: &[u8], end: usize) -> Clip {
    for chunk in value.utf8_chunks() {
        if escaped_text(out, chunk.valid(), end) == Clip::Cut {
            return Clip::Cut;
        }
        for byte in chunk.invalid() {
            if out.len() + 3 > end {
                return Clip::Cut;
            }
            let upper = |nibble| hex_digit(nibble).to_ascii_uppercase();
            out.extend_from_slice(&[b'%', upper(byte >> 4), upper(byte & 15)]);
        }
    }
    Clip::Whole
}

fn escaped_text(out: &mut Vec<u8>, text: &str, end: usize) -> Clip {
    let needs_escape = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    if out.len() + text.len() <= end && !text.as_bytes().iter().any(needs_escape) {
        out.extend_from_slice(text.as_bytes());
        return Clip::Whole;
    }
    let mut buffer = [0; 4];
    for character in text.chars() {
        let start = out.len();
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            control @ '\0'..'\u{20}' => {
                out.extend_from_slice(b"\\u00");
                push_hex(out, &[control as u8]);
            }
            plain => out.extend_from_slice(plain.encode_utf8(&mut buffer).as_bytes()),
        }
        if out.len() > end {
            out.truncate(start);
            return Clip::Cut;
        }
    }
    Clip::Whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(members: impl FnOnce(&mut ObjectWriter<'_>)) -> String {
        let mut out = Vec::new();
        object(&mut out, members);
        String::from_utf8(out).expect("canonical JSON is UTF-8")
    }

    #[test]
    fn every_character_is_escaped_as_rfc_8785_says_and_reads_back() {
        let all: String = (0..=0x2ff).filter_map(char::from_u32).chain(['\u{2028}', '\u{1f600}']).collect();
        let text = written(|object| object.string("a", &all));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("json")["a"], all);
        assert!(text.contains(r#"\u0000"#) && text.contains(r#"\b\t\n\u000b\f\r"#) && text.contains('\u{2028}'));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_spelled_out() {
        assert_eq!(written(|object| assert_eq!(object.clipped("a", b"x\xff\xfey", 99), Clip::Whole)), r#"{"a":"x%FF%FEy"}"#);
    }

    #[test]
    fn a_cut_never_splits_an_escape_or_a_character() {
        for limit in 0..12 {
            let text = written(|object| {
                let _ = object.clipped("a", "é\n\u{1f600}\u{1}\"".as_bytes(), limit);
            });
            let value: serde_json::Value = serde_json::from_str(&text).expect("json");
            assert!(text.len() <= limit + r#"{"a":""}"#.len(), "{limit}");
            assert!("é\n\u{1f600}\u{1}\"".starts_with(value["a"].as_str().expect("text")));
        }
    }

    #[test]
    fn lists_keep_whole_items_and_empty_ones_are_left_out() {
        let text = written(|object| {
            assert_eq!(object.strings("a", ["xx", "yy", "zz"], 9), Clip::Cut);
            assert_eq!(object.strings("b", [""; 0], 9), Clip::Whole);
            object.object_if("c", |_| {});
            object.integer("d", u64::MAX);
        });
        assert_eq!(text, r#"{"a":["xx","yy"],"d":9007199254740991}"#);
    }
}
