//! Envoy's admin interface.

use crate::client::{ClientError, Request};
use serde_json::Value;
use std::net::SocketAddr;

/// The admin interface of one Envoy.
#[derive(Debug, Clone, Copy)]
pub struct Admin {
    address: SocketAddr,
}

/// The admin interface says nothing useful.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It did not answer.
    #[error("envoy's admin interface: {0}")]
    Client(#[from] ClientError),
    /// It knows no such counter.
    #[error("envoy has no counter `{name}`")]
    NoCounter {
        /// The counter.
        name: String,
    },
}

impl Admin {
    /// The interface at this address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether Envoy takes traffic.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.get("/ready").is_ok_and(|body| body.starts_with("LIVE"))
    }

    /// The body of an admin page.
    pub fn get(&self, path: &str) -> Result<String, AdminError> {
        Ok(Request::get(path).send(self.address)?.text())
    }

    /// A counter or gauge by its full name.
    pub fn counter(&self, name: &str) -> Result<u64, AdminError> {
        let all = self.get("/stats")?;
        let value = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok());
        value.ok_or_else(|| AdminError::NoCounter { name: name.to_owned() })
    }

    /// Where its first listener is bound; `None` when it has none.
    pub fn listener(&self) -> Result<Option<SocketAddr>, AdminError> {
        let listeners = Request::get("/listeners?format=json").send(self.address)?.json()?;
        Ok(bound(&listeners))
    }
}

fn bound(listeners: &Value) -> Option<SocketAddr> {
    let socket = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
    let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
    Some(SocketAddr::new(socket.get("address")?.as_str()?.parse().ok()?, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_bound_port_is_read_and_its_absence_is_no_error() {
        let socket = json!({"address": "127.0.0.1", "port_value": 4711});
        let listeners = json!({"listener_statuses": [{"name": "gateway", "local_address": {"socket_address": socket}}]});
        assert_eq!(bound(&listeners).unwrap().to_string(), "127.0.0.1:4711");
        assert_eq!(bound(&json!({})), None);
    }
}
