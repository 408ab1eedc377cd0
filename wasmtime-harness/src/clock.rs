//! The virtual clock and the seeded random source of a host.

use std::time::Duration;

/// Nanoseconds since the Unix epoch. Moves only when the test moves it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Duration,
    now: Duration,
    granularity: Duration,
}

impl Clock {
    /// 2026-01-01T00:00:00Z: late enough for tokens, the same in every run.
    pub(crate) const DEFAULT_START: Duration = Duration::from_secs(1_767_225_600);

    pub(crate) fn new(start: Duration, granularity: Duration) -> Self {
        Self { start, now: start, granularity }
    }

    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    pub(crate) fn set(&mut self, now: Duration) {
        self.now = now;
    }

    /// What plugins read: whole steps of the host's granularity.
    pub(crate) fn realtime_nanos(&self) -> u64 {
        self.quantised(self.now)
    }

    /// Time since the host started; never goes back, even when the test sets the clock back.
    pub(crate) fn monotonic_nanos(&self) -> u64 {
        self.quantised(self.now.saturating_sub(self.start))
    }

    fn quantised(&self, time: Duration) -> u64 {
        let step = self.granularity.as_nanos().max(1);
        u64::try_from(time.as_nanos() / step * step).unwrap_or(u64::MAX)
    }
}

/// SplitMix64: small, and the same bytes for the same seed everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            for (byte, fresh) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = fresh;
            }
        }
    }
}
