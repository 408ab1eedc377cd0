//! Patterns over strings: exact, `prefix*`, `*suffix`, and `*` for present and not empty.

use std::fmt;

/// A pattern as Istio writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// The whole value.
    Exact(String),
    /// What the value starts with.
    Prefix(String),
    /// What the value ends with.
    Suffix(String),
    /// Any value that is not empty.
    Present,
}

impl Pattern {
    /// Reads a pattern. Nothing can be wrong with one: a `*` elsewhere than at an end stands for itself, as in Istio.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "*" {
            return Self::Present;
        }
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(suffix), _) => Self::Suffix(suffix.to_owned()),
            (None, Some(prefix)) => Self::Prefix(prefix.to_owned()),
            (None, None) => Self::Exact(text.to_owned()),
        }
    }

    /// Reads a pattern for [`Self::matches_folded`].
    #[must_use]
    pub fn parse_folded(text: &str) -> Self {
        Self::parse(&text.to_ascii_lowercase())
    }

    /// Whether the value fits.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(exact) => value == exact,
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => value.ends_with(suffix.as_str()),
            Self::Present => !value.is_empty(),
        }
    }

    /// Whether the value fits when ASCII case does not matter. The pattern is lower case.
    #[must_use]
    pub fn matches_folded(&self, value: &str) -> bool {
        let same = |part: Option<&[u8]>, with: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(with.as_bytes()));
        let bytes = value.as_bytes();
        match self {
            Self::Exact(exact) => same(Some(bytes), exact),
            Self::Prefix(prefix) => same(bytes.get(..prefix.len()), prefix),
            Self::Suffix(suffix) => same(bytes.len().checked_sub(suffix.len()).and_then(|at| bytes.get(at..)), suffix),
            Self::Present => !value.is_empty(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(exact) => formatter.write_str(exact),
            Self::Prefix(prefix) => write!(formatter, "{prefix}*"),
            Self::Suffix(suffix) => write!(formatter, "*{suffix}"),
            Self::Present => formatter.write_str("*"),
        }
    }
}

/// Whether a value fits a text in which every `*` stands for any run of characters. Linear in pattern times value.
#[must_use]
pub fn glob_matches(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = value.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_matches_what_istio_says() {
        for (pattern, value, expected) in [
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("abc*", "abc", true),
            ("abc*", "abcd", true),
            ("*abc", "xabc", true),
            ("*abc", "abcx", false),
            ("*", "x", true),
            ("*", "", false),
            ("", "", true),
            ("", "x", false),
            ("a*c", "abc", false),
            ("a*c", "a*c", true),
        ] {
            assert_eq!(Pattern::parse(pattern).matches(value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn globs_match_runs_of_any_length() {
        for (pattern, value, expected) in [
            ("prod", "prod", true),
            ("prod", "production", false),
            ("prod-*", "prod-eu", true),
            ("*-eu", "prod-eu", true),
            ("p*-*u", "prod-eu", true),
            ("a*a", "a", false),
            ("*", "", true),
            ("a**b", "ab", true),
        ] {
            assert_eq!(glob_matches(pattern, value), expected, "{pattern} {value}");
        }
    }
}
