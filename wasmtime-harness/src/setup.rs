//! From a profile to a running host: settings, then a plugin, then a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{InstancePre, Store, StoreContextMut, UpdateDeadline, WasmBacktrace};

use crate::abi::{Callback, LogLevel, Status};
use crate::clock::Clock;
use crate::error::HostError;
use crate::host::Host;
use crate::link;
use crate::plugin::{IntoPlugin, Limits, Plugin, Ticker};
use crate::profile::Profile;
use crate::property::PropertyValue;
use crate::runtime::{DEADLINE_EPOCHS, Handlers, Runtime};
use crate::state::{ForeignFunction, Settings, State};
use crate::trap::TrapPolicy;

/// A host that has no plugin yet.
#[derive(Clone)]
pub struct Setup {
    profile: Profile,
    settings: Settings,
    limits: Limits,
    start: Duration,
    seed: u64,
    workers: usize,
    main_thread: bool,
    policy: Option<TrapPolicy>,
    foreign: BTreeMap<String, ForeignFunction>,
    trace: bool,
}

impl Setup {
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            profile,
            settings: Settings {
                plugin_name: "plugin".to_owned(),
                root_id: String::new(),
                vm_id: String::new(),
                vm_configuration: Arc::from([]),
                environment: Vec::new(),
                properties: BTreeMap::new(),
                clusters: None,
                log_level: LogLevel::Info,
                capabilities: None,
            },
            limits: Limits::default(),
            start: Clock::DEFAULT_START,
            seed: 0,
            workers: 1,
            main_thread: true,
            policy: None,
            foreign: BTreeMap::new(),
            trace: true,
        }
    }

    /// How many workers serve requests. One unless told.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count.max(1);
        self
    }

    /// Leaves out the main thread's VM, so that ticks come from workers alone.
    pub fn without_main_thread(mut self) -> Self {
        self.main_thread = false;
        self
    }

    /// What the clock shows at the start, since the Unix epoch. 2026-01-01 unless told.
    pub fn clock(mut self, since_epoch: Duration) -> Self {
        self.start = since_epoch;
        self
    }

    /// The seed of the random bytes that plugins get.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The plugin's name (`plugin_name`).
    pub fn plugin_name(mut self, name: impl Into<String>) -> Self {
        self.settings.plugin_name = name.into();
        self
    }

    /// The plugin's root id (`plugin_root_id`).
    pub fn root_id(mut self, id: impl Into<String>) -> Self {
        self.settings.root_id = id.into();
        self
    }

    /// The VM's id (`plugin_vm_id`).
    pub fn vm_id(mut self, id: impl Into<String>) -> Self {
        self.settings.vm_id = id.into();
        self
    }

    /// The VM's configuration.
    pub fn vm_configuration(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.settings.vm_configuration = Arc::from(bytes.as_ref());
        self
    }

    /// An environment variable of the VM.
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.environment.push((name.into(), value.into()));
        self
    }

    /// A property of every request, by its dotted path.
    pub fn property(mut self, path: impl Into<String>, value: impl Into<PropertyValue>) -> Self {
        self.settings.properties.insert(path.into(), value.into());
        self
    }

    /// The only upstreams that exist. Without a call, every upstream does.
    pub fn clusters<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.settings.clusters = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The log level that `proxy_get_log_level` tells.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.settings.log_level = level;
        self
    }

    /// Restricts the plugin to these hostcalls, callbacks and WASI functions,
    /// as Envoy's `capability_restriction_config` does: a hostcall outside
    /// returns `InternalFailure`, a callback is not called, WASI returns 76.
    pub fn capabilities<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.settings.capabilities = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What happens after a trap, instead of the profile's default.
    pub fn trap_policy(mut self, policy: TrapPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Limits for a module given as bytes; a compiled plugin has its own.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A foreign function: argument in, result or status out.
    pub fn foreign_function(
        mut self,
        name: impl Into<String>,
        function: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync + 'static,
    ) -> Self {
        self.foreign.insert(name.into(), Arc::new(function));
        self
    }

    /// Leaves out the record of calls, for benchmarks.
    pub fn without_trace(mut self) -> Self {
        self.trace = false;
        self
    }

    /// Compiles if need be, and links.
    ///
    /// # Errors
    /// Why this host refuses the module.
    pub fn load(self, plugin: impl IntoPlugin) -> Result<Loaded, HostError> {
        let plugin = plugin.into_plugin(self.limits)?;
        let pre = link::link(&plugin, &self.profile, self.settings.capabilities.as_ref())?;
        Ok(Loaded { setup: self, plugin, pre })
    }
}

/// A host with a plugin that is not running yet.
#[derive(Clone)]
pub struct Loaded {
    setup: Setup,
    plugin: Plugin,
    pre: InstancePre<State>,
}

impl Loaded {
    /// What moves the epoch: samples come with each step, a deadline after some.
    fn ticker(&self) -> Option<Ticker> {
        let Limits { deadline, sample, .. } = self.plugin.limits;
        let step = |deadline: Duration| deadline.checked_div(DEADLINE_EPOCHS).unwrap_or(deadline);
        let every = sample.or(deadline.map(step))?;
        Some(Ticker::start(self.plugin.engine(), every))
    }

    /// Starts all VMs with this configuration. Can be called again, for a host of its own.
    ///
    /// # Errors
    /// Why the plugin did not start where the host checks it. A worker on
    /// which it did not start serves unfiltered under Envoy, and is no error.
    pub fn configure(&self, configuration: impl AsRef<[u8]>) -> Result<Host, HostError> {
        let setup = &self.setup;
        let clock = Clock::new(setup.start, setup.profile.clock_step);
        let mut state = State::new(setup.profile.clone(), setup.settings.clone(), clock, setup.seed);
        state.trace.enabled = setup.trace;
        state.foreign = setup.foreign.clone();
        if let Some(limit) = self.plugin.limits.memory {
            state.memory_limit = limit;
        }
        let mut store = Store::new(self.plugin.engine(), state);
        store.limiter(|state| state);
        if self.plugin.limits.sample.is_some() {
            store.epoch_deadline_callback(sample);
        }
        let mut runtime = Runtime {
            store,
            pre: self.pre.clone(),
            plugin: self.plugin.clone(),
            configuration: Arc::from(configuration.as_ref()),
            workers: Vec::new(),
            policy: setup.policy.unwrap_or(setup.profile.trap),
            handlers: Handlers::default(),
            next_stream: 0,
            fuel_used: 0,
            fuel_by_callback: [0; Callback::COUNT],
            ticker: self.ticker(),
        };
        runtime.start(setup.workers, setup.main_thread)?;
        Ok(Host::from_runtime(runtime))
    }
}

/// Notes the function that runs, and lets it go on.
fn sample(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let backtrace = WasmBacktrace::force_capture(&store);
    if let Some(frame) = backtrace.frames().first() {
        let name = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), str::to_owned);
        *store.data_mut().samples.entry(name).or_default() += 1;
    }
    Ok(UpdateDeadline::Continue(1))
}
