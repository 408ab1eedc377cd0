//! OpenResty with api7's wasm-nginx-module, as Apache APISIX runs it.

use super::*;

const DIFFERENT: &[(Hostcall, Support)] = &[
    (Hostcall::GetLogLevel, Support::Absent),
    (Hostcall::GetMetric, Support::WrongType),
    (Hostcall::GetCurrentTime, Support::Stub),
    (Hostcall::SetHeaderMapPairs, Support::Stub),
    (Hostcall::SetBufferBytes, Support::Stub),
    (Hostcall::GrpcCall, Support::Stub),
    (Hostcall::GrpcStream, Support::Stub),
    (Hostcall::GrpcSend, Support::Stub),
    (Hostcall::GrpcCancel, Support::Stub),
    (Hostcall::GrpcClose, Support::Stub),
    (Hostcall::GetStatus, Support::Stub),
    (Hostcall::GetSharedData, Support::Stub),
    (Hostcall::SetSharedData, Support::Stub),
    (Hostcall::RegisterSharedQueue, Support::Stub),
    (Hostcall::ResolveSharedQueue, Support::Stub),
    (Hostcall::EnqueueSharedQueue, Support::Stub),
    (Hostcall::DequeueSharedQueue, Support::Stub),
    (Hostcall::DefineMetric, Support::Ignored),
    (Hostcall::IncrementMetric, Support::Ignored),
    (Hostcall::RecordMetric, Support::Ignored),
    (Hostcall::SetTickPeriod, Support::Stub),
    (Hostcall::SetEffectiveContext, Support::Ignored),
    (Hostcall::Done, Support::Stub),
    (Hostcall::CallForeignFunction, Support::Stub),
    (Hostcall::ContinueStream, Support::Ignored),
    (Hostcall::ContinueRequest, Support::Ignored),
    (Hostcall::ContinueResponse, Support::Ignored),
    (Hostcall::CloseStream, Support::Ignored),
    (Hostcall::ClearRouteCache, Support::Stub),
];

impl Profile {
    /// APISIX on wasm-nginx-module.
    pub fn apisix() -> Self {
        let nginx = Self::nginx_wasm();
        Self {
            name: "apisix",
            unknown_abi_loads: true,
            support: support(DIFFERENT),
            wasi: WasiSupport::All,
            start: StartRules { canary: false, main_thread: false, vm_start: false, failed_worker: FailedWorker::Fatal },
            end_order: &[Callback::OnDone, Callback::OnDelete],
            properties: PropertyStyle::Apisix,
            http: HttpRules {
                end_of_stream: EndOfStream::Always,
                call_beats_reply: true,
                idle_pause_crashes: true,
                one_call_at_a_time: true,
                single_headers: &["authorization", "host"],
                authority_is_server: false,
                trap_status: 503,
                call_phases: &[Callback::OnRequestHeaders, Callback::OnRequestBody, Callback::OnHttpCallResponse],
                call_elsewhere: Elsewhere::BadArgument,
                second_reply_traps: false,
                reply_cancels_calls: false,
                names_dispatch_status: false,
                trap_restarts_stream: false,
                bodies_on_request: true,
                ..nginx.http
            },
            trap: TrapPolicy::Keep,
            first_token: 0,
            one_tick_period: false,
            metric_name_limit: None,
            clock_step: std::time::Duration::from_nanos(1),
            ..nginx
        }
    }
}
