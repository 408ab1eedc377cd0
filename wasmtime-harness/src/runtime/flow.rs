//! The request's way through the plugin.

use crate::abi::Callback;
use crate::headers::Headers;
use crate::profile::{EndOfStream, HttpRules};
use crate::runtime::lifecycle::{Verdict, word_id};
use crate::runtime::{Called, Runtime, word};
use crate::state::Window;
use crate::stream::{Half, HttpStream, LocalReply, Place, Progress, Reply, Stage};
use crate::trap::{Trap, TrapKind};
use crate::vm::Owner;

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
    pub(super) fn of(self, stream: &mut HttpStream) -> &mut Half {
        match self {
            Self::Request => &mut stream.request,
            Self::Response => &mut stream.response,
        }
    }

    fn callbacks(self) -> (Callback, Callback, Callback) {
        match self {
            Self::Request => (Callback::OnRequestHeaders, Callback::OnRequestBody, Callback::OnRequestTrailers),
            Self::Response => (Callback::OnResponseHeaders, Callback::OnResponseBody, Callback::OnResponseTrailers),
        }
    }
}

/// A request to start.
pub(crate) struct Incoming {
    pub(crate) request: Half,
    pub(crate) properties: std::collections::BTreeMap<String, crate::property::PropertyValue>,
    pub(crate) worker: usize,
}

impl Runtime {
    /// Starts a stream and takes it as far as it goes. Returns its index.
    pub(crate) fn open(&mut self, incoming: Incoming) -> usize {
        let verdict = self.verdict(incoming.worker);
        let index = self.register(incoming);
        match verdict {
            Verdict::Filter(vm) => self.create_context(index, vm),
            Verdict::Pass => {}
            Verdict::Refuse => self.refuse(index),
        }
        self.state_mut().touched.insert(index);
        self.settle();
        index
    }

    fn register(&mut self, incoming: Incoming) -> usize {
        self.next_number += 1;
        let number = self.next_number;
        let state = self.state_mut();
        let mut request = incoming.request;
        name_host(&mut request.headers, &state.profile.http);
        join(&mut request.headers, state.profile.http.joined_headers);
        let refused = repeated(&request.headers, state.profile.http.single_headers);
        state.streams.push(HttpStream {
            place: None,
            root: 0,
            request,
            response: Half::default(),
            stage: Stage::RequestPaused,
            pending_reply: None,
            reset_asked: false,
            reply: None,
            local: None,
            properties: incoming.properties,
            started: state.clock.now(),
            replied_at: None,
            trap: None,
            logging: false,
            route_cleared: false,
            number,
        });
        let index = state.streams.len() - 1;
        if refused {
            self.reply_by_host(index, 400);
        }
        index
    }

    fn create_context(&mut self, index: usize, vm: usize) {
        let state = self.state_mut();
        let Some(stream) = state.streams.get_mut(index) else {
            return;
        };
        if stream.stage == Stage::Replied {
            return;
        }
        let Some(owner) = state.vms.get_mut(vm) else {
            return;
        };
        let root = owner.active_root().map_or(0, |root| root.id);
        let context = owner.allocate_context(Owner::Http(index));
        let place = Place { vm, context };
        stream.place = Some(place);
        stream.root = root;
        let called = self.call(place, Callback::OnContextCreate, &[word_id(context), word_id(root)], Window::Nothing);
        self.judge(index, called);
    }

    fn refuse(&mut self, index: usize) {
        let status = self.state().profile.http.trap_status;
        self.reply_by_host(index, status);
    }

    /// Moves the stream on until it waits for something.
    pub(crate) fn pump(&mut self, index: usize) {
        while self.step(index) {}
    }

    /// One step. False when there is none to take.
    fn step(&mut self, index: usize) -> bool {
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return false;
        };
        match stream.stage {
            Stage::Replied | Stage::Reset | Stage::Ended => {
                stream.pending_reply = None;
                return false;
            }
            _ if stream.reset_asked => {
                stream.stage = Stage::Reset;
                return false;
            }
            _ => {}
        }
        if stream.pending_reply.is_some() {
            return self.take_reply(index);
        }
        match stream.stage {
            Stage::RequestPaused => self.step_half(index, Side::Request),
            Stage::ResponsePaused => self.step_half(index, Side::Response),
            _ => {
                // Nothing is held back, so there is nothing to continue.
                stream.request.resume_asked = false;
                false
            }
        }
    }

    fn take_reply(&mut self, index: usize) -> bool {
        let call_wins = self.state().profile.http.call_beats_reply && self.callout_pending(index);
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return false;
        };
        let Some(reply) = stream.pending_reply.take() else {
            return false;
        };
        if !call_wins {
            self.deliver_reply(index, reply);
        }
        true
    }

    fn step_half(&mut self, index: usize, side: Side) -> bool {
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return false;
        };
        let half = side.of(stream);
        if std::mem::take(&mut half.resume_asked) && half.paused {
            self.resume(index, side);
            return true;
        }
        let blocked = half.paused && (half.at == Progress::Headers || half.headers_are_all());
        if blocked {
            return false;
        }
        match half.at {
            Progress::Headers => self.show_headers(index, side),
            Progress::Body if !half.chunks.is_empty() => self.show_chunk(index, side),
            Progress::Body if half.trailers.is_some() => {
                half.at = Progress::Trailers;
            }
            Progress::Body | Progress::Done => self.complete(index, side),
            Progress::Trailers => self.show_trailers(index, side),
        }
        self.still_open(index)
    }

    fn still_open(&self, index: usize) -> bool {
        let open = |stream: &HttpStream| matches!(stream.stage, Stage::RequestPaused | Stage::ResponsePaused);
        self.state().streams.get(index).is_some_and(open)
    }

    fn show_headers(&mut self, index: usize, side: Side) {
        let rule = self.state().profile.http.end_of_stream;
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        let half = side.of(stream);
        half.headers_open = true;
        let (count, end) = match rule {
            EndOfStream::Truthful => (half.headers.len(), half.headers_are_all()),
            EndOfStream::Never => (half.headers.len(), false),
            EndOfStream::Always => (0, true),
        };
        let action = self.filter(index, side.callbacks().0, &[word(count), i32::from(end)]);
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        match action {
            Action::Continue => pass_headers(side.of(stream)),
            Action::Pause => self.hold(index, side),
            Action::Broken => {}
        }
    }

    fn show_chunk(&mut self, index: usize, side: Side) {
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        let half = side.of(stream);
        if let Some(chunk) = half.chunks.pop_front() {
            half.body.extend(chunk);
        }
        let end = half.chunks.is_empty() && half.trailers.is_none();
        let size = half.body.len();
        let action = self.filter(index, side.callbacks().1, &[word(size), i32::from(end)]);
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        let half = side.of(stream);
        match action {
            Action::Continue => {
                half.paused = false;
                pass_body(half);
            }
            Action::Pause => half.paused = true,
            Action::Broken => {}
        }
    }

    fn show_trailers(&mut self, index: usize, side: Side) {
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        let half = side.of(stream);
        half.trailers_open = true;
        let count = half.trailers.as_ref().map_or(0, Headers::len);
        let action = self.filter(index, side.callbacks().2, &[word(count)]);
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        let half = side.of(stream);
        half.at = Progress::Done;
        half.paused = action == Action::Pause;
        if action == Action::Continue {
            half.trailers_open = false;
            pass_body(half);
        }
        if half.paused {
            // Everything was shown; only a continue moves it on.
            half.at = Progress::Headers;
            half.headers_passed = true;
        }
    }

    fn hold(&mut self, index: usize, side: Side) {
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        side.of(stream).paused = true;
        let idle = stream.pending_reply.is_none() && !self.callout_pending(index);
        let crashes = self.state().profile.http.idle_pause_crashes;
        if side == Side::Request && idle && crashes {
            self.crash(index, "a pause with no callout pending and no reply");
        } else if idle && self.state().profile.strict && !self.may_be_woken(index) {
            self.crash_with(index, TrapKind::Violation, "a pause with nothing that could end it");
        }
    }

    /// Whether a tick could still continue the stream.
    fn may_be_woken(&self, index: usize) -> bool {
        let Some(stream) = self.state().streams.get(index) else {
            return true;
        };
        let asked = stream.request.resume_asked || stream.response.resume_asked;
        let vm = stream.place.and_then(|place| self.state().vms.get(place.vm));
        asked || vm.is_some_and(|vm| vm.roots.iter().any(|root| root.tick_period.is_some()))
    }

    fn crash(&mut self, index: usize, message: &str) {
        self.crash_with(index, TrapKind::HostCrash, message);
    }

    fn crash_with(&mut self, index: usize, kind: TrapKind, message: &str) {
        let Some(place) = self.state().streams.get(index).and_then(|stream| stream.place) else {
            return;
        };
        self.state_mut().frame.vm = place.vm;
        let trap = Trap { kind, vm: self.role(place.vm), callback: "proxy_on_request_headers", message: message.to_owned() };
        self.fail_with(trap.clone());
        self.judge(index, Called::Trapped(trap));
    }

    fn resume(&mut self, index: usize, side: Side) {
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        let half = side.of(stream);
        half.paused = false;
        if half.headers_passed {
            pass_body(half);
            if half.at == Progress::Headers {
                half.at = Progress::Done;
            }
        } else {
            pass_headers(half);
        }
    }

    /// Calls one of the stream's callbacks; without a plugin everything passes.
    pub(super) fn filter(&mut self, index: usize, callback: Callback, args: &[i32]) -> Action {
        let Some(place) = self.state().streams.get(index).and_then(|stream| stream.place) else {
            return Action::Continue;
        };
        let mut all = vec![word_id(place.context)];
        all.extend_from_slice(args);
        let called = self.call(place, callback, &all, Window::Nothing);
        self.judge(index, called)
    }

    fn judge(&mut self, index: usize, called: Called) -> Action {
        match called {
            Called::Absent | Called::Returned(None | Some(0)) => Action::Continue,
            Called::Returned(Some(_)) => Action::Pause,
            Called::Trapped(trap) => {
                self.reply_to_trap(index, trap);
                Action::Broken
            }
        }
    }

    fn reply_to_trap(&mut self, index: usize, trap: Trap) {
        let crash = trap.kind == TrapKind::HostCrash;
        if let Some(stream) = self.state_mut().streams.get_mut(index) {
            stream.trap = Some(trap);
            stream.pending_reply = None;
            if crash {
                stream.stage = Stage::Reset;
                return;
            }
        }
        self.refuse(index);
    }

    /// The host answers by itself; the plugin sees nothing of it.
    fn reply_by_host(&mut self, index: usize, status: u32) {
        let now = self.state().clock.now();
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        stream.stage = Stage::Replied;
        stream.replied_at = Some(now);
        stream.response.headers = Headers::from([(":status", status.to_string())]);
        stream.reply = Some(Reply { status, local: true, ..Reply::default() });
    }

    pub(super) fn callout_pending(&self, index: usize) -> bool {
        use crate::callout::CalloutState::Pending;
        let state = self.state();
        let http = state.http_calls.iter().any(|call| call.stream == Some(index) && call.request.state == Pending);
        http || state.grpc_calls.iter().any(|call| call.stream == Some(index) && call.request.state == Pending)
    }

    fn complete(&mut self, index: usize, side: Side) {
        match side {
            Side::Request => {
                let Some(stream) = self.state_mut().streams.get_mut(index) else {
                    return;
                };
                stream.request.at = Progress::Done;
                stream.stage = Stage::Forwarded;
            }
            Side::Response => self.complete_response(index),
        }
    }

    pub(super) fn deliver_reply(&mut self, index: usize, reply: LocalReply) {
        let Some(stream) = self.state_mut().streams.get_mut(index) else {
            return;
        };
        stream.request.paused = false;
        stream.request.chunks.clear();
        let started = stream.stage == Stage::ResponsePaused;
        stream.response = reply.to_half();
        stream.local = Some(reply);
        stream.stage = Stage::ResponsePaused;
        if started {
            // Envoy does not send a second response through the filters.
            stream.response.at = Progress::Done;
            stream.response.passed = stream.response.chunks.drain(..).flatten().collect();
        }
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

/// The address that nginx hosts show as `:authority`, whatever the client asked for.
const SERVER: &str = "harness:80";

/// Puts the client's host where this kind of host shows it.
fn name_host(headers: &mut Headers, rules: &HttpRules) {
    let host = headers.get(":authority").unwrap_or_default().to_owned();
    if rules.host_is_authority {
        headers.remove("host");
        return;
    }
    if !headers.contains("host") {
        headers.add("host", host);
    }
    if rules.authority_is_server {
        headers.replace(":authority", SERVER);
    }
}

/// Joins repeated values of the named headers with commas, in the first one's place.
fn join(headers: &mut Headers, names: &[&str]) {
    for name in names {
        let values = headers.all(name);
        if values.len() > 1 {
            let joined = values.join(",");
            headers.replace(name, joined);
        }
    }
}

fn repeated(headers: &Headers, names: &[&str]) -> bool {
    names.iter().any(|name| headers.all(name).len() > 1)
}
