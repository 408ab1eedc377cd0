//! The messages of `google.rpc` that OTLP answers refusals with.

use super::commit::Refusal;
use prost::Message;
use tonic::{Code, Status};

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<RpcAny>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcAny {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`: only with it does OTLP let a sender retry RESOURCE_EXHAUSTED.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RpcDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RpcStatus {
    pub(super) fn new(code: Code, message: &str) -> Self {
        Self { code: code as i32, message: message.to_owned(), details: Vec::new() }
    }

    /// The status of a refusal, saying when to send again.
    pub(super) fn of(refusal: Refusal) -> Self {
        let seconds = i64::try_from(refusal.retry_after().as_secs()).unwrap_or(i64::MAX);
        let retry = RetryInfo { retry_delay: Some(RpcDuration { seconds, nanos: 0 }) };
        let detail = RpcAny { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: retry.encode_to_vec() };
        Self { details: vec![detail], ..Self::new(code(refusal), &refusal.to_string()) }
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn code(&self) -> i32 {
        self.code
    }
}

fn code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::QueueFull => Code::ResourceExhausted,
        Refusal::StoreUnavailable | Refusal::Stopping => Code::Unavailable,
    }
}

/// The gRPC status of a refusal.
pub(super) fn status(refusal: Refusal) -> Status {
    let details = RpcStatus::of(refusal).encode_to_vec();
    Status::with_details(code(refusal), refusal.to_string(), details.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OTLP: a sender may retry RESOURCE_EXHAUSTED only when RetryInfo is there.
    #[test]
    fn a_full_queue_is_resource_exhausted_with_a_time_to_come_again() {
        let status = status(Refusal::QueueFull);
        assert_eq!(status.code(), Code::ResourceExhausted);
        let details = RpcStatus::decode(status.details()).expect("google.rpc.Status");
        assert_eq!((details.code, details.details.len()), (8, 1));
        assert_eq!(details.details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
        let retry = RetryInfo::decode(&details.details[0].value[..]).expect("RetryInfo");
        assert_eq!(retry.retry_delay, Some(RpcDuration { seconds: 1, nanos: 0 }));
    }
}
