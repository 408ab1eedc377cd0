//! The start of a stream: what the host does before the plugin sees it.

use std::collections::BTreeMap;

use crate::abi::Callback;
use crate::headers::Headers;
use crate::profile::HttpRules;
use crate::property::PropertyValue;
use crate::runtime::Runtime;
use crate::runtime::lifecycle::{Verdict, word_id};
use crate::state::Window;
use crate::stream::{Half, HttpStream, Place, Stage};
use crate::vm::Owner;

/// A request to start.
pub(crate) struct Incoming {
    pub(crate) request: Half,
    pub(crate) properties: BTreeMap<String, PropertyValue>,
    pub(crate) worker: usize,
}

/// The address that nginx hosts show as `:authority`, whatever the client asked for.
const SERVER: &str = "harness:80";

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

    /// A request that the host refuses before any filter: the plugin sees the
    /// context and the log, and nothing else.
    pub(crate) fn open_rejected(&mut self, incoming: Incoming, status: u32) -> usize {
        let verdict = self.verdict(incoming.worker);
        let index = self.register(incoming);
        if let Some(stream) = self.state_mut().streams.get_mut(&index) {
            stream.rejected = true;
        }
        if let Verdict::Filter(vm) = verdict {
            self.create_context(index, vm);
        }
        self.reply_by_host(index, status);
        self.settle();
        index
    }

    fn register(&mut self, incoming: Incoming) -> usize {
        let index = self.next_stream;
        self.next_stream += 1;
        let state = self.state_mut();
        let mut request = incoming.request;
        name_host(&mut request.headers, &state.profile.http);
        join(&mut request.headers, state.profile.http.joined_headers);
        let refused = repeated(&request.headers, state.profile.http.single_headers);
        let mut stream = HttpStream::new(request, incoming.worker, state.clock.now());
        stream.properties = incoming.properties;
        stream.number = u64::try_from(index).unwrap_or(u64::MAX);
        state.streams.insert(index, stream);
        if refused {
            self.reply_by_host(index, 400);
        }
        index
    }

    pub(super) fn create_context(&mut self, index: usize, vm: usize) {
        let state = self.state_mut();
        let Some(stream) = state.streams.get_mut(&index) else {
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
        let args = [word_id(context), word_id(root)];
        let called = self.call(place, Callback::OnContextCreate, &args, Window::Nothing);
        self.judge(index, called);
    }

    fn refuse(&mut self, index: usize) {
        let status = self.state().profile.http.trap_status;
        self.reply_by_host(index, status);
    }
}

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
