//! Google Cloud's Service Extensions plugins, as their documentation says.

use super::*;

const MISSING: &[(Hostcall, Support)] = &[
    (Hostcall::SetTickPeriod, Support::Stub),
    (Hostcall::DefineMetric, Support::Stub),
    (Hostcall::IncrementMetric, Support::Stub),
    (Hostcall::RecordMetric, Support::Stub),
    (Hostcall::GetMetric, Support::Stub),
    (Hostcall::GetSharedData, Support::Stub),
    (Hostcall::SetSharedData, Support::Stub),
    (Hostcall::RegisterSharedQueue, Support::Stub),
    (Hostcall::ResolveSharedQueue, Support::Stub),
    (Hostcall::EnqueueSharedQueue, Support::Stub),
    (Hostcall::DequeueSharedQueue, Support::Stub),
    (Hostcall::HttpCall, Support::Stub),
    (Hostcall::GrpcCall, Support::Stub),
    (Hostcall::GrpcStream, Support::Stub),
    (Hostcall::GrpcSend, Support::Stub),
    (Hostcall::GrpcCancel, Support::Stub),
    (Hostcall::GrpcClose, Support::Stub),
    (Hostcall::GetStatus, Support::Stub),
    (Hostcall::CallForeignFunction, Support::Stub),
];

impl Profile {
    /// Service Extensions: no timers, custom metrics, shared data, queues or callouts; 16 MiB.
    pub fn gcp() -> Self {
        Self {
            name: "gcp",
            support: support(MISSING),
            memory_limit: 16 << 20,
            http: HttpRules { trailers: false, ..envoy::HTTP },
            ..Self::envoy()
        }
    }
}
