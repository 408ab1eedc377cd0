//! Time: ticks, timeouts and queues.

use std::time::Duration;

use crate::abi::Callback;
use crate::callout::{CalloutState, GrpcAnswer, HttpAnswer};
use crate::runtime::lifecycle::word_id;
use crate::runtime::{Runtime, word};
use crate::shared::Consumer;
use crate::state::Window;
use crate::stream::Place;
use crate::trap::TrapPolicy;
use crate::vm::RootStage;

/// `DEADLINE_EXCEEDED` of gRPC.
const DEADLINE_EXCEEDED: u32 = 4;

/// Something that falls due on the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Tick(Place),
    HttpTimeout(usize),
    GrpcTimeout(usize),
}

impl Runtime {
    /// Ticks every root that asked for ticks, once, without moving the clock. Returns how many.
    pub(crate) fn tick_all(&mut self) -> usize {
        let places: Vec<Place> = self.ticking().map(|(place, _)| place).collect();
        for place in &places {
            self.tick(*place);
        }
        places.len()
    }

    fn ticking(&self) -> impl Iterator<Item = (Place, Duration)> {
        let keep = self.policy == TrapPolicy::Keep;
        let vms = self.state().vms.iter().enumerate().filter(move |(_, vm)| keep || vm.failed.is_none());
        vms.flat_map(|(index, vm)| {
            let alive = vm.roots.iter().filter(|root| root.stage != RootStage::Deleted && root.tick_period.is_some());
            alive.map(move |root| (Place { vm: index, context: root.id }, root.next_tick))
        })
    }

    fn tick(&mut self, place: Place) {
        let now = self.state().clock.now();
        if let Some(root) = self.state_mut().vms.get_mut(place.vm).and_then(|vm| vm.root(place.context)) {
            root.next_tick = now.saturating_add(root.tick_period.unwrap_or_default());
        }
        self.call(place, Callback::OnTick, &[word_id(place.context)], Window::Nothing);
        self.settle();
    }

    /// Moves the clock, stopping at everything that falls due on the way.
    pub(crate) fn advance(&mut self, by: Duration) {
        let end = self.state().clock.now().saturating_add(by);
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= end) {
            let now = self.state().clock.now();
            self.state_mut().clock.set(at.max(now));
            self.fire(due);
        }
        self.state_mut().clock.set(end);
    }

    fn next_due(&self) -> Option<(Duration, Due)> {
        let ticks = self.ticking().map(|(place, at)| (at, Due::Tick(place)));
        let state = self.state();
        let http = state
            .http_calls
            .pending()
            .filter_map(|(index, call)| Some((due_at(call.request.made_at, call.request.timeout)?, Due::HttpTimeout(index))));
        let grpc = state
            .grpc_calls
            .pending()
            .filter_map(|(index, call)| Some((due_at(call.request.made_at, call.request.timeout)?, Due::GrpcTimeout(index))));
        ticks.chain(http).chain(grpc).min_by_key(|(at, _)| *at)
    }

    fn fire(&mut self, due: Due) {
        match due {
            Due::Tick(place) => self.tick(place),
            Due::HttpTimeout(index) => {
                self.deliver_http(index, HttpAnswer::Failure, CalloutState::TimedOut);
            }
            Due::GrpcTimeout(index) => {
                let answer = GrpcAnswer::Status(DEADLINE_EXCEEDED, String::new());
                self.deliver_grpc(index, answer, CalloutState::TimedOut);
            }
        }
        self.settle();
    }

    /// A foreign function of the host calls back into every active root.
    pub(crate) fn call_foreign(&mut self, function: u32, argument: &[u8]) {
        let active = |(index, vm): (usize, &crate::vm::Vm)| vm.active_root().map(|root| Place { vm: index, context: root.id });
        let places: Vec<Place> = self.state().vms.iter().enumerate().filter_map(active).collect();
        for place in places {
            let args = [word_id(place.context), word_id(function), word(argument.len())];
            self.call(place, Callback::OnForeignFunction, &args, Window::Foreign(argument.to_vec()));
        }
        self.settle();
    }

    pub(super) fn announce(&mut self, consumer: Consumer, queue: u32) {
        let place = Place { vm: consumer.vm, context: consumer.root };
        self.call(place, Callback::OnQueueReady, &[word_id(place.context), word_id(queue)], Window::Nothing);
    }
}

/// When a callout times out; never without a timeout.
fn due_at(made_at: Duration, timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then(|| made_at.saturating_add(timeout))
}
