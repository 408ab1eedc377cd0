//! The hash chain over the lines of one stream.
//!
//! A stream is what one worker wrote from its first request until it ended. Every line carries the SHA-256 of the exact
//! bytes of the line before it, so that no line can be changed, removed or moved without the lines after it telling.
//! A checkpoint signs the head, so that the lines before it cannot be rewritten by whoever lacks the key.
//!
//! What it defends against and what not: whoever holds the evidence cannot alter it unseen once a later checkpoint or a
//! copy of a later line is elsewhere; whoever holds the gateway can lie about what is still to come, but not about what
//! has left it.

mod signer;

pub use signer::CheckpointKey;

use crate::event::{Draft, Ending, FORMAT_VERSION, Outcome};
use crate::json::canonical::{self, ObjectWriter};
use crate::time::UnixNanos;
use sha2::{Digest, Sha256};

/// SHA-256 of a line's exact bytes, without its line feed.
pub type Head = [u8; 32];

/// 128 random bits that name a stream.
pub type StreamId = [u8; 16];

/// The head before the first line.
pub const GENESIS: Head = [0; 32];

/// The hash that the next line's `prev` carries.
#[must_use]
pub fn head_of(line: &[u8]) -> Head {
    Sha256::digest(line).into()
}

/// Events so far by outcome, and what became of them. `emitted` counts every line, the other outcomes access events only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines sealed.
    pub emitted: u64,
    /// Access events with outcome allow.
    pub allowed: u64,
    /// Access events with outcome deny.
    pub denied: u64,
    /// Access events with outcome fault or not evaluated.
    pub faulted: u64,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Allow => self.allowed += 1,
            Outcome::Deny => self.denied += 1,
            Outcome::Fault | Outcome::NotEvaluated => self.faulted += 1,
        }
    }
}

/// One sealed line's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Its number in the stream, from 0.
    pub seq: u64,
    /// Its hash.
    pub head: Head,
    /// The hash of the line before it.
    pub prev: Head,
}

/// A stream that is being written.
#[derive(Debug)]
pub struct Chain {
    stream: StreamId,
    next: u64,
    head: Head,
    counts: Counts,
    service: Vec<u8>,
    line: Vec<u8>,
}

/// The gateway that writes, as each line names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceName {
    /// Its name (`service.name`).
    pub name: String,
    /// Its namespace (`service.namespace`).
    pub namespace: String,
    /// Its environment (`deployment.environment.name`).
    pub environment: String,
}

impl Chain {
    /// A stream without lines. `stream` must be random.
    #[must_use]
    pub fn new(stream: StreamId, service: &ServiceName) -> Self {
        let mut rendered = Vec::new();
        canonical::object(&mut rendered, |object| {
            let _ = object.clipped("environment", service.environment.as_bytes(), 128);
            let _ = object.clipped("name", service.name.as_bytes(), 128);
            let _ = object.clipped("namespace", service.namespace.as_bytes(), 128);
        });
        Self { stream, next: 0, head: GENESIS, counts: Counts::default(), service: rendered, line: Vec::with_capacity(2048) }
    }

    /// The stream's id.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// How many lines it has, which is the next line's number.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// The hash of the last line.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// What it counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The bytes of the line sealed last.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Seals the event of a request. `salt` must be random.
    pub fn seal_access(&mut self, draft: &Draft, ending: &Ending<'_>, salt: [u8; 16]) -> Sealed {
        self.counts.add(draft.outcome);
        let service = std::mem::take(&mut self.service);
        let sealed = self.seal(salt, |line| draft.finish(line, ending, &service));
        self.service = service;
        sealed
    }

    /// Seals an event about the stream itself.
    pub fn seal_notice(&mut self, notice: &Notice<'_>, time: UnixNanos, salt: [u8; 16]) -> Sealed {
        let service = std::mem::take(&mut self.service);
        let (stream, next, head) = (self.stream, self.next, self.head);
        let sealed = self.seal(salt, |line| notice.write(line, &Place { stream, seq: next, head }, &service, time));
        self.service = service;
        sealed
    }

    fn seal(&mut self, salt: [u8; 16], members: impl FnOnce(&mut ObjectWriter<'_>)) -> Sealed {
        let (stream, seq, head) = (self.stream, self.next, self.head);
        self.line.clear();
        canonical::object(&mut self.line, |line| {
            line.object("chain", |object| {
                object.hex("prev", &head);
                object.hex("salt", &salt);
                object.integer("seq", seq);
                object.hex("stream", &stream);
            });
            members(line);
        });
        self.head = head_of(&self.line);
        self.next += 1;
        self.counts.emitted += 1;
        Sealed { seq, head: self.head, prev: head }
    }
}

/// Where in a stream a line stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    stream: StreamId,
    seq: u64,
    head: Head,
}

/// An event about the stream itself.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// The stream's first line.
    Open {
        /// The kind of gateway.
        host: &'a str,
        /// The filter's version.
        filter_version: &'a str,
        /// SHA-256 of the configuration as received.
        config_digest: &'a Head,
        /// The public key of its checkpoints.
        public_key: Option<&'a [u8; 32]>,
    },
    /// Another configuration took effect.
    ConfigApplied {
        /// SHA-256 of the configuration as received.
        config_digest: &'a Head,
        /// Digest of its policies.
        policy_digest: &'a str,
    },
    /// The head and the counts so far, signed where there is a key.
    Checkpoint {
        /// What was counted.
        counts: Counts,
        /// Lines that a collector acknowledged.
        acknowledged: u64,
        /// Lines that were given up, each covered by a gap.
        dropped: u64,
        /// Who signs.
        signer: Option<&'a dyn Signer>,
    },
    /// Lines that were sealed and then given up before they were delivered.
    Gap {
        /// Which.
        ranges: &'a [LostRange],
        /// Why: `queue_full`, `sink_rejected`.
        reason: &'a str,
    },
    /// Keys of an issuer changed.
    KeysRotated {
        /// The issuer.
        issuer: &'a str,
        /// Key ids that came.
        added: &'a [String],
        /// Key ids that went.
        removed: &'a [String],
    },
    /// The stream ended well.
    Close {
        /// `drain` or `shutdown`.
        reason: &'a str,
    },
}

/// Consecutive lines of one class that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostRange {
    /// `allow`, `deny` or `other`.
    pub class: &'static str,
    /// First number.
    pub first: u64,
    /// Last number.
    pub last: u64,
    /// Hash of the last of them: the `prev` of the line that follows.
    pub head: Head,
    /// Hash of the line before the first of them, so that this one is covered too.
    pub prev: Head,
}

/// Signs checkpoints.
pub trait Signer {
    /// The Ed25519 public key.
    fn public_key(&self) -> [u8; 32];

    /// The Ed25519 signature (RFC 8032) over the text.
    fn sign(&self, text: &[u8]) -> [u8; 64];
}

impl std::fmt::Debug for dyn Signer + '_ {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signer")
    }
}

/// The first eight bytes of the SHA-256 of a public key.
#[must_use]
pub fn key_id(public_key: &[u8; 32]) -> [u8; 8] {
    let digest: Head = head_of(public_key);
    let mut id = [0; 8];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    id
}

/// What a checkpoint's signature covers, as `docs/audit-format.md` defines it.
#[derive(Debug, Clone, Copy)]
pub struct CheckpointText {
    /// The stream.
    pub stream: StreamId,
    /// The checkpoint's own number.
    pub seq: u64,
    /// The hash of the line before it.
    pub head: Head,
    /// What was counted before it.
    pub counts: Counts,
    /// Lines acknowledged.
    pub acknowledged: u64,
    /// Lines given up.
    pub dropped: u64,
    /// The checkpoint's time.
    pub time: UnixNanos,
}

impl CheckpointText {
    /// The signed bytes: a line each, ending in a line feed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let Counts { emitted, allowed, denied, faulted } = self.counts;
        let mut text = b"countersign-checkpoint/1\n".to_vec();
        canonical::push_hex(&mut text, &self.stream);
        text.push(b'\n');
        canonical::push_decimal(&mut text, self.seq);
        text.push(b'\n');
        canonical::push_hex(&mut text, &self.head);
        text.push(b'\n');
        for number in [emitted, self.acknowledged, self.dropped, allowed, denied, faulted] {
            canonical::push_decimal(&mut text, number);
            text.push(b'\n');
        }
        self.time.push_rfc3339(&mut text);
        text.push(b'\n');
        text
    }
}

impl Notice<'_> {
    /// The name of the OTLP log record: the event's own name in this product's namespace.
    #[must_use]
    pub fn event_name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "countersign.stream.open",
            Self::ConfigApplied { .. } => "countersign.config.applied",
            Self::Checkpoint { .. } => "countersign.checkpoint",
            Self::Gap { .. } => "countersign.gap",
            Self::KeysRotated { .. } => "countersign.jwks.rotated",
            Self::Close { .. } => "countersign.stream.close",
        }
    }

    /// The event's name in the line.
    #[must_use]
    pub fn event(&self) -> &'static str {
        self.event_name().trim_start_matches("countersign.")
    }

    fn write(&self, line: &mut ObjectWriter<'_>, place: &Place, service: &[u8], time: UnixNanos) {
        self.write_before_event(line, place, time);
        line.string("event", self.event());
        self.write_after_event(line);
        line.raw("service", service);
        if let Self::Open { host, filter_version, config_digest, public_key } = self {
            line.object("stream", |object| {
                object.hex("config_digest", *config_digest);
                object.string("filter_version", filter_version);
                object.string("host", host);
                if let Some(key) = public_key {
                    object.hex("key_id", &key_id(key));
                    object.hex("public_key", *key);
                }
            });
        }
        line.time("time", time);
        line.integer("v", FORMAT_VERSION);
    }

    /// Members whose names sort before `event`.
    fn write_before_event(&self, line: &mut ObjectWriter<'_>, place: &Place, time: UnixNanos) {
        match self {
            Self::Checkpoint { counts, acknowledged, dropped, signer } => {
                let Place { stream, seq, head } = *place;
                let text =
                    CheckpointText { stream, seq, head, counts: *counts, acknowledged: *acknowledged, dropped: *dropped, time };
                line.object("checkpoint", |object| checkpoint_members(object, &text, *signer));
            }
            Self::Close { reason } => line.object("close", |object| {
                object.integer("emitted", place.seq);
                object.string("reason", reason);
            }),
            Self::ConfigApplied { config_digest, policy_digest } => line.object("config", |object| {
                object.hex("digest", *config_digest);
                object.string("policy_digest", policy_digest);
            }),
            Self::Open { .. } | Self::Gap { .. } | Self::KeysRotated { .. } => {}
        }
    }

    /// Members whose names sort between `event` and `service`.
    fn write_after_event(&self, line: &mut ObjectWriter<'_>) {
        match self {
            Self::Gap { ranges, reason } => line.object("gap", |object| {
                object.objects("ranges", ranges.iter(), |range, object| {
                    object.string("class", range.class);
                    object.integer("count", range.last - range.first + 1);
                    object.integer("first", range.first);
                    object.hex("head", &range.head);
                    object.integer("last", range.last);
                    object.hex("prev", &range.prev);
                });
                object.string("reason", reason);
            }),
            Self::KeysRotated { issuer, added, removed } => line.object("jwks", |object| {
                let _ = object.strings("added", *added, 1024);
                let _ = object.clipped("issuer", issuer.as_bytes(), 384);
                let _ = object.strings("removed", *removed, 1024);
            }),
            Self::Open { .. } | Self::ConfigApplied { .. } | Self::Checkpoint { .. } | Self::Close { .. } => {}
        }
    }
}

fn checkpoint_members(object: &mut ObjectWriter<'_>, text: &CheckpointText, signer: Option<&dyn Signer>) {
    let Counts { emitted, allowed, denied, faulted } = text.counts;
    object.integer("acknowledged", text.acknowledged);
    object.integer("allowed", allowed);
    object.integer("denied", denied);
    object.integer("dropped", text.dropped);
    object.integer("emitted", emitted);
    object.integer("faulted", faulted);
    object.hex("head", &text.head);
    if let Some(signer) = signer {
        object.hex("key_id", &key_id(&signer.public_key()));
        object.integer("seq", text.seq);
        object.hex("signature", &signer.sign(&text.bytes()));
    } else {
        object.integer("seq", text.seq);
    }
}
