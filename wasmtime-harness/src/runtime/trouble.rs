//! What a trap or a crash does to the stream it happened on.

use crate::headers::Headers;
use crate::profile::HttpRules;
use crate::runtime::flow::{Action, Side};
use crate::runtime::lifecycle::Verdict;
use crate::runtime::{Called, Runtime};
use crate::stream::{Half, Reply, Stage};
use crate::trap::{Trap, TrapKind};

impl Runtime {
    /// Reads a callback's result; a trap is dealt with here.
    pub(super) fn judge(&mut self, index: usize, called: Called) -> Action {
        match called {
            Called::Absent | Called::Returned(None | Some(0)) => Action::Continue,
            Called::Returned(Some(_)) => Action::Pause,
            Called::Trapped(trap) => {
                self.reply_to_trap(index, trap);
                Action::Broken
            }
        }
    }

    /// Whether a pause of the headers is one the host, or the strict profile, does not survive.
    pub(super) fn check_pause(&mut self, index: usize, side: Side) {
        let Some(stream) = self.state().streams.get(&index) else {
            return;
        };
        if stream.pending_reply.is_some() || self.callout_pending(index) {
            return;
        }
        let HttpRules { idle_pause_crashes, .. } = self.state().profile.http;
        if side == Side::Request && idle_pause_crashes {
            self.crash(index, TrapKind::HostCrash, "a pause with no callout pending and no reply");
        } else if self.state().profile.strict && !self.may_be_woken(index) {
            self.crash(index, TrapKind::Violation, "a pause with nothing that could end it");
        }
    }

    /// Whether a tick could still continue the stream.
    fn may_be_woken(&self, index: usize) -> bool {
        let Some(stream) = self.state().streams.get(&index) else {
            return true;
        };
        let asked = stream.request.resume_asked || stream.response.resume_asked;
        let vm = stream.place.and_then(|place| self.state().vms.get(place.vm));
        asked || vm.is_some_and(|vm| vm.roots.iter().any(|root| root.tick_period.is_some()))
    }

    fn crash(&mut self, index: usize, kind: TrapKind, message: &str) {
        let place = self.state().streams.get(&index).and_then(|stream| stream.place);
        let Some(place) = place else { return };
        self.state_mut().frame.vm = place.vm;
        let trap = Trap { kind, vm: self.role(place.vm), callback: "proxy_on_request_headers", message: message.to_owned() };
        self.fail_with(trap.clone());
        self.reply_to_trap(index, trap);
    }

    fn reply_to_trap(&mut self, index: usize, trap: Trap) {
        let crashed = trap.kind == TrapKind::HostCrash;
        let rules = self.state().profile.http;
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        let again = stream.trap.is_some();
        let worker = stream.worker;
        stream.trap = Some(trap);
        stream.pending_reply = None;
        if crashed {
            stream.stage = Stage::Reset;
        } else if rules.trap_restarts_stream && !again {
            self.restart(index, worker, rules.trap_status);
        } else {
            self.reply_by_host(index, rules.trap_status);
        }
    }

    /// HOSTS.md 1.4: ngx_wasm_module filters its own error page in a fresh
    /// context, which never saw the request.
    fn restart(&mut self, index: usize, worker: usize, status: u32) {
        let Verdict::Filter(vm) = self.verdict(worker) else {
            return self.reply_by_host(index, status);
        };
        self.create_context(index, vm);
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        stream.by_host = true;
        stream.request.chunks.clear();
        stream.response = Half::new(Headers::from([(":status", status.to_string())]), Vec::new(), None);
        stream.stage = Stage::ResponsePaused;
    }

    /// The host answers by itself; the plugin sees nothing of it.
    pub(super) fn reply_by_host(&mut self, index: usize, status: u32) {
        let now = self.state().clock.now();
        let Some(stream) = self.state_mut().streams.get_mut(&index) else {
            return;
        };
        stream.stage = Stage::Replied;
        stream.replied_at = Some(now);
        stream.response.headers = Headers::from([(":status", status.to_string())]);
        stream.reply = Some(Reply { status, local: true, ..Reply::default() });
    }
}
