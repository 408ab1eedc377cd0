//! Where keys are fetched.

/// An `http` or `https` URI (RFC 9110 §4.2), in the parts that a callout needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAddress {
    scheme: &'static str,
    authority: String,
    target: String,
}

impl KeyAddress {
    /// Reads a URI. User information is refused: it would be a secret in a URI (RFC 9110 §4.2.4). So is a fragment, which
    /// never reaches a server.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\');
        let (scheme, rest) = text.split_once("://").filter(|_| plain)?;
        let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end)?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        is_authority(authority).then(|| Self { scheme, authority: authority.to_owned(), target })
    }

    /// `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// `host[:port]`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl std::fmt::Display for KeyAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scheme, authority, target } = self;
        write!(formatter, "{scheme}://{authority}{target}")
    }
}

/// A host with or without port; no user information.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').map(|inner| inner.split_once(']')) {
        Some(Some((address, rest))) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            (address, rest.strip_prefix(':').or(Some(rest).filter(|rest| !rest.is_empty())))
        }
        Some(_) => return false,
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let named = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte));
    !host.is_empty() && named(host) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_in_its_parts() {
        let parts = |text: &str| {
            let address = KeyAddress::parse(text).expect("an address");
            (address.scheme(), address.authority().to_owned(), address.target().to_owned())
        };
        let expected = |scheme, authority: &str, target: &str| (scheme, authority.to_owned(), target.to_owned());
        assert_eq!(parts("https://issuer.example/keys?v=1"), expected("https", "issuer.example", "/keys?v=1"));
        assert_eq!(parts("HTTP://issuer.example:8080"), expected("http", "issuer.example:8080", "/"));
        assert_eq!(parts("http://[::1]:80/k"), expected("http", "[::1]:80", "/k"));
        assert_eq!(parts("http://[::1]"), expected("http", "[::1]", "/"));
        assert_eq!(parts("https://a?b"), expected("https", "a", "/?b"));
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        let not = [
            "",
            "issuer.example/keys",
            "ftp://a/b",
            "https://",
            "https:///keys",
            "https://:443/k",
            "https://user:secret@a/k",
            "https://a/k#f",
            "https://a b/k",
            "https://a/\u{e9}",
            "https://a:port/k",
            "https://a:0/",
            "https://[::1/k",
            "https://[x]/k",
            "https://[::1]x/k",
            "https://a\r\nx: y/",
            "https://a\\b/",
            "file:///etc/passwd",
            "https://a:/",
        ];
        for text in not {
            assert_eq!(KeyAddress::parse(text), None, "{text}");
        }
    }
}
