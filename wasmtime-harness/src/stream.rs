//! An HTTP stream as the host holds it between callbacks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::abi::Status;
use crate::headers::Headers;
use crate::property::PropertyValue;
use crate::trap::Trap;

/// A response as the client received it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// Headers, without `:status`.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Headers,
    /// Whether the plugin made it (`proxy_send_local_response`) or the host after a trap.
    pub local: bool,
    /// The plugin's details of a local reply.
    pub details: String,
    /// The gRPC status of a local reply; `None` for -1.
    pub grpc_status: Option<i32>,
}

impl Reply {
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request as the upstream received it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamRequest {
    /// Headers, with the pseudo headers.
    pub headers: Headers,
    /// What of the body was passed on so far.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Headers,
    /// Whether all of it was passed on.
    pub complete: bool,
}

/// Where an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The plugin holds the request.
    RequestPaused,
    /// The upstream has the request and did not answer yet.
    Forwarded,
    /// The plugin holds the response.
    ResponsePaused,
    /// The client has the whole response.
    Replied,
    /// The stream was reset: by the client, the plugin or the host.
    Reset,
    /// The last callbacks ran.
    Ended,
}

impl Stage {
    /// A stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::RequestPaused => "request_paused",
            Self::Forwarded => "forwarded",
            Self::ResponsePaused => "response_paused",
            Self::Replied => "replied",
            Self::Reset => "reset",
            Self::Ended => "ended",
        }
    }
}

/// One half of a stream: request or response.
#[derive(Debug, Default)]
pub(crate) struct Half {
    pub(crate) headers: Headers,
    pub(crate) trailers: Option<Headers>,
    /// Body chunks the plugin has not seen.
    pub(crate) chunks: VecDeque<Vec<u8>>,
    /// What the plugin sees as the body now.
    pub(crate) body: Vec<u8>,
    /// What went on to the other side.
    pub(crate) passed: Vec<u8>,
    pub(crate) at: Progress,
    pub(crate) paused: bool,
    /// Whether the header map can be read in this phase.
    pub(crate) headers_open: bool,
    pub(crate) trailers_open: bool,
    /// The headers went on to the other side.
    pub(crate) headers_passed: bool,
    pub(crate) resume_asked: bool,
}

/// How far the plugin has seen a half.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    #[default]
    Headers,
    Body,
    Trailers,
    /// The trailers were shown and are held back.
    Shown,
    Done,
}

impl Half {
    pub(crate) fn new(headers: Headers, chunks: Vec<Vec<u8>>, trailers: Option<Headers>) -> Self {
        Self { headers, trailers, chunks: chunks.into(), ..Self::default() }
    }

    /// Whether only a continue moves it on. A held body still takes what follows it.
    pub(crate) fn is_blocked(&self) -> bool {
        let held = match self.at {
            Progress::Headers | Progress::Shown => true,
            Progress::Body => self.headers_are_all(),
            Progress::Trailers | Progress::Done => false,
        };
        self.paused && held
    }

    pub(crate) fn headers_are_all(&self) -> bool {
        self.chunks.is_empty() && self.trailers.is_none()
    }
}

/// Replaces part of a body with Envoy's rules: at the start with size 0 it
/// prepends, at the start over everything it replaces, at the end it appends;
/// anything else is refused.
pub(crate) fn splice(body: &mut Vec<u8>, start: usize, size: usize, data: &[u8]) -> Result<(), Status> {
    match start {
        0 if size == 0 => {
            body.splice(0..0, data.iter().copied());
        }
        0 if size >= body.len() => *body = data.to_vec(),
        _ if start >= body.len() => body.extend_from_slice(data),
        _ => return Err(Status::BadArgument),
    }
    Ok(())
}

/// What `proxy_send_local_response` asked for, until the callback returns.
#[derive(Debug, Clone)]
pub(crate) struct LocalReply {
    pub(crate) status: u32,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) details: String,
    pub(crate) grpc_status: Option<i32>,
}

/// An HTTP stream.
#[derive(Debug)]
pub(crate) struct HttpStream {
    /// The VM and context that filter it; `None` when it passes unfiltered.
    pub(crate) place: Option<Place>,
    pub(crate) worker: usize,
    pub(crate) root: u32,
    pub(crate) request: Half,
    pub(crate) response: Half,
    pub(crate) stage: Stage,
    pub(crate) pending_reply: Option<LocalReply>,
    pub(crate) reset_asked: bool,
    pub(crate) reply: Option<Reply>,
    pub(crate) local: Option<LocalReply>,
    /// The host made the response after a trap.
    pub(crate) by_host: bool,
    /// The host refused it before any filter.
    pub(crate) rejected: bool,
    pub(crate) properties: BTreeMap<String, PropertyValue>,
    pub(crate) started: Duration,
    pub(crate) replied_at: Option<Duration>,
    pub(crate) trap: Option<Trap>,
    pub(crate) logging: bool,
    pub(crate) route_cleared: bool,
    pub(crate) number: u64,
}

impl HttpStream {
    pub(crate) fn new(request: Half, worker: usize, started: Duration) -> Self {
        Self {
            place: None,
            worker,
            root: 0,
            request,
            response: Half::default(),
            stage: Stage::RequestPaused,
            pending_reply: None,
            reset_asked: false,
            reply: None,
            local: None,
            by_host: false,
            rejected: false,
            properties: BTreeMap::new(),
            started,
            replied_at: None,
            trap: None,
            logging: false,
            route_cleared: false,
            number: 0,
        }
    }
}

/// A context in a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) vm: usize,
    pub(crate) context: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(start: usize, size: usize) -> Result<Vec<u8>, Status> {
        let mut body = b"abcd".to_vec();
        splice(&mut body, start, size, b"XY").map(|()| body)
    }

    #[test]
    fn a_body_can_be_prepended_replaced_and_appended_to_but_not_cut_into() {
        assert_eq!(spliced(0, 0).unwrap(), b"XYabcd");
        assert_eq!(spliced(0, 4).unwrap(), b"XY");
        assert_eq!(spliced(0, 99).unwrap(), b"XY");
        assert_eq!(spliced(4, 0).unwrap(), b"abcdXY");
        assert_eq!(spliced(0, 2), Err(Status::BadArgument));
        assert_eq!(spliced(1, 2), Err(Status::BadArgument));
    }
}
