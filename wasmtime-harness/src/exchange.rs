//! Requests to send, and what became of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::HostError;
use crate::headers::Headers;
use crate::host::Host;
use crate::property::PropertyValue;
use crate::runtime::Incoming;
use crate::stream::{Half, HttpStream, Reply, Stage, UpstreamRequest};
use crate::trap::Trap;

/// A request being built. `GET /` to `example.test` over `http` unless told.
pub struct Request {
    host: Host,
    method: String,
    path: String,
    authority: String,
    scheme: String,
    headers: Headers,
    chunks: Vec<Vec<u8>>,
    trailers: Option<Headers>,
    properties: BTreeMap<String, PropertyValue>,
    worker: usize,
}

impl Request {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            host,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            authority: "example.test".to_owned(),
            scheme: "http".to_owned(),
            headers: Headers::new(),
            chunks: Vec::new(),
            trailers: None,
            properties: BTreeMap::new(),
            worker: 0,
        }
    }

    /// A GET of that path, with the query if there is one.
    pub fn get(self, path: impl Into<String>) -> Self {
        self.method("GET").path(path)
    }

    /// A POST to that path.
    pub fn post(self, path: impl Into<String>) -> Self {
        self.method("POST").path(path)
    }

    /// The method.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = method.into();
        self
    }

    /// The path, with the query if there is one.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The authority: the `Host` header of HTTP/1.1.
    pub fn authority(mut self, authority: impl Into<String>) -> Self {
        self.authority = authority.into();
        self
    }

    /// The scheme.
    pub fn scheme(mut self, scheme: impl Into<String>) -> Self {
        self.scheme = scheme.into();
        self
    }

    /// Adds a header; the same name again adds a second one.
    pub fn header(mut self, name: impl AsRef<str>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Adds many headers.
    pub fn headers(mut self, headers: impl Into<Headers>) -> Self {
        self.headers.extend(&headers.into());
        self
    }

    /// The whole body, in one chunk.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.chunks = vec![body.into()];
        self
    }

    /// One more chunk of the body.
    pub fn chunk(mut self, chunk: impl Into<Vec<u8>>) -> Self {
        self.chunks.push(chunk.into());
        self
    }

    /// Adds a trailer.
    pub fn trailer(mut self, name: impl AsRef<str>, value: impl Into<Vec<u8>>) -> Self {
        self.trailers.get_or_insert_default().add(name, value);
        self
    }

    /// A property of this request, by its dotted path; `source.address` is `ip:port`.
    pub fn property(mut self, path: impl Into<String>, value: impl Into<PropertyValue>) -> Self {
        self.properties.insert(path.into(), value.into());
        self
    }

    /// Which worker serves it; 0 unless told. One that does not exist passes unfiltered.
    pub fn worker(mut self, worker: usize) -> Self {
        self.worker = worker;
        self
    }

    /// Sends it, as far as the plugin lets it through.
    pub fn send(self) -> Exchange {
        let mut headers = self.pseudo_headers();
        headers.extend(&self.headers);
        let request = Half::new(headers, self.chunks, self.trailers);
        let incoming = Incoming { request, properties: self.properties, worker: self.worker };
        let index = self.host.lock().open(incoming);
        Exchange::new(self.host, index)
    }

    /// Sends it to a host that refuses it before any filter, as one does a
    /// malformed request. The plugin sees the context and, at the end, the log.
    pub fn send_rejected(self, status: u32) -> Exchange {
        let request = Half::new(Headers::new(), Vec::new(), None);
        let incoming = Incoming { request, properties: self.properties, worker: self.worker };
        let index = self.host.lock().open_rejected(incoming, status);
        Exchange::new(self.host, index)
    }

    fn pseudo_headers(&self) -> Headers {
        Headers::from([
            (":authority", self.authority.as_str()),
            (":path", self.path.as_str()),
            (":method", self.method.as_str()),
            (":scheme", self.scheme.as_str()),
        ])
    }
}

/// A response of the upstream being built.
#[derive(Debug, Clone, Default)]
pub struct Response {
    headers: Headers,
    chunks: Vec<Vec<u8>>,
    trailers: Option<Headers>,
}

impl Response {
    /// A response with that status and nothing else.
    pub fn new(status: u32) -> Self {
        Self { headers: Headers::from([(":status", status.to_string())]), ..Self::default() }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// The whole body, in one chunk.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.chunks = vec![body.into()];
        self
    }

    /// One more chunk of the body.
    pub fn chunk(mut self, chunk: impl Into<Vec<u8>>) -> Self {
        self.chunks.push(chunk.into());
        self
    }

    /// Adds a trailer.
    pub fn trailer(mut self, name: impl AsRef<str>, value: impl Into<Vec<u8>>) -> Self {
        self.trailers.get_or_insert_default().add(name, value);
        self
    }
}

/// A request that was sent. Clones are the same exchange.
#[derive(Debug, Clone)]
pub struct Exchange(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    host: Host,
    index: usize,
}

/// The last clone to go lets the host forget an ended stream.
impl Drop for Handle {
    fn drop(&mut self) {
        let mut runtime = self.host.lock();
        let streams = &mut runtime.state_mut().streams;
        if streams.get(&self.index).is_some_and(|stream| stream.stage == Stage::Ended) {
            streams.remove(&self.index);
        }
    }
}

impl Exchange {
    fn new(host: Host, index: usize) -> Self {
        Self(Arc::new(Handle { host, index }))
    }

    fn read<T>(&self, read: impl FnOnce(&HttpStream) -> T) -> Option<T> {
        self.0.host.lock().state().streams.get(&self.0.index).map(read)
    }

    /// Where it is.
    pub fn stage(&self) -> Stage {
        self.read(|stream| stream.stage).unwrap_or(Stage::Ended)
    }

    /// Whether the plugin holds the request or the response.
    pub fn is_paused(&self) -> bool {
        matches!(self.stage(), Stage::RequestPaused | Stage::ResponsePaused)
    }

    /// Whether the upstream has it and did not answer yet.
    pub fn is_forwarded(&self) -> bool {
        self.stage() == Stage::Forwarded
    }

    /// What the client received, once it received all of it.
    pub fn reply(&self) -> Option<Reply> {
        self.read(|stream| stream.reply.clone()).flatten()
    }

    /// The status the client received.
    pub fn status(&self) -> Option<u32> {
        self.reply().map(|reply| reply.status)
    }

    /// The request as the upstream received it, once its headers went out.
    pub fn upstream(&self) -> Option<UpstreamRequest> {
        self.read(|stream| {
            let half = &stream.request;
            half.headers_passed.then(|| UpstreamRequest {
                headers: half.headers.clone(),
                body: half.passed.clone(),
                trailers: half.trailers.clone().unwrap_or_default(),
                complete: stream.stage != Stage::RequestPaused,
            })
        })
        .flatten()
    }

    /// The trap that ended it.
    pub fn trap(&self) -> Option<Trap> {
        self.read(|stream| stream.trap.clone()).flatten()
    }

    /// A property of this exchange: the test's, or what the plugin set.
    pub fn property(&self, path: &str) -> Option<PropertyValue> {
        self.read(|stream| stream.properties.get(path).cloned()).flatten()
    }

    /// Whether the plugin asked to choose the route anew.
    pub fn route_cleared(&self) -> bool {
        self.read(|stream| stream.route_cleared).unwrap_or(false)
    }

    /// The upstream answers with headers only.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] unless the exchange is forwarded.
    pub fn respond(&self, status: u32, headers: impl Into<Headers>) -> Result<&Self, HostError> {
        let mut response = Response::new(status);
        response.headers.extend(&headers.into());
        self.respond_with(response)
    }

    /// The upstream answers.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] unless the exchange is forwarded.
    pub fn respond_with(&self, response: Response) -> Result<&Self, HostError> {
        self.require("respond to", |stage| stage == Stage::Forwarded)?;
        let half = Half::new(response.headers, response.chunks, response.trailers);
        self.0.host.lock().respond(self.0.index, half);
        Ok(self)
    }

    /// The client goes away. [`Exchange::finish`] still has to follow.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] once it ended.
    pub fn abort(&self) -> Result<&Self, HostError> {
        self.require("abort", |stage| stage != Stage::Ended)?;
        self.0.host.lock().abort(self.0.index);
        Ok(self)
    }

    /// The end of the stream: the host's last callbacks, in its order. An
    /// exchange without a reply counts as aborted by the client.
    ///
    /// # Errors
    /// [`HostError::WrongStage`] once it ended.
    pub fn finish(&self) -> Result<&Self, HostError> {
        self.require("finish", |stage| stage != Stage::Ended)?;
        self.0.host.lock().finish(self.0.index);
        Ok(self)
    }

    fn require(&self, step: &'static str, allowed: impl FnOnce(Stage) -> bool) -> Result<(), HostError> {
        let stage = self.stage();
        if allowed(stage) { Ok(()) } else { Err(HostError::WrongStage { step, stage: stage.code() }) }
    }
}
