//! One chain of evidence and the sinks that it goes to.
//!
//! A channel outlives the configuration that opened it: when a new one is applied whose evidence goes to the same place
//! under the same name, it goes on in the same chain, and says so there.

use crate::entropy::Entropy;
use crate::export::Export;
use crate::host::Status;
use crate::host::calls::{self, LogLevel};
use crate::metrics::{Counter, Metrics};
use countersign_core::chain::{Chain, Head, Notice, Sealed, ServiceName, Signer};
use countersign_core::config::plan::{AuditPlan, CheckpointPlan};
use countersign_core::delivery::{Class, Record};
use countersign_core::event::{Draft, Ending, Outcome};
use countersign_core::otlp::{self, Envelope, LogRecord, Severity};
use countersign_core::time::UnixNanos;

/// At most so many ranges stand in one gap event.
const GAP_RANGES: usize = 64;

/// A chain and its sinks.
pub(crate) struct Channel {
    service: ServiceName,
    host: &'static str,
    log: Option<LogLevel>,
    export: Option<Export>,
    checkpoint: CheckpointPlan,
    open: Option<Open>,
    entropy: Entropy,
    config: ConfigState,
    users: usize,
    reported: Reported,
}

/// The chain of a channel whose first request has come.
struct Open {
    chain: Chain,
    /// The stream's id as an OTLP attribute, encoded.
    stream_attribute: Vec<u8>,
    checkpointed: u64,
    checkpointed_at: UnixNanos,
}

/// Which configuration the chain has named last.
struct ConfigState {
    config_digest: Head,
    policy_digest: String,
    named: bool,
}

/// What the metrics have been told.
#[derive(Default)]
struct Reported {
    acknowledged: u64,
    dropped: u64,
}

impl Channel {
    pub(crate) fn new(plan: &AuditPlan, service: &ServiceName, host: &'static str) -> Self {
        let envelope = Envelope::new(
            &[
                ("deployment.environment.name", &service.environment),
                ("service.name", &service.name),
                ("service.namespace", &service.namespace),
            ],
            "countersign.filter",
            env!("CARGO_PKG_VERSION"),
        );
        Self {
            service: service.clone(),
            host,
            log: plan.log.then_some(if host == "envoy" { LogLevel::Warn } else { LogLevel::Error }),
            export: plan.otlp.as_ref().map(|otlp| Export::new(otlp.cluster.clone(), otlp.timeout, otlp.limits, envelope)),
            checkpoint: plan.checkpoint.clone(),
            open: None,
            entropy: Entropy::new(),
            config: ConfigState { config_digest: [0; 32], policy_digest: String::new(), named: true },
            users: 0,
            reported: Reported::default(),
        }
    }

    /// Another configuration uses this channel from now on.
    pub(crate) fn attach(&mut self, config_digest: Head, policy_digest: &str) {
        self.users += 1;
        self.config = ConfigState { config_digest, policy_digest: policy_digest.to_owned(), named: false };
    }

    /// A configuration stopped using it. Tells whether it was the last, and then closes the chain.
    pub(crate) fn detach(&mut self, now: UnixNanos) -> bool {
        self.users = self.users.saturating_sub(1);
        if self.users > 0 {
            return false;
        }
        if self.open.is_some() {
            self.checkpoint(now);
            self.notice(&Notice::Close { reason: "drain" }, now);
        }
        if let Some(export) = &mut self.export {
            export.delivery.flush();
        }
        true
    }

    /// Lines that no sink has taken yet.
    pub(crate) fn pending(&self) -> usize {
        self.export.as_ref().map_or(0, |export| export.delivery.pending())
    }

    /// Opens the chain if this is its first use, and makes an id for an event.
    pub(crate) fn event_id(&mut self, now: UnixNanos) -> Result<String, Status> {
        if self.open.is_none() {
            let stream = self.entropy.bytes()?;
            let chain = Chain::new(stream, &self.service);
            let mut stream_attribute = Vec::new();
            let id = countersign_core::hex::encode(&stream);
            otlp::push_string_attribute(&mut stream_attribute, "countersign.chain.stream", &id);
            self.open = Some(Open { chain, stream_attribute, checkpointed: 0, checkpointed_at: now });
            let public_key = self.checkpoint.signer.as_ref().map(Signer::public_key);
            let config_digest = self.config.config_digest;
            let notice = Notice::Open {
                host: self.host,
                filter_version: env!("CARGO_PKG_VERSION"),
                config_digest: &config_digest,
                public_key: public_key.as_ref(),
            };
            self.config.named = true;
            self.notice(&notice, now);
        }
        if !self.config.named {
            self.config.named = true;
            let (config_digest, policy_digest) = (self.config.config_digest, self.config.policy_digest.clone());
            self.notice(&Notice::ConfigApplied { config_digest: &config_digest, policy_digest: &policy_digest }, now);
        }
        self.entropy.uuid(now)
    }

    /// Seals and sends the event of a request.
    pub(crate) fn emit(&mut self, draft: &Draft, ending: &Ending<'_>, now: UnixNanos) {
        // Without randomness the hash of a line could be guessed after the line was erased, but the line itself matters more.
        let salt = self.entropy.bytes().unwrap_or_default();
        let Some(open) = &mut self.open else { return };
        let sealed = open.chain.seal_access(draft, ending, salt);
        let mut attributes = Vec::with_capacity(160);
        if let Some(status) = ending.status {
            otlp::push_integer_attribute(&mut attributes, "http.response.status_code", u64::from(status));
        }
        let severity = severity(draft.outcome, ending.status);
        let record = LineRecord {
            time: draft.received,
            severity,
            attributes: draft.attributes(),
            trace: draft.trace(),
            event_name: "countersign.access",
            class: draft.outcome.into(),
        };
        self.send(sealed, record, attributes, now);
        if self.open.as_ref().is_some_and(|open| open.chain.next_seq() - open.checkpointed >= self.checkpoint.every) {
            self.checkpoint(now);
        }
    }

    /// Records that keys of an issuer came or went.
    pub(crate) fn keys_rotated(&mut self, issuer: &str, added: &[String], removed: &[String], now: UnixNanos) {
        self.notice(&Notice::KeysRotated { issuer, added, removed }, now);
    }

    fn notice(&mut self, notice: &Notice<'_>, now: UnixNanos) {
        let salt = self.entropy.bytes().unwrap_or_default();
        let Some(open) = &mut self.open else { return };
        let sealed = open.chain.seal_notice(notice, now, salt);
        let record = LineRecord {
            time: now,
            severity: Severity::Info,
            attributes: &[],
            trace: None,
            event_name: notice.event_name(),
            class: Class::Stream,
        };
        self.send(sealed, record, Vec::new(), now);
    }

    /// Records the head and the counts.
    fn checkpoint(&mut self, now: UnixNanos) {
        let (acknowledged, dropped) = self.totals();
        let Some(open) = &mut self.open else { return };
        let counts = open.chain.counts();
        let signer = self.checkpoint.signer.clone();
        let signer = signer.as_ref().map(|signer| signer as &dyn Signer);
        self.notice(&Notice::Checkpoint { counts, acknowledged, dropped, signer }, now);
        if let Some(open) = &mut self.open {
            (open.checkpointed, open.checkpointed_at) = (open.chain.next_seq(), now);
        }
    }

    fn totals(&self) -> (u64, u64) {
        self.export.as_ref().map_or((0, 0), |export| (export.delivery.acknowledged(), export.delivery.dropped()))
    }

    fn send(&mut self, sealed: Sealed, record: LineRecord<'_>, mut more_attributes: Vec<u8>, now: UnixNanos) {
        let Some(open) = &self.open else { return };
        let line = open.chain.line();
        if let Some(level) = self.log {
            calls::log(level, line);
        }
        let Some(export) = &mut self.export else { return };
        more_attributes.extend_from_slice(&open.stream_attribute);
        otlp::push_integer_attribute(&mut more_attributes, "countersign.chain.seq", sealed.seq);
        let mut bytes = Vec::with_capacity(line.len() + record.attributes.len() + 320);
        let encoded = LogRecord {
            time: record.time.0,
            severity: record.severity,
            body: line,
            attributes: record.attributes,
            more_attributes: &more_attributes,
            trace: record.trace,
            event_name: record.event_name,
        };
        otlp::push_record(&mut bytes, &encoded);
        export.offer(Record { bytes, sealed, class: record.class, offered: now });
    }

    /// What is due by time: gaps, checkpoints, batches, metrics.
    pub(crate) fn tick(&mut self, root: u32, now: UnixNanos, metrics: &mut Metrics) {
        self.report_gaps(now);
        if let Some(open) = &self.open
            && now.since(open.checkpointed_at) >= self.checkpoint.interval
            && open.chain.next_seq() > 0
        {
            self.checkpoint(now);
        }
        let random = self.random();
        if let Some(export) = &mut self.export {
            let failed = export.send_due(root, now, random);
            metrics.add(Counter::ExportFailed, failed);
        }
        self.report(metrics);
    }

    fn report_gaps(&mut self, now: UnixNanos) {
        let Some(export) = &mut self.export else { return };
        let ranges = export.delivery.take_lost(GAP_RANGES);
        if !ranges.is_empty() {
            self.notice(&Notice::Gap { ranges: &ranges, reason: "queue_full" }, now);
        }
    }

    fn report(&mut self, metrics: &mut Metrics) {
        let (acknowledged, dropped) = self.totals();
        metrics.add(Counter::Acknowledged, acknowledged - self.reported.acknowledged);
        metrics.add(Counter::Dropped, dropped - self.reported.dropped);
        self.reported = Reported { acknowledged, dropped };
    }

    /// Spreads what workers would else do at once.
    pub(crate) fn random(&mut self) -> u64 {
        u64::from_le_bytes(self.entropy.bytes().unwrap_or_default())
    }

    /// A sink answered. Tells whether the call was one of this channel's.
    pub(crate) fn received(&mut self, root: u32, token: u32) -> bool {
        self.export.as_mut().is_some_and(|export| export.received(root, token))
    }

    /// A call ended without an answer.
    pub(crate) fn closed(&mut self, root: u32, token: u32, status: u32, now: UnixNanos, metrics: &mut Metrics) -> bool {
        let random = self.random();
        let ours = self.export.as_mut().is_some_and(|export| export.closed(root, token, status, now, random));
        metrics.add(Counter::ExportFailed, u64::from(ours));
        ours
    }

    /// A root context is gone, and the answers to its calls with it.
    pub(crate) fn forget_root(&mut self, root: u32, now: UnixNanos) {
        let random = self.random();
        if let Some(export) = &mut self.export {
            export.forget_root(root, now, random);
        }
    }
}

/// What of a log record does not come from the line itself.
struct LineRecord<'a> {
    time: UnixNanos,
    severity: Severity,
    attributes: &'a [u8],
    trace: Option<(&'a [u8; 16], &'a [u8; 8])>,
    event_name: &'static str,
    class: Class,
}

fn severity(outcome: Outcome, status: Option<u16>) -> Severity {
    match (outcome, status) {
        (Outcome::Fault, _) | (_, Some(500..)) => Severity::Error,
        (Outcome::Deny | Outcome::NotEvaluated, _) => Severity::Warn,
        (Outcome::Allow, _) => Severity::Info,
    }
}
