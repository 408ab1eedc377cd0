//! A stream as the unbroken stretches of it that were seen, whatever the order they came in.

use crate::digest::Digest;
use std::collections::BTreeMap;

/// One line's place in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<P> {
    /// Its sequence number.
    pub seq: u64,
    /// The digest it gives for the line before it.
    pub prev: Digest,
    /// Its own digest.
    pub digest: Digest,
    /// Whatever the reader wants to remember of it.
    pub place: P,
}

/// Consecutive lines, from `first` to `last`.
#[derive(Debug, Clone, Copy)]
pub struct Run<P> {
    /// The first of them.
    pub first: Link<P>,
    /// The last of them.
    pub last: Link<P>,
}

/// Where a line is not the one that its successor was sealed after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break<P> {
    /// The line that was not the one.
    pub before: Link<P>,
    /// The line that says so.
    pub after: Link<P>,
}

/// How a line fitted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It follows the end of a run.
    Next,
    /// It starts a run, precedes one, or fills a hole.
    Elsewhere,
    /// Its sequence number was there before.
    Taken,
}

/// All runs of a stream, and where links do not hold.
#[derive(Debug)]
pub struct Runs<P> {
    by_first: BTreeMap<u64, Run<P>>,
    breaks: BTreeMap<u64, Break<P>>,
    lines: u64,
    unlisted: u64,
}

impl<P> Default for Runs<P> {
    fn default() -> Self {
        Self { by_first: BTreeMap::new(), breaks: BTreeMap::new(), lines: 0, unlisted: 0 }
    }
}

/// Broken links of one stream that are remembered one by one.
const MAX_BREAKS: usize = 10_000;

impl<P: Copy> Runs<P> {
    /// Fits a line in. A line whose sequence number is taken changes nothing.
    pub fn insert(&mut self, link: Link<P>) -> Fit {
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

    /// Where links of a line, to either side, do not hold.
    pub fn breaks_at(&self, seq: u64) -> impl Iterator<Item = &Break<P>> {
        self.breaks.range(seq..=seq.saturating_add(1)).map(|(_, broken)| broken)
    }

    /// Takes a whole run in, as one that was read before; what it overlaps becomes part of it.
    pub fn absorb(&mut self, mut run: Run<P>) {
        let earliest = run.first.seq.saturating_sub(1);
        let latest = run.last.seq.saturating_add(1);
        let before = self.by_first.range(..=run.first.seq).next_back().map(|(_, before)| *before);
        let touching: Vec<Run<P>> =
            before.into_iter().chain(self.by_first.range(run.first.seq..=latest).map(|(_, run)| *run)).collect();
        for other in touching.into_iter().filter(|other| other.last.seq >= earliest) {
            self.by_first.remove(&other.first.seq);
            if other.last.seq.checked_add(1) == Some(run.first.seq) {
                self.check(other.last, run.first);
            } else if run.last.seq.checked_add(1) == Some(other.first.seq) {
                self.check(run.last, other.first);
            }
            if other.first.seq < run.first.seq {
                run.first = other.first;
            }
            if other.last.seq > run.last.seq {
                run.last = other.last;
            }
        }
        self.by_first.insert(run.first.seq, run);
    }

    /// Whether a line with this sequence number was fitted in.
    pub fn contains(&self, seq: u64) -> bool {
        self.by_first.range(..=seq).next_back().is_some_and(|(_, run)| run.last.seq >= seq)
    }

    fn check(&mut self, before: Link<P>, after: Link<P>) {
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
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Run<P>> {
        self.by_first.values()
    }

    /// The last line of all.
    pub fn last(&self) -> Option<Link<P>> {
        self.iter().next_back().map(|run| run.last)
    }

    /// Distinct lines that were fitted in.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Broken links that are not remembered one by one.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The lines that broken links accuse, each with what its successor expected of it.
    ///
    /// A line that was altered outside `prev` breaks the link to its successor only; one whose `prev` was altered breaks
    /// both of its links. So of two or more consecutive broken links the lines between them are accused, and of a single
    /// one the line before it.
    pub fn accused(&self) -> Vec<(Link<P>, Digest)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn link(seq: u64) -> Link<()> {
        let digest = |seq: u64| Digest::of(&seq.to_be_bytes());
        Link { seq, prev: if seq == 0 { Digest::ZERO } else { digest(seq - 1) }, digest: digest(seq), place: () }
    }

    fn spans(runs: &Runs<()>) -> Vec<(u64, u64)> {
        runs.iter().map(|run| (run.first.seq, run.last.seq)).collect()
    }

    #[test]
    fn lines_in_any_order_make_the_same_runs() {
        for order in [[0, 1, 2, 4, 5], [5, 4, 2, 1, 0], [2, 0, 5, 1, 4], [4, 2, 5, 0, 1]] {
            let mut runs = Runs::default();
            for seq in order {
                assert_ne!(runs.insert(link(seq)), Fit::Taken);
                assert_eq!(runs.insert(link(seq)), Fit::Taken);
            }
            assert_eq!((spans(&runs), runs.lines()), (vec![(0, 2), (4, 5)], 5), "{order:?}");
            assert!(runs.accused().is_empty() && runs.contains(5) && !runs.contains(3) && !runs.contains(6));
        }
    }

    #[test]
    fn whole_runs_join_what_they_touch() {
        for order in [[(0, 2), (3, 5), (8, 9)], [(8, 9), (3, 5), (0, 2)], [(0, 4), (2, 5), (8, 9)], [(8, 9), (1, 5), (0, 1)]] {
            let mut runs = Runs::default();
            for (first, last) in order {
                runs.absorb(Run { first: link(first), last: link(last) });
            }
            assert_eq!(spans(&runs), [(0, 5), (8, 9)], "{order:?}");
            assert!(runs.accused().is_empty());
        }
    }

    #[test]
    fn the_line_between_two_broken_links_is_accused() {
        let mut runs = Runs::default();
        for seq in 0..5 {
            let prev = if seq == 2 { Digest::ZERO } else { link(seq).prev };
            let digest = if seq == 2 { Digest::ZERO } else { link(seq).digest };
            runs.insert(Link { prev, digest, ..link(seq) });
        }
        assert_eq!(runs.accused().iter().map(|(link, _)| link.seq).collect::<Vec<_>>(), [2]);
    }
}
