//! The digests of the lines seen last, of all streams together.

use crate::digest::Digest;
use crate::line::StreamId;
use std::collections::{HashMap, VecDeque};

/// Lines whose digest is remembered, of all streams together.
pub const RECENT: usize = 65_536;

/// The digests of the lines seen last.
#[derive(Debug, Default)]
pub struct Recent {
    digests: HashMap<(StreamId, u64), Digest>,
    order: VecDeque<(StreamId, u64)>,
}

impl Recent {
    /// Remembers a line; the oldest is forgotten when there are too many.
    pub fn remember(&mut self, stream: StreamId, seq: u64, digest: Digest) {
        if self.order.len() >= RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.digests.remove(&oldest);
        }
        self.order.push_back((stream, seq));
        self.digests.insert((stream, seq), digest);
    }

    /// The digest of a line, if it is remembered.
    #[must_use]
    pub fn digest(&self, stream: StreamId, seq: u64) -> Option<Digest> {
        self.digests.get(&(stream, seq)).copied()
    }
}
