//! What a decision may look at: one request as the gateway received it.

use crate::time::UnixNanos;
use std::net::IpAddr;

/// One request header as received. Names are lower case; values are bytes, since RFC 9110 §5.5 allows more than ASCII.
pub type Header<'a> = (&'a str, &'a [u8]);

/// A request as the gateway received it, before any decision. Nothing in it is verified but what `peer` says.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// The method, as sent (RFC 9110 §9.1: case-sensitive).
    pub method: &'a str,
    /// The request target with its query, as sent.
    pub path: &'a str,
    /// The host, with its port if the client sent one.
    pub host: &'a str,
    /// `http` or `https`, empty where unknown.
    pub scheme: &'a str,
    /// All headers in order, without pseudo-headers.
    pub headers: &'a [Header<'a>],
    /// What the connection itself shows.
    pub peer: Peer<'a>,
    /// When the request arrived.
    pub received: UnixNanos,
}

/// What the connection shows about the caller: never taken from a header.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peer<'a> {
    /// The socket's remote address.
    pub source_ip: Option<IpAddr>,
    /// The original client's address as the gateway determined it, where it differs from the socket's.
    pub remote_ip: Option<IpAddr>,
    /// The local address that the connection came in on.
    pub destination_ip: Option<IpAddr>,
    /// The local port that the connection came in on.
    pub destination_port: Option<u16>,
    /// The server name of the TLS handshake (RFC 6066 §3).
    pub sni: Option<&'a str>,
    /// The principals of a verified client certificate, the first being the one to name: its URI SANs (`spiffe://..`), else its
    /// subject. Empty without one.
    pub principals: &'a [&'a str],
    /// SHA-256 of the verified client certificate in DER, lower-case hex.
    pub certificate_sha256: Option<&'a str>,
}

impl<'a> RequestView<'a> {
    /// All values of a header, in order. `name` is lower case.
    pub fn header_values(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(candidate, _)| *candidate == name).map(|(_, value)| *value)
    }

    /// The first value of a header that is UTF-8. `name` is lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(candidate, _)| *candidate == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The path without query and fragment.
    #[must_use]
    pub fn path_only(&self) -> &'a str {
        self.path.split(['?', '#']).next().unwrap_or_default()
    }

    /// What follows the first `?`, without a fragment.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        let without_fragment = self.path.split('#').next().unwrap_or_default();
        without_fragment.split_once('?').map(|(_, query)| query)
    }
}
