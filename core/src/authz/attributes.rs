//! What is known of a request when it is decided.

use crate::request::Header;
use crate::time::UnixNanos;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Everything a policy may ask about. Identity is only ever what was verified.
///
/// What is absent matches no value, so that its `not` form matches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The path as [`crate::path::normalize`] gives it.
    pub path: &'a str,
    /// The host with its port if the client sent one, as sent.
    pub host: &'a str,
    /// All headers; names are lower case.
    pub headers: &'a [Header<'a>],
    /// The connection's remote address.
    pub source_ip: Option<IpAddr>,
    /// The original client's address; where unknown, [`Self::source_ip`] stands for it.
    pub remote_ip: Option<IpAddr>,
    /// The local address of the connection.
    pub destination_ip: Option<IpAddr>,
    /// The local port of the connection.
    pub destination_port: Option<u16>,
    /// The server name of the TLS handshake.
    pub sni: Option<&'a str>,
    /// Identities of the verified client certificate, with `spiffe://` where they have it. Empty without one.
    pub peer_principals: &'a [&'a str],
    /// Issuer and subject of the verified token.
    pub request_principal: Option<RequestPrincipal<'a>>,
    /// Audiences of the verified token.
    pub audiences: &'a [&'a str],
    /// Authorised party of the verified token (`azp`).
    pub presenter: Option<&'a str>,
    /// All claims of the verified token.
    pub claims: Option<&'a Map<String, Value>>,
    /// Roles that the caller effectively holds: see [`crate::authz::Roles::effective`].
    pub roles: &'a [&'a str],
    /// Scopes of the verified token.
    pub scopes: &'a [&'a str],
    /// Name of the calling service in the registry: see [`crate::authz::Services::identify`].
    pub service: Option<&'a str>,
    /// What the registry says of the calling service: see [`crate::authz::Caller::state_word`].
    pub service_state: Option<&'a str>,
    /// Id of the accepted API key.
    pub api_key: Option<&'a str>,
    /// When the request arrived.
    pub now: UnixNanos,
}

/// Who a verified token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestPrincipal<'a> {
    /// The claim `iss`.
    pub issuer: &'a str,
    /// The claim `sub`.
    pub subject: &'a str,
}

impl<'a> RequestPrincipal<'a> {
    /// Reads `issuer/subject`. The last `/` divides, since an issuer may be a URL.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (issuer, subject) = text.rsplit_once('/').unwrap_or((text, ""));
        Self { issuer, subject }
    }
}
