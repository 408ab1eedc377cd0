//! What each host calls the facts that it tells of a connection and of the end of a stream. What a host does not tell is
//! absent here, since on some hosts even asking is an error in the log, or worse.

use crate::host::calls;
use countersign_core::config::Host;

/// The names of a host's properties, path parts joined by NUL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Properties {
    pub(crate) connection_id: Option<&'static str>,
    pub(crate) source_address: Option<&'static str>,
    pub(crate) destination_address: Option<&'static str>,
    pub(crate) destination_port: Option<&'static str>,
    pub(crate) protocol: Option<&'static str>,
    pub(crate) sni: Option<&'static str>,
    /// How a verified client certificate shows, and the values that say so.
    pub(crate) verified: Option<(&'static str, &'static [u8])>,
    /// The certificate's principal, the better one first.
    pub(crate) principals: &'static [&'static str],
    pub(crate) certificate_sha256: Option<&'static str>,
    pub(crate) status: Option<&'static str>,
    pub(crate) flags: Option<&'static str>,
    pub(crate) details: Option<&'static str>,
    pub(crate) response_size: Option<&'static str>,
    pub(crate) route: Option<&'static str>,
    pub(crate) cluster: Option<&'static str>,
    pub(crate) upstream: Option<&'static str>,
    /// Whether `:authority` is the server's own name, so that the header `host` says what was asked for.
    pub(crate) host_header: bool,
    /// Whether a stream's last callback is `on_done`.
    pub(crate) ends_without_log: bool,
}

const NOTHING: Properties = Properties {
    connection_id: None,
    source_address: None,
    destination_address: None,
    destination_port: None,
    protocol: None,
    sni: None,
    verified: None,
    principals: &[],
    certificate_sha256: None,
    status: None,
    flags: None,
    details: None,
    response_size: None,
    route: None,
    cluster: None,
    upstream: None,
    host_header: false,
    ends_without_log: false,
};

const ENVOY: Properties = Properties {
    connection_id: Some("connection\0id"),
    source_address: Some("source\0address"),
    destination_address: Some("destination\0address"),
    destination_port: None,
    protocol: Some("request\0protocol"),
    sni: Some("connection\0requested_server_name"),
    verified: Some(("connection\0mtls", &[1])),
    principals: &["connection\0uri_san_peer_certificate", "connection\0subject_peer_certificate"],
    certificate_sha256: Some("connection\0sha256_peer_certificate_digest"),
    status: Some("response\0code"),
    flags: Some("response\0flags"),
    details: Some("response\0code_details"),
    response_size: Some("response\0size"),
    route: Some("xds\0route_name"),
    cluster: Some("xds\0cluster_name"),
    upstream: Some("upstream\0address"),
    ..NOTHING
};

const NGINX_WASM: Properties = Properties {
    connection_id: Some("connection\0id"),
    source_address: Some("source\0address"),
    destination_address: Some("ngx\0server_addr"),
    destination_port: Some("ngx\0server_port"),
    protocol: Some("request\0protocol"),
    sni: Some("connection\0requested_server_name"),
    verified: Some(("ngx\0ssl_client_verify", b"SUCCESS")),
    principals: &["ngx\0ssl_client_s_dn"],
    status: Some("response\0code"),
    response_size: Some("response\0size"),
    upstream: Some("upstream\0address"),
    host_header: true,
    ..NOTHING
};

const APISIX: Properties = Properties {
    connection_id: Some("connection"),
    source_address: Some("remote_addr"),
    destination_address: Some("server_addr"),
    destination_port: Some("server_port"),
    protocol: Some("server_protocol"),
    sni: Some("ssl_server_name"),
    verified: Some(("ssl_client_verify", b"SUCCESS")),
    principals: &["ssl_client_s_dn"],
    status: Some("status"),
    response_size: Some("bytes_sent"),
    upstream: Some("upstream_addr"),
    host_header: true,
    ends_without_log: true,
    ..NOTHING
};

impl Properties {
    pub(crate) fn of(host: Host) -> &'static Self {
        match host {
            Host::Envoy => &ENVOY,
            Host::NginxWasm => &NGINX_WASM,
            Host::Apisix => &APISIX,
            Host::Generic => &NOTHING,
        }
    }
}

/// A property as text; none when the host does not tell it, or tells nothing.
pub(crate) fn text(path: Option<&str>) -> Option<String> {
    let bytes = calls::property(path?)?;
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

/// A property as a number. Envoy's are eight bytes, little-endian; nginx writes digits.
pub(crate) fn number(path: Option<&str>) -> Option<u64> {
    let bytes = calls::property(path?)?;
    match <[u8; 8]>::try_from(bytes.as_slice()) {
        Ok(word) => Some(u64::from_le_bytes(word)),
        Err(_) => std::str::from_utf8(&bytes).ok()?.trim().parse().ok(),
    }
}
