//! What one real host does: data, read by the rest of the crate.
//!
//! A profile is no fork of the host. Where hosts differ there is one field
//! here, and one place that reads it.

mod apisix;
mod envoy;
mod gcp;
mod nginx_wasm;
mod strict;

use std::time::Duration;

use crate::abi::{AbiVersion, Callback, Hostcall};
use crate::trap::TrapPolicy;

/// How a host answers a hostcall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does it.
    Full,
    /// It returns `Unimplemented` (12) and does nothing.
    Stub,
    /// It returns `Ok` and does nothing.
    Ignored,
    /// Calling it traps the plugin.
    Traps,
    /// It is not offered: a module that imports it does not load.
    Absent,
    /// It is offered with another type: a module that imports it does not load.
    WrongType,
}

/// Which WASI functions a host offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WasiSupport {
    All,
    Only(&'static [&'static str]),
}

/// How properties are named and encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyStyle {
    /// Attributes, binary: integers as 8 bytes little-endian, booleans as one byte.
    Envoy,
    /// Attributes and `ngx.*` variables, all as text.
    NginxWasm,
    /// nginx variables without a prefix, all as text.
    Apisix,
}

/// What `end_of_stream` the headers callbacks get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndOfStream {
    Truthful,
    Never,
    /// Always, and with a header count of 0.
    Always,
}

/// Which VMs a host makes, and what a refusal on a worker means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartRules {
    /// A VM that only checks the configuration, before any other.
    pub(crate) canary: bool,
    /// A VM on the main thread, which ticks but serves no request.
    pub(crate) main_thread: bool,
    /// Whether `proxy_on_vm_start` is called.
    pub(crate) vm_start: bool,
    /// What happens to a worker on which starting or configuring failed.
    pub(crate) failed_worker: FailedWorker,
}

/// What a worker does whose plugin did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedWorker {
    /// It serves traffic without the filter.
    Unfiltered,
    /// The host does not start.
    Fatal,
}

/// How header maps and replies behave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpRules {
    /// Header maps are only there while their half is being filtered (Envoy), or always.
    pub(crate) maps_follow_phase: bool,
    pub(crate) end_of_stream: EndOfStream,
    /// A paused request goes on by itself after `on_http_call_response`.
    pub(crate) resumes_after_call: bool,
    /// A pending callout wins over a local reply of the same callback.
    pub(crate) call_beats_reply: bool,
    /// A pause with no callout pending and no reply crashes the worker.
    pub(crate) idle_pause_crashes: bool,
    /// At most one callout may be pending on a stream.
    pub(crate) one_call_at_a_time: bool,
    /// Response headers may be added between a local reply and its response phase.
    pub(crate) reply_headers_open: bool,
    /// The names of headers whose repeated values arrive joined by commas.
    pub(crate) joined_headers: &'static [&'static str],
    /// The names of headers that get a request refused with 400 when repeated.
    pub(crate) single_headers: &'static [&'static str],
    /// `:authority` is the server's own name and port, not the `Host` header.
    pub(crate) authority_is_server: bool,
    /// `host` is another name of `:authority` (Envoy); elsewhere it is a header of its own.
    pub(crate) host_is_authority: bool,
    /// What a client sees of a request on which the plugin trapped.
    pub(crate) trap_status: u32,
    /// The host checks that callouts name a known cluster and carry the pseudo headers.
    pub(crate) checks_callouts: bool,
    /// gRPC targets are protobuf, and an empty one aborts the process.
    pub(crate) grpc_service_proto: bool,
    /// A callout's callback can be dispatched only in these callbacks; empty means anywhere.
    pub(crate) call_phases: &'static [Callback],
    /// What a callout elsewhere does.
    pub(crate) call_elsewhere: Elsewhere,
    /// A second local reply to one request traps.
    pub(crate) second_reply_traps: bool,
    /// A local reply cancels the stream's pending callouts.
    pub(crate) reply_cancels_calls: bool,
    /// A failed callout says why in the header `:dispatch_status`.
    pub(crate) names_dispatch_status: bool,
    /// After a trap the request goes on in a new context of a new VM, from the response on.
    pub(crate) trap_restarts_stream: bool,
    /// Bodies are shown only to a plugin that asked for them through a property.
    pub(crate) bodies_on_request: bool,
    /// Whether trailers are shown.
    pub(crate) trailers: bool,
    /// Whether a local reply to a gRPC request becomes a gRPC status.
    pub(crate) grpc_replies: bool,
}

/// What a hostcall does outside the phases it is allowed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    BadArgument,
    Traps,
}

/// The behaviour of one kind of host.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(crate) name: &'static str,
    pub(crate) abis: &'static [AbiVersion],
    pub(crate) unknown_abi_loads: bool,
    /// Only the hostcalls of the module's own ABI version are linked.
    pub(crate) links_by_abi: bool,
    pub(crate) support: [Support; Hostcall::COUNT],
    pub(crate) wasi: WasiSupport,
    pub(crate) start: StartRules,
    pub(crate) end_order: &'static [Callback],
    /// The most bytes of a message that reach the log.
    pub(crate) log_limit: Option<usize>,
    pub(crate) clock_step: Duration,
    pub(crate) properties: PropertyStyle,
    pub(crate) http: HttpRules,
    pub(crate) trap: TrapPolicy,
    pub(crate) first_token: u32,
    pub(crate) memory_limit: usize,
    pub(crate) configuration_only_in_configure: bool,
    /// Ticks can be asked for once, and only by a root.
    pub(crate) one_tick_period: bool,
    /// The longest name of a metric; a longer one, and an unknown id, trap.
    pub(crate) metric_name_limit: Option<usize>,
    pub(crate) strict: bool,
}

impl Profile {
    /// The profile's name, as the binary takes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Every profile there is.
    pub fn all() -> Vec<Profile> {
        vec![Self::envoy(), Self::nginx_wasm(), Self::apisix(), Self::gcp(), Self::strict()]
    }

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Profile> {
        Self::all().into_iter().find(|profile| profile.name == name)
    }

    /// How this host answers a hostcall.
    pub fn support(&self, call: Hostcall) -> Support {
        self.support.get(call as usize).copied().unwrap_or(Support::Absent)
    }

    /// Whether a module that imports this WASI function loads.
    pub fn offers_wasi(&self, name: &str) -> bool {
        match self.wasi {
            WasiSupport::All => true,
            WasiSupport::Only(names) => names.contains(&name),
        }
    }

    /// Whether the host speaks that ABI version.
    pub fn speaks(&self, version: AbiVersion) -> bool {
        self.abis.contains(&version)
    }
}

const ALL_ABIS: &[AbiVersion] = &[AbiVersion::V0_1_0, AbiVersion::V0_2_0, AbiVersion::V0_2_1];

/// `Full` for everything but what is listed.
fn support(exceptions: &[(Hostcall, Support)]) -> [Support; Hostcall::COUNT] {
    let mut table = [Support::Full; Hostcall::COUNT];
    for (call, support) in exceptions {
        if let Some(entry) = table.get_mut(*call as usize) {
            *entry = *support;
        }
    }
    table
}
