//! nginx with Kong's ngx_wasm_module.

use std::time::Duration;

use super::*;

const WASI: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "fd_read",
    "fd_seek",
    "fd_write",
    "path_open",
    "proc_exit",
    "random_get",
    "sched_yield",
    "poll_oneoff",
];

/// nginx cuts a line of its error log here, with everything it puts before and behind the message.
const LOG_LINE: usize = 2048;

/// About what nginx adds: time, level, process, connection, then client, server, request and host.
const LOG_PREFIX: usize = 200;

const TRAPS: &[(Hostcall, Support)] = &[
    (Hostcall::GetLogLevel, Support::Traps),
    (Hostcall::GrpcCall, Support::Traps),
    (Hostcall::GrpcStream, Support::Traps),
    (Hostcall::GrpcSend, Support::Traps),
    (Hostcall::GrpcCancel, Support::Traps),
    (Hostcall::GrpcClose, Support::Traps),
    (Hostcall::GetStatus, Support::Traps),
    (Hostcall::ResolveSharedQueue, Support::Traps),
    (Hostcall::Done, Support::Traps),
    (Hostcall::CloseStream, Support::Traps),
    (Hostcall::ClearRouteCache, Support::Traps),
    (Hostcall::CallForeignFunction, Support::Traps),
];

impl Profile {
    /// nginx with ngx_wasm_module (Kong 3.4 to 3.10).
    pub fn nginx_wasm() -> Self {
        Self {
            name: "nginx-wasm",
            links_by_abi: false,
            support: support(TRAPS),
            wasi: WasiSupport::Only(WASI),
            start: StartRules { canary: false, main_thread: false, vm_start: true, failed_worker: FailedWorker::Fatal },
            end_order: &[Callback::OnDone, Callback::OnLog, Callback::OnDelete],
            log_limit: Some(LOG_LINE - LOG_PREFIX),
            clock_step: Duration::from_millis(1),
            properties: PropertyStyle::NginxWasm,
            http: HttpRules {
                maps_follow_phase: false,
                end_of_stream: EndOfStream::Never,
                resumes_after_call: true,
                reply_headers_open: true,
                joined_headers: &[],
                single_headers: &["authorization", "host"],
                authority_is_server: true,
                host_is_authority: false,
                trap_status: 500,
                checks_callouts: false,
                grpc_service_proto: false,
                call_phases: &[
                    Callback::OnRequestHeaders,
                    Callback::OnRequestBody,
                    Callback::OnTick,
                    Callback::OnHttpCallResponse,
                    Callback::OnForeignFunction,
                ],
                call_elsewhere: Elsewhere::Traps,
                second_reply_traps: true,
                reply_cancels_calls: true,
                names_dispatch_status: true,
                trap_restarts_stream: true,
                trailers: false,
                grpc_replies: false,
                ..envoy::HTTP
            },
            trap: TrapPolicy::Rebuild,
            configuration_only_in_configure: false,
            one_tick_period: true,
            metric_name_limit: Some(256),
            ..Self::envoy()
        }
    }
}
