//! The host at work: VMs, callbacks, and what happens between them.
//!
//! Everything here is driven from outside; nothing runs by itself, there is no
//! thread and no real clock.

mod callouts;
mod flow;
mod lifecycle;
mod open;
mod response;
mod tcp;
mod ticks;
mod trouble;

use wasmtime::{InstancePre, Store, Val};

use crate::abi::Callback;
use crate::plugin::{Plugin, Ticker};
use crate::state::{State, Window};
use crate::stream::Place;
use crate::trace::{TraceEntry, TraceEvent};
use crate::trap::{Abort, Trap, TrapKind, TrapPolicy};
use crate::vm::Entry;

pub(crate) use callouts::Handlers;
pub(crate) use lifecycle::{Drain, Worker};
pub(crate) use open::Incoming;
pub(crate) use tcp::Direction;

/// Epochs in a deadline: the more, the more exact.
pub(crate) const DEADLINE_EPOCHS: u32 = 4;

/// How many things may be left to do one after the other.
const MAX_ROUNDS: usize = 10_000;

/// The most arguments a callback has.
const MAX_ARGS: usize = 5;

/// How a callback ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Called {
    /// The plugin has no such callback, or its VM is broken.
    Absent,
    Returned(Option<i32>),
    Trapped(Trap),
}

impl Called {
    /// What a boolean callback says; one that is absent agrees.
    pub(crate) fn agreed(&self) -> bool {
        !matches!(self, Self::Returned(Some(0)))
    }
}

pub(crate) struct Runtime {
    pub(crate) store: Store<State>,
    pub(crate) pre: InstancePre<State>,
    pub(crate) plugin: Plugin,
    pub(crate) configuration: std::sync::Arc<[u8]>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) policy: TrapPolicy,
    pub(crate) handlers: Handlers,
    pub(crate) next_stream: usize,
    pub(crate) fuel_used: u64,
    pub(crate) fuel_by_callback: [u64; Callback::COUNT],
    pub(crate) ticker: Option<Ticker>,
}

impl Runtime {
    pub(crate) fn state(&self) -> &State {
        self.store.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Calls the plugin, if it has the callback and its VM still works.
    pub(crate) fn call(&mut self, place: Place, callback: Callback, args: &[i32], window: Window) -> Called {
        let Some(entry) = self.callable(place.vm, callback) else {
            return Called::Absent;
        };
        let index = self.enter(place, callback, args, window);
        let outcome = self.invoke(entry, args);
        self.leave(index, outcome)
    }

    fn callable(&self, vm: usize, callback: Callback) -> Option<Entry> {
        if !self.state().allows_callback(callback) {
            return None;
        }
        let vm = self.state().vms.get(vm)?;
        let broken = vm.failed.is_some() && self.policy != TrapPolicy::Keep;
        if broken { None } else { vm.callback(callback) }
    }

    fn enter(&mut self, place: Place, callback: Callback, args: &[i32], window: Window) -> Option<usize> {
        let state = self.state_mut();
        state.frame.vm = place.vm;
        state.frame.callback = Some(callback);
        state.frame.context = place.context;
        state.frame.effective = place.context;
        state.frame.window = window;
        state.trace.count_callback(callback);
        let vm = state.role();
        state.trace.push(|| TraceEntry {
            vm,
            context: place.context,
            event: TraceEvent::Callback { callback, args: args.to_vec(), result: None },
        })
    }

    fn invoke(&mut self, entry: Entry, args: &[i32]) -> Result<Option<i32>, wasmtime::Error> {
        if !entry.callable || entry.params > args.len() {
            let abort = Abort::new(TrapKind::Signature, "the callback's type is not the ABI's");
            return Err(wasmtime::Error::new(abort));
        }
        let mut values = [const { Val::I32(0) }; MAX_ARGS];
        for (value, arg) in values.iter_mut().zip(args) {
            *value = Val::I32(*arg);
        }
        let mut results = [Val::I32(0)];
        let params = values.get(..entry.params).unwrap_or_default();
        let results = results.get_mut(..entry.results).unwrap_or_default();
        self.refuel();
        let outcome = entry.func.call(&mut self.store, params, results);
        self.count_fuel();
        outcome.map(|()| results.first().and_then(Val::i32))
    }

    pub(crate) fn refuel(&mut self) {
        if self.ticker.is_some() {
            let samples = self.plugin.limits.sample.is_some();
            self.store.set_epoch_deadline(if samples { 1 } else { DEADLINE_EPOCHS.into() });
        }
        if let Some(fuel) = self.plugin.limits.fuel {
            // Fails only when fuel is off, and it is on here.
            let _ = self.store.set_fuel(fuel);
        }
    }

    fn count_fuel(&mut self) {
        if let (Some(fuel), Ok(left)) = (self.plugin.limits.fuel, self.store.get_fuel()) {
            let used = fuel.saturating_sub(left);
            self.fuel_used += used;
            let callback = self.state().frame.callback;
            if let Some(sum) = callback.and_then(|callback| self.fuel_by_callback.get_mut(callback as usize)) {
                *sum += used;
            }
        }
    }

    fn leave(&mut self, index: Option<usize>, outcome: Result<Option<i32>, wasmtime::Error>) -> Called {
        let callback = self.state().frame.callback;
        let called = match outcome {
            Ok(result) => Called::Returned(result),
            Err(error) => Called::Trapped(self.fail(callback.map_or("instantiate", Callback::name), &error)),
        };
        let state = self.state_mut();
        state.frame.callback = None;
        state.frame.window = Window::Nothing;
        state.frame.restricted = false;
        if let Called::Returned(result) = &called {
            state.trace.finish(index, *result);
        }
        called
    }

    /// Marks the current VM as broken.
    pub(crate) fn fail(&mut self, callback: &'static str, error: &wasmtime::Error) -> Trap {
        let trap = Trap { kind: kind_of(error), vm: self.state().role(), callback, message: format!("{error:#}") };
        self.fail_with(trap.clone());
        trap
    }

    pub(crate) fn fail_with(&mut self, trap: Trap) {
        let state = self.state_mut();
        let at = state.clock.now();
        state.traps.push(trap);
        if let Some(vm) = state.vm() {
            vm.failed = Some(at);
        }
    }

    /// Does everything that callbacks left to do, until nothing is left. A
    /// plugin that always leaves something more is stopped with a violation.
    pub(crate) fn settle(&mut self) {
        for _ in 0..MAX_ROUNDS {
            if !self.settle_one() {
                return;
            }
        }
        self.state_mut().violations.push("the plugin keeps the host busy without end".to_owned());
    }

    /// One thing left to do. False when there is none.
    fn settle_one(&mut self) -> bool {
        let state = self.state_mut();
        if let Some(stream) = state.touched.pop_first() {
            self.pump(stream);
        } else if let Some((consumer, queue)) = state.arrivals.pop_front() {
            self.announce(consumer, queue);
        } else if let Some(place) = state.done.pop() {
            self.delete_root(place);
        } else {
            return self.answer_by_handlers();
        }
        true
    }
}

fn kind_of(error: &wasmtime::Error) -> TrapKind {
    if let Some(abort) = error.downcast_ref::<Abort>() {
        return abort.kind;
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel) => TrapKind::OutOfFuel,
        Some(wasmtime::Trap::Interrupt) => TrapKind::Deadline,
        _ => TrapKind::Wasm,
    }
}

/// A size or id as the ABI's callbacks take it.
pub(crate) fn word(value: usize) -> i32 {
    u32::try_from(value).unwrap_or(u32::MAX).cast_signed()
}
