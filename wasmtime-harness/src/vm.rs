//! One VM: an instance of the plugin, its callbacks and its contexts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{AsContextMut, Func, Instance, Memory, TypedFunc, ValType};

use crate::abi::Callback;

/// What a VM is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VmRole {
    /// Checks a configuration and is thrown away.
    Canary,
    /// On the main thread: ticks, serves nothing.
    Main,
    /// Serves requests; numbered from 0.
    Worker(usize),
}

impl fmt::Display for VmRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canary => f.write_str("canary"),
            Self::Main => f.write_str("main"),
            Self::Worker(index) => write!(f, "worker {index}"),
        }
    }
}

/// A callback as the module exports it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) func: Func,
    pub(crate) params: usize,
    pub(crate) results: usize,
    /// Whether all its values are 32-bit integers, as the ABI has them.
    pub(crate) callable: bool,
}

/// What a context id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Root,
    Http(usize),
    Tcp(usize),
}

/// Where a root context is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RootStage {
    /// Takes new streams.
    Active,
    /// Replaced, but streams still hold it.
    Draining,
    /// `on_done` returned false; waits for `proxy_done`.
    PendingDone,
    /// Gone.
    Deleted,
}

/// A root context: one generation of the configuration in one VM.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) id: u32,
    pub(crate) configuration: Arc<[u8]>,
    pub(crate) tick_period: Option<Duration>,
    pub(crate) next_tick: Duration,
    pub(crate) stage: RootStage,
}

/// One instance and what the host keeps about it.
pub(crate) struct Vm {
    pub(crate) role: VmRole,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocator: Option<TypedFunc<u32, u32>>,
    callbacks: [Option<Entry>; Callback::COUNT],
    pub(crate) next_context: u32,
    pub(crate) contexts: BTreeMap<u32, Owner>,
    pub(crate) roots: Vec<Root>,
    /// When it trapped.
    pub(crate) failed: Option<Duration>,
    pub(crate) grpc_status: (u32, String),
    pub(crate) memory_high_water: usize,
}

impl Vm {
    pub(crate) fn new(role: VmRole) -> Self {
        Self {
            role,
            memory: None,
            allocator: None,
            callbacks: [None; Callback::COUNT],
            next_context: 1,
            contexts: BTreeMap::new(),
            roots: Vec::new(),
            failed: None,
            grpc_status: (0, String::new()),
            memory_high_water: 0,
        }
    }

    /// Finds what the module exports.
    pub(crate) fn attach(&mut self, instance: Instance, mut store: impl AsContextMut) {
        self.memory = instance.get_memory(&mut store, "memory");
        self.allocator = ["malloc", "proxy_on_memory_allocate"]
            .iter()
            .find_map(|name| instance.get_typed_func::<u32, u32>(&mut store, name).ok());
        for (slot, callback) in self.callbacks.iter_mut().zip(Callback::ALL) {
            *slot = instance.get_func(&mut store, callback.name()).map(|func| entry(func, &mut store));
        }
    }

    pub(crate) fn callback(&self, callback: Callback) -> Option<Entry> {
        self.callbacks.get(callback as usize).copied().flatten()
    }

    pub(crate) fn allocate_context(&mut self, owner: Owner) -> u32 {
        let id = self.next_context;
        self.next_context = id.wrapping_add(1).max(1);
        self.contexts.insert(id, owner);
        id
    }

    /// The root that new streams get.
    pub(crate) fn active_root(&self) -> Option<&Root> {
        self.roots.iter().rev().find(|root| root.stage == RootStage::Active)
    }

    pub(crate) fn root(&mut self, id: u32) -> Option<&mut Root> {
        self.roots.iter_mut().find(|root| root.id == id)
    }
}

fn entry(func: Func, store: impl AsContextMut) -> Entry {
    let ty = func.ty(store);
    let is_i32 = |ty: ValType| matches!(ty, ValType::I32);
    Entry {
        func,
        params: ty.params().len(),
        results: ty.results().len(),
        callable: ty.params().all(is_i32) && ty.results().all(is_i32),
    }
}
