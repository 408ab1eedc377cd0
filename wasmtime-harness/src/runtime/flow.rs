//! A stream's way through the plugin, step by step.

use crate::abi::Callback;
use crate::headers::Headers;
use crate::profile::EndOfStream;
use crate::runtime::lifecycle::word_id;
use crate::runtime::{Runtime, word};
use crate::state::Window;
use crate::stream::{Half, HttpStream, LocalReply, Progress, Stage};

/// What a callback decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Continue,
    Pause,
    /// It trapped; the stream is taken care of.
    Broken,
}

/// Which half of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    fn of(self, stream: &mut HttpStream) -> &mut Half {
        match self {
            Self::Request => &mut stream.request,
            Self::Response => &mut stream.response,
        }
    }

    fn on_headers(self) -> Callback {
        match self {
            Self::Request => Callback::OnRequestHeaders,
            Self::Response => Callback::OnResponseHeaders,
        }
    }

    fn on_body(self) -> Callback {
        match self {
            Self::Request => Callback::OnRequestBody,
            Self::Response => Callback::OnResponseBody,
        }
    }

    fn on_trailers(self) -> Callback {
        match self {
            Self::Request => Callback::OnRequestTrailers,
            Self::Response => Callback::OnResponseTrailers,
        }
    }

    /// The property by which a plugin asks for bodies on a host that shows them on request.
    fn body_property(self) -> &'static str {
        match self {
            Self::Request => "wasm_process_req_body",
            Self::Response => "wasm_process_resp_body",
        }
    }
}

impl Runtime {
    /// Moves the stream on until it waits for something.
    pub(crate) fn pump(&mut self, index: usize) {
        while self.step(index) {}
    }

    /// One step. False when there is none to take.
    fn step(&mut self, index: usize) -> bool {
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return false;
        };
        match stream.stage {
            Stage::Replied | Stage::Reset | Stage::Ended => {
                stream.pending_reply = None;
                false
            }
            _ if stream.reset_asked => {
                stream.stage = Stage::Reset;
                false
            }
            _ if stream.pending_reply.is_some() => self.take_reply(index),
            Stage::RequestPaused => self.step_half(index, Side::Request),
            Stage::ResponsePaused => self.step_half(index, Side::Response),
            Stage::Forwarded => {
                // Nothing is held back, so there is nothing to continue.
                stream.request.resume_asked = false;
                false
            }
        }
    }

    fn take_reply(&mut self, index: usize) -> bool {
        let rules = self.state().profile.http;
        let call_wins = rules.call_beats_reply && self.callout_pending(index);
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return false;
        };
        let Some(reply) = stream.pending_reply.take() else {
            return false;
        };
        if call_wins {
            // Without the reply the request waits for the callout, whatever the plugin returned.
            stream.request.paused = true;
            return true;
        }
        if rules.reply_cancels_calls {
            self.state_mut().http_calls.cancel(|call| call.stream == Some(index));
        }
        self.deliver_reply(index, reply);
        true
    }

    fn step_half(&mut self, index: usize, side: Side) -> bool {
        let rules = self.state().profile.http;
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return false;
        };
        let shows_body = !rules.bodies_on_request || stream.properties.contains_key(side.body_property());
        let half = side.of(stream);
        if std::mem::take(&mut half.resume_asked) && half.paused {
            resume(half);
            return true;
        }
        if half.is_blocked() {
            return false;
        }
        match half.at {
            Progress::Headers => self.show_headers(index, side),
            Progress::Body if !half.chunks.is_empty() && shows_body => self.show_chunk(index, side),
            Progress::Body if !half.chunks.is_empty() => half.passed.extend(half.chunks.drain(..).flatten()),
            Progress::Body if half.trailers.is_some() && rules.trailers => half.at = Progress::Trailers,
            Progress::Trailers => self.show_trailers(index, side),
            Progress::Body | Progress::Shown | Progress::Done => self.complete(index, side),
        }
        self.still_open(index)
    }

    fn still_open(&self, index: usize) -> bool {
        let open = |stream: &HttpStream| matches!(stream.stage, Stage::RequestPaused | Stage::ResponsePaused);
        self.state().streams.get(&index).is_some_and(open)
    }

    fn half(&mut self, index: usize, side: Side) -> Option<&mut Half> {
        self.state_mut().streams.get_mut(&index).map(|stream| side.of(stream))
    }

    fn show_headers(&mut self, index: usize, side: Side) {
        let rule = self.state().profile.http.end_of_stream;
        let Some(half) = self.half(index, side) else {
            return;
        };
        half.headers_open = true;
        let (count, end) = match rule {
            EndOfStream::Truthful => (half.headers.len(), half.headers_are_all()),
            EndOfStream::Never => (half.headers.len(), false),
            EndOfStream::Always => (0, true),
        };
        let action = self.filter(index, side.on_headers(), &[word(count), i32::from(end)]);
        let Some(half) = self.half(index, side) else {
            return;
        };
        match action {
            Action::Continue => pass_headers(half),
            Action::Pause => {
                half.paused = true;
                self.check_pause(index, side);
            }
            Action::Broken => {}
        }
    }

    fn show_chunk(&mut self, index: usize, side: Side) {
        let Some(half) = self.half(index, side) else {
            return;
        };
        if let Some(chunk) = half.chunks.pop_front() {
            half.body.extend(chunk);
        }
        let end = half.headers_are_all();
        let size = half.body.len();
        let action = self.filter(index, side.on_body(), &[word(size), i32::from(end)]);
        let Some(half) = self.half(index, side) else {
            return;
        };
        half.paused = action == Action::Pause;
        if action == Action::Continue {
            pass_body(half);
        }
    }

    fn show_trailers(&mut self, index: usize, side: Side) {
        let Some(half) = self.half(index, side) else {
            return;
        };
        half.trailers_open = true;
        let count = half.trailers.as_ref().map_or(0, Headers::len);
        let action = self.filter(index, side.on_trailers(), &[word(count)]);
        let Some(half) = self.half(index, side) else {
            return;
        };
        half.at = Progress::Shown;
        half.paused = action == Action::Pause;
        if action == Action::Continue {
            half.trailers_open = false;
            pass_body(half);
        }
    }

    /// Calls one of the stream's callbacks; without a plugin everything passes.
    fn filter(&mut self, index: usize, callback: Callback, args: &[i32]) -> Action {
        let place = self.state().streams.get(&index).and_then(|stream| stream.place);
        let Some(place) = place else {
            return Action::Continue;
        };
        let context = word_id(place.context);
        let called = match *args {
            [first] => self.call(place, callback, &[context, first], Window::Nothing),
            [first, second, ..] => self.call(place, callback, &[context, first, second], Window::Nothing),
            [] => self.call(place, callback, &[context], Window::Nothing),
        };
        self.judge(index, called)
    }

    fn complete(&mut self, index: usize, side: Side) {
        match side {
            Side::Request => {
                let Some(stream) = self.state_mut().streams.get_mut(&index) else {
                    return;
                };
                stream.request.at = Progress::Done;
                stream.stage = Stage::Forwarded;
            }
            Side::Response => self.complete_response(index),
        }
    }

    fn deliver_reply(&mut self, index: usize, reply: LocalReply) {
        let grpc = self.state().profile.http.grpc_replies;
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        stream.request.paused = false;
        stream.request.chunks.clear();
        let started = stream.stage == Stage::ResponsePaused;
        let grpc = grpc && is_grpc(&stream.request.headers);
        stream.response = if grpc { reply.to_grpc_half() } else { reply.to_half() };
        stream.local = Some(reply);
        stream.stage = Stage::ResponsePaused;
        if started {
            // Envoy does not send a second response through the filters.
            stream.response.at = Progress::Done;
            stream.response.passed = stream.response.chunks.drain(..).flatten().collect();
        }
    }
}

fn is_grpc(headers: &Headers) -> bool {
    headers.get("content-type").is_some_and(|value| value.starts_with("application/grpc"))
}

fn resume(half: &mut Half) {
    half.paused = false;
    if half.at == Progress::Headers {
        pass_headers(half);
    } else {
        pass_body(half);
    }
}

fn pass_headers(half: &mut Half) {
    half.headers_open = false;
    half.headers_passed = true;
    half.at = Progress::Body;
}

fn pass_body(half: &mut Half) {
    let body = std::mem::take(&mut half.body);
    half.passed.extend(body);
}
