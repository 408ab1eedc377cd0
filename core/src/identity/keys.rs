//! The keys of issuers: written into the configuration, or fetched from the issuer and kept for a while.
//!
//! The store fetches nothing. It says when a fetch is due and what an answer changes; time and randomness are passed in.
//! Keys at hand go on being used while fetching them again fails, up to [`MAX_STALENESS`]: an outage of the key server must
//! not become one of every service behind the gateway.
//!
//! | threat | answer |
//! |---|---|
//! | forged tokens with ever new key ids | one refetch per [`UNKNOWN_KEY_INTERVAL`] and issuer; ids are remembered as unknown |
//! | a key server that is down, slow or flooded | one fetch at a time, back-off, a limit on the answer's size |
//! | an answer that is garbage, empty, or a page of a captive portal | the old keys stay, and it counts as a failure |
//! | a withdrawn key | leaves with the next good answer, and so do the tokens that it verified |
//! | a key server cut off so that a withdrawn key stays | no key outlives [`MAX_STALENESS`] unseen |
//!
//! | module | what it is for |
//! |---|---|
//! | [`address`] | where keys are fetched |
//! | [`answer`] | reading what a key server answered |
//! | `slot` | the fetched keys of one issuer |

pub mod address;
pub mod answer;

mod slot;

pub use address::KeyAddress;
pub use answer::{FetchFault, KeyDocument};

use crate::jose::KeySet;
use crate::time::UnixNanos;
use slot::Slot;
use std::time::Duration;

/// Where the keys of an issuer come from.
#[derive(Debug)]
pub enum KeySource {
    /// The configuration.
    Inline(KeySet),
    /// The issuer.
    Remote(RemoteKeys),
}

/// Keys that are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteKeys {
    /// Where from.
    pub address: KeyAddress,
    /// The host's name of that upstream: a cluster, or `host[:port]` on hosts that have no clusters.
    pub upstream: String,
    /// How long a fetch may take.
    pub timeout: Duration,
    /// How long an answer is used before it is fetched again.
    pub cache_duration: Duration,
}

/// Fetched keys are not used any longer than this after they were last seen at the issuer.
pub const MAX_STALENESS: Duration = Duration::from_secs(24 * 3600);

/// Unknown key ids lead to at most one fetch an issuer in this time.
pub const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(30);

/// How long a key id is remembered as unknown.
pub const UNKNOWN_KEY_MEMORY: Duration = Duration::from_secs(60);

/// How old the keys of an issuer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// None were fetched yet.
    Missing,
    /// Within their cache duration, or written into the configuration.
    Fresh,
    /// Past their cache duration and still used.
    Stale,
    /// Past [`MAX_STALENESS`]: not used any more.
    Expired,
}

/// Whether a request may wait for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It may.
    MayWait,
    /// It has waited, or nobody could fetch: it must be decided by what is there.
    Over,
}

/// What may help a token for which there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// The answer to a fetch, be it under way or not.
    Fetch,
    /// Nothing: the issuer has no such key.
    None,
    /// It cannot be told, since the issuer's keys cannot be fetched now.
    Unreachable,
}

/// Ids of keys that came and went with an answer. A key without id has the empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Came.
    pub added: Vec<String>,
    /// Went.
    pub removed: Vec<String>,
}

impl KeyChange {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// The keys of all issuers of a configuration, by the place of their rule.
#[derive(Debug, Default)]
pub struct KeyStore {
    issuers: Vec<Issuer>,
}

#[derive(Debug)]
enum Issuer {
    Inline(KeySet),
    Remote(Box<Slot>),
}

impl KeyStore {
    /// A store in which nothing was fetched yet.
    #[must_use]
    pub fn new<'s>(sources: impl Iterator<Item = &'s KeySource>) -> Self {
        let issuer = |source: &KeySource| match source {
            KeySource::Inline(keys) => Issuer::Inline(keys.clone()),
            KeySource::Remote(remote) => Issuer::Remote(Box::new(Slot::new(remote.clone()))),
        };
        Self { issuers: sources.map(issuer).collect() }
    }

    /// Takes over what an older store knows of the same sources, so that a new configuration does not start without keys.
    pub fn inherit(&mut self, older: &Self) {
        for slot in self.issuers.iter_mut().filter_map(Issuer::slot_mut) {
            let mut known = older.issuers.iter().filter_map(Issuer::slot);
            if let Some(known) = known.find(|known| known.source() == slot.source() && known.is_newer_than(slot)) {
                *slot = known.inherited();
            }
        }
    }

    /// The keys that may verify now, if there are any.
    #[must_use]
    pub fn usable(&self, issuer: usize, now: UnixNanos) -> Option<&KeySet> {
        match self.issuers.get(issuer)? {
            Issuer::Inline(keys) => Some(keys),
            Issuer::Remote(slot) => slot.usable(now),
        }
    }

    /// How old the keys of an issuer are.
    #[must_use]
    pub fn freshness(&self, issuer: usize, now: UnixNanos) -> Freshness {
        match self.issuers.get(issuer) {
            Some(Issuer::Inline(_)) => Freshness::Fresh,
            Some(Issuer::Remote(slot)) => slot.freshness(now),
            None => Freshness::Missing,
        }
    }

    /// How often in a row fetching an issuer's keys has failed.
    #[must_use]
    pub fn failures(&self, issuer: usize) -> u32 {
        self.slot(issuer).map_or(0, Slot::failures)
    }

    /// Where an issuer's keys are fetched; `None` where they are not.
    #[must_use]
    pub fn source(&self, issuer: usize) -> Option<&RemoteKeys> {
        self.slot(issuer).map(Slot::source)
    }

    /// Whether the keys of an issuer should be fetched now: ahead of their expiry, or after a failure.
    #[must_use]
    pub fn is_due(&self, issuer: usize, now: UnixNanos) -> bool {
        self.slot(issuer).is_some_and(|slot| slot.is_due(now))
    }

    /// The issuers whose keys should be fetched now.
    #[must_use]
    pub fn due(&self, now: UnixNanos) -> Vec<usize> {
        (0..self.issuers.len()).filter(|issuer| self.is_due(*issuer, now)).collect()
    }

    /// Whether a fetch is under way.
    #[must_use]
    pub fn in_flight(&self, issuer: usize, now: UnixNanos) -> bool {
        self.slot(issuer).is_some_and(|slot| slot.in_flight(now))
    }

    /// What helps a token of an issuer that has no usable keys.
    #[must_use]
    pub fn cure_missing(&self, issuer: usize, now: UnixNanos, patience: Patience) -> Cure {
        self.slot(issuer).map_or(Cure::None, |slot| slot.cure_missing(now, patience))
    }

    /// What helps a token whose key is not among the usable ones. `wanted` tells the key: its id and what it is for.
    pub fn cure_unknown(&mut self, issuer: usize, wanted: &str, now: UnixNanos, patience: Patience) -> Cure {
        self.slot_mut(issuer).map_or(Cure::None, |slot| slot.cure_unknown(wanted, now, patience))
    }

    /// A fetch was started.
    pub fn begin(&mut self, issuer: usize, now: UnixNanos) {
        if let Some(slot) = self.slot_mut(issuer) {
            slot.begin(now);
        }
    }

    /// A fetch was answered. `random` spreads the next one, so that workers do not fetch at once.
    pub fn finish(&mut self, issuer: usize, document: KeyDocument, now: UnixNanos, random: u64) -> KeyChange {
        self.slot_mut(issuer).map(|slot| slot.finish(document, now, random)).unwrap_or_default()
    }

    /// A fetch failed. Keys at hand stay.
    pub fn fail(&mut self, issuer: usize, now: UnixNanos, random: u64) {
        if let Some(slot) = self.slot_mut(issuer) {
            slot.fail(now, random);
        }
    }

    fn slot(&self, issuer: usize) -> Option<&Slot> {
        self.issuers.get(issuer).and_then(Issuer::slot)
    }

    fn slot_mut(&mut self, issuer: usize) -> Option<&mut Slot> {
        self.issuers.get_mut(issuer).and_then(Issuer::slot_mut)
    }
}

impl Issuer {
    fn slot(&self) -> Option<&Slot> {
        match self {
            Self::Inline(_) => None,
            Self::Remote(slot) => Some(slot),
        }
    }

    fn slot_mut(&mut self) -> Option<&mut Slot> {
        match self {
            Self::Inline(_) => None,
            Self::Remote(slot) => Some(slot),
        }
    }
}
