//! A line of JSON as a request.

use countersign_core::json;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// What of a line is taken for verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: `request_principal` and `claims` are not looked at.
    Nothing,
    /// `request_principal` and `claims` stand for a verified token.
    Claims,
}

/// A request as a line describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What it calls itself.
    pub id: Value,
    /// The method.
    pub method: String,
    /// The request target.
    pub path: String,
    /// The host, empty where unknown.
    pub host: String,
    /// The local port.
    pub port: Option<u16>,
    /// Headers in order, names in lower case, without pseudo-headers.
    pub headers: Vec<(String, String)>,
    /// The address of the connection.
    pub source_ip: Option<IpAddr>,
    /// The address of the original client.
    pub remote_ip: Option<IpAddr>,
    /// The local address.
    pub destination_ip: Option<IpAddr>,
    /// The server name of the TLS handshake.
    pub sni: Option<String>,
    /// Identities of the verified client certificate.
    pub principals: Vec<String>,
    /// `issuer/subject` of a token that is taken for verified.
    pub request_principal: Option<String>,
    /// Claims of a token that is taken for verified.
    pub claims: Option<Map<String, Value>>,
}

/// A line that is no request, with its id if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Malformed {
    /// What the line called itself, else null.
    pub id: Value,
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// [`Malformed`] when the line is not JSON, lacks method or path, or a field has a value of another type.
    pub fn parse(line: &[u8], trust: Trust) -> Result<Self, Malformed> {
        let Ok(Value::Object(object)) = json::parse(line) else { return Err(Malformed { id: Value::Null }) };
        let id = object.get("id").cloned().unwrap_or(Value::Null);
        Self::from_object(&object, trust).ok_or(Malformed { id })
    }

    /// Reads an object; `None` when it lacks method or path, or a field has a value of another type.
    #[must_use]
    pub fn from_object(object: &Map<String, Value>, trust: Trust) -> Option<Self> {
        let mut headers = headers(object.get("headers"))?;
        let mut pseudo = |name: &str| take(&mut headers, name);
        let (method, path, authority, _) = (pseudo(":method"), pseudo(":path"), pseudo(":authority"), pseudo(":scheme"));
        headers.retain(|(name, _)| !name.starts_with(':'));
        let host = text(object, "host")?.or(authority).or_else(|| first(&headers, "host"));
        let trusted = |value| if trust == Trust::Claims { value } else { None };
        Some(Self {
            id: object.get("id").cloned().unwrap_or(Value::Null),
            method: text(object, "method")?.or(method)?,
            path: text(object, "path")?.or(path)?,
            host: host.unwrap_or_default(),
            port: port(object)?,
            headers,
            source_ip: address(object, "source_ip")?,
            remote_ip: address(object, "remote_ip")?,
            destination_ip: address(object, "destination_ip")?,
            sni: text(object, "sni")?,
            principals: principals(object)?,
            request_principal: if trust == Trust::Claims { text(object, "request_principal")? } else { None },
            claims: trusted(object.get("claims")).map_or(Some(None), claims)?,
        })
    }
}

/// A field that is a string, absent or null; the outer `None` says that it is something else.
#[expect(clippy::option_option, reason = "absent and faulty are different things, and only the latter ends the reading")]
fn text(object: &Map<String, Value>, name: &str) -> Option<Option<String>> {
    match object.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    }
}

/// An address. What is no IP address, such as the path of a socket, is no fault: it only lies in no block.
#[expect(clippy::option_option, reason = "absent and faulty are different things, and only the latter ends the reading")]
fn address(object: &Map<String, Value>, name: &str) -> Option<Option<IpAddr>> {
    text(object, name).map(|text| text.and_then(|text| text.parse().ok()))
}

#[expect(clippy::option_option, reason = "absent and faulty are different things, and only the latter ends the reading")]
fn port(object: &Map<String, Value>) -> Option<Option<u16>> {
    match object.get("port") {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => text.parse().ok().map(Some),
        Some(value) => value.as_u64().and_then(|port| u16::try_from(port).ok()).map(Some),
    }
}

#[expect(clippy::option_option, reason = "absent and faulty are different things, and only the latter ends the reading")]
fn claims(value: &Value) -> Option<Option<Map<String, Value>>> {
    match value {
        Value::Null => Some(None),
        Value::Object(claims) => Some(Some(claims.clone())),
        _ => None,
    }
}

/// `principal`, one or a list, and `principal_uri_sans`: a certificate may carry several identities.
fn principals(object: &Map<String, Value>) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for name in ["principal", "principal_uri_sans"] {
        match object.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => found.push(text.clone()),
            Some(Value::Array(items)) => {
                found.extend(items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?);
            }
            Some(_) => return None,
        }
    }
    Some(found)
}

/// Headers as an object of strings or lists of strings, or as a list of pairs.
fn headers(value: Option<&Value>) -> Option<Vec<(String, String)>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Object(object)) => {
            let each = object.iter().map(|(name, value)| values(value).map(|values| (name, values)));
            let each: Vec<(&String, Vec<&str>)> = each.collect::<Option<_>>()?;
            Some(each.into_iter().flat_map(|(name, values)| values.into_iter().map(|value| header(name, value))).collect())
        }
        Some(Value::Array(pairs)) => pairs.iter().map(pair).collect(),
        Some(_) => None,
    }
}

fn values(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn pair(value: &Value) -> Option<(String, String)> {
    match value.as_array()?.as_slice() {
        [name, value] => Some(header(name.as_str()?, value.as_str()?)),
        _ => None,
    }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_ascii_lowercase(), value.to_owned())
}

fn first(headers: &[(String, String)], name: &str) -> Option<String> {
    headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.clone())
}

fn take(headers: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = headers.iter().position(|(candidate, _)| candidate == name)?;
    Some(headers.remove(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Request> {
        Request::parse(line.as_bytes(), Trust::Nothing).ok()
    }

    #[test]
    fn everything_but_method_and_path_may_be_left_out() {
        let request = parse(r#"{"method":"GET","path":"/"}"#).expect("enough");
        assert_eq!((request.host.as_str(), request.port, request.headers.len()), ("", None, 0));
        for line in [r#"{"method":"GET"}"#, r#"{"path":"/"}"#, r#"{"method":"GET","path":null}"#, "[]", "nonsense"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn headers_come_as_object_or_as_pairs() {
        let expected = [("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        for headers in [r#"{"A":["1","2"]}"#, r#"[["a","1"],["A","2"]]"#] {
            let line = format!(r#"{{"method":"GET","path":"/","headers":{headers}}}"#);
            assert_eq!(parse(&line).expect("enough").headers, expected);
        }
    }

    #[test]
    fn pseudo_headers_stand_in_for_what_is_missing() {
        let request = parse(r#"{"headers":{":method":"PUT",":path":"/x",":authority":"h",":scheme":"https"}}"#).expect("enough");
        assert_eq!((request.method.as_str(), request.path.as_str(), request.host.as_str()), ("PUT", "/x", "h"));
        assert_eq!(request.headers, []);
        let request = parse(r#"{"method":"GET","path":"/y","host":"own","headers":{":path":"/x","host":"h"}}"#).expect("enough");
        assert_eq!((request.path.as_str(), request.host.as_str()), ("/y", "own"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_a_fault_but_a_socket_is_no_address() {
        assert_eq!(parse(r#"{"method":"GET","path":"/","port":"x"}"#), None);
        assert_eq!(parse(r#"{"method":"GET","path":"/","port":70000}"#), None);
        assert_eq!(parse(r#"{"method":1,"path":"/"}"#), None);
        assert_eq!(parse(r#"{"method":"GET","path":"/","source_ip":"@unix:x"}"#).expect("enough").source_ip, None);
    }

    #[test]
    fn claims_are_looked_at_only_when_they_are_trusted() {
        let line = br#"{"method":"GET","path":"/","claims":{"sub":"a"},"request_principal":"i/a"}"#;
        let distrusted = Request::parse(line, Trust::Nothing).expect("enough");
        assert_eq!((distrusted.claims, distrusted.request_principal), (None, None));
        let trusted = Request::parse(line, Trust::Claims).expect("enough");
        assert_eq!((trusted.claims.is_some(), trusted.request_principal.as_deref()), (true, Some("i/a")));
    }
}
