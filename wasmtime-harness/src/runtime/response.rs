//! The response's way back, and the end of a stream.

use crate::abi::Callback;
use crate::headers::Headers;
use crate::runtime::Runtime;
use crate::runtime::lifecycle::word_id;
use crate::state::Window;
use crate::stream::{Half, HttpStream, LocalReply, Progress, Reply, Stage};

impl Runtime {
    /// The upstream answers. The stream must be forwarded.
    pub(crate) fn respond(&mut self, index: usize, response: Half) {
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        stream.response = response;
        stream.stage = Stage::ResponsePaused;
        self.state_mut().touched.insert(index);
        self.settle();
    }

    pub(super) fn complete_response(&mut self, index: usize) {
        let now = self.state().clock.now();
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        stream.response.at = Progress::Done;
        stream.reply = Some(reply_of(stream));
        stream.replied_at = Some(now);
        stream.stage = Stage::Replied;
    }

    /// The client goes away.
    pub(crate) fn abort(&mut self, index: usize) {
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        if !matches!(stream.stage, Stage::Replied | Stage::Ended) {
            stream.stage = Stage::Reset;
        }
    }

    /// The last callbacks, in the host's order. A stream that has no reply yet is reset first.
    pub(crate) fn finish(&mut self, index: usize) {
        self.abort(index);
        let order = self.state().profile.end_order;
        let rejected = self.state().streams.get(&index).is_some_and(|stream| stream.rejected);
        for callback in order {
            if !rejected || *callback == Callback::OnLog {
                self.end_callback(index, *callback);
            }
        }
        let state = self.state_mut();
        let Some(stream) = state.streams.get_mut(&index) else {
            return;
        };
        stream.stage = Stage::Ended;
        if let Some(place) = stream.place
            && let Some(vm) = state.vms.get_mut(place.vm)
        {
            vm.contexts.remove(&place.context);
        }
        self.settle();
    }

    fn end_callback(&mut self, index: usize, callback: Callback) {
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        let Some(place) = stream.place else { return };
        stream.logging = callback == Callback::OnLog;
        self.call(place, callback, &[word_id(place.context)], Window::Nothing);
        if let Some(stream) = self.state_mut().streams.get_mut(&index) {
            stream.logging = false;
        }
    }
}

fn reply_of(stream: &mut HttpStream) -> Reply {
    let mut headers = stream.response.headers.clone();
    let status = headers.get(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
    headers.remove(":status");
    Reply {
        status,
        headers,
        body: stream.response.passed.clone(),
        trailers: stream.response.trailers.clone().unwrap_or_default(),
        local: stream.local.is_some() || stream.by_host,
        details: stream.local.as_ref().map(|reply| reply.details.clone()).unwrap_or_default(),
        grpc_status: stream.local.as_ref().and_then(|reply| reply.grpc_status),
    }
}

impl LocalReply {
    /// The reply as a response: status first, then the plugin's headers, then what the host adds for a body.
    pub(super) fn to_half(&self) -> Half {
        let mut headers = Headers::from([(":status", self.status.to_string())]);
        headers.extend(&self.headers);
        if !self.body.is_empty() {
            headers.replace("content-length", self.body.len().to_string());
            if !headers.contains("content-type") {
                headers.add("content-type", "text/plain");
            }
        }
        let chunks = if self.body.is_empty() { Vec::new() } else { vec![self.body.clone()] };
        Half::new(headers, chunks, None)
    }

    /// The reply as Envoy gives it to a gRPC client: headers alone, the body as the status message.
    pub(super) fn to_grpc_half(&self) -> Half {
        let status = self.grpc_status.unwrap_or_else(|| grpc_status_of(self.status));
        let mut headers = Headers::from([
            (":status", "200".to_owned()),
            ("content-type", "application/grpc".to_owned()),
            ("grpc-status", status.to_string()),
        ]);
        if !self.body.is_empty() {
            headers.add("grpc-message", percent_encoded(&self.body));
        }
        headers.extend(&self.headers);
        Half::new(headers, Vec::new(), None)
    }
}

/// The gRPC status that stands for an HTTP status.
fn grpc_status_of(status: u32) -> i32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// A gRPC status message: what is not printable ASCII, and `%`, as `%XX`.
fn percent_encoded(text: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b' '..=b'~' if *byte != b'%' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.iter().map(encode).collect()
}
