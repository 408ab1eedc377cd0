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

/// All callouts of one kind, in order, and which of them still wait.
#[derive(Debug)]
pub(crate) struct Callouts<T> {
    all: Vec<Callout<T>>,
    pending: std::collections::BTreeSet<usize>,
}

impl<T> Default for Callouts<T> {
    fn default() -> Self {
        Self { all: Vec::new(), pending: std::collections::BTreeSet::new() }
    }
}

impl<T: Stateful> Callouts<T> {
    pub(crate) fn push(&mut self, callout: Callout<T>) {
        self.pending.insert(self.all.len());
        self.all.push(callout);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Callout<T>> {
        self.all.get(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Callout<T>)> {
        self.all.iter().enumerate()
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = (usize, &Callout<T>)> {
        self.pending.iter().filter_map(|index| Some((*index, self.all.get(*index)?)))
    }

    /// The callout, while it waits for an answer.
    pub(crate) fn waiting(&mut self, index: usize) -> Option<&mut Callout<T>> {
        if self.pending.contains(&index) { self.all.get_mut(index) } else { None }
    }

    /// Ends the wait. False if it was over before.
    pub(crate) fn close(&mut self, index: usize, becomes: CalloutState) -> bool {
        let was_pending = self.pending.remove(&index);
        if let Some(callout) = self.all.get_mut(index).filter(|_| was_pending) {
            callout.request.enter(becomes);
        }
        was_pending
    }

    /// Gives up every waiting callout that `of` picks.
    pub(crate) fn cancel(&mut self, of: impl Fn(&Callout<T>) -> bool) {
        let chosen: Vec<usize> = self.pending().filter(|(_, callout)| of(callout)).map(|(index, _)| index).collect();
        for index in chosen {
            self.close(index, CalloutState::Cancelled);
        }
    }

    pub(crate) fn waits_for(&self, stream: usize) -> bool {
        self.pending().any(|(_, callout)| callout.stream == Some(stream))
    }
}

/// A request that carries its state for the test to read.
pub(crate) trait Stateful {
    fn enter(&mut self, state: CalloutState);
}

impl Stateful for HttpRequest {
    fn enter(&mut self, state: CalloutState) {
        self.state = state;
    }
}

impl Stateful for GrpcRequest {
    fn enter(&mut self, state: CalloutState) {
        self.state = state;
    }
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
