//! The one place that reads the clock.

use countersign_core::time::UnixNanos;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time now. A clock before 1970 reads as 1970.
#[must_use]
pub fn now() -> UnixNanos {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    UnixNanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
