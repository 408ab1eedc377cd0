//! The fetched keys of one issuer: how old they are, when to fetch them again, and which key ids are known to be unknown.

use super::{
    Cure, Freshness, KeyChange, KeyDocument, MAX_STALENESS, Patience, RemoteKeys, UNKNOWN_KEY_INTERVAL, UNKNOWN_KEY_MEMORY,
};
use crate::chain::{Head, head_of};
use crate::jose::{Key, KeySet};
use crate::time::UnixNanos;
use std::collections::VecDeque;
use std::time::Duration;

/// The first pause after a failure; each further failure doubles it.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);
/// How much longer than its timeout a fetch may take before it counts as lost.
const GRACE: Duration = Duration::from_secs(1);
/// At most so many key ids are remembered as unknown.
const MAX_UNKNOWN: usize = 256;

#[derive(Debug)]
pub(super) struct Slot {
    source: RemoteKeys,
    held: Option<Held>,
    flight: Option<UnixNanos>,
    failures: u32,
    retry_at: UnixNanos,
    /// When an unknown key id last led to a fetch.
    provoked_at: Option<UnixNanos>,
    unknown: Unknown,
}

/// An answer that was good.
#[derive(Debug, Clone)]
struct Held {
    document: KeyDocument,
    fetched_at: UnixNanos,
    refresh_at: UnixNanos,
}

impl Slot {
    pub(super) fn new(source: RemoteKeys) -> Self {
        Self {
            source,
            held: None,
            flight: None,
            failures: 0,
            retry_at: UnixNanos(0),
            provoked_at: None,
            unknown: Unknown::default(),
        }
    }

    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        let fetched = |slot: &Self| slot.held.as_ref().map(|held| held.fetched_at);
        fetched(self) > fetched(other)
    }

    /// The same keys and the same rate limits. A fetch that is under way stays with whoever started it.
    pub(super) fn inherited(&self) -> Self {
        Self {
            held: self.held.clone(),
            failures: self.failures,
            retry_at: self.retry_at,
            provoked_at: self.provoked_at,
            ..Self::new(self.source.clone())
        }
    }

    pub(super) fn source(&self) -> &RemoteKeys {
        &self.source
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn usable(&self, now: UnixNanos) -> Option<&KeySet> {
        self.held.as_ref().filter(|held| now.since(held.fetched_at) < MAX_STALENESS).map(|held| &held.document.keys)
    }

    pub(super) fn freshness(&self, now: UnixNanos) -> Freshness {
        match self.held.as_ref().map(|held| now.since(held.fetched_at)) {
            None => Freshness::Missing,
            Some(age) if age < self.source.cache_duration => Freshness::Fresh,
            Some(age) if age < MAX_STALENESS => Freshness::Stale,
            Some(_) => Freshness::Expired,
        }
    }

    pub(super) fn is_due(&self, now: UnixNanos) -> bool {
        let rests = self.held.as_ref().is_some_and(|held| lies_ahead(held.refresh_at, now, self.source.cache_duration));
        !rests && !self.in_flight(now) && !self.backs_off(now)
    }

    pub(super) fn in_flight(&self, now: UnixNanos) -> bool {
        self.flight.is_some_and(|started| now.since(started) < self.source.timeout.saturating_add(GRACE))
    }

    fn backs_off(&self, now: UnixNanos) -> bool {
        lies_ahead(self.retry_at, now, LONGEST_BACK_OFF)
    }

    pub(super) fn cure_missing(&self, now: UnixNanos, patience: Patience) -> Cure {
        let may_fetch = self.in_flight(now) || !self.backs_off(now);
        if patience == Patience::MayWait && may_fetch { Cure::Fetch } else { Cure::Unreachable }
    }

    pub(super) fn cure_unknown(&mut self, wanted: &str, now: UnixNanos, patience: Patience) -> Cure {
        let wanted = head_of(wanted.as_bytes());
        if self.unknown.holds(&wanted, now) {
            return Cure::None;
        }
        match patience {
            Patience::MayWait if self.in_flight(now) => Cure::Fetch,
            Patience::MayWait if !self.is_provoked(now) && !self.backs_off(now) => {
                self.provoked_at = Some(now);
                Cure::Fetch
            }
            // Whether the issuer has the key by now is what the failed fetch would have told.
            _ if self.failures > 0 => Cure::Unreachable,
            Patience::MayWait => Cure::None,
            Patience::Over => {
                self.unknown.remember(wanted, now);
                Cure::None
            }
        }
    }

    fn is_provoked(&self, now: UnixNanos) -> bool {
        self.provoked_at.is_some_and(|provoked| now >= provoked && now.since(provoked) < UNKNOWN_KEY_INTERVAL)
    }

    pub(super) fn begin(&mut self, now: UnixNanos) {
        self.flight = Some(now);
    }

    pub(super) fn finish(&mut self, document: KeyDocument, now: UnixNanos, random: u64) -> KeyChange {
        let before = self.held.take().map(|held| held.document);
        // The same bytes are the same keys, and those at hand may have been prepared.
        let same = before.as_ref().is_some_and(|before| before.digest == document.digest);
        let change = if same { KeyChange::default() } else { change(before.as_ref(), &document) };
        let document = if same { before.unwrap_or(document) } else { document };
        if !change.is_empty() {
            self.unknown.clear();
        }
        let refresh_at = now.plus(share(self.source.cache_duration, 80, 15, random));
        self.held = Some(Held { document, fetched_at: now, refresh_at });
        (self.flight, self.failures, self.retry_at) = (None, 0, UnixNanos(0));
        change
    }

    pub(super) fn fail(&mut self, now: UnixNanos, random: u64) {
        let doubled = FIRST_BACK_OFF.saturating_mul(1 << self.failures.min(16));
        self.retry_at = now.plus(share(doubled.min(LONGEST_BACK_OFF), 50, 50, random));
        self.failures = self.failures.saturating_add(1);
        self.flight = None;
    }
}

/// Whether an instant is still to come. One that is further away than `longest` is of a clock that was set back since.
fn lies_ahead(instant: UnixNanos, now: UnixNanos, longest: Duration) -> bool {
    instant > now && instant.since(now) <= longest
}

/// From `percent` of a duration to `span` percent more, by chance.
fn share(of: Duration, percent: u32, span: u32, random: u64) -> Duration {
    let extra = u32::try_from(random % u64::from(span.max(1))).unwrap_or_default();
    of.saturating_mul(percent + extra) / 100
}

fn change(before: Option<&KeyDocument>, after: &KeyDocument) -> KeyChange {
    let ids = |keys: &mut dyn Iterator<Item = &Key>| keys.map(|key| key.id().unwrap_or_default().to_owned()).collect();
    let before = before.map(|before| &before.keys);
    let is_new = |key: &&Key| !before.is_some_and(|before| before.holds(key));
    KeyChange {
        added: ids(&mut after.keys.iter().filter(is_new)),
        removed: ids(&mut before.into_iter().flat_map(KeySet::iter).filter(|key| !after.keys.holds(key))),
    }
}

/// Keys that the issuer does not have, by digest: an id may be as long as a token.
#[derive(Debug, Default)]
struct Unknown(VecDeque<(Head, UnixNanos)>);

impl Unknown {
    fn holds(&self, wanted: &Head, now: UnixNanos) -> bool {
        self.0.iter().any(|(known, since)| known == wanted && now >= *since && now.since(*since) < UNKNOWN_KEY_MEMORY)
    }

    fn remember(&mut self, wanted: Head, now: UnixNanos) {
        self.0.retain(|(known, _)| *known != wanted);
        self.0.truncate(MAX_UNKNOWN - 1);
        self.0.push_front((wanted, now));
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
