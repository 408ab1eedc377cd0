//! An HTTP/1.1 client that can also send bytes no library would.
//!
//! One connection a request, `connection: close`. Headers go out exactly as given, in that order, bytes and all:
//! only `host`, `connection` and, with a body, `content-length` are added where the caller has none.

use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a peer may stay silent.
const SILENCE: Duration = Duration::from_secs(20);
/// The most header fields that a response may have.
const MOST_HEADERS: usize = 128;

/// A request as it will be written.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The fields in their order, names in lower case, values with invalid UTF-8 replaced.
    pub headers: Vec<(String, String)>,
    /// The body, out of its chunks.
    pub body: Vec<u8>,
}

/// A request got no answer that can be read.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection failed.
    #[error("no answer from {address}: {cause}")]
    Connection {
        /// The peer.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The answer is not HTTP/1.1.
    #[error("the answer is not HTTP: {0}")]
    NotHttp(#[from] httparse::Error),
    /// The answer ends too early.
    #[error("the answer ends after {received} bytes")]
    Cut {
        /// How much of it came.
        received: usize,
    },
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
}

impl Request {
    /// A request with any method and target.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// Adds a header field; the bytes are not looked at.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Adds `authorization: Bearer TOKEN`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self, connection: &str) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        let mut field = |name: &[u8], value: &[u8]| {
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
        if !has("host") {
            field(b"host", b"gateway.example");
        }
        if !has("connection") {
            field(b"connection", connection.as_bytes());
        }
        if !self.body.is_empty() && !has("content-length") {
            field(b"content-length", self.body.len().to_string().as_bytes());
        }
        for (name, value) in &self.headers {
            field(name, value);
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it and reads the whole answer.
    pub fn send(&self, address: SocketAddr) -> Result<Response, ClientError> {
        let expected = if self.method == "HEAD" { Expected::Head } else { Expected::Whole };
        Response::parse_as(&exchange_as(address, &self.encode("close"), expected)?, expected)
    }
}

/// What of an answer is to come (RFC 9112 §6.3: an answer to HEAD ends with its head).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Head,
    Whole,
}

/// Writes `bytes` as they are and reads one answer, or what came of it before the peer closed.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>, ClientError> {
    exchange_as(address, bytes, Expected::Whole)
}

fn exchange_as(address: SocketAddr, bytes: &[u8], expected: Expected) -> Result<Vec<u8>, ClientError> {
    let failed = |cause| ClientError::Connection { address, cause };
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(SILENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(SILENCE)).map_err(failed)?;
    // A server that refuses early may reset the rest of a long request: what it answered still counts.
    let written = stream.write_all(bytes);
    let mut answer = Vec::new();
    let read = read_answer(&mut stream, &mut answer, expected);
    if answer.is_empty() {
        written.map_err(failed)?;
        read.map_err(failed)?;
    }
    Ok(answer)
}

/// Reads until the answer is whole; a gateway may keep the connection open for a second after that.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>, expected: Expected) -> io::Result<()> {
    let mut chunk = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut chunk)?;
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if count == 0 || Response::is_whole(answer, expected) {
            return Ok(());
        }
    }
}

impl Response {
    /// Reads one whole answer.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClientError> {
        Self::parse_as(bytes, Expected::Whole)
    }

    fn parse_as(bytes: &[u8], expected: Expected) -> Result<Self, ClientError> {
        let cut = || ClientError::Cut { received: bytes.len() };
        let (mut response, start) = Self::head(bytes)?.ok_or_else(cut)?;
        let body = bytes.get(start..).unwrap_or_default();
        response.body = match response.framing(expected) {
            Framing::None => Vec::new(),
            Framing::Chunked => dechunk(body).ok_or_else(cut)?,
            Framing::Length(length) => body.get(..length).ok_or_else(cut)?.to_vec(),
            Framing::UntilClose => body.to_vec(),
        };
        Ok(response)
    }

    fn is_whole(bytes: &[u8], expected: Expected) -> bool {
        let Ok(response) = Self::parse_as(bytes, expected) else { return false };
        response.framing(expected) != Framing::UntilClose
    }

    /// Status and fields, with the length of that head; `None` when it is cut.
    fn head(bytes: &[u8]) -> Result<Option<(Self, usize)>, ClientError> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = head.parse(bytes)? else { return Ok(None) };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = head.headers.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect();
        let response = Self { status: head.code.unwrap_or_default(), headers, body: Vec::new() };
        Ok(Some((response, length)))
    }

    /// The first value of a header field; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, invalid UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, ClientError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// How the body ends (RFC 9112 §6.3).
    fn framing(&self, expected: Expected) -> Framing {
        if expected == Expected::Head || matches!(self.status, 100..=199 | 204 | 304) {
            return Framing::None;
        }
        if self.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            return Framing::Chunked;
        }
        self.header("content-length").and_then(|length| length.parse().ok()).map_or(Framing::UntilClose, Framing::Length)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Chunked,
    Length(usize),
    UntilClose,
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((start, length)) = httparse::parse_chunk_size(rest).ok()? else { return None };
        if length == 0 {
            return Some(body);
        }
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        body.extend_from_slice(rest.get(start..end)?);
        rest = rest.get(end.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_out_as_given() {
        let request = Request::get("/a b").header(b"x\x01", b"\xff\x00").header("Host", "h");
        assert_eq!(request.encode("close"), b"GET /a b HTTP/1.1\r\nconnection: close\r\nx\x01: \xff\x00\r\nHost: h\r\n\r\n");
    }

    #[test]
    fn chunks_are_joined() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";
        let response = Response::parse(bytes).unwrap();
        assert_eq!(response.text(), "abcd");
        assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    }

    #[test]
    fn an_answer_cut_anywhere_is_an_error() {
        let whole = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nno!!";
        assert_eq!(Response::parse(whole).unwrap().status, 403);
        for end in 0..whole.len() {
            assert!(matches!(Response::parse(&whole[..end]), Err(ClientError::Cut { .. })), "cut at {end}");
        }
    }

    #[test]
    fn answers_without_a_body_are_whole_at_the_end_of_their_head() {
        assert_eq!(Response::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().status, 204);
        let to_head = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n";
        assert!(Response::is_whole(to_head, Expected::Head));
        assert!(!Response::is_whole(to_head, Expected::Whole));
        assert!(!Response::is_whole(b"HTTP/1.1 200 OK\r\n\r\nuntil clo", Expected::Whole));
    }

    #[test]
    fn a_port_where_nobody_listens_is_named() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(Request::get("/").send(free).unwrap_err().to_string().contains(&free.to_string()));
    }
}
