//! One line of evidence, as a reader of any origin sees it: where it stands in its stream, and what its kind adds.
//!
//! Reading a line proves nothing about it. It only says that the bytes are one audit line with its chain members in
//! order; whether the chain holds is for [`crate::verify`] to say.

mod wire;

use crate::digest::Digest;
use crate::hex;
use countersign_core::time::UnixNanos;
use std::fmt;
use std::time::Duration;

/// The longest line, in bytes without its line feed.
pub const MAX_LINE: usize = 16 * 1024;

/// The version of the line format that this reads.
pub const VERSION: u64 = 1;

/// The random name of one stream: the lines that one worker of one gateway sealed in one life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub [u8; 16]);

impl StreamId {
    /// Reads 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// One audit line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream, from 0.
    pub seq: u64,
    /// The digest that it gives for the line before it.
    pub prev: Digest,
    /// The digest of its own canonical bytes.
    pub digest: Digest,
    /// When it says it happened.
    pub time: UnixNanos,
    /// How long what it records took, where that is told.
    pub duration: Option<Duration>,
    /// What kind of line it is.
    pub kind: Kind,
    /// Whether the bytes were not the canonical ones, so that the digest is of what they stand for.
    pub reencoded: bool,
}

/// What kind of line it is, with what verification needs of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One request and its decision.
    Access(Outcome),
    /// The first line of a stream.
    Open(Box<Open>),
    /// A statement about all lines before it.
    Checkpoint(Box<Checkpoint>),
    /// Sequence numbers that were sealed, then lost before delivery.
    Gap(Vec<GapRange>),
    /// The last line of a stream that ended well.
    Close {
        /// The lines sealed before it, where it says so.
        emitted: Option<u64>,
    },
    /// Any other event.
    Other,
}

/// How a request was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It may pass.
    Allow,
    /// The rules say no.
    Deny,
    /// It could not be told.
    Fault,
    /// It ended before any decision.
    NotEvaluated,
}

/// What opens a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// The key that signs this stream's checkpoints, if any does.
    pub public_key: Option<[u8; 32]>,
    /// Its short name.
    pub key_id: Option<String>,
}

/// What a checkpoint states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The sequence number it was sealed at.
    pub seq: u64,
    /// The digest of the line before it.
    pub head: Digest,
    /// The counts up to it.
    pub counts: Counts,
    /// Its time, exactly as written: part of the signed text.
    pub time: String,
    /// The first 8 bytes of the SHA-256 of the public key, in hexadecimal.
    pub key_id: Option<String>,
    /// The Ed25519 signature over [`crate::seal::signed_text`].
    pub signature: Option<String>,
    /// The heads of the other workers' streams.
    pub siblings: Vec<Sibling>,
}

/// The counters of a stream, each from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Lines sealed.
    pub emitted: u64,
    /// Lines that a collector acknowledged.
    pub acknowledged: u64,
    /// Lines that were lost and declared in a gap.
    pub dropped: u64,
    /// Access lines that allowed.
    pub allowed: u64,
    /// Access lines that denied.
    pub denied: u64,
    /// Access lines that faulted, or ended before any decision.
    pub faulted: u64,
}

/// Where another worker's stream stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sibling {
    /// That stream.
    pub stream: StreamId,
    /// Its last line then.
    pub seq: u64,
    /// The digest of that line.
    pub head: Digest,
}

/// Consecutive sequence numbers that were sealed and lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapRange {
    /// The first lost.
    pub first: u64,
    /// The last lost.
    pub last: u64,
    /// The digest of the line before `first`, where it is told.
    pub prev: Option<Digest>,
    /// The digest of line `last`, where it is told.
    pub head: Option<Digest>,
}

/// Why some bytes are not one audit line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// More bytes than a line may have.
    #[error("{found} bytes, more than the {MAX_LINE} a line may have")]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// It holds a line feed, so it cannot stand on one line.
    #[error("line feed at byte {at}")]
    NotOneLine {
        /// Where the first one is.
        at: usize,
    },
    /// It is no JSON object with the members of a line.
    #[error("not an audit line: {message}")]
    Shape {
        /// What the JSON reader says.
        message: String,
    },
    /// It has a version that this does not know.
    #[error("version {found}, but this reads version {VERSION}")]
    Version {
        /// The version it gives.
        found: u64,
    },
    /// A member is there but cannot be what it has to be.
    #[error("member `{member}` is malformed")]
    Member {
        /// The member, with its path.
        member: &'static str,
    },
    /// What was sent is not text at all.
    #[error("the body is no text")]
    NotText,
}

impl LineFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "line_too_long",
            Self::NotOneLine { .. } => "line_not_one",
            Self::Shape { .. } => "line_not_audit",
            Self::Version { .. } => "line_version_unknown",
            Self::Member { .. } => "line_member_malformed",
            Self::NotText => "line_not_text",
        }
    }
}

impl Line {
    /// Reads one line, without its line feed.
    ///
    /// The digest is of the bytes as they are when these are canonical (RFC 8785); when a shipper wrote the same JSON in
    /// another way, it is of the canonical bytes, and [`Line::reencoded`] says so.
    ///
    /// # Errors
    /// [`LineFault`] says why the bytes are not an audit line.
    pub fn parse(bytes: &[u8]) -> Result<Self, LineFault> {
        wire::parse(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn sample() -> String {
        format!(
            r#"{{"chain":{{"prev":"{PREV}","salt":"00112233445566778899aabbccddeeff","seq":7,"stream":"0123456789abcdef0123456789abcdef"}},"decision":{{"outcome":"deny"}},"duration_us":5,"event":"access","time":"2026-11-24T11:22:33.000000001Z","v":1}}"#
        )
    }

    #[test]
    fn a_canonical_line_is_hashed_as_it_stands() {
        let text = sample();
        let line = Line::parse(text.as_bytes()).expect("a line");
        assert_eq!((line.seq, line.kind, line.digest), (7, Kind::Access(Outcome::Deny), Digest::of(text.as_bytes())));
        assert!(!line.reencoded);
    }

    #[test]
    fn a_line_that_a_shipper_rewrote_has_the_digest_of_its_canonical_bytes() {
        let text = sample();
        let moved = text.replacen("{\"chain\"", "{ \"v\":1,\"chain\"", 1).replace(",\"v\":1}", "}");
        let escaped = text.replace("deny", "d\\u0065ny");
        for changed in [moved, escaped] {
            let line = Line::parse(changed.as_bytes()).expect("a line");
            assert_eq!((line.digest, line.reencoded), (Digest::of(text.as_bytes()), true), "{changed}");
        }
    }

    #[test]
    fn what_is_not_an_audit_line_is_refused_with_its_reason() {
        let text = sample();
        for (bytes, code) in [
            ("hello".to_owned(), "line_not_audit"),
            ("{}".to_owned(), "line_not_audit"),
            (text.replace("\"v\":1", "\"v\":2"), "line_version_unknown"),
            (text.replace(PREV, "00"), "line_member_malformed"),
            (text.replace("2026-11", "2026-13"), "line_member_malformed"),
            (text.replace(",\"v\"", ",\n\"v\""), "line_not_one"),
            (format!("{text}{text}"), "line_not_audit"),
            (text.replace("deny", &"y".repeat(MAX_LINE)), "line_too_long"),
        ] {
            assert_eq!(Line::parse(bytes.as_bytes()).expect_err(&bytes).code(), code, "{bytes}");
        }
    }
}
