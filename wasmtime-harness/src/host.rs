//! The running host as a test holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::abi::{Callback, Hostcall, Status};
use crate::callout::{GrpcAnswer, GrpcRequest, HttpAnswer, HttpRequest};
use crate::calls::{GrpcCall, HttpCall};
use crate::connection::Connect;
use crate::error::HostError;
use crate::exchange::Request;
use crate::log::LogLine;
use crate::metrics::Metrics;
use crate::profile::Profile;
use crate::runtime::{Runtime, Worker};
use crate::setup::Setup;
use crate::state::Fault;
use crate::trace::{self, TraceEntry};
use crate::trap::Trap;

/// A running host. Clones share it; two hosts share nothing.
#[derive(Clone)]
pub struct Host {
    runtime: Arc<Mutex<Runtime>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// The start of a host: settings, then [`Setup::load`], then [`crate::Loaded::configure`].
    #[expect(clippy::new_ret_no_self, reason = "a host runs only once it has a plugin and a configuration")]
    pub fn new(profile: Profile) -> Setup {
        Setup::new(profile)
    }

    pub(crate) fn from_runtime(runtime: Runtime) -> Self {
        Self { runtime: Arc::new(Mutex::new(runtime)) }
    }

    /// A panic of a test's own closure poisons nothing that matters here.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request to build and send.
    pub fn request(&self) -> Request {
        Request::new(self.clone())
    }

    /// A TCP connection to open.
    pub fn connection(&self) -> Connect {
        Connect::new(self.clone())
    }

    /// Ticks every VM that asked for ticks, once; the clock stays. Returns how many roots were ticked.
    pub fn tick(&self) -> usize {
        self.lock().tick_all()
    }

    /// Moves the clock. Ticks and timeouts that fall due on the way happen, in order.
    pub fn advance(&self, by: Duration) {
        self.lock().advance(by);
    }

    /// Sets the clock without anything falling due, forwards or backwards.
    pub fn set_clock(&self, since_epoch: Duration) {
        self.lock().state_mut().clock.set(since_epoch);
    }

    /// What the clock shows, since the Unix epoch.
    pub fn now(&self) -> Duration {
        self.lock().state().clock.now()
    }

    /// Every log line so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.lock().state().logs.clone()
    }

    /// The log lines since the last call of this method, which forgets them.
    pub fn take_logs(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.lock().state_mut().logs)
    }

    /// All metrics.
    pub fn metrics(&self) -> Metrics {
        self.lock().state().metrics.snapshot()
    }

    /// The value under a key of the shared data.
    pub fn shared_data(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.lock().state().data.get(key.as_ref()).ok().map(|(value, _)| value)
    }

    /// Puts a value into the shared data, whatever is there.
    pub fn set_shared_data(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        // Without a compare-and-swap number this cannot be refused.
        let _ = self.lock().state_mut().data.set(key.as_ref().to_vec(), value.as_ref().to_vec(), 0);
    }

    /// Every HTTP call so far, pending or not, in order.
    pub fn http_calls(&self) -> Vec<HttpCall> {
        let runtime = self.lock();
        let calls = runtime.state().http_calls.iter();
        calls.map(|(index, call)| HttpCall::new(self.clone(), index, runtime.role(call.vm), &call.request)).collect()
    }

    /// Every gRPC call and stream so far, pending or not, in order.
    pub fn grpc_calls(&self) -> Vec<GrpcCall> {
        let runtime = self.lock();
        let calls = runtime.state().grpc_calls.iter();
        calls.map(|(index, call)| GrpcCall::new(self.clone(), index, runtime.role(call.vm), &call.request)).collect()
    }

    /// Answers every HTTP call from now on, except those it returns `None` for.
    /// The function must not use the host itself.
    pub fn answer_http(&self, handler: impl FnMut(&HttpRequest) -> Option<HttpAnswer> + Send + 'static) {
        let mut runtime = self.lock();
        runtime.handlers.http_seen = runtime.state().http_calls.len();
        runtime.handlers.http = Some(Box::new(handler));
    }

    /// Answers every gRPC call from now on, except those it returns `None` for.
    /// The function must not use the host itself.
    pub fn answer_grpc(&self, handler: impl FnMut(&GrpcRequest) -> Option<GrpcAnswer> + Send + 'static) {
        let mut runtime = self.lock();
        runtime.handlers.grpc_seen = runtime.state().grpc_calls.len();
        runtime.handlers.grpc = Some(Box::new(handler));
    }

    /// Replaces the configuration as hosts do: new root contexts beside the old ones.
    ///
    /// # Errors
    /// Why the plugin refused; the old configuration stays in force.
    pub fn reconfigure(&self, configuration: impl AsRef<[u8]>) -> Result<(), HostError> {
        self.lock().reconfigure(Arc::from(configuration.as_ref()))
    }

    /// Ends the roots that were replaced: `on_done`, and `on_delete` once they agree.
    pub fn drain(&self) {
        self.lock().drain(crate::runtime::Drain::Replaced);
    }

    /// Ends every root, as at the host's own end.
    pub fn shut_down(&self) {
        self.lock().drain(crate::runtime::Drain::Everything);
    }

    /// Calls `proxy_on_foreign_function` on every active root, with an argument to read.
    pub fn foreign_callback(&self, function: u32, argument: impl AsRef<[u8]>) {
        self.lock().call_foreign(function, argument.as_ref());
    }

    /// Every trap so far.
    pub fn traps(&self) -> Vec<Trap> {
        self.lock().state().traps.clone()
    }

    /// Undefined behaviour that this host let pass; under the strict profile it traps.
    pub fn violations(&self) -> Vec<String> {
        self.lock().state().violations.clone()
    }

    /// The workers on which the plugin did not start and which let everything pass.
    pub fn unfiltered_workers(&self) -> Vec<usize> {
        let runtime = self.lock();
        let numbered = runtime.workers.iter().enumerate();
        numbered.filter(|(_, worker)| **worker == Worker::Unfiltered).map(|(index, _)| index).collect()
    }

    /// Makes a hostcall return this status without doing anything, until [`Host::mend`].
    pub fn break_hostcall(&self, call: Hostcall, status: Status) {
        self.add_fault(call, Fault { status, spared: 0, failing: None });
    }

    /// Makes one call fail, the `nth` from now (the next is 0); those before and after it work.
    pub fn break_hostcall_once(&self, call: Hostcall, status: Status, nth: u64) {
        self.add_fault(call, Fault { status, spared: nth, failing: Some(1) });
    }

    fn add_fault(&self, call: Hostcall, fault: Fault) {
        self.lock().state_mut().faults.insert(call, fault);
    }

    /// Refuses the plugin more memory than it has now.
    pub fn refuse_memory(&self) {
        self.lock().state_mut().memory_limit = 0;
    }

    /// Takes back [`Host::break_hostcall`].
    pub fn mend(&self, call: Hostcall) {
        self.lock().state_mut().faults.remove(&call);
    }

    /// Every callback and hostcall so far.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.lock().state().trace.entries.clone()
    }

    /// The record of calls as text.
    pub fn trace_text(&self) -> String {
        trace::render(&self.lock().state().trace.entries)
    }

    /// How often each hostcall was made.
    pub fn hostcall_counts(&self) -> Vec<(Hostcall, u64)> {
        let counts = self.lock().state().trace.hostcalls;
        Hostcall::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
    }

    /// How often everything was called so far, and the fuel it took.
    pub fn counts(&self) -> Counts {
        let runtime = self.lock();
        let trace = &runtime.state().trace;
        Counts { hostcalls: trace.hostcalls, callbacks: trace.callbacks, fuel: runtime.fuel_by_callback }
    }

    /// The fuel used by all callbacks so far; 0 when fuel is off.
    pub fn fuel_used(&self) -> u64 {
        self.lock().fuel_used
    }

    /// How often each function was seen running, most first; needs [`crate::Limits::sample`].
    pub fn samples(&self) -> Vec<(String, u64)> {
        let mut samples: Vec<(String, u64)> = self.lock().state().samples.clone().into_iter().collect();
        samples.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        samples
    }

    /// The most memory any VM had, in bytes.
    pub fn memory_high_water(&self) -> usize {
        self.lock().state().vms.iter().map(|vm| vm.memory_high_water).max().unwrap_or(0)
    }
}

/// Counts of all calls across the boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    hostcalls: [u64; Hostcall::COUNT],
    callbacks: [u64; Callback::COUNT],
    fuel: [u64; Callback::COUNT],
}

impl Counts {
    /// Every hostcall and how often it was made.
    pub fn hostcalls(&self) -> impl Iterator<Item = (Hostcall, u64)> {
        Hostcall::ALL.iter().copied().zip(self.hostcalls)
    }

    /// Every callback, how often it was made and the fuel it took in all; no fuel when fuel is off.
    pub fn callbacks(&self) -> impl Iterator<Item = (Callback, u64, u64)> {
        let counted = Callback::ALL.iter().copied().zip(self.callbacks);
        counted.zip(self.fuel).map(|((callback, count), fuel)| (callback, count, fuel))
    }
}
