//! TCP connections: new, data both ways, closed.

use std::collections::BTreeMap;

use crate::abi::{Callback, Peer};
use crate::property::PropertyValue;
use crate::runtime::lifecycle::{Verdict, word_id};
use crate::runtime::{Called, Runtime, word};
use crate::state::Window;
use crate::stream::Place;
use crate::tcp::{Flow, TcpStream};
use crate::vm::Owner;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client.
    Downstream,
    /// From the upstream.
    Upstream,
}

impl Direction {
    fn of(self, stream: &mut TcpStream) -> &mut Flow {
        match self {
            Self::Downstream => &mut stream.downstream,
            Self::Upstream => &mut stream.upstream,
        }
    }

    fn on_data(self) -> Callback {
        match self {
            Self::Downstream => Callback::OnDownstreamData,
            Self::Upstream => Callback::OnUpstreamData,
        }
    }
}

impl Runtime {
    /// Opens a connection. Returns its index.
    pub(crate) fn connect(&mut self, worker: usize, properties: BTreeMap<String, PropertyValue>) -> usize {
        let verdict = self.verdict(worker);
        let state = self.state_mut();
        let index = state.connections.len();
        state.connections.push(TcpStream::new(properties));
        match verdict {
            Verdict::Filter(vm) => self.greet(index, vm),
            Verdict::Pass => {}
            Verdict::Refuse => self.drop_connection(index),
        }
        self.after_tcp(index);
        index
    }

    fn greet(&mut self, index: usize, vm: usize) {
        let state = self.state_mut();
        let Some(owner) = state.vms.get_mut(vm) else {
            return;
        };
        let root = owner.active_root().map_or(0, |root| root.id);
        let place = Place { vm, context: owner.allocate_context(Owner::Tcp(index)) };
        if let Some(stream) = state.connections.get_mut(index) {
            stream.place = Some(place);
            stream.root = root;
        }
        let context = word_id(place.context);
        let created = self.call(place, Callback::OnContextCreate, &[context, word_id(root)], Window::Nothing);
        if self.survives(index, &created) {
            let greeted = self.call(place, Callback::OnNewConnection, &[context], Window::Nothing);
            self.survives(index, &greeted);
        }
    }

    /// Bytes arrive; what the plugin lets through goes on, the rest waits for the next bytes.
    pub(crate) fn transfer(&mut self, index: usize, direction: Direction, data: &[u8], end: bool) {
        let Some(stream) = self.state_mut().connections.get_mut(index) else {
            return;
        };
        let flow = direction.of(stream);
        flow.buffer.extend_from_slice(data);
        let size = flow.buffer.len();
        let called = match stream.place {
            Some(place) => {
                let args = [word_id(place.context), word(size), i32::from(end)];
                self.call(place, direction.on_data(), &args, Window::Nothing)
            }
            None => Called::Absent,
        };
        let passes = matches!(called, Called::Absent | Called::Returned(None | Some(0)));
        if let Some(stream) = self.state_mut().connections.get_mut(index).filter(|_| passes) {
            let flow = direction.of(stream);
            flow.passed.append(&mut flow.buffer);
        }
        if self.survives(index, &called) && end && direction == Direction::Upstream {
            self.close_callback(index, Callback::OnUpstreamClose, Peer::Unknown);
        }
        self.after_tcp(index);
    }

    /// The connection closes; then the last callbacks, in Envoy's order for TCP.
    pub(crate) fn disconnect(&mut self, index: usize, peer: Peer) {
        let Some(stream) = self.state_mut().connections.get_mut(index) else {
            return;
        };
        if !std::mem::take(&mut stream.open) {
            return;
        }
        self.close_callback(index, Callback::OnDownstreamClose, peer);
        let place = self.state().connections.get(index).and_then(|stream| stream.place);
        let Some(place) = place else { return };
        for callback in [Callback::OnDone, Callback::OnLog, Callback::OnDelete] {
            self.call(place, callback, &[word_id(place.context)], Window::Nothing);
        }
        if let Some(vm) = self.state_mut().vms.get_mut(place.vm) {
            vm.contexts.remove(&place.context);
        }
        self.settle();
    }

    fn close_callback(&mut self, index: usize, callback: Callback, peer: Peer) {
        let place = self.state().connections.get(index).and_then(|stream| stream.place);
        if let Some(place) = place {
            let args = [word_id(place.context), word_id(peer as u32)];
            self.call(place, callback, &args, Window::Nothing);
        }
    }

    /// A trap closes the connection.
    fn survives(&mut self, index: usize, called: &Called) -> bool {
        let trapped = matches!(called, Called::Trapped(_));
        if trapped {
            self.drop_connection(index);
        }
        !trapped
    }

    fn drop_connection(&mut self, index: usize) {
        if let Some(stream) = self.state_mut().connections.get_mut(index) {
            stream.open = false;
        }
    }

    fn after_tcp(&mut self, index: usize) {
        self.settle();
        let asked = self.state().connections.get(index).is_some_and(|stream| stream.close_asked);
        if asked {
            self.disconnect(index, Peer::Local);
        }
    }
}
