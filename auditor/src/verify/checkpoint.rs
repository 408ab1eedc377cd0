//! What can be checked of a checkpoint by itself: against its own place, and its signature.

use super::finding::What;
use crate::line::{Checkpoint, Line, StreamId};
use crate::seal::{self, SignatureVerdict, TrustedKey};

/// What is wrong between a checkpoint and the place it stands at.
pub(super) fn against_its_place(line: &Line, checkpoint: &Checkpoint) -> Vec<What> {
    let counts = &checkpoint.counts;
    let mut wrong = Vec::new();
    let mut expect = |member, found: String, expected: String| {
        if found != expected {
            wrong.push(What::CheckpointDiffers { member, found, expected });
        }
    };
    expect("seq", checkpoint.seq.to_string(), line.seq.to_string());
    expect("head", checkpoint.head.to_string(), line.prev.to_string());
    expect("emitted", counts.emitted.to_string(), line.seq.to_string());
    let settled = counts.acknowledged.saturating_add(counts.dropped);
    if settled > counts.emitted {
        wrong.push(What::CountsDiffer { member: "acknowledged and dropped", found: settled, expected: counts.emitted });
    }
    wrong
}

/// What a checkpoint's signature is worth.
pub(super) enum Seal {
    /// A trusted key signed it.
    Trusted,
    /// The stream's own key signed it, and no key was given to trust.
    OwnKey,
    /// No key is known, so nothing can be said.
    None,
    /// It does not hold.
    Wrong(What),
}

/// Checks a signature against the keys given, or, where none is given, against the stream's own.
pub(super) fn seal(stream: StreamId, checkpoint: &Checkpoint, trusted: &[TrustedKey], own: Option<&TrustedKey>) -> Seal {
    let pinned = !trusted.is_empty();
    let keys: Vec<&TrustedKey> = if pinned { trusted.iter().collect() } else { own.into_iter().collect() };
    if keys.is_empty() {
        return Seal::None;
    }
    let key_id = || checkpoint.key_id.clone().unwrap_or_default();
    match seal::check_signature(stream, checkpoint, keys.iter().copied()) {
        SignatureVerdict::Valid if pinned => Seal::Trusted,
        SignatureVerdict::Valid => Seal::OwnKey,
        SignatureVerdict::Absent => Seal::Wrong(What::Unsigned),
        SignatureVerdict::UnknownKey => Seal::Wrong(What::KeyUnknown { key_id: key_id() }),
        SignatureVerdict::Invalid => Seal::Wrong(What::SignatureBad { key_id: key_id() }),
    }
}
