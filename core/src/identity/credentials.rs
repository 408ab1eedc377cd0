//! Finding credentials in a request, and taking them out of what goes upstream.

use crate::request::RequestView;

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
    /// The credential.
    pub value: &'a str,
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
    pub fn find<'a>(&'a self, request: &RequestView<'a>, found: &mut Vec<Found<'a>>) {
        for (name, prefix) in &self.headers {
            let values = request.header_values(name).filter_map(|value| std::str::from_utf8(value).ok());
            let bare = values.filter_map(|value| value.strip_prefix(prefix.as_str())).map(str::trim);
            found.extend(bare.filter(|value| !value.is_empty()).map(|value| Found { value, place: Place::Header(name) }));
        }
        for name in &self.params {
            let values = pairs(request.query().unwrap_or_default(), '&').filter(|(candidate, _)| candidate == name);
            found.extend(
                values.map(|(_, value)| Found { value, place: Place::Param(name) }).filter(|found| !found.value.is_empty()),
            );
        }
        for name in &self.cookies {
            let values = cookies(request).filter(|(candidate, _)| candidate == name);
            found.extend(
                values.map(|(_, value)| Found { value, place: Place::Cookie(name) }).filter(|found| !found.value.is_empty()),
            );
        }
    }
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
    without(query, '&', name, "&")
}

/// A `cookie` header without a cookie; `None` when nothing is left.
#[must_use]
pub fn cookie_without(header: &str, name: &str) -> Option<String> {
    without(header, ';', name, "; ")
}

fn without(text: &str, separator: char, name: &str, joint: &str) -> Option<String> {
    let kept =
        text.split(separator).map(str::trim).filter(|pair| pair.split_once('=').is_none_or(|(found, _)| found.trim() != name));
    let kept: Vec<&str> = kept.filter(|pair| !pair.is_empty()).collect();
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
    fn what_is_taken_out_leaves_the_rest_as_it_was() {
        assert_eq!(query_without("a=1&t=x&b=%2F", "t").as_deref(), Some("a=1&b=%2F"));
        assert_eq!(query_without("t=x", "t"), None);
        assert_eq!(cookie_without("a=1; session=x; b=2", "session").as_deref(), Some("a=1; b=2"));
    }
}
