//! Callouts as the host records them: HTTP calls, gRPC calls and gRPC streams.

use std::time::Duration;

use crate::headers::Headers;

/// What became of a callout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CalloutState {
    /// Waits for an answer.
    Pending,
    /// Was answered by the test.
    Answered,
    /// Failed by the test or its handler.
    Failed,
    /// Its timeout passed on the virtual clock.
    TimedOut,
    /// The plugin or the host gave it up.
    Cancelled,
}

/// An HTTP call that the plugin made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The token the plugin got.
    pub token: u32,
    /// The upstream's name, as passed.
    pub upstream: String,
    /// Headers, with the pseudo headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Headers,
    /// The timeout; zero means the host's default.
    pub timeout: Duration,
    /// When it was made, on the virtual clock.
    pub made_at: Duration,
    /// Where it stands.
    pub state: CalloutState,
}

/// What answers an HTTP call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAnswer {
    /// A response.
    Response {
        /// The status.
        status: u32,
        /// Headers, without `:status`.
        headers: Headers,
        /// The body.
        body: Vec<u8>,
        /// Trailers.
        trailers: Headers,
    },
    /// The connection failed or was refused.
    Failure,
}

impl HttpAnswer {
    /// A response with these headers and this body.
    pub fn response(status: u32, headers: impl Into<Headers>, body: impl Into<Vec<u8>>) -> Self {
        Self::Response { status, headers: headers.into(), body: body.into(), trailers: Headers::new() }
    }
}

/// A gRPC call or stream that the plugin opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcRequest {
    /// The token the plugin got.
    pub token: u32,
    /// The target's bytes, as passed: Envoy reads a serialised `GrpcService`.
    pub target: Vec<u8>,
    /// The service's full name.
    pub service: String,
    /// The method.
    pub method: String,
    /// Initial metadata.
    pub metadata: Headers,
    /// The message of a call, or all messages sent on a stream so far.
    pub messages: Vec<Vec<u8>>,
    /// The timeout of a call; zero means none.
    pub timeout: Duration,
    /// When it was made, on the virtual clock.
    pub made_at: Duration,
    /// Whether it is a stream.
    pub stream: bool,
    /// Whether the plugin ended its side of the stream.
    pub half_closed: bool,
    /// Where it stands.
    pub state: CalloutState,
}

impl GrpcRequest {
    /// The message of a call; the first of a stream.
    pub fn message(&self) -> &[u8] {
        self.messages.first().map_or(&[], Vec::as_slice)
    }
}

/// What answers a gRPC call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrpcAnswer {
    /// The message of a successful call.
    Message(Vec<u8>),
    /// A status other than 0, with its message.
    Status(u32, String),
}

/// A callout and who made it.
#[derive(Debug, Clone)]
pub(crate) struct Callout<T> {
    pub(crate) vm: usize,
    /// The root context, which gets the callback.
    pub(crate) root: u32,
    /// The stream on whose behalf it was made.
    pub(crate) stream: Option<usize>,
    pub(crate) request: T,
}
