//! Everything a host keeps, owned by the engine's store.
//!
//! There is one store for all VMs of a host, so nothing is shared between
//! hosts and tests run in parallel.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::abi::{BufferKind, Callback, Hostcall, MapKind, Status};
use crate::callout::{Callouts, GrpcRequest, HttpRequest};
use crate::clock::{Clock, Random};
use crate::headers::Headers;
use crate::log::LogLine;
use crate::metrics::Registry;
use crate::profile::Profile;
use crate::property::PropertyValue;
use crate::shared::{Queues, SharedData};
use crate::stream::{HttpStream, Place};
use crate::tcp::TcpStream;
use crate::trace::Trace;
use crate::trap::Trap;
use crate::vm::{Owner, Vm, VmRole};

/// What the test settled before the plugin was loaded.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) plugin_name: String,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Arc<[u8]>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) properties: BTreeMap<String, PropertyValue>,
    /// The upstreams that exist; `None` means any.
    pub(crate) clusters: Option<BTreeSet<String>>,
    pub(crate) log_level: crate::abi::LogLevel,
    /// The only functions the plugin may use, both ways; `None` means any.
    pub(crate) capabilities: Option<BTreeSet<String>>,
}

/// What a callback may see besides the stream's own maps and buffers.
#[derive(Debug, Default)]
pub(crate) enum Window {
    #[default]
    Nothing,
    VmStart,
    Configure(Arc<[u8]>),
    HttpCall {
        headers: Headers,
        body: Vec<u8>,
        trailers: Headers,
    },
    GrpcMetadata(Headers),
    GrpcMessage(Vec<u8>),
    GrpcTrailers(Headers),
    Foreign(Vec<u8>),
}

/// The callback that runs now.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) vm: usize,
    pub(crate) callback: Option<Callback>,
    pub(crate) context: u32,
    pub(crate) effective: u32,
    pub(crate) window: Window,
    /// Inside `_initialize`, `_start` or the allocator, where most hostcalls are forbidden.
    pub(crate) restricted: bool,
}

pub(crate) struct State {
    pub(crate) profile: Profile,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) metrics: Registry,
    pub(crate) data: SharedData,
    pub(crate) queues: Queues,
    pub(crate) trace: Trace,
    pub(crate) traps: Vec<Trap>,
    pub(crate) violations: Vec<String>,
    pub(crate) vms: Vec<Vm>,
    pub(crate) streams: BTreeMap<usize, HttpStream>,
    pub(crate) connections: Vec<TcpStream>,
    pub(crate) http_calls: Callouts<HttpRequest>,
    pub(crate) grpc_calls: Callouts<GrpcRequest>,
    pub(crate) next_token: u32,
    pub(crate) frame: Frame,
    /// Streams with something to do once the callback returns.
    pub(crate) touched: BTreeSet<usize>,
    /// Queues to announce: consumer and queue.
    pub(crate) arrivals: VecDeque<(crate::shared::Consumer, u32)>,
    /// Roots that called `proxy_done`: VM and context.
    pub(crate) done: Vec<Place>,
    pub(crate) faults: BTreeMap<Hostcall, Fault>,
    pub(crate) foreign: BTreeMap<String, ForeignFunction>,
    /// Properties a plugin declared, and whether they are read-only.
    pub(crate) declared: BTreeMap<String, bool>,
    pub(crate) memory_limit: usize,
    /// How often each function was seen running.
    pub(crate) samples: BTreeMap<String, u64>,
}

/// A hostcall made to fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) status: Status,
    /// How many calls still work.
    pub(crate) spared: u64,
    /// How many fail then; `None` is all of them.
    pub(crate) failing: Option<u64>,
}

impl Fault {
    /// Counts a call. The status, if this one fails.
    pub(crate) fn strike(&mut self) -> Option<Status> {
        if self.spared > 0 {
            self.spared -= 1;
            return None;
        }
        match &mut self.failing {
            None => Some(self.status),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(self.status)
            }
        }
    }
}

/// A foreign function: argument in, status and result out.
pub(crate) type ForeignFunction = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync>;

impl State {
    pub(crate) fn new(profile: Profile, settings: Settings, clock: Clock, seed: u64) -> Self {
        let next_token = profile.first_token;
        let memory_limit = profile.memory_limit;
        Self {
            profile,
            settings,
            clock,
            random: Random::seeded(seed),
            logs: Vec::new(),
            metrics: Registry::default(),
            data: SharedData::default(),
            queues: Queues::default(),
            trace: Trace::new(),
            traps: Vec::new(),
            violations: Vec::new(),
            vms: Vec::new(),
            streams: BTreeMap::new(),
            connections: Vec::new(),
            http_calls: Callouts::default(),
            grpc_calls: Callouts::default(),
            next_token,
            frame: Frame { vm: 0, callback: None, context: 0, effective: 0, window: Window::Nothing, restricted: false },
            touched: BTreeSet::new(),
            arrivals: VecDeque::new(),
            done: Vec::new(),
            faults: BTreeMap::new(),
            foreign: BTreeMap::new(),
            declared: BTreeMap::new(),
            memory_limit,
            samples: BTreeMap::new(),
        }
    }

    /// Whether the capability restriction lets the plugin have that function.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.settings.capabilities.as_ref().is_none_or(|names| names.contains(name))
    }

    /// The restriction covers the ABI's callbacks, not the module's start.
    pub(crate) fn allows_callback(&self, callback: Callback) -> bool {
        !callback.name().starts_with("proxy_") || self.allows(callback.name())
    }

    pub(crate) fn role(&self) -> VmRole {
        self.vms.get(self.frame.vm).map_or(VmRole::Main, |vm| vm.role)
    }

    pub(crate) fn vm(&mut self) -> Option<&mut Vm> {
        self.vms.get_mut(self.frame.vm)
    }

    /// What the effective context is.
    pub(crate) fn owner(&self) -> Option<Owner> {
        self.vms.get(self.frame.vm)?.contexts.get(&self.frame.effective).copied()
    }

    /// The stream of the effective context.
    pub(crate) fn stream_index(&self) -> Option<usize> {
        match self.owner()? {
            Owner::Http(index) => Some(index),
            Owner::Root | Owner::Tcp(_) => None,
        }
    }

    pub(crate) fn stream(&mut self) -> Option<&mut HttpStream> {
        let index = self.stream_index()?;
        self.streams.get_mut(&index)
    }

    /// The connection of the effective context.
    pub(crate) fn connection(&mut self) -> Option<&mut TcpStream> {
        let index = self.connection_index()?;
        self.connections.get_mut(index)
    }

    pub(crate) fn connection_index(&self) -> Option<usize> {
        match self.owner()? {
            Owner::Tcp(index) => Some(index),
            Owner::Root | Owner::Http(_) => None,
        }
    }

    /// The root context behind the effective context.
    pub(crate) fn root_id(&self) -> u32 {
        match self.owner() {
            Some(Owner::Http(index)) => self.streams.get(&index).map_or(0, |stream| stream.root),
            Some(Owner::Tcp(index)) => self.connections.get(index).map_or(0, |tcp| tcp.root),
            Some(Owner::Root) | None => self.frame.effective,
        }
    }

    pub(crate) fn take_token(&mut self) -> u32 {
        let token = self.next_token;
        self.next_token = token.wrapping_add(1);
        token
    }

    /// The map, if it can be read in this phase.
    pub(crate) fn readable_map(&mut self, kind: MapKind) -> Option<&Headers> {
        let always = !self.profile.http.maps_follow_phase;
        match kind {
            MapKind::CallHeaders | MapKind::CallTrailers => self.call_map(kind),
            MapKind::GrpcInitialMetadata | MapKind::GrpcTrailingMetadata => self.grpc_map(kind),
            _ => {
                let stream = self.stream()?;
                let open = always || stream.logging;
                let (half, seen) = match kind {
                    MapKind::RequestHeaders | MapKind::RequestTrailers => (&stream.request, true),
                    _ => (&stream.response, !stream.response.headers.is_empty()),
                };
                match kind {
                    MapKind::RequestHeaders | MapKind::ResponseHeaders => {
                        (seen && (open || half.headers_open)).then_some(&half.headers)
                    }
                    _ if open || half.trailers_open => half.trailers.as_ref(),
                    _ => None,
                }
            }
        }
    }

    fn call_map(&self, kind: MapKind) -> Option<&Headers> {
        match &self.frame.window {
            Window::HttpCall { headers, trailers, .. } => Some(if kind == MapKind::CallHeaders { headers } else { trailers }),
            _ => None,
        }
    }

    fn grpc_map(&self, kind: MapKind) -> Option<&Headers> {
        match (&self.frame.window, kind) {
            (Window::GrpcMetadata(headers), MapKind::GrpcInitialMetadata)
            | (Window::GrpcTrailers(headers), MapKind::GrpcTrailingMetadata) => Some(headers),
            _ => None,
        }
    }

    /// The map, if it can be changed in this phase.
    pub(crate) fn writable_map(&mut self, kind: MapKind) -> Option<&mut Headers> {
        let always = !self.profile.http.maps_follow_phase;
        let reply_open = self.profile.http.reply_headers_open;
        let stream = self.stream()?;
        if let (MapKind::ResponseHeaders, true, Some(reply)) = (kind, reply_open, &mut stream.pending_reply) {
            return Some(&mut reply.headers);
        }
        if stream.logging {
            return None;
        }
        let has_response = !stream.response.headers.is_empty();
        match kind {
            MapKind::RequestHeaders => (always || stream.request.headers_open).then_some(&mut stream.request.headers),
            MapKind::ResponseHeaders => {
                let open = stream.response.headers_open || (always && has_response);
                open.then_some(&mut stream.response.headers)
            }
            MapKind::RequestTrailers if stream.request.trailers_open => stream.request.trailers.as_mut(),
            MapKind::ResponseTrailers if stream.response.trailers_open => stream.response.trailers.as_mut(),
            _ => None,
        }
    }

    /// The buffer, if it can be read now.
    pub(crate) fn buffer(&mut self, kind: BufferKind) -> Option<Vec<u8>> {
        match kind {
            BufferKind::RequestBody => self.stream().map(|stream| stream.request.body.clone()),
            BufferKind::ResponseBody => self.stream().map(|stream| stream.response.body.clone()),
            BufferKind::DownstreamData => self.connection().map(|tcp| tcp.downstream.buffer.clone()),
            BufferKind::UpstreamData => self.connection().map(|tcp| tcp.upstream.buffer.clone()),
            BufferKind::VmConfiguration => Some(self.settings.vm_configuration.to_vec()),
            BufferKind::PluginConfiguration => self.plugin_configuration(),
            BufferKind::CallBody => match &self.frame.window {
                Window::HttpCall { body, .. } => Some(body.clone()),
                _ => None,
            },
            BufferKind::GrpcMessage => match &self.frame.window {
                Window::GrpcMessage(message) => Some(message.clone()),
                _ => None,
            },
            BufferKind::ForeignArgument => match &self.frame.window {
                Window::Foreign(argument) => Some(argument.clone()),
                _ => None,
            },
        }
    }

    fn plugin_configuration(&mut self) -> Option<Vec<u8>> {
        if let Window::Configure(configuration) = &self.frame.window {
            return Some(configuration.to_vec());
        }
        if self.profile.configuration_only_in_configure {
            return None;
        }
        let root = self.root_id();
        self.vm()?.root(root).map(|root| root.configuration.to_vec())
    }
}
