//! One stream as it is read: its runs, its counts, its clock.

use super::finding::What;
use crate::line::{Checkpoint, Counts, GapRange, Kind, Line, Outcome};
use crate::read::Place;
use crate::runs::{Fit, Link, Runs};
use crate::seal::TrustedKey;
use countersign_core::time::UnixNanos;
use std::time::Duration;

/// How far a clock may step back before it is remarked upon.
const CLOCK_SLACK: Duration = Duration::from_secs(1);

/// What is known of one stream so far.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) runs: Runs<Place>,
    pub(super) gaps: Vec<GapRange>,
    pub(super) close: Option<Link<Place>>,
    pub(super) key: Option<TrustedKey>,
    pub(super) checkpoints: u64,
    pub(super) signed: u64,
    pub(super) latest: UnixNanos,
    thread: Option<Thread>,
    furthest: Option<(u32, u64)>,
}

/// What follows the stream line by line, as long as lines come in order.
#[derive(Debug, Clone, Copy)]
struct Thread {
    at: u64,
    counts: Option<Counts>,
    reached: UnixNanos,
    stated: UnixNanos,
}

impl Stream {
    /// Takes one line in; says how it fitted, and what is wrong with it as far as this stream can tell.
    pub(super) fn take(&mut self, line: &Line, link: Link<Place>) -> (Fit, Vec<What>) {
        let fit = self.runs.insert(link);
        if fit == Fit::Taken {
            return (fit, Vec::new());
        }
        let mut wrong = Vec::new();
        wrong.extend(self.misplaced(line));
        wrong.extend(self.disordered(link));
        self.follow(line, &mut wrong);
        self.latest = self.latest.max(end_of(line));
        self.learn(line, link);
        (fit, wrong)
    }

    fn misplaced(&self, line: &Line) -> Option<What> {
        let opens = matches!(line.kind, Kind::Open(_));
        let starts = line.seq == 0;
        (opens != starts || (starts && line.prev != crate::digest::Digest::ZERO)).then_some(What::BadStart)
    }

    /// Order is a matter of one file: files may be given in any order.
    fn disordered(&mut self, link: Link<Place>) -> Option<What> {
        match self.furthest {
            Some((file, after)) if file == link.place.file && after > link.seq => Some(What::Reordered { after }),
            _ => {
                self.furthest = Some((link.place.file, link.seq));
                None
            }
        }
    }

    fn learn(&mut self, line: &Line, link: Link<Place>) {
        match &line.kind {
            Kind::Open(open) => self.key = open.public_key.as_ref().and_then(TrustedKey::from_bytes),
            Kind::Gap(ranges) => self.gaps.extend(ranges),
            Kind::Close { .. } => self.close = Some(link),
            Kind::Checkpoint(_) => self.checkpoints += 1,
            Kind::Access(_) | Kind::Other => {}
        }
    }

    fn follow(&mut self, line: &Line, wrong: &mut Vec<What>) {
        let in_order = self.thread.filter(|thread| thread.at.checked_add(1) == Some(line.seq));
        let counts = match line.seq {
            0 => Some(Counts::default()),
            _ => in_order.and_then(|thread| thread.counts),
        };
        let (mut reached, mut stated) = in_order.map_or_else(Default::default, |thread| (thread.reached, thread.stated));
        wrong.extend(clock_fault(line, reached, stated));
        reached = reached.max(line.time);
        if !matches!(line.kind, Kind::Access(_)) {
            stated = stated.max(line.time);
        }
        let counts = match &line.kind {
            Kind::Checkpoint(checkpoint) => Some(reconcile(checkpoint, counts, wrong)),
            Kind::Access(outcome) => counts.map(|counts| count(counts, *outcome)),
            Kind::Open(_) | Kind::Gap(_) | Kind::Close { .. } | Kind::Other => counts,
        };
        self.thread = Some(Thread { at: line.seq, counts, reached, stated });
    }
}

fn end_of(line: &Line) -> UnixNanos {
    line.time.plus(line.duration.unwrap_or_default())
}

/// An access line is sealed when its request ends, so its time may lie before that of lines sealed earlier, but its time
/// and duration together may not.
fn clock_fault(line: &Line, reached: UnixNanos, stated: UnixNanos) -> Option<What> {
    let (end, floor) = match line.kind {
        Kind::Access(_) if line.duration.is_none() => return None,
        Kind::Access(_) => (end_of(line), stated),
        _ => (line.time, reached),
    };
    (end.plus(CLOCK_SLACK) < floor).then_some(What::ClockBackwards { reached: floor })
}

fn count(mut counts: Counts, outcome: Outcome) -> Counts {
    match outcome {
        Outcome::Allow => counts.allowed += 1,
        Outcome::Deny => counts.denied += 1,
        Outcome::Fault | Outcome::NotEvaluated => counts.faulted += 1,
    }
    counts
}

/// Compares a checkpoint's counts with those of the lines; what the checkpoint says is the base of what follows.
fn reconcile(checkpoint: &Checkpoint, expected: Option<Counts>, wrong: &mut Vec<What>) -> Counts {
    let found = checkpoint.counts;
    let Some(expected) = expected else { return found };
    for (member, found, expected) in [
        ("allowed", found.allowed, expected.allowed),
        ("denied", found.denied, expected.denied),
        ("faulted", found.faulted, expected.faulted),
    ] {
        if found != expected {
            wrong.push(What::CountsDiffer { member, found, expected });
        }
    }
    for (member, found, expected) in
        [("acknowledged", found.acknowledged, expected.acknowledged), ("dropped", found.dropped, expected.dropped)]
    {
        if found < expected {
            wrong.push(What::CountsDiffer { member, found, expected });
        }
    }
    found
}
