//! A stream as the unbroken stretches of it that were seen, whatever the order they came in.

use crate::digest::Digest;
use crate::read::Place;
use std::collections::BTreeMap;

/// One line's place in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) prev: Digest,
    pub(super) digest: Digest,
    pub(super) place: Place,
}

/// Consecutive lines, from `first` to `last`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) first: Link,
    pub(super) last: Link,
}

/// Where a line is not the one that its successor was sealed after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Break {
    pub(super) before: Link,
    pub(super) after: Link,
}

/// How a line fitted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It follows the end of a run.
    Next,
    /// It starts a run, precedes one, or fills a hole.
    Elsewhere,
    /// Its sequence number was there before.
    Taken,
}

/// All runs of a stream, and where links do not hold.
#[derive(Debug, Default)]
pub(super) struct Runs {
    by_first: BTreeMap<u64, Run>,
    breaks: BTreeMap<u64, Break>,
    lines: u64,
    unlisted: u64,
}

/// Broken links of one stream that are remembered one by one.
const MAX_BREAKS: usize = 10_000;

impl Runs {
    /// Fits a line in. A line whose sequence number is taken changes nothing.
    pub(super) fn insert(&mut self, link: Link) -> Fit {
        let before = self.by_first.range(..=link.seq).next_back().map(|(_, run)| *run);
        if before.is_some_and(|run| run.last.seq >= link.seq) {
            return Fit::Taken;
        }
        self.lines += 1;
        let joined = before.filter(|run| run.last.seq.checked_add(1) == Some(link.seq));
        let mut run = Run { first: joined.map_or(link, |run| run.first), last: link };
        if let Some(joined) = joined {
            self.check(joined.last, link);
        }
        let after = link.seq.checked_add(1).and_then(|next| self.by_first.remove(&next));
        if let Some(after) = after {
            self.check(link, after.first);
            run.last = after.last;
        }
        self.by_first.insert(run.first.seq, run);
        if joined.is_some() && after.is_none() { Fit::Next } else { Fit::Elsewhere }
    }

    /// Whether a line with this sequence number was fitted in.
    pub(super) fn contains(&self, seq: u64) -> bool {
        self.by_first.range(..=seq).next_back().is_some_and(|(_, run)| run.last.seq >= seq)
    }

    fn check(&mut self, before: Link, after: Link) {
        if after.prev == before.digest {
            return;
        }
        if self.breaks.len() < MAX_BREAKS {
            self.breaks.insert(after.seq, Break { before, after });
        } else {
            self.unlisted += 1;
        }
    }

    /// The runs in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.by_first.values()
    }

    /// The last line of all.
    pub(super) fn last(&self) -> Option<Link> {
        self.iter().next_back().map(|run| run.last)
    }

    /// Distinct lines that were fitted in.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Broken links that are not remembered one by one.
    pub(super) fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The lines that broken links accuse, each with what its successor expected of it.
    ///
    /// A line that was altered outside `prev` breaks the link to its successor only; one whose `prev` was altered breaks
    /// both of its links. So of two or more consecutive broken links the lines between them are accused, and of a single
    /// one the line before it.
    pub(super) fn accused(&self) -> Vec<(Link, Digest)> {
        let mut accused = Vec::new();
        let mut breaks = self.breaks.values().copied().peekable();
        while let Some(mut current) = breaks.next() {
            let mut alone = true;
            while let Some(next) = breaks.next_if(|next| next.before.seq == current.after.seq) {
                accused.push((next.before, next.after.prev));
                current = next;
                alone = false;
            }
            if alone {
                accused.push((current.before, current.after.prev));
            }
        }
        accused
    }
}
