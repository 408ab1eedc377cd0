//! Finding credentials in a request, and taking them out of what goes upstream.

use crate::request::RequestView;
use std::borrow::Cow;

/// Where a credential may stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Headers in lower case, each with what stands before the credential, exactly.
    pub headers: Vec<(String, String)>,
    /// Query parameters.
    pub params: Vec<String>,
    /// Cookies.
    pub cookies: Vec<String>,
}

/// One credential and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// The credential; of a query parameter, percent-decoded.
    pub value: Cow<'a, str>,
    /// Where it stood.
    pub place: Place<'a>,
}

/// Where a credential stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In this header.
    Header(&'a str),
    /// In this query parameter.
    Param(&'a str),
    /// In this cookie.
    Cookie(&'a str),
}

impl Places {
    /// Whether no place is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.params.is_empty() && self.cookies.is_empty()
    }

    /// `authorization: Bearer` and `?access_token=` where no place is named, as in Istio (RFC 6750 §2.1, §2.3).
    #[must_use]
    pub fn or_default(self) -> Self {
        if !self.is_empty() {
            return self;
        }
        Self {
            headers: vec![("authorization".into(), "Bearer ".into())],
            params: vec!["access_token".into()],
            cookies: Vec::new(),
        }
    }

    /// Every credential in the request, in the order of the places. Values that are empty or not UTF-8 are none.
    ///
    /// Some hosts deliver two headers of one name as one, joined by a comma: each of them is found.
    pub fn find<'a>(&'a self, request: &RequestView<'a>, found: &mut Vec<Found<'a>>) {
        let headers = self.headers.iter().flat_map(|(name, prefix)| {
            let values = request.header_values(name).filter_map(|value| std::str::from_utf8(value).ok());
            values.flat_map(|value| bare(value, prefix)).map(|value| (Cow::from(value), Place::Header(name)))
        });
        let params = self.params.iter().flat_map(|name| {
            let named = pairs(request.query().unwrap_or_default(), '&').filter(move |(other, _)| decoded(other) == name.as_str());
            named.map(|(_, value)| (decoded(value), Place::Param(name)))
        });
        let cookies = self.cookies.iter().flat_map(|name| {
            let named = cookies(request).filter(move |(other, _)| other == name);
            named.map(|(_, value)| (Cow::from(value), Place::Cookie(name)))
        });
        let all = headers.chain(params).chain(cookies).filter(|(value, _)| !value.is_empty());
        found.extend(all.map(|(value, place)| Found { value, place }));
    }
}

/// What follows the prefix, in each of the values that were joined into this one.
fn bare<'a>(value: &'a str, prefix: &str) -> Vec<&'a str> {
    let joined = || value.split(',').map(|part| part.trim().strip_prefix(prefix)).collect::<Option<Vec<_>>>();
    let parts = if prefix.is_empty() { None } else { joined() };
    let parts = parts.unwrap_or_else(|| value.strip_prefix(prefix).into_iter().collect());
    parts.into_iter().map(str::trim).collect()
}

/// The text with its percent-encoding undone (RFC 3986 §2.1): upstream will read names and values so. What is no encoding,
/// or none of UTF-8, stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let mut byte = [0];
        rest = match digits.and_then(|digits| crate::hex::decode_into(digits, &mut byte)) {
            Some(()) => after.get(2..).unwrap_or_default(),
            None => {
                byte = [first];
                after
            }
        };
        bytes.extend(byte);
    }
    String::from_utf8(bytes).map_or(Cow::from(text), Cow::from)
}

fn pairs(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(separator).filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.trim(), value.trim()))
}

fn cookies<'a>(request: &RequestView<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let headers = request.header_values("cookie").filter_map(|value| std::str::from_utf8(value).ok());
    headers.flat_map(|header| pairs(header, ';')).map(|(name, value)| (name, value.trim_matches('"')))
}

/// A query without a parameter; `None` when nothing is left.
#[must_use]
pub fn query_without(query: &str, name: &str) -> Option<String> {
    without(query, '&', "&", |found| decoded(found) == name)
}

/// A `cookie` header without a cookie; `None` when nothing is left.
#[must_use]
pub fn cookie_without(header: &str, name: &str) -> Option<String> {
    without(header, ';', "; ", |found| found == name)
}

fn without(text: &str, separator: char, joint: &str, is_it: impl Fn(&str) -> bool) -> Option<String> {
    let name_of = |pair: &str| pair.split_once('=').map_or(pair, |(name, _)| name).trim().to_owned();
    let kept: Vec<&str> =
        text.split(separator).map(str::trim).filter(|pair| !pair.is_empty() && !is_it(&name_of(pair))).collect();
    (!kept.is_empty()).then(|| kept.join(joint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Header, Peer};
    use crate::time::UnixNanos;

    fn places() -> Places {
        Places {
            headers: vec![("authorization".into(), "Bearer ".into())],
            params: vec!["t".into()],
            cookies: vec!["session".into()],
        }
    }

    fn found(path: &str, headers: &[Header<'_>]) -> Vec<String> {
        let request = RequestView {
            method: "GET",
            path,
            host: "h",
            scheme: "http",
            headers,
            peer: Peer::default(),
            received: UnixNanos::default(),
        };
        let places = places();
        let mut found = Vec::new();
        places.find(&request, &mut found);
        found.iter().map(|found| format!("{:?} {}", found.place, found.value)).collect()
    }

    #[test]
    fn credentials_are_found_in_every_place_and_repetitions_too() {
        let headers: [Header<'_>; 3] =
            [("authorization", b"Bearer one"), ("authorization", b"Bearer two"), ("cookie", b"a=b; session=\"three\"")];
        let expected =
            ["Header(\"authorization\") one", "Header(\"authorization\") two", "Param(\"t\") four", "Cookie(\"session\") three"];
        assert_eq!(found("/x?a=b&t=four", &headers), expected);
    }

    #[test]
    fn the_prefix_is_exact_and_empty_values_are_none() {
        let headers: [Header<'_>; 4] = [
            ("authorization", b"bearer one"),
            ("authorization", b"Bearer "),
            ("authorization", b"Basic x"),
            ("cookie", b"session="),
        ];
        assert!(found("/x?t=", &headers).is_empty());
    }

    #[test]
    fn values_that_a_host_joined_are_found_one_by_one() {
        let headers: [Header<'_>; 1] = [("authorization", b"Bearer one, Bearer two,Bearer three")];
        let expected = ["one", "two", "three"].map(|value| format!("Header(\"authorization\") {value}"));
        assert_eq!(found("/x", &headers), expected);
        let headers: [Header<'_>; 1] = [("authorization", b"Bearer one, Basic two")];
        assert_eq!(found("/x", &headers), ["Header(\"authorization\") one, Basic two"]);
    }

    #[test]
    fn parameters_are_read_as_upstream_will_read_them() {
        assert_eq!(
            found("/x?%74=one%2Etwo&t=three&T=four&t=%zz&t=%ff", &[]),
            ["Param(\"t\") one.two", "Param(\"t\") three", "Param(\"t\") %zz", "Param(\"t\") %ff"]
        );
        assert_eq!(query_without("a=1&%74=x&t&b=2", "t").as_deref(), Some("a=1&b=2"));
    }

    #[test]
    fn what_is_taken_out_leaves_the_rest_as_it_was() {
        assert_eq!(query_without("a=1&t=x&b=%2F", "t").as_deref(), Some("a=1&b=%2F"));
        assert_eq!(query_without("t=x", "t"), None);
        assert_eq!(cookie_without("a=1; session=x; b=2", "session").as_deref(), Some("a=1; b=2"));
    }
}
