//! Answers to callouts: from the test, from a handler, or from the clock.

use crate::abi::Callback;
use crate::callout::{CalloutState, GrpcAnswer, GrpcRequest, HttpAnswer, HttpRequest};
use crate::headers::Headers;
use crate::runtime::lifecycle::word_id;
use crate::runtime::{Runtime, word};
use crate::state::Window;
use crate::stream::{Place, Stage};

/// Answers by function; `None` leaves the callout to the test.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) http: Option<HttpHandler>,
    pub(crate) grpc: Option<GrpcHandler>,
    pub(crate) http_seen: usize,
    pub(crate) grpc_seen: usize,
}

pub(crate) type HttpHandler = Box<dyn FnMut(&HttpRequest) -> Option<HttpAnswer> + Send>;
pub(crate) type GrpcHandler = Box<dyn FnMut(&GrpcRequest) -> Option<GrpcAnswer> + Send>;

impl Runtime {
    /// Offers one unseen callout to its handler. False when all were offered.
    pub(super) fn answer_by_handlers(&mut self) -> bool {
        let state = self.store.data();
        if let Some(call) = state.http_calls.get(self.handlers.http_seen) {
            let index = self.handlers.http_seen;
            self.handlers.http_seen += 1;
            let answer = self.handlers.http.as_mut().and_then(|handler| handler(&call.request));
            if let Some(answer) = answer {
                self.deliver_http(index, answer, CalloutState::Answered);
            }
            return true;
        }
        if let Some(call) = state.grpc_calls.get(self.handlers.grpc_seen) {
            let index = self.handlers.grpc_seen;
            self.handlers.grpc_seen += 1;
            let answer = self.handlers.grpc.as_mut().and_then(|handler| handler(&call.request));
            if let Some(answer) = answer {
                self.deliver_grpc(index, answer, CalloutState::Answered);
            }
            return true;
        }
        false
    }

    /// Gives an HTTP call its answer. False if it is no longer pending.
    pub(crate) fn deliver_http(&mut self, index: usize, answer: HttpAnswer, becomes: CalloutState) -> bool {
        if !self.state_mut().http_calls.close(index, becomes) {
            return false;
        }
        let Some(call) = self.state().http_calls.get(index) else {
            return false;
        };
        let place = Place { vm: call.vm, context: call.root };
        let (token, stream) = (word_id(call.request.token), call.stream);
        let names_cause = self.state().profile.http.names_dispatch_status;
        let answered = Answered::from(answer, names_cause.then(|| dispatch_status(becomes)));
        let [headers, body, trailers] = answered.sizes;
        let args = [word_id(place.context), token, word(headers), word(body), word(trailers)];
        self.call(place, Callback::OnHttpCallResponse, &args, answered.window);
        self.resume_by_itself(stream);
        true
    }

    /// HOSTS.md 0.4: nginx hosts go on once the last callout of a stream returned.
    fn resume_by_itself(&mut self, stream: Option<usize>) {
        let resumes = self.state().profile.http.resumes_after_call;
        let Some(index) = stream.filter(|_| resumes) else {
            return;
        };
        if self.callout_pending(index) {
            return;
        }
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        match stream.stage {
            Stage::RequestPaused => stream.request.resume_asked = true,
            Stage::ResponsePaused => stream.response.resume_asked = true,
            _ => return,
        }
        self.state_mut().touched.insert(index);
    }

    /// Gives a gRPC call its answer. False if it is no longer pending.
    pub(crate) fn deliver_grpc(&mut self, index: usize, answer: GrpcAnswer, becomes: CalloutState) -> bool {
        let Some(call) = self.state_mut().grpc_calls.waiting(index) else {
            return false;
        };
        let place = Place { vm: call.vm, context: call.root };
        let token = word_id(call.request.token);
        let stays_open = call.request.stream && matches!(answer, GrpcAnswer::Message(_));
        if !stays_open {
            self.state_mut().grpc_calls.close(index, becomes);
        }
        match answer {
            GrpcAnswer::Message(message) => {
                let args = [word_id(place.context), token, word(message.len())];
                self.call(place, Callback::OnGrpcReceive, &args, Window::GrpcMessage(message));
            }
            GrpcAnswer::Status(code, message) => {
                if let Some(vm) = self.state_mut().vms.get_mut(place.vm) {
                    vm.grpc_status = (code, message);
                }
                let args = [word_id(place.context), token, word_id(code)];
                self.call(place, Callback::OnGrpcClose, &args, Window::Nothing);
            }
        }
        true
    }

    /// Gives a gRPC stream metadata. False if it is over or no stream.
    pub(crate) fn deliver_metadata(&mut self, index: usize, metadata: Headers, callback: Callback) -> bool {
        let Some(call) = self.state_mut().grpc_calls.waiting(index) else {
            return false;
        };
        if !call.request.stream {
            return false;
        }
        let place = Place { vm: call.vm, context: call.root };
        let args = [word_id(place.context), word_id(call.request.token), word(metadata.len())];
        let window = match callback {
            Callback::OnGrpcTrailingMetadata => Window::GrpcTrailers(metadata),
            _ => Window::GrpcMetadata(metadata),
        };
        self.call(place, callback, &args, window);
        true
    }

    pub(super) fn cancel_callouts(&mut self, of: impl Fn(usize) -> bool) {
        let state = self.state_mut();
        state.http_calls.cancel(|call| of(call.vm));
        state.grpc_calls.cancel(|call| of(call.vm));
    }

    pub(super) fn callout_pending(&self, stream: usize) -> bool {
        let state = self.state();
        state.http_calls.waits_for(stream) || state.grpc_calls.waits_for(stream)
    }
}

/// What `on_http_call_response` is told and what it can read.
struct Answered {
    sizes: [usize; 3],
    window: Window,
}

impl Answered {
    /// A failure has no sizes; a host that names its cause does so in a header that is not counted.
    fn from(answer: HttpAnswer, cause: Option<&str>) -> Self {
        match answer {
            HttpAnswer::Response { status, headers: rest, body, trailers } => {
                let mut headers = Headers::from([(":status", status.to_string())]);
                headers.extend(&rest);
                let sizes = [headers.len(), body.len(), trailers.len()];
                Self { sizes, window: Window::HttpCall { headers, body, trailers } }
            }
            HttpAnswer::Failure => {
                let cause = cause.map(|cause| (":dispatch_status", cause));
                let headers = cause.into_iter().collect();
                let window = Window::HttpCall { headers, body: Vec::new(), trailers: Headers::new() };
                Self { sizes: [0; 3], window }
            }
        }
    }
}

fn dispatch_status(state: CalloutState) -> &'static str {
    match state {
        CalloutState::TimedOut => "timeout",
        _ => "broken connection",
    }
}
