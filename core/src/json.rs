//! Strict JSON (RFC 8259, with the uniqueness of member names that I-JSON, RFC 7493 §2.3, demands).
//!
//! Two parsers that disagree about a duplicate member are an attack surface, so a duplicate is an error here, at any
//! depth, and so is nesting that could exhaust the stack.

pub mod canonical;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How deep arrays and objects may nest before a text is refused.
pub const MAX_DEPTH: usize = 32;

/// Why a text is not JSON that can be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct JsonFault {
    /// What was found and what was expected.
    pub message: String,
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault in bytes, from 1.
    pub column: usize,
    /// Which kind of fault this is.
    pub kind: JsonFaultKind,
}

/// The kinds of fault that a caller may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFaultKind {
    /// The text breaks the grammar of RFC 8259, or is not UTF-8.
    Malformed,
    /// A member name occurs twice in one object.
    DuplicateMember,
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    TooDeep,
}

const DUPLICATE: &str = "duplicate member";
const TOO_DEEP: &str = "nested deeper than";

/// Reads one JSON text, refusing duplicate members, nesting deeper than [`MAX_DEPTH`] and trailing bytes.
///
/// # Errors
/// [`JsonFault`] says what is wrong and where.
pub fn parse(text: &[u8]) -> Result<Value, JsonFault> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|error| fault(&error))?;
    reader.end().map_err(|error| fault(&error))?;
    Ok(value)
}

fn fault(error: &serde_json::Error) -> JsonFault {
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    let kind = if message.starts_with(DUPLICATE) {
        JsonFaultKind::DuplicateMember
    } else if message.starts_with(TOO_DEEP) {
        JsonFaultKind::TooDeep
    } else {
        JsonFaultKind::Malformed
    };
    JsonFault { message: message.to_owned(), line: error.line(), column: error.column(), kind }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("{TOO_DEEP} {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("{DUPLICATE} `{name}`")));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_reads_as_serde_json_reads_it() {
        let text = br#"{"a":[1,-2,3.5,"x",null,true],"b":{"c":"\u00e9"}}"#;
        assert_eq!(parse(text), Ok(serde_json::from_slice(text).expect("well-formed")));
    }

    #[test]
    fn duplicate_members_are_refused_at_any_depth() {
        for text in [&br#"{"a":1,"a":1}"#[..], br#"[{"b":{"a":1,"\u0061":2}}]"#] {
            assert_eq!(parse(text).expect_err("duplicate").kind, JsonFaultKind::DuplicateMember);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()).expect_err("deep").kind, JsonFaultKind::TooDeep);
    }

    #[test]
    fn what_follows_the_value_or_is_not_utf_8_is_refused() {
        for text in [&b"{} x"[..], b"\"\xff\"", b"", b"{\"a\":01}"] {
            assert_eq!(parse(text).expect_err("malformed").kind, JsonFaultKind::Malformed);
        }
    }

    #[test]
    fn a_fault_names_its_place_once() {
        let fault = parse(b"{\n \"a\": tru }").expect_err("malformed");
        assert_eq!((fault.line, fault.message.contains(" at line ")), (2, false));
    }
}
