//! OTLP over the host's gRPC callouts: which lines are on their way, and what came back.

use crate::host::calls::{self, LogLevel};
use countersign_core::delivery::{BatchId, Delivery, Limits, Record};
use countersign_core::otlp::{self, Envelope};
use countersign_core::time::UnixNanos;
use std::time::Duration;

const SERVICE: &str = "opentelemetry.proto.collector.logs.v1.LogsService";
const METHOD: &str = "Export";

/// One OTLP/gRPC sink.
#[derive(Debug)]
pub(crate) struct Export {
    cluster: String,
    timeout: Duration,
    envelope: Envelope,
    /// The queue.
    pub(crate) delivery: Delivery,
    calls: Vec<Call>,
}

/// A call that has not been answered.
#[derive(Debug, Clone, Copy)]
struct Call {
    root: u32,
    token: u32,
    batch: BatchId,
}

impl Export {
    pub(crate) fn new(cluster: String, timeout: Duration, limits: Limits, envelope: Envelope) -> Self {
        Self { cluster, timeout, envelope, delivery: Delivery::new(limits), calls: Vec::new() }
    }

    pub(crate) fn offer(&mut self, record: Record) {
        self.delivery.offer(record);
    }

    /// Sends every batch that is due. Must be called while the host is about the root context `root`: only there does the
    /// answer outlive the request. Returns how many attempts failed at once.
    pub(crate) fn send_due(&mut self, root: u32, now: UnixNanos, random: u64) -> u64 {
        let mut failed = 0;
        while let Some(batch) = self.delivery.due(now) {
            let id = batch.id;
            let message = self.envelope.wrap(batch.records.iter().map(|record| record.bytes.as_slice()));
            match calls::grpc_call(&self.cluster, SERVICE, METHOD, &message, self.timeout) {
                Ok(token) => self.calls.push(Call { root, token, batch: id }),
                Err(status) => {
                    failed += 1;
                    self.note_failure("the host refused the call with status", status.0);
                    self.delivery.fail(id, now, random);
                }
            }
        }
        failed
    }

    /// The sink answered a call with a message.
    pub(crate) fn received(&mut self, root: u32, token: u32) -> bool {
        let Some(batch) = self.take(root, token) else { return false };
        let rejected = otlp::rejected_records(&calls::buffer(calls::Buffer::GrpcMessage));
        if rejected > 0 {
            let cluster = &self.cluster;
            calls::log(LogLevel::Error, format!("countersign: cluster `{cluster}` rejected {rejected} log records of a batch"));
        }
        self.delivery.acknowledge(batch, rejected);
        true
    }

    /// A call ended without a message.
    pub(crate) fn closed(&mut self, root: u32, token: u32, status: u32, now: UnixNanos, random: u64) -> bool {
        let Some(batch) = self.take(root, token) else { return false };
        self.note_failure("the export ended with gRPC status", status);
        self.delivery.fail(batch, now, random);
        true
    }

    /// The root context that sent calls is gone, and their answers with it.
    pub(crate) fn forget_root(&mut self, root: u32, now: UnixNanos, random: u64) {
        let (gone, kept): (Vec<Call>, Vec<Call>) = self.calls.iter().partition(|call| call.root == root);
        self.calls = kept;
        for call in gone {
            self.delivery.fail(call.batch, now, random);
        }
    }

    fn take(&mut self, root: u32, token: u32) -> Option<BatchId> {
        let index = self.calls.iter().position(|call| call.root == root && call.token == token)?;
        Some(self.calls.swap_remove(index).batch)
    }

    /// The first failure of a row is told; the others are counted.
    fn note_failure(&self, what: &str, status: u32) {
        if self.delivery.failures() == 0 {
            let (cluster, pending) = (&self.cluster, self.delivery.pending());
            let message = format!(
                "countersign: cannot deliver to cluster `{cluster}`: {what} {status}; {pending} events are kept and retried"
            );
            calls::log(LogLevel::Warn, &message);
        }
    }
}
