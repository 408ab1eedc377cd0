//! TCP connections through a plugin that filters streams.

use std::collections::BTreeMap;

use crate::abi::Peer;
use crate::error::HostError;
use crate::host::Host;
use crate::property::PropertyValue;
use crate::runtime::Direction;
use crate::tcp::TcpStream;

/// A connection to open.
pub struct Connect {
    host: Host,
    properties: BTreeMap<String, PropertyValue>,
    worker: usize,
}

impl Connect {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, properties: BTreeMap::new(), worker: 0 }
    }

    /// A property of this connection, by its dotted path.
    pub fn property(mut self, path: impl Into<String>, value: impl Into<PropertyValue>) -> Self {
        self.properties.insert(path.into(), value.into());
        self
    }

    /// Which worker serves it; 0 unless told.
    pub fn worker(mut self, worker: usize) -> Self {
        self.worker = worker;
        self
    }

    /// Opens it.
    pub fn open(self) -> Connection {
        let index = self.host.lock().connect(self.worker, self.properties);
        Connection { host: self.host, index }
    }
}

/// An open connection.
#[derive(Debug, Clone)]
pub struct Connection {
    host: Host,
    index: usize,
}

impl Connection {
    fn read<T>(&self, read: impl FnOnce(&TcpStream) -> T) -> Option<T> {
        self.host.lock().state().connections.get(self.index).map(read)
    }

    /// Whether neither side nor the plugin closed it.
    pub fn is_open(&self) -> bool {
        self.read(|stream| stream.open).unwrap_or(false)
    }

    /// What reached the upstream.
    pub fn forwarded(&self) -> Vec<u8> {
        self.read(|stream| stream.downstream.passed.clone()).unwrap_or_default()
    }

    /// What reached the client.
    pub fn returned(&self) -> Vec<u8> {
        self.read(|stream| stream.upstream.passed.clone()).unwrap_or_default()
    }

    /// A property, as the plugin may have set it.
    pub fn property(&self, path: &str) -> Option<PropertyValue> {
        self.read(|stream| stream.properties.get(path).cloned()).flatten()
    }

    /// The client sends bytes.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] once it is closed.
    pub fn send(&self, data: impl AsRef<[u8]>) -> Result<&Self, HostError> {
        self.transfer(Direction::Downstream, data.as_ref(), false)
    }

    /// The client sends its last bytes.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] once it is closed.
    pub fn send_last(&self, data: impl AsRef<[u8]>) -> Result<&Self, HostError> {
        self.transfer(Direction::Downstream, data.as_ref(), true)
    }

    /// The upstream sends bytes.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] once it is closed.
    pub fn receive(&self, data: impl AsRef<[u8]>) -> Result<&Self, HostError> {
        self.transfer(Direction::Upstream, data.as_ref(), false)
    }

    /// The upstream sends its last bytes and closes.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] once it is closed.
    pub fn receive_last(&self, data: impl AsRef<[u8]>) -> Result<&Self, HostError> {
        self.transfer(Direction::Upstream, data.as_ref(), true)
    }

    /// The client closes, or with [`Peer::Local`] the host.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] once it is closed.
    pub fn close(&self, peer: Peer) -> Result<&Self, HostError> {
        self.require_open("close")?;
        self.host.lock().disconnect(self.index, peer);
        Ok(self)
    }

    fn transfer(&self, direction: Direction, data: &[u8], end: bool) -> Result<&Self, HostError> {
        self.require_open("send on")?;
        self.host.lock().transfer(self.index, direction, data, end);
        Ok(self)
    }

    fn require_open(&self, step: &'static str) -> Result<(), HostError> {
        let closed = || HostError::WrongStage { step, stage: "closed" };
        if self.is_open() { Ok(()) } else { Err(closed()) }
    }
}
