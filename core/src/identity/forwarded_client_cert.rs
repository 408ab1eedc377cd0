//! `x-forwarded-client-cert`: what a proxy in front saw of the client's certificate, in Envoy's grammar.
//!
//! Elements separated by commas, each of `key=value` pairs separated by semicolons; a value that holds one of `,;="` stands
//! in double quotes, with quotes inside escaped by a backslash. Any client can send this header: it says something only
//! where the proxy in front is trusted to replace or to append to it.

use std::borrow::Cow;

/// One certificate that one proxy saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element<'a> {
    /// URI SANs of the proxy's own certificate (`By`).
    pub by: Vec<Cow<'a, str>>,
    /// SHA-256 of the certificate in DER (`Hash`).
    pub hash: Option<[u8; 32]>,
    /// The certificate in PEM, percent-encoded (`Cert`).
    pub certificate: Option<Cow<'a, str>>,
    /// The chain in PEM, percent-encoded (`Chain`).
    pub chain: Option<Cow<'a, str>>,
    /// The certificate's subject (`Subject`).
    pub subject: Option<Cow<'a, str>>,
    /// URI SANs of the certificate (`URI`), such as `spiffe://..`.
    pub uris: Vec<Cow<'a, str>>,
    /// DNS SANs of the certificate (`DNS`).
    pub dns: Vec<Cow<'a, str>>,
}

/// Why a value is not of this grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedFault {
    /// A quoted value does not end.
    #[error("a quoted value does not end")]
    UnendedQuote,
    /// Something follows a quoted value that is neither a comma nor a semicolon.
    #[error("a quoted value is followed by `{0}`")]
    AfterQuote(char),
    /// A quote stands inside a value that does not begin with one.
    #[error("a quote stands inside a value")]
    StrayQuote,
    /// A pair has no `=`.
    #[error("a pair has no `=`")]
    NoValue,
    /// A key that must occur once occurs twice in an element.
    #[error("`{0}` occurs twice")]
    Repeated(&'static str),
    /// `Hash` is not a SHA-256 in hexadecimal.
    #[error("`Hash` is no SHA-256 in hexadecimal")]
    Hash,
}

impl ForwardedFault {
    /// The fault's stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnendedQuote => "forwarded_cert_unended_quote",
            Self::AfterQuote(_) => "forwarded_cert_after_quote",
            Self::StrayQuote => "forwarded_cert_stray_quote",
            Self::NoValue => "forwarded_cert_no_value",
            Self::Repeated(_) => "forwarded_cert_repeated",
            Self::Hash => "forwarded_cert_hash",
        }
    }
}

impl Element<'_> {
    /// The name that policies know the client by: its first URI SAN, else its subject.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.uris.first().or(self.subject.as_ref()).map(AsRef::as_ref).filter(|name| !name.is_empty())
    }
}

/// Reads the elements in order: the last is what the nearest proxy saw. Several headers of the name are one list, in order.
///
/// # Errors
/// [`ForwardedFault`]; a value that is not understood whole is not understood at all.
pub fn parse(value: &str) -> Result<Vec<Element<'_>>, ForwardedFault> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (key, value, separator, after) = split_pair(rest)?;
        element.put(key, value)?;
        if separator == Some(',') {
            elements.push(std::mem::take(&mut element));
        }
        rest = after;
    }
    if element != Element::default() {
        elements.push(element);
    }
    Ok(elements)
}

type Pair<'a> = (&'a str, Cow<'a, str>, Option<char>, &'a str);

/// The first pair, what separates it from the next, and the rest.
fn split_pair(text: &str) -> Result<Pair<'_>, ForwardedFault> {
    let (key, rest) = text.split_once('=').ok_or(ForwardedFault::NoValue)?;
    if key.contains([',', ';', '"']) {
        return Err(ForwardedFault::NoValue);
    }
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => split_quoted(quoted)?,
        None => split_bare(rest)?,
    };
    let rest = rest.trim_start();
    match rest.chars().next() {
        None => Ok((key.trim(), value, None, "")),
        Some(separator @ (',' | ';')) => Ok((key.trim(), value, Some(separator), rest.get(1..).unwrap_or_default().trim_start())),
        Some(other) => Err(ForwardedFault::AfterQuote(other)),
    }
}

fn split_bare(text: &str) -> Result<(Cow<'_, str>, &str), ForwardedFault> {
    let end = text.find([',', ';']).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(end).unwrap_or_default();
    if value.contains('"') { Err(ForwardedFault::StrayQuote) } else { Ok((Cow::from(value.trim_end()), rest)) }
}

/// A value whose opening quote is behind.
fn split_quoted(text: &str) -> Result<(Cow<'_, str>, &str), ForwardedFault> {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, character)| {
        let ends = *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        ends
    });
    let (value, rest) = end.and_then(|(end, _)| text.split_at_checked(end)).ok_or(ForwardedFault::UnendedQuote)?;
    let value = if value.contains('\\') { Cow::from(unescaped(value)) } else { Cow::from(value) };
    Ok((value, rest.get(1..).unwrap_or_default()))
}

fn unescaped(value: &str) -> String {
    let mut characters = value.chars();
    let next = || match characters.next() {
        Some('\\') => characters.next(),
        other => other,
    };
    std::iter::from_fn(next).collect()
}

impl<'a> Element<'a> {
    /// Keys are case-insensitive; those that are not known are passed over, as Envoy may learn new ones.
    fn put(&mut self, key: &str, value: Cow<'a, str>) -> Result<(), ForwardedFault> {
        match key.to_ascii_lowercase().as_str() {
            "by" => self.by.push(value),
            "uri" => self.uris.push(value),
            "dns" => self.dns.push(value),
            "hash" => once(&mut self.hash, sha256(&value)?, "Hash")?,
            "cert" => once(&mut self.certificate, value, "Cert")?,
            "chain" => once(&mut self.chain, value, "Chain")?,
            "subject" => once(&mut self.subject, value, "Subject")?,
            _ => {}
        }
        Ok(())
    }
}

fn once<T>(slot: &mut Option<T>, value: T, key: &'static str) -> Result<(), ForwardedFault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ForwardedFault::Repeated(key)),
    }
}

fn sha256(text: &str) -> Result<[u8; 32], ForwardedFault> {
    let mut digest = [0; 32];
    crate::hex::decode_into(text, &mut digest).ok_or(ForwardedFault::Hash)?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

    /// The example of Envoy's documentation, with a second element.
    #[test]
    fn elements_are_read_in_order_with_quoted_and_repeated_values() {
        let text = format!(
            "By=http://frontend.lyft.com;Hash={HASH};Subject=\"/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test \\\"Client\\\"\";\
             URI=http://testclient.lyft.com;URI=spiffe://b, by=http://backend.lyft.com;DNS=a.example;dns=b.example"
        );
        let elements = parse(&text).expect("good");
        let [first, last] = elements.as_slice() else { panic!("{elements:?}") };
        assert_eq!(first.by, ["http://frontend.lyft.com"]);
        assert_eq!(first.hash.map(|hash| crate::hex::encode(&hash)).as_deref(), Some(HASH));
        assert_eq!(first.subject.as_deref(), Some("/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test \"Client\""));
        assert_eq!(first.uris, ["http://testclient.lyft.com", "spiffe://b"]);
        assert_eq!((first.principal(), last.principal()), (Some("http://testclient.lyft.com"), None));
        assert_eq!(
            (last.by.as_slice(), last.dns.as_slice()),
            (&["http://backend.lyft.com".into()][..], &["a.example".into(), "b.example".into()][..])
        );
    }

    #[test]
    fn a_quoted_value_cannot_smuggle_an_element() {
        let text = r#"Subject="CN=x,URI=spiffe://admin;By=y\",URI=spiffe://root""#;
        let elements = parse(text).expect("good");
        assert_eq!(elements.len(), 1);
        assert_eq!(elements[0].principal(), Some(r#"CN=x,URI=spiffe://admin;By=y",URI=spiffe://root"#));
        assert!(elements[0].uris.is_empty());
    }

    #[test]
    fn what_is_not_of_the_grammar_is_refused_whole() {
        for (text, code) in [
            ("Subject=\"x", "forwarded_cert_unended_quote"),
            ("Subject=\"x\\\"", "forwarded_cert_unended_quote"),
            ("Subject=\"x\"y;URI=z", "forwarded_cert_after_quote"),
            ("Subject=x\"y\"", "forwarded_cert_stray_quote"),
            ("URI", "forwarded_cert_no_value"),
            ("URI;By=x", "forwarded_cert_no_value"),
            ("By=x;,By=y", "forwarded_cert_no_value"),
            ("Subject=a;Subject=b", "forwarded_cert_repeated"),
            ("Hash=00", "forwarded_cert_hash"),
        ] {
            assert_eq!(parse(text).map_err(|fault| fault.code()), Err(code), "{text}");
        }
    }

    #[test]
    fn nothing_is_no_element() {
        assert_eq!(parse("  "), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn quoted_text_survives_and_nothing_panics(subject in "[ -~]{0,20}", text in any::<String>()) {
            let _ = parse(&text);
            let quoted = subject.replace('\\', "\\\\").replace('"', "\\\"");
            let value = format!("By=a;Subject=\"{quoted}\";URI=b");
            let elements = parse(&value).expect("good");
            prop_assert_eq!(elements.len(), 1);
            prop_assert_eq!(elements[0].subject.as_deref(), Some(subject.as_str()));
            prop_assert_eq!(&elements[0].uris, &["b"]);
        }
    }
}
