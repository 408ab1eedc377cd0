//! What one pass could not answer, since it does not remember every line.

use super::finding::{Finding, What};
use crate::digest::Digest;
use crate::line::{Line, StreamId};
use crate::read::Place;
use countersign_core::time::UnixNanos;
use std::collections::HashMap;

/// Something to be compared with the line that came first in a place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// Another line came in that place.
    Again {
        /// Where.
        place: Place,
        /// Its digest.
        digest: Digest,
        /// Its own time.
        time: UnixNanos,
        /// The latest time that the evidence had reached by then.
        reached: UnixNanos,
    },
    /// Another stream says what is in that place.
    Claim {
        /// The digest it gives.
        digest: Digest,
        /// The line that says so.
        witness: Place,
    },
}

/// How much older than the rest a repeated line is when it is no longer taken for a retry.
const REPLAY_AFTER: std::time::Duration = std::time::Duration::from_secs(15 * 60);

impl Question {
    /// The answer, given the digest and place of the line that came first. A claim that holds needs no finding.
    pub(super) fn answer(self, stream: StreamId, seq: u64, first: Digest, first_place: Option<Place>) -> Option<Finding> {
        let (what, place, witness) = match self {
            Self::Again { place, digest, time, reached } => {
                let what = match digest == first {
                    false => What::Fork { other: first },
                    true if time.plus(REPLAY_AFTER) < reached => What::Replay { reached },
                    true => What::Duplicate,
                };
                (what, Some(place), None)
            }
            Self::Claim { digest, .. } if digest == first => return None,
            Self::Claim { digest, witness } => {
                (What::SiblingDiffers { expected: digest, found: first }, first_place, Some(witness))
            }
        };
        Some(Finding { what, stream: Some(stream), seq: Some(seq), place, witness })
    }
}

/// Questions that are asked in one second pass, at most: whoever verifies the same files twice asks one for each line.
const MAX_QUESTIONS: usize = 1_000_000;

/// All open questions, by the place in the chain that they are about.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: HashMap<(StreamId, u64), Vec<Question>>,
    answered: Vec<Finding>,
    asked: usize,
    unasked: u64,
}

impl Questions {
    pub(super) fn ask(&mut self, stream: StreamId, seq: u64, question: Question) {
        if self.asked < MAX_QUESTIONS {
            self.asked += 1;
            self.open.entry((stream, seq)).or_default().push(question);
        } else {
            self.unasked += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Looks at a line of the second pass; the first one in its place answers.
    pub(super) fn look(&mut self, place: Place, line: &Line) {
        if let Some(questions) = self.open.remove(&(line.stream, line.seq)) {
            let answer = |question: Question| question.answer(line.stream, line.seq, line.digest, Some(place));
            self.answered.extend(questions.into_iter().filter_map(answer));
        }
    }

    pub(super) fn into_answers(self) -> Vec<Finding> {
        let unasked = (self.unasked > 0).then_some(Finding {
            what: What::More { count: self.unasked },
            stream: None,
            seq: None,
            place: None,
            witness: None,
        });
        self.answered.into_iter().chain(unasked).collect()
    }
}
