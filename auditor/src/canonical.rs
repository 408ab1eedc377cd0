//! The canonical form of a line: the JSON Canonicalization Scheme (RFC 8785), for the integers-only JSON that a line is.

use countersign_core::json;
use serde_json::{Map, Value};

/// How every canonical line begins: `chain` sorts before all other members, and `prev` before all others of it.
const OPENING: &[u8] = br#"{"chain":{"prev":""#;
/// Bytes from the end of [`OPENING`] to the salt's value: a digest, then this.
const SALT: &[u8] = br#"","salt":""#;

/// The canonical bytes of a line that was written in another way, or none when the bytes can be taken as they stand.
///
/// A rewritten line shows it at its start (order, spaces) or by an escape; what shows neither is not looked at further,
/// since a wrong guess is not believed: the digest then does not fit the next line.
///
/// # Errors
/// What the JSON reader says, where the text is not strict JSON; or that it holds a number other than an integer.
pub(crate) fn respell(bytes: &[u8], stream: &str) -> Result<Option<Vec<u8>>, String> {
    if begins_canonically(bytes, stream) && escapes_are_canonical(bytes) {
        return Ok(None);
    }
    let value = json::parse(bytes).map_err(|fault| fault.to_string())?;
    let mut canonical = Vec::with_capacity(bytes.len());
    write(&value, &mut canonical)?;
    Ok((canonical != bytes).then_some(canonical))
}

/// Whether every escape is the one that RFC 8785 §3.2.2.2 demands: the short ones, and `\u00xx` for the other control characters.
fn escapes_are_canonical(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let escape = rest.get(at + 1..).unwrap_or_default();
        let length = match escape {
            [b'b' | b't' | b'n' | b'f' | b'r' | b'"' | b'\\', ..] => 1,
            [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => 5,
            [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 5,
            _ => return false,
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    true
}

fn begins_canonically(bytes: &[u8], stream: &str) -> bool {
    let Some(rest) = bytes.strip_prefix(OPENING).and_then(|rest| rest.get(64..)) else { return false };
    let Some(rest) = rest.strip_prefix(SALT) else { return false };
    let mut parts = rest.splitn(2, |byte| *byte == b'}');
    let chain_tail = parts.next().unwrap_or_default();
    let spaced = chain_tail.iter().any(u8::is_ascii_whitespace);
    let ordered = chain_tail.strip_suffix(b"\"").is_some_and(|tail| tail.ends_with(stream.as_bytes()));
    ordered && !spaced && parts.next().is_some_and(|tail| tail.starts_with(b",\""))
}

/// Writes a value in canonical form: members sorted, no spaces, the shortest escapes.
///
/// # Errors
/// A number that is not an integer has no place in a line.
pub fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Number(number) if number.is_f64() => return Err(format!("`{number}` is not an integer")),
        Value::Object(members) => write_object(members, out)?,
        Value::Array(items) => write_array(items, out)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => write_scalar(value, out)?,
    }
    Ok(())
}

fn write_array(items: &[Value], out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_object(members: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), String> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    out.push(b'{');
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, name).map_err(|error| error.to_string())?;
        out.push(b':');
        write(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// `serde_json` escapes a string just as RFC 8785 §3.2.2.2 demands, which the tests pin.
fn write_scalar(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    serde_json::to_writer(out, value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, String> {
        let mut out = Vec::new();
        write(&json::parse(text.as_bytes()).expect("JSON"), &mut out)?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    }

    /// The string example of RFC 8785 §3.2.2, and its sorting example of §3.2.3 without the member that is no integer.
    #[test]
    fn the_examples_of_rfc_8785_come_out_as_it_prints_them() {
        let string = r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}"#;
        assert_eq!(canonical(string), Ok("{\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}".to_owned()));
        let sorting = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let sorted = canonical(sorting).expect("canonical");
        let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"].map(|word| sorted.find(word).expect(word));
        assert!(order.is_sorted(), "{sorted}");
    }

    #[test]
    fn only_the_escapes_that_canonical_form_demands_pass_unread() {
        for code in 0..0x30_u8 {
            let canonical = serde_json::to_string(&char::from(code).to_string()).expect("a string");
            assert!(escapes_are_canonical(canonical.as_bytes()), "{canonical}");
            let long = format!("\\u{code:04x}");
            assert_eq!(escapes_are_canonical(long.as_bytes()), canonical == format!("\"{long}\""), "{long}");
        }
        for other in [r"\/", r"\u001F", r"\u0041", r"\u00e9", r"\ud83d", r"\x", r"\"] {
            assert!(!escapes_are_canonical(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn numbers_that_are_no_integers_are_refused() {
        assert!(canonical("[1.5]").is_err());
        assert_eq!(canonical("[-1, 9007199254740991]"), Ok("[-1,9007199254740991]".to_owned()));
    }
}
