//! Properties: what a host tells about the request, the connection and itself.

use std::time::Duration;

use crate::abi::pairs;
use crate::profile::PropertyStyle;

/// A property's value before it is encoded as the host encodes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyValue {
    /// Text.
    Text(String),
    /// Bytes, given as they are: serialised messages, certificates.
    Bytes(Vec<u8>),
    /// A whole number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// A point in time since the Unix epoch.
    Time(Duration),
    /// A span of time.
    Span(Duration),
    /// A list; Envoy writes it as pairs whose key is the value.
    List(Vec<String>),
    /// A map.
    Map(Vec<(String, String)>),
}

impl PropertyValue {
    pub(crate) fn encode(&self, style: PropertyStyle) -> Vec<u8> {
        match style {
            PropertyStyle::Envoy => self.encode_binary(),
            PropertyStyle::NginxWasm | PropertyStyle::Apisix => self.encode_text(),
        }
    }

    fn encode_binary(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Int(value) => value.to_le_bytes().to_vec(),
            Self::Bool(value) => vec![u8::from(*value)],
            Self::Time(time) | Self::Span(time) => nanos(*time).to_le_bytes().to_vec(),
            Self::List(items) => {
                let entries: Vec<(&str, &str)> = items.iter().map(|item| (item.as_str(), "")).collect();
                pairs::encode(&entries)
            }
            Self::Map(entries) => pairs::encode(entries),
        }
    }

    fn encode_text(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Int(value) => value.to_string().into_bytes(),
            Self::Bool(value) => value.to_string().into_bytes(),
            // nginx writes times as seconds with milliseconds.
            Self::Time(time) | Self::Span(time) => format!("{:.3}", time.as_secs_f64()).into_bytes(),
            Self::List(items) => items.join(",").into_bytes(),
            Self::Map(entries) => pairs::encode(entries),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl From<&str> for PropertyValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for PropertyValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for PropertyValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for PropertyValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Vec<u8>> for PropertyValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for PropertyValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<String>> for PropertyValue {
    fn from(items: Vec<String>) -> Self {
        Self::List(items)
    }
}

/// The path of a property as tests write it: parts joined by dots. Plugins
/// send zero bytes between the parts.
pub(crate) fn dotted(path: &[u8]) -> String {
    let path = path.strip_suffix(b"\0").unwrap_or(path);
    String::from_utf8_lossy(path).replace('\0', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envoy_encodes_numbers_in_eight_bytes_and_booleans_in_one() {
        assert_eq!(PropertyValue::Int(403).encode(PropertyStyle::Envoy), 403u64.to_le_bytes());
        assert_eq!(PropertyValue::Bool(true).encode(PropertyStyle::Envoy), [1]);
        let time = PropertyValue::Time(Duration::from_nanos(7));
        assert_eq!(time.encode(PropertyStyle::Envoy), 7u64.to_le_bytes());
    }

    #[test]
    fn envoy_encodes_a_list_as_pairs_with_the_value_in_the_key() {
        let list = PropertyValue::List(vec!["a".into()]);
        assert_eq!(list.encode(PropertyStyle::Envoy), b"\x01\0\0\0\x01\0\0\0\0\0\0\0a\0\0");
    }

    #[test]
    fn nginx_hosts_encode_everything_as_text() {
        assert_eq!(PropertyValue::Int(403).encode(PropertyStyle::NginxWasm), b"403");
        assert_eq!(PropertyValue::Bool(false).encode(PropertyStyle::Apisix), b"false");
    }

    #[test]
    fn paths_are_read_with_or_without_a_closing_zero() {
        assert_eq!(dotted(b"request\0path"), "request.path");
        assert_eq!(dotted(b"request\0path\0"), "request.path");
    }
}
