//! The line as it is written, and its way to what it means.

use super::{Checkpoint, Counts, GapRange, Kind, Line, LineFault, MAX_LINE, Open, Outcome, Sibling, StreamId, VERSION};
use crate::canonical;
use crate::digest::Digest;
use crate::hex;
use countersign_core::time::UnixNanos;
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;

/// Members that verification does not need are skipped: a newer filter may add some, and the digest covers them anyway.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    chain: WireChain<'a>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    v: u64,
    #[serde(default)]
    duration_us: Option<u64>,
    #[serde(borrow, default)]
    decision: Option<WireDecision<'a>>,
    #[serde(borrow, default)]
    checkpoint: Option<WireCheckpoint<'a>>,
    #[serde(borrow, default)]
    gap: Option<WireGap<'a>>,
    #[serde(borrow, default)]
    stream: Option<WireOpen<'a>>,
    #[serde(default)]
    close: Option<WireClose>,
}

#[derive(Deserialize)]
struct WireChain<'a> {
    #[serde(borrow)]
    prev: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    stream: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireDecision<'a> {
    #[serde(borrow)]
    outcome: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireCheckpoint<'a> {
    seq: u64,
    #[serde(borrow)]
    head: Cow<'a, str>,
    emitted: u64,
    #[serde(default)]
    acknowledged: u64,
    #[serde(default)]
    dropped: u64,
    #[serde(default)]
    allowed: u64,
    #[serde(default)]
    denied: u64,
    #[serde(default)]
    faulted: u64,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(borrow, default)]
    siblings: Vec<WireSibling<'a>>,
}

#[derive(Deserialize)]
struct WireSibling<'a> {
    #[serde(borrow)]
    head: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    stream: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireGap<'a> {
    #[serde(borrow)]
    ranges: Vec<WireRange<'a>>,
}

#[derive(Deserialize)]
struct WireRange<'a> {
    first: u64,
    last: u64,
    #[serde(borrow, default)]
    head: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    prev: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WireOpen<'a> {
    #[serde(borrow, default)]
    public_key: Option<Cow<'a, str>>,
    #[serde(default)]
    key_id: Option<String>,
}

#[derive(Deserialize)]
struct WireClose {
    #[serde(default)]
    emitted: Option<u64>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Line, LineFault> {
    if bytes.len() > MAX_LINE {
        return Err(LineFault::TooLong { found: bytes.len() });
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
        return Err(LineFault::NotOneLine { at });
    }
    let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|error| LineFault::Shape { message: error.to_string() })?;
    if wire.v != VERSION {
        return Err(LineFault::Version { found: wire.v });
    }
    let canonical = canonical::respell(bytes, &wire.chain.stream).map_err(|message| LineFault::Shape { message })?;
    let digest = Digest::of(canonical.as_deref().unwrap_or(bytes));
    wire.into_line(digest, canonical.is_some())
}

fn malformed(member: &'static str) -> LineFault {
    LineFault::Member { member }
}

impl Wire<'_> {
    fn into_line(self, digest: Digest, reencoded: bool) -> Result<Line, LineFault> {
        let kind = self.kind()?;
        Ok(Line {
            stream: StreamId::parse(&self.chain.stream).ok_or(malformed("chain.stream"))?,
            seq: self.chain.seq,
            prev: Digest::parse(&self.chain.prev).ok_or(malformed("chain.prev"))?,
            digest,
            time: UnixNanos::parse(&self.time).ok_or(malformed("time"))?,
            duration: self.duration_us.map(Duration::from_micros),
            kind,
            reencoded,
        })
    }

    fn kind(&self) -> Result<Kind, LineFault> {
        Ok(match &*self.event {
            "access" => Kind::Access(self.outcome()?),
            "stream.open" => Kind::Open(Box::new(self.stream.as_ref().map_or(Ok(Open::default()), WireOpen::open)?)),
            "checkpoint" => Kind::Checkpoint(Box::new(self.checkpoint()?)),
            "gap" => Kind::Gap(self.gap_ranges()?),
            "stream.close" => Kind::Close { emitted: self.close.as_ref().and_then(|close| close.emitted) },
            _ => Kind::Other,
        })
    }

    fn outcome(&self) -> Result<Outcome, LineFault> {
        let decision = self.decision.as_ref().ok_or(malformed("decision"))?;
        match &*decision.outcome {
            "allow" => Ok(Outcome::Allow),
            "deny" => Ok(Outcome::Deny),
            "fault" => Ok(Outcome::Fault),
            "not_evaluated" => Ok(Outcome::NotEvaluated),
            _ => Err(malformed("decision.outcome")),
        }
    }

    fn checkpoint(&self) -> Result<Checkpoint, LineFault> {
        let wire = self.checkpoint.as_ref().ok_or(malformed("checkpoint"))?;
        let counts = Counts {
            emitted: wire.emitted,
            acknowledged: wire.acknowledged,
            dropped: wire.dropped,
            allowed: wire.allowed,
            denied: wire.denied,
            faulted: wire.faulted,
        };
        Ok(Checkpoint {
            seq: wire.seq,
            head: Digest::parse(&wire.head).ok_or(malformed("checkpoint.head"))?,
            counts,
            time: self.time.to_string(),
            key_id: wire.key_id.clone(),
            signature: wire.signature.clone(),
            siblings: wire.siblings.iter().map(WireSibling::sibling).collect::<Result<_, _>>()?,
        })
    }

    fn gap_ranges(&self) -> Result<Vec<GapRange>, LineFault> {
        let gap = self.gap.as_ref().ok_or(malformed("gap"))?;
        gap.ranges.iter().map(WireRange::range).collect()
    }
}

impl WireSibling<'_> {
    fn sibling(&self) -> Result<Sibling, LineFault> {
        Ok(Sibling {
            stream: StreamId::parse(&self.stream).ok_or(malformed("checkpoint.siblings.stream"))?,
            seq: self.seq,
            head: Digest::parse(&self.head).ok_or(malformed("checkpoint.siblings.head"))?,
        })
    }
}

impl WireRange<'_> {
    fn range(&self) -> Result<GapRange, LineFault> {
        let digest = |text: &Option<Cow<'_, str>>, member| match text {
            Some(text) => Digest::parse(text).map(Some).ok_or(malformed(member)),
            None => Ok(None),
        };
        let (prev, head) = (digest(&self.prev, "gap.ranges.prev")?, digest(&self.head, "gap.ranges.head")?);
        if self.last < self.first {
            return Err(malformed("gap.ranges.last"));
        }
        Ok(GapRange { first: self.first, last: self.last, prev, head })
    }
}

impl WireOpen<'_> {
    fn open(&self) -> Result<Open, LineFault> {
        let public_key = match &self.public_key {
            Some(key) => Some(hex::decode(key).ok_or(malformed("stream.public_key"))?),
            None => None,
        };
        Ok(Open { public_key, key_id: self.key_id.clone() })
    }
}
