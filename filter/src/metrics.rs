//! Counters. They are added up here and brought to the host from the tick, so that a request costs no hostcall for them.
//!
//! Names never hold anything that a client chose.

use crate::host::calls::{self, MetricKind};

/// What is counted, by the name of the host's metric.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counter {
    Allowed,
    Denied,
    Faulted,
    NotEvaluated,
    Emitted,
    Acknowledged,
    Dropped,
    ExportFailed,
    KeysFetched,
    KeysFailed,
}

const NAMES: [&str; 10] = [
    "countersign.requests.allow",
    "countersign.requests.deny",
    "countersign.requests.fault",
    "countersign.requests.not_evaluated",
    "countersign.events.emitted",
    "countersign.events.acknowledged",
    "countersign.events.dropped",
    "countersign.exports.failed",
    "countersign.keys.fetched",
    "countersign.keys.failed",
];

/// All counters of a worker.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    ids: [Option<u32>; NAMES.len()],
    waiting: [u64; NAMES.len()],
}

impl Metrics {
    /// Defines the metrics; a host that has none is not asked again.
    pub(crate) fn define(&mut self) {
        for (id, name) in self.ids.iter_mut().zip(NAMES) {
            *id = calls::define_metric(MetricKind::Counter, name).ok();
        }
    }

    pub(crate) fn add(&mut self, counter: Counter, by: u64) {
        if let Some(waiting) = self.waiting.get_mut(counter as usize) {
            *waiting += by;
        }
    }

    /// Brings what was added up to the host.
    pub(crate) fn flush(&mut self) {
        for (id, waiting) in self.ids.iter().zip(&mut self.waiting) {
            let by = std::mem::take(waiting);
            if by == 0 {
                continue;
            }
            if let Some(id) = id {
                // A counter that the host refuses is not worth a request.
                let _ = calls::increment_metric(*id, by);
            }
        }
    }
}
