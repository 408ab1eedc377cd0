//! A TCP connection as the host holds it between callbacks.

use std::collections::BTreeMap;

use crate::property::PropertyValue;
use crate::stream::Place;

/// Bytes of one direction.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// What the plugin sees now.
    pub(crate) buffer: Vec<u8>,
    /// What went on to the other side.
    pub(crate) passed: Vec<u8>,
}

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct TcpStream {
    /// The VM and context that filter it; `None` when it passes unfiltered.
    pub(crate) place: Option<Place>,
    pub(crate) root: u32,
    pub(crate) downstream: Flow,
    pub(crate) upstream: Flow,
    pub(crate) open: bool,
    /// The plugin asked to close it.
    pub(crate) close_asked: bool,
    pub(crate) properties: BTreeMap<String, PropertyValue>,
}

impl TcpStream {
    pub(crate) fn new(properties: BTreeMap<String, PropertyValue>) -> Self {
        Self {
            place: None,
            root: 0,
            downstream: Flow::default(),
            upstream: Flow::default(),
            open: true,
            close_asked: false,
            properties,
        }
    }
}
