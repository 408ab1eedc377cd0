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
        if let Some(call) = self.store.data().http_calls.get(self.handlers.http_seen) {
            let index = self.handlers.http_seen;
            self.handlers.http_seen += 1;
            let answer = self.handlers.http.as_mut().and_then(|handler| handler(&call.request));
            if let Some(answer) = answer {
                self.deliver_http(index, answer, CalloutState::Answered);
            }
            return true;
        }
        if let Some(call) = self.store.data().grpc_calls.get(self.handlers.grpc_seen) {
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
        let Some(call) = self.state_mut().http_calls.get_mut(index) else {
            return false;
        };
        if call.request.state != CalloutState::Pending {
            return false;
        }
        call.request.state = becomes;
        let (place, token, stream) = (Place { vm: call.vm, context: call.root }, call.request.token, call.stream);
        let (headers, body, trailers) = parts(answer);
        let args = [word_id(place.context), word_id(token), word(headers.len()), word(body.len()), word(trailers.len())];
        self.call(place, Callback::OnHttpCallResponse, &args, Window::HttpCall { headers, body, trailers });
        self.resume_by_itself(stream);
        true
    }

    /// HOSTS.md 0.4: nginx hosts go on once the last callout of a stream returned.
    fn resume_by_itself(&mut self, stream: Option<usize>) {
        let Some(index) = stream.filter(|_| self.state().profile.http.resumes_after_call) else {
            return;
        };
        if self.callout_pending(index) {
            return;
        }
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
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
        let Some(call) = self.state_mut().grpc_calls.get_mut(index) else {
            return false;
        };
        if call.request.state != CalloutState::Pending {
            return false;
        }
        let place = Place { vm: call.vm, context: call.root };
        let token = word_id(call.request.token);
        let stays_open = call.request.stream && matches!(answer, GrpcAnswer::Message(_));
        if !stays_open {
            call.request.state = becomes;
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

    /// Gives a gRPC stream metadata.
    pub(crate) fn deliver_metadata(&mut self, index: usize, metadata: Headers, callback: Callback) -> bool {
        let Some(call) = self.state().grpc_calls.get(index) else {
            return false;
        };
        if call.request.state != CalloutState::Pending || !call.request.stream {
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
        for call in state.http_calls.iter_mut().filter(|call| of(call.vm)) {
            cancel(&mut call.request.state);
        }
        for call in state.grpc_calls.iter_mut().filter(|call| of(call.vm)) {
            cancel(&mut call.request.state);
        }
    }
}

fn cancel(state: &mut CalloutState) {
    if *state == CalloutState::Pending {
        *state = CalloutState::Cancelled;
    }
}

/// A failure is a response without headers, body and trailers.
fn parts(answer: HttpAnswer) -> (Headers, Vec<u8>, Headers) {
    match answer {
        HttpAnswer::Response { status, headers, body, trailers } => {
            let mut all = Headers::from([(":status", status.to_string())]);
            for (key, value) in headers.pairs() {
                all.add(key, value.clone());
            }
            (all, body, trailers)
        }
        HttpAnswer::Failure => (Headers::new(), Vec::new(), Headers::new()),
    }
}
