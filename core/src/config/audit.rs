//! `audit`: what is recorded and where it goes.

use crate::config::decode::{Decode, Faults, Path, mismatch, wire, wire_words};
use serde_json::Value;
use std::time::Duration;

wire! {
    /// What is recorded and where it goes.
    pub struct Audit {
        /// Where the lines go; the host's log when empty.
        "sinks" => sinks: Vec<Sink>,
        /// How much may wait for a sink.
        "queue" => queue: Option<Queue>,
        /// What is taken out before a line leaves the proxy.
        "redact" => redact: Option<Redact>,
        /// How often the chain's head is recorded, and with which key.
        "checkpoint" => checkpoint: Option<Checkpoint>,
        /// Key of the credential fingerprints, 64 hexadecimal digits. Without it they are keyed by the configuration's digest.
        "fingerprintKey" => fingerprint_key: Option<Secret32>,
    }
}

wire! {
    /// One destination.
    pub struct Sink {
        /// `log`, `otlp-grpc`.
        "kind" => kind: SinkKind,
        /// The host's upstream for this sink's callouts.
        "cluster" => cluster: Option<String>,
        /// Lines in a batch (default 400).
        "maxBatch" => max_batch: Option<u64>,
        /// How long a line may wait for its batch to fill (default 1s).
        "flushInterval" => flush_interval: Option<Duration>,
        /// How long an export may take (default 10s).
        "timeout" => timeout: Option<Duration>,
    }
}

wire_words! {
    /// The kinds of destination.
    pub enum SinkKind {
        /// The host's log, one line an event.
        "log" => Log,
        /// OTLP log records over the host's gRPC callouts.
        "otlp-grpc" => OtlpGrpc,
    }
}

wire! {
    /// Bounds of what waits for a sink.
    pub struct Queue {
        /// Lines (default 10000).
        "maxEvents" => max_events: Option<u64>,
        /// Bytes (default `8MiB`).
        "maxBytes" => max_bytes: Option<ByteSize>,
        /// The part that events of allowed requests may not take (default `20%`).
        "reserveForDenials" => reserve_for_denials: Option<Percent>,
    }
}

wire! {
    /// What is taken out.
    pub struct Redact {
        /// How much of the client's address is kept (default `full`).
        "clientAddress" => client_address: ClientAddress,
    }
}

wire_words! {
    /// How much of an address is kept.
    pub enum ClientAddress {
        /// All of it.
        "full" => Full,
        /// The network: /24 of IPv4, /48 of IPv6.
        "truncate" => Truncate,
        /// Nothing.
        "drop" => Drop,
    }
    absent: Self::Full
}

wire! {
    /// When the head of the chain is recorded.
    pub struct Checkpoint {
        /// After so many lines (default 1000).
        "every" => every: Option<u64>,
        /// After so long (default 10s).
        "interval" => interval: Option<Duration>,
        /// Seed of the Ed25519 key that signs, 64 hexadecimal digits; unsigned when absent.
        "key" => key: Option<Secret32>,
    }
}

/// Thirty-two secret bytes. They are never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret32(pub [u8; 32]);

impl std::fmt::Debug for Secret32 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret32(..)")
    }
}

impl Decode for Secret32 {
    fn expected() -> String {
        "64 hexadecimal digits".to_owned()
    }

    /// A secret that is not well-formed is still a secret: the fault does not repeat it.
    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let mut bytes = [0; 32];
        if value.as_str().and_then(|text| crate::hex::decode_into(text, &mut bytes)).is_none() {
            faults.add(at, format_args!("found something else, expected {}", Self::expected()));
            return None;
        }
        Some(Self(bytes))
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Decode for ByteSize {
    fn expected() -> String {
        "a size such as `64KiB` or `8MiB`".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1)];
        let sized = value.as_str().and_then(|text| {
            let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
            number.trim().parse::<u64>().ok()?.checked_mul(unit)
        });
        sized.or_else(|| value.as_u64()).map(Self).or_else(|| mismatch(value, at, faults))
    }
}

/// A part of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub u8);

impl Decode for Percent {
    fn expected() -> String {
        "a percentage such as `20%`".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let number = value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|number| number.trim().parse().ok());
        number.filter(|percent| *percent <= 100).map(Self).or_else(|| mismatch(value, at, faults))
    }
}
