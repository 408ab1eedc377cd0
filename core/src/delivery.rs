//! Bounded, at-least-once delivery of sealed lines to one sink.
//!
//! Every line that is offered ends in exactly one of three ways: acknowledged, pending, or dropped and named in a gap; at
//! any moment `offered = acknowledged + pending + dropped`. When there is no room, events of allowed requests give way to
//! those of refused ones, and a part of the queue is never theirs. Time and randomness are passed in.

use crate::chain::{LostRange, Sealed};
use crate::event::Outcome;
use crate::time::UnixNanos;
use std::collections::VecDeque;
use std::time::Duration;

/// How much may be pending and how it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lines pending, in flight included.
    pub max_events: usize,
    /// Bytes pending, in flight included.
    pub max_bytes: usize,
    /// Percentage of both that events of allowed requests may not take.
    pub reserve_percent: usize,
    /// Lines in a batch.
    pub max_batch: usize,
    /// Bytes in a batch; a single larger line still goes, alone.
    pub max_batch_bytes: usize,
    /// How long a line may wait for its batch to fill.
    pub flush_interval: Duration,
    /// Batches sent and not yet answered.
    pub max_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_events: 10_000,
            max_bytes: 8 << 20,
            reserve_percent: 20,
            max_batch: 400,
            max_batch_bytes: 1 << 20,
            flush_interval: Duration::from_secs(1),
            max_in_flight: 4,
        }
    }
}

/// What kind of line this is, for the question which may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The event of an allowed request.
    Allow,
    /// The event of a refused request.
    Deny,
    /// A line about the stream itself: always taken, never dropped.
    Stream,
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Stream => "other",
        }
    }
}

impl From<Outcome> for Class {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::Deny | Outcome::Fault | Outcome::NotEvaluated => Self::Deny,
        }
    }
}

/// A line on its way, encoded for its sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The encoded log record.
    pub bytes: Vec<u8>,
    /// Its place in the stream.
    pub sealed: Sealed,
    /// What kind of line it is.
    pub class: Class,
    /// When it was offered.
    pub offered: UnixNanos,
}

/// Names a batch that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchId(u32);

/// Lines sent together.
#[derive(Debug)]
pub struct Batch {
    /// Its name.
    pub id: BatchId,
    /// Its lines, in order.
    pub records: Vec<Record>,
}

/// The first pause after a failure; it doubles with each further one up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest pause between attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// One sink's queue.
#[derive(Debug)]
pub struct Delivery {
    limits: Limits,
    queue: VecDeque<Record>,
    retry: VecDeque<Batch>,
    in_flight: Vec<Batch>,
    events: usize,
    bytes: usize,
    queued_allows: usize,
    lost: Vec<LostRange>,
    acknowledged: u64,
    dropped: u64,
    failures: u32,
    not_before: UnixNanos,
    last_id: u32,
}

impl Delivery {
    /// An empty queue.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            queue: VecDeque::new(),
            retry: VecDeque::new(),
            in_flight: Vec::new(),
            events: 0,
            bytes: 0,
            queued_allows: 0,
            lost: Vec::new(),
            acknowledged: 0,
            dropped: 0,
            failures: 0,
            not_before: UnixNanos::default(),
            last_id: 0,
        }
    }

    /// Lines that the sink acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Lines that were given up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Lines that wait or are in flight.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.events
    }

    /// Failed attempts since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes a line, or gives up a line where there is no room.
    pub fn offer(&mut self, record: Record) {
        if !self.has_room(&record) {
            match self.evictable(record.class) {
                Some(index) => self.evict(index),
                None => return self.lose(&record),
            }
        }
        self.events += 1;
        self.bytes += record.bytes.len();
        self.queued_allows += usize::from(record.class == Class::Allow);
        self.queue.push_back(record);
    }

    fn has_room(&self, record: &Record) -> bool {
        let share = match record.class {
            Class::Allow => 100 - self.limits.reserve_percent.min(100),
            Class::Deny => 100,
            Class::Stream => return true,
        };
        let part = |limit: usize| limit / 100 * share + limit % 100 * share / 100;
        self.events < part(self.limits.max_events) && self.bytes + record.bytes.len() <= part(self.limits.max_bytes)
    }

    /// The youngest allowed event, when a refused one needs its room.
    fn evictable(&self, class: Class) -> Option<usize> {
        if class != Class::Deny || self.queued_allows == 0 {
            return None;
        }
        self.queue.iter().rposition(|record| record.class == Class::Allow)
    }

    fn evict(&mut self, index: usize) {
        if let Some(record) = self.queue.remove(index) {
            self.forget(&record);
            self.queued_allows -= 1;
            self.lose(&record);
        }
    }

    fn forget(&mut self, record: &Record) {
        self.events -= 1;
        self.bytes -= record.bytes.len();
    }

    fn lose(&mut self, record: &Record) {
        self.dropped += 1;
        let Sealed { seq, head, prev } = record.sealed;
        let class = record.class.word();
        match self.lost.iter_mut().find(|range| range.class == class && adjoins(range, seq)) {
            Some(range) if seq > range.last => (range.last, range.head) = (seq, head),
            Some(range) => (range.first, range.prev) = (seq, prev),
            None => self.lost.push(LostRange { class, first: seq, last: seq, head, prev }),
        }
    }

    /// Takes what was given up since the last call, at most `limit` ranges, for a gap event.
    pub fn take_lost(&mut self, limit: usize) -> Vec<LostRange> {
        let rest = self.lost.split_off(limit.min(self.lost.len()));
        std::mem::replace(&mut self.lost, rest)
    }

    /// The next batch that is due, which is then in flight until [`Self::acknowledge`] or [`Self::fail`].
    pub fn due(&mut self, now: UnixNanos) -> Option<&Batch> {
        // After a failure one batch at a time asks whether the sink is back.
        let allowed = if self.failures > 0 { 1 } else { self.limits.max_in_flight };
        if now < self.not_before || self.in_flight.len() >= allowed {
            return None;
        }
        let batch = match self.retry.pop_front() {
            Some(batch) => batch,
            None if self.is_ripe(now) => self.fill(),
            None => return None,
        };
        self.in_flight.push(batch);
        self.in_flight.last()
    }

    /// Sends what waits, however young it is, from the next [`Self::due`] on.
    pub fn flush(&mut self) {
        self.limits.flush_interval = Duration::ZERO;
    }

    fn is_ripe(&self, now: UnixNanos) -> bool {
        let old = |record: &Record| now.since(record.offered) >= self.limits.flush_interval;
        self.queue.len() >= self.limits.max_batch || self.queue.front().is_some_and(old)
    }

    fn fill(&mut self) -> Batch {
        let mut records = Vec::with_capacity(self.queue.len().min(self.limits.max_batch));
        let mut bytes = 0;
        while let Some(next) = self.queue.front() {
            bytes += next.bytes.len();
            if records.len() == self.limits.max_batch || (bytes > self.limits.max_batch_bytes && !records.is_empty()) {
                break;
            }
            records.extend(self.queue.pop_front());
        }
        self.queued_allows -= records.iter().filter(|record| record.class == Class::Allow).count();
        self.last_id = self.last_id.wrapping_add(1);
        Batch { id: BatchId(self.last_id), records }
    }

    /// The sink took the batch, but for `rejected` of its lines, which it will never take.
    pub fn acknowledge(&mut self, id: BatchId, rejected: u64) {
        let Some(batch) = self.take_in_flight(id) else { return };
        self.failures = 0;
        self.not_before = UnixNanos::default();
        for record in &batch.records {
            self.forget(record);
        }
        // A partial success does not say which lines it means, so the whole batch counts as acknowledged but for a number.
        let rejected = rejected.min(batch.records.len() as u64);
        self.acknowledged += batch.records.len() as u64 - rejected;
        self.dropped += rejected;
    }

    /// The batch did not arrive, or nobody said so: it will be sent again. `random` spreads the attempts of many workers.
    pub fn fail(&mut self, id: BatchId, now: UnixNanos, random: u64) {
        let Some(batch) = self.take_in_flight(id) else { return };
        self.retry.push_back(batch);
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_BACKOFF.saturating_mul(1 << (self.failures - 1).min(10)).min(MAX_BACKOFF);
        let jitter = doubled.mul_f64((random % 1000) as f64 / 2000.0);
        self.not_before = now.plus(doubled - jitter);
    }

    fn take_in_flight(&mut self, id: BatchId) -> Option<Batch> {
        let index = self.in_flight.iter().position(|batch| batch.id == id)?;
        Some(self.in_flight.swap_remove(index))
    }
}

fn adjoins(range: &LostRange, seq: u64) -> bool {
    range.last.checked_add(1) == Some(seq) || seq.checked_add(1) == Some(range.first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, class: Class) -> Record {
        Record {
            bytes: vec![0; 10],
            sealed: Sealed { seq, head: [seq as u8; 32], prev: [seq.wrapping_sub(1) as u8; 32] },
            class,
            offered: at(0),
        }
    }

    fn range(class: &'static str, first: u64, last: u64) -> LostRange {
        LostRange { class, first, last, head: [last as u8; 32], prev: [first.wrapping_sub(1) as u8; 32] }
    }

    fn at(millis: u64) -> UnixNanos {
        UnixNanos(millis * 1_000_000)
    }

    fn small() -> Delivery {
        Delivery::new(Limits { max_events: 10, max_batch: 4, ..Limits::default() })
    }

    fn sequence(batch: &Batch) -> Vec<u64> {
        batch.records.iter().map(|record| record.sealed.seq).collect()
    }

    #[test]
    fn a_batch_goes_when_it_is_full_or_old() {
        let mut delivery = small();
        (0..3).for_each(|seq| delivery.offer(record(seq, Class::Allow)));
        assert!(delivery.due(at(999)).is_none());
        assert_eq!(delivery.due(at(1000)).map(sequence), Some(vec![0, 1, 2]));
        (3..7).for_each(|seq| delivery.offer(record(seq, Class::Allow)));
        assert_eq!(delivery.due(at(0)).map(sequence), Some(vec![3, 4, 5, 6]));
    }

    #[test]
    fn allowed_events_give_way_to_refused_ones_and_the_loss_is_named() {
        let mut delivery = small();
        (0..10).for_each(|seq| delivery.offer(record(seq, Class::Allow)));
        assert_eq!(delivery.take_lost(9), [range("allow", 8, 9)]);
        (10..14).for_each(|seq| delivery.offer(record(seq, Class::Deny)));
        assert_eq!(delivery.take_lost(9), [range("allow", 6, 7)]);
        (14..21).for_each(|seq| delivery.offer(record(seq, Class::Deny)));
        let lost = delivery.take_lost(9);
        assert_eq!(lost.first(), Some(&range("allow", 0, 5)));
        assert_eq!(lost.get(1), Some(&range("deny", 20, 20)));
        assert_eq!((delivery.pending(), delivery.dropped()), (10, 11));
    }

    #[test]
    fn a_failed_batch_is_sent_again_first_after_a_growing_pause() {
        let mut delivery = small();
        (0..8).for_each(|seq| delivery.offer(record(seq, Class::Allow)));
        let id = delivery.due(at(0)).map(|batch| batch.id).expect("due");
        delivery.fail(id, at(0), 0);
        assert!(delivery.due(at(99)).is_none());
        assert_eq!(delivery.due(at(100)).map(sequence), Some(vec![0, 1, 2, 3]));
        assert!(delivery.due(at(100)).is_none(), "one at a time until the sink is back");
        delivery.fail(id, at(100), 0);
        assert!(delivery.due(at(299)).is_none());
        delivery.due(at(300)).expect("due again");
        delivery.acknowledge(id, 0);
        assert_eq!(delivery.due(at(300)).map(sequence), Some(vec![4, 5, 6, 7]));
        assert_eq!((delivery.acknowledged(), delivery.pending()), (4, 4));
    }

    #[test]
    fn an_answer_counts_once() {
        let mut delivery = small();
        delivery.offer(record(0, Class::Deny));
        let id = delivery.due(at(1000)).map(|batch| batch.id).expect("due");
        delivery.acknowledge(id, 0);
        delivery.acknowledge(id, 0);
        delivery.fail(id, at(0), 0);
        assert_eq!((delivery.acknowledged(), delivery.pending(), delivery.failures()), (1, 0, 0));
    }

    #[test]
    fn the_books_balance_at_every_moment() {
        let mut delivery = Delivery::new(Limits { max_events: 50, max_bytes: 350, max_batch: 7, ..Limits::default() });
        let mut random: u64 = 88_172_645_463_325_252;
        let mut offered = 0;
        let mut sent: Vec<BatchId> = Vec::new();
        for step in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            match random % 8 {
                0..4 => {
                    let class = [Class::Allow, Class::Allow, Class::Deny, Class::Stream][(random >> 8) as usize % 4];
                    delivery.offer(record(offered, class));
                    offered += 1;
                }
                4 | 5 => sent.extend(delivery.due(at(step)).map(|batch| batch.id)),
                6 => sent.drain(..).for_each(|id| delivery.acknowledge(id, 0)),
                _ => sent.drain(..).for_each(|id| delivery.fail(id, at(step), random)),
            }
            assert_eq!(offered, delivery.acknowledged() + delivery.dropped() + delivery.pending() as u64);
        }
        let named: u64 = delivery.take_lost(usize::MAX).iter().map(|range| range.last - range.first + 1).sum();
        assert_eq!(named, delivery.dropped(), "every dropped line is named once");
        assert!(delivery.dropped() > 0 && delivery.acknowledged() > 0);
    }
}
