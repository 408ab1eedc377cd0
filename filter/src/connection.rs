//! What the connection shows of the caller. Properties cost a hostcall each, so what holds for the connection's life is
//! read once and kept under the connection's id; an address would not do as a key, since it can be used again by another
//! caller's connection.

use crate::host::calls;
use crate::properties::{Properties, text};
use countersign_core::request::Peer;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;

/// The facts of one connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Connection {
    source_ip: Option<IpAddr>,
    destination_ip: Option<IpAddr>,
    destination_port: Option<u16>,
    sni: Option<String>,
    principal: Option<String>,
    certificate_sha256: Option<String>,
    /// `HTTP/1.1`, `HTTP/2`, empty where unknown.
    pub(crate) protocol: String,
}

impl Connection {
    /// The client certificate's principals.
    pub(crate) fn principals(&self) -> Vec<&str> {
        self.principal.as_deref().into_iter().collect()
    }

    /// What a decision may know of it.
    pub(crate) fn peer<'a>(&'a self, principals: &'a [&'a str]) -> Peer<'a> {
        Peer {
            source_ip: self.source_ip,
            remote_ip: self.source_ip,
            destination_ip: self.destination_ip,
            destination_port: self.destination_port,
            sni: self.sni.as_deref(),
            principals,
            certificate_sha256: self.certificate_sha256.as_deref(),
        }
    }

    fn read(properties: &Properties) -> Self {
        let address = |path| text(path).map_or((None, None), |text| split_address(&text));
        let (source_ip, _) = address(properties.source_address);
        let (destination_ip, port) = address(properties.destination_address);
        let mut connection = Self {
            source_ip,
            destination_ip,
            destination_port: port.or_else(|| text(properties.destination_port)?.parse().ok()),
            protocol: text(properties.protocol).unwrap_or_default(),
            sni: text(properties.sni),
            ..Self::default()
        };
        if properties.verified.is_some_and(|(path, yes)| calls::property(path).as_deref() == Some(yes)) {
            connection.principal = properties.principals.iter().find_map(|path| text(Some(path)));
            connection.certificate_sha256 = text(properties.certificate_sha256);
        }
        connection
    }
}

/// Splits `1.2.3.4:80`, `[::1]:80`, or an address without port; what is no address (a pipe) has neither.
fn split_address(text: &str) -> (Option<IpAddr>, Option<u16>) {
    match text.parse::<std::net::SocketAddr>() {
        Ok(socket) => (Some(socket.ip()), Some(socket.port())),
        Err(_) => (text.parse().ok(), None),
    }
}

const KEPT: usize = 256;

/// The connections seen last, newest first.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    recent: VecDeque<(Vec<u8>, Rc<Connection>)>,
}

impl Connections {
    /// The connection of the request that the host is about. Without an id it is read anew for each request.
    pub(crate) fn current(&mut self, properties: &Properties) -> Rc<Connection> {
        let Some(id) = properties.connection_id.and_then(calls::property) else {
            return Rc::new(Connection::read(properties));
        };
        if let Some((_, connection)) = self.recent.iter().find(|(candidate, _)| *candidate == id) {
            return Rc::clone(connection);
        }
        let connection = Rc::new(Connection::read(properties));
        self.recent.truncate(KEPT - 1);
        self.recent.push_front((id, Rc::clone(&connection)));
        connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_port() {
        let ip = |text: &str| text.parse::<IpAddr>().ok();
        assert_eq!(split_address("1.2.3.4:80"), (ip("1.2.3.4"), Some(80)));
        assert_eq!(split_address("[::1]:80"), (ip("::1"), Some(80)));
        assert_eq!(split_address("::1"), (ip("::1"), None));
        assert_eq!(split_address("@/pipe"), (None, None));
    }
}
