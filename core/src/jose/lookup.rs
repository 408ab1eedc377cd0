//! Finding claims by name or by path.

use serde_json::{Map, Value};

/// How a claim that is one string holds several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separation {
    /// A string is one value.
    None,
    /// A string holds values separated by spaces, as `scope` does (RFC 8693 §4.2).
    Spaces,
}

/// The claim at `path`: a member of that very name (`https://example.com/roles`), else, at each dot, a member of the
/// object so far (`realm_access.roles`).
pub(super) fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let (head, tail) = path.split_at_checked(dot)?;
        find(claims.get(head)?.as_object()?, tail.get(1..)?)
    })
}

/// The strings that the claim at `path` holds, in claims that someone else has verified.
#[must_use]
pub fn strings_at<'a>(claims: &'a Map<String, Value>, path: &str, separation: Separation) -> Vec<&'a str> {
    find(claims, path).map(|value| strings(value, separation)).unwrap_or_default()
}

/// The strings that a value holds: itself, its elements, or its words. Anything that is no string is left out.
pub(super) fn strings(value: &Value, separation: Separation) -> Vec<&str> {
    match value {
        Value::String(text) if separation == Separation::Spaces => text.split(' ').filter(|word| !word.is_empty()).collect(),
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
