//! Envoy 1.40 and what is built of it: Istio, Envoy Gateway, Higress.

use std::time::Duration;

use super::*;

pub(super) const HTTP: HttpRules = HttpRules {
    maps_follow_phase: true,
    end_of_stream: EndOfStream::Truthful,
    resumes_after_call: false,
    call_beats_reply: false,
    idle_pause_crashes: false,
    one_call_at_a_time: false,
    reply_headers_open: false,
    joined_headers: &["authorization"],
    single_headers: &[],
    authority_is_server: false,
    host_is_authority: true,
    trap_status: 503,
    checks_callouts: true,
    grpc_service_proto: true,
    call_phases: &[],
    call_elsewhere: Elsewhere::BadArgument,
    second_reply_traps: false,
    reply_cancels_calls: false,
    names_dispatch_status: false,
    trap_restarts_stream: false,
    bodies_on_request: false,
    trailers: true,
    grpc_replies: true,
};

impl Profile {
    /// Envoy 1.40.
    pub fn envoy() -> Self {
        Self {
            name: "envoy",
            abis: ALL_ABIS,
            unknown_abi_loads: false,
            links_by_abi: true,
            support: support(&[]),
            wasi: WasiSupport::All,
            start: StartRules { canary: true, main_thread: true, vm_start: true, failed_worker: FailedWorker::Unfiltered },
            end_order: &[Callback::OnLog, Callback::OnDone, Callback::OnDelete],
            log_limit: None,
            clock_step: Duration::from_nanos(1),
            properties: PropertyStyle::Envoy,
            http: HTTP,
            trap: TrapPolicy::FailClosed,
            first_token: 1,
            memory_limit: 1 << 30,
            configuration_only_in_configure: true,
            one_tick_period: false,
            metric_name_limit: None,
            strict: false,
        }
    }
}
