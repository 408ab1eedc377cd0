//! What can be held against evidence.

use crate::digest::Digest;
use crate::line::{LineFault, StreamId};
use crate::read::Place;
use crate::tlog::NoteFault;
use countersign_core::time::UnixNanos;

/// One thing to say about the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub what: What,
    /// The stream it concerns, where one can be told.
    pub stream: Option<StreamId>,
    /// The sequence number it concerns.
    pub seq: Option<u64>,
    /// Where to look, where there is a place.
    pub place: Option<Place>,
    /// The line of another stream that says so, where it takes one.
    pub witness: Option<Place>,
}

/// How grave a finding is, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Evidence was altered, removed, added or lost without explanation.
    Error,
    /// It may be harmless; somebody should know why it is so.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What a finding says. The sequence number it concerns is the finding's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// These bytes are no audit line.
    #[error("not an audit line ({}): {fault}", .fault.code())]
    NotALine {
        /// Why not.
        fault: LineFault,
    },
    /// The line is not the one that the next line was sealed after.
    #[error("altered: its digest is {found}, but the next line was sealed after {expected}")]
    Edited {
        /// What the next line recorded.
        expected: Digest,
        /// What the line has.
        found: Digest,
    },
    /// Lines are missing and no gap declares them.
    #[error("{count} lines missing up to seq {last}, and no gap explains them")]
    Gap {
        /// The last one missing.
        last: u64,
        /// How many.
        count: u64,
    },
    /// Lines are missing, and the stream itself declared them lost.
    #[error("{count} lines lost up to seq {last}, declared by the stream")]
    LostDeclared {
        /// The last one lost.
        last: u64,
        /// How many.
        count: u64,
    },
    /// The line after a declared loss does not follow what the gap says was lost.
    #[error("the gap declares {declared} as the last digest lost, but the next line was sealed after {found}")]
    GapHeadDiffers {
        /// What the gap says.
        declared: Digest,
        /// What the line after it says.
        found: Digest,
    },
    /// Another stream saw this one further than it is here.
    #[error("the tail is missing: another stream saw this one at seq {seen}, but it ends here")]
    TailMissing {
        /// Where it was seen.
        seen: u64,
    },
    /// The stream ends without having been closed.
    #[error("ends without a close: what followed, if anything, is not here")]
    UncleanEnd,
    /// A stream that another one refers to is not here at all.
    #[error("the whole stream is missing: another stream saw it at seq {seen}")]
    StreamMissing {
        /// Where it was seen.
        seen: u64,
    },
    /// Another stream saw another line in this place.
    #[error("altered: another stream saw digest {expected} here, but it is {found}")]
    SiblingDiffers {
        /// What the other stream recorded.
        expected: Digest,
        /// What is here.
        found: Digest,
    },
    /// The line stands behind one that was sealed after it.
    #[error("out of order: it stands behind seq {after}")]
    Reordered {
        /// The later line that stands before it.
        after: u64,
    },
    /// The same line again.
    #[error("the same line again")]
    Duplicate,
    /// The same line again, long after.
    #[error("the same line again, when the evidence had reached {reached}")]
    Replay {
        /// The latest time seen before it.
        reached: UnixNanos,
    },
    /// Another line with the same place in the stream.
    #[error("fork: another line has this place, with digest {other}")]
    Fork {
        /// The digest of the other one.
        other: Digest,
    },
    /// A line after the stream was closed.
    #[error("stands after the stream's close at seq {close}")]
    AfterClose {
        /// Where it was closed.
        close: u64,
    },
    /// The first line of a stream is not its opening, or an opening is not the first.
    #[error("a stream has to begin with its opening, after zeros, and only there")]
    BadStart,
    /// A checkpoint's signature does not hold.
    #[error("the checkpoint's signature does not hold for key {key_id}")]
    SignatureBad {
        /// The key that it names.
        key_id: String,
    },
    /// A checkpoint is signed by a key that is not trusted.
    #[error("the checkpoint is signed by key {key_id}, which is not trusted")]
    KeyUnknown {
        /// The key that it names.
        key_id: String,
    },
    /// A checkpoint is not signed, although a key is known.
    #[error("the checkpoint is not signed, although a key is known")]
    Unsigned,
    /// Checkpoints are signed with a key that only the stream itself names.
    #[error("signed with key {key_id}, which only the stream itself names: give it as a trusted key to rely on it")]
    KeyUnpinned {
        /// The key.
        key_id: String,
    },
    /// A checkpoint contradicts its own place in the chain.
    #[error("the checkpoint contradicts its place: {member} is {found}, not {expected}")]
    CheckpointDiffers {
        /// Which member.
        member: &'static str,
        /// What it says.
        found: String,
        /// What it has to be.
        expected: String,
    },
    /// A checkpoint's count is not that of the lines.
    #[error("counts do not reconcile: {member} is {found}, but the lines make {expected}")]
    CountsDiffer {
        /// Which count.
        member: &'static str,
        /// What the checkpoint says.
        found: u64,
        /// What the lines say.
        expected: u64,
    },
    /// The clock went backwards.
    #[error("the clock went backwards: the line before had reached {reached}")]
    ClockBackwards {
        /// The time reached before.
        reached: UnixNanos,
    },
    /// A closed segment is not the one that its manifest describes.
    #[error("the segment's digest is {found}, but its manifest says {expected}")]
    SegmentEdited {
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: Digest,
    },
    /// A closed segment is gone, and retention did not remove it.
    #[error("the segment {file} with {rows} lines is missing")]
    SegmentMissing {
        /// Its name.
        file: String,
        /// How many lines it held.
        rows: u64,
    },
    /// A closed segment has no manifest.
    #[error("the segment has no manifest")]
    SegmentUnlisted,
    /// The kept lines do not make the root that was signed.
    #[error("the lines do not make the root that the log's checkpoint has at size {size}")]
    RootMismatch {
        /// The size of the checkpoint.
        size: u64,
    },
    /// The log is shorter than a checkpoint says, or its segments do not end there.
    #[error("a checkpoint was signed at size {signed}, but the lines make a log of {size}")]
    LogRollback {
        /// The size that was signed.
        signed: u64,
        /// The size that the lines make.
        size: u64,
    },
    /// The log's checkpoint is not signed by the key given.
    #[error("the log's checkpoint at size {size} does not hold: {fault}")]
    LogUnsigned {
        /// Its size.
        size: u64,
        /// Why it does not hold.
        fault: NoteFault,
    },
    /// The lines were written anew as the same JSON.
    #[error("{count} lines were written anew, with the same content; the first is here")]
    Reencoded {
        /// How many.
        count: u64,
    },
    /// There was more to say of one stream than is worth listing.
    #[error("{count} more findings of this kind are not listed")]
    More {
        /// How many.
        count: u64,
    },
}

impl What {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotALine { .. } => "NOT_A_LINE",
            Self::Edited { .. } => "EDITED",
            Self::Gap { .. } => "GAP",
            Self::LostDeclared { .. } => "LOST_DECLARED",
            Self::GapHeadDiffers { .. } => "GAP_HEAD_DIFFERS",
            Self::TailMissing { .. } => "TAIL_MISSING",
            Self::UncleanEnd => "UNCLEAN_END",
            Self::StreamMissing { .. } => "STREAM_MISSING",
            Self::SiblingDiffers { .. } => "SIBLING_DIFFERS",
            Self::Reordered { .. } => "REORDERED",
            Self::Duplicate => "DUPLICATE",
            Self::Replay { .. } => "REPLAY",
            Self::Fork { .. } => "FORK",
            Self::AfterClose { .. } => "AFTER_CLOSE",
            Self::BadStart => "BAD_START",
            Self::SignatureBad { .. } => "SIGNATURE_BAD",
            Self::KeyUnknown { .. } => "KEY_UNKNOWN",
            Self::Unsigned => "UNSIGNED",
            Self::KeyUnpinned { .. } => "KEY_UNPINNED",
            Self::CheckpointDiffers { .. } => "CHECKPOINT_DIFFERS",
            Self::CountsDiffer { .. } => "COUNTS_DIFFER",
            Self::ClockBackwards { .. } => "CLOCK_BACKWARDS",
            Self::SegmentEdited { .. } => "SEGMENT_EDITED",
            Self::SegmentMissing { .. } => "SEGMENT_MISSING",
            Self::SegmentUnlisted => "SEGMENT_UNLISTED",
            Self::RootMismatch { .. } => "ROOT_MISMATCH",
            Self::LogRollback { .. } => "LOG_ROLLBACK",
            Self::LogUnsigned { .. } => "LOG_UNSIGNED",
            Self::Reencoded { .. } => "REENCODED",
            Self::More { .. } => "MORE",
        }
    }

    /// How grave it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::NotALine { .. }
            | Self::Edited { .. }
            | Self::Gap { .. }
            | Self::GapHeadDiffers { .. }
            | Self::TailMissing { .. }
            | Self::StreamMissing { .. }
            | Self::SiblingDiffers { .. }
            | Self::Replay { .. }
            | Self::Fork { .. }
            | Self::AfterClose { .. }
            | Self::BadStart
            | Self::SignatureBad { .. }
            | Self::KeyUnknown { .. }
            | Self::Unsigned
            | Self::CheckpointDiffers { .. }
            | Self::CountsDiffer { .. }
            | Self::SegmentEdited { .. }
            | Self::SegmentMissing { .. }
            | Self::RootMismatch { .. }
            | Self::LogRollback { .. }
            | Self::LogUnsigned { .. } => Severity::Error,
            Self::UncleanEnd | Self::SegmentUnlisted | Self::Duplicate | Self::ClockBackwards { .. } | Self::More { .. } => {
                Severity::Warning
            }
            Self::LostDeclared { .. } | Self::Reordered { .. } | Self::KeyUnpinned { .. } | Self::Reencoded { .. } => {
                Severity::Info
            }
        }
    }

    /// Whether it is held against the one line at the finding's place.
    #[must_use]
    pub(super) fn accuses_the_line(&self) -> bool {
        self.severity() == Severity::Error
            && !matches!(
                self,
                Self::SegmentEdited { .. }
                    | Self::Gap { .. }
                    | Self::TailMissing { .. }
                    | Self::StreamMissing { .. }
                    | Self::GapHeadDiffers { .. }
            )
    }
}
