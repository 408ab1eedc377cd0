//! A compiled plugin: compile once, load into as many hosts as you like.

use std::time::Duration;

use wasmtime::{Config, Engine, ExternType, Module};

use crate::abi::AbiVersion;
use crate::error::HostError;

/// Limits on what one callback may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fuel for each callback; `None` compiles without counting, which is faster.
    pub fuel: Option<u64>,
    /// Most bytes of memory of one VM; `None` is the profile's own limit.
    pub memory: Option<usize>,
    /// Most wall-clock time of one callback, roughly: for plugins that are compiled without fuel.
    pub deadline: Option<Duration>,
    /// How often to look which function runs, instead of a deadline; see [`crate::Host::samples`].
    pub sample: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: Some(10_000_000_000), memory: None, deadline: None, sample: None }
    }
}

/// A compiled module with what the host has to know of it. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) module: Module,
    pub(crate) limits: Limits,
    markers: Vec<String>,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("abi", &self.markers).finish_non_exhaustive()
    }
}

impl Plugin {
    /// Compiles a module, binary or text, with the default limits.
    ///
    /// # Errors
    /// [`HostError::BadModule`] if the engine does not accept it.
    pub fn compile(bytes: impl AsRef<[u8]>) -> Result<Self, HostError> {
        Self::compile_with(bytes, Limits::default())
    }

    /// Compiles a module with limits.
    ///
    /// # Errors
    /// [`HostError::BadModule`] if the engine does not accept it.
    pub fn compile_with(bytes: impl AsRef<[u8]>, limits: Limits) -> Result<Self, HostError> {
        let bad = |error: wasmtime::Error| HostError::BadModule { reason: format!("{error:#}") };
        let mut config = Config::new();
        config.consume_fuel(limits.fuel.is_some());
        config.epoch_interruption(limits.deadline.or(limits.sample).is_some());
        let engine = Engine::new(&config).map_err(bad)?;
        let module = Module::new(&engine, bytes.as_ref()).map_err(bad)?;
        let markers = module
            .exports()
            .map(|export| export.name().to_owned())
            .filter(|name| name.starts_with("proxy_abi_version_"))
            .collect();
        Ok(Self { module, limits, markers })
    }

    /// The ABI version the module names, if this crate knows it.
    pub fn abi(&self) -> Option<AbiVersion> {
        self.markers.iter().find_map(|marker| AbiVersion::from_marker(marker))
    }

    /// The `proxy_abi_version_*` exports, known or not.
    pub fn markers(&self) -> &[String] {
        &self.markers
    }

    /// The functions the module imports: module and name.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        let functions = self.module.imports().filter(|import| matches!(import.ty(), ExternType::Func(_)));
        functions.map(|import| (import.module(), import.name()))
    }

    /// The names of everything the module exports.
    pub fn exports(&self) -> impl Iterator<Item = &str> {
        self.module.exports().map(|export| export.name())
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.module.engine()
    }
}

/// The only thread of this crate: it moves the engine's epoch while a host with a deadline lives.
pub(crate) struct Ticker {
    stop: std::sync::mpsc::Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine, every: Duration) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let engine = engine.clone();
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(every) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // Both fail only if the thread is gone already.
        let _ = self.stop.send(());
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// Something to load: a compiled [`Plugin`] or a module's bytes.
pub trait IntoPlugin {
    /// Compiles if need be.
    ///
    /// # Errors
    /// [`HostError::BadModule`] if the engine does not accept it.
    fn into_plugin(self, limits: Limits) -> Result<Plugin, HostError>;
}

impl IntoPlugin for &Plugin {
    fn into_plugin(self, _limits: Limits) -> Result<Plugin, HostError> {
        Ok(self.clone())
    }
}

impl IntoPlugin for Plugin {
    fn into_plugin(self, _limits: Limits) -> Result<Plugin, HostError> {
        Ok(self)
    }
}

impl IntoPlugin for &[u8] {
    fn into_plugin(self, limits: Limits) -> Result<Plugin, HostError> {
        Plugin::compile_with(self, limits)
    }
}

impl IntoPlugin for &Vec<u8> {
    fn into_plugin(self, limits: Limits) -> Result<Plugin, HostError> {
        Plugin::compile_with(self, limits)
    }
}

impl IntoPlugin for Vec<u8> {
    fn into_plugin(self, limits: Limits) -> Result<Plugin, HostError> {
        Plugin::compile_with(self, limits)
    }
}

impl IntoPlugin for &str {
    fn into_plugin(self, limits: Limits) -> Result<Plugin, HostError> {
        Plugin::compile_with(self, limits)
    }
}

impl<const N: usize> IntoPlugin for &[u8; N] {
    fn into_plugin(self, limits: Limits) -> Result<Plugin, HostError> {
        Plugin::compile_with(self, limits)
    }
}
