//! NumericDate (RFC 7519 §2): seconds since the epoch, with or without a fraction, of any sign and size.

use crate::time::UnixNanos;
use serde_json::{Number, Value};

/// A point in time as a claim writes it. Wider than [`UnixNanos`], so that no clamping can make a token live longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumericDate {
    nanos: i128,
}

const NANOS: i128 = 1_000_000_000;

impl NumericDate {
    /// Reads a JSON number; none for any other value.
    pub(super) fn read(value: &Value) -> Option<Self> {
        value.as_number().and_then(Self::from_number)
    }

    fn from_number(number: &Number) -> Option<Self> {
        if let Some(seconds) = number.as_i64() {
            return Some(Self { nanos: i128::from(seconds) * NANOS });
        }
        if let Some(seconds) = number.as_u64() {
            return Some(Self { nanos: i128::from(seconds) * NANOS });
        }
        let seconds = number.as_f64().filter(|seconds| seconds.is_finite())?;
        Some(Self { nanos: fraction_to_nanos(seconds) })
    }

    pub(super) fn at(instant: UnixNanos) -> Self {
        Self { nanos: i128::from(instant.0) }
    }

    pub(super) fn plus(self, duration: std::time::Duration) -> Self {
        let nanos = i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        Self { nanos: self.nanos.saturating_add(nanos) }
    }

    /// Whole seconds from `earlier` to this date, rounded towards zero.
    pub(super) fn seconds_since(self, earlier: Self) -> i64 {
        clamp(self.nanos.saturating_sub(earlier.nanos) / NANOS)
    }

    /// Whole seconds since the epoch, rounded down.
    pub(super) fn seconds(self) -> i64 {
        clamp(self.nanos.div_euclid(NANOS))
    }

    /// The instant, clamped to what [`UnixNanos`] reaches.
    pub(super) fn instant(self) -> UnixNanos {
        UnixNanos(u64::try_from(self.nanos.max(0)).unwrap_or(u64::MAX))
    }
}

fn clamp(seconds: i128) -> i64 {
    i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX })
}

#[expect(clippy::cast_possible_truncation, reason = "casts from floats saturate, and a date that far off may be anywhere")]
const fn fraction_to_nanos(seconds: f64) -> i128 {
    (seconds * 1e9) as i128
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_of_any_form_are_dates() {
        let seconds = |value: Value| NumericDate::read(&value).map(NumericDate::seconds);
        assert_eq!(seconds(json!(1_300_819_380)), Some(1_300_819_380));
        assert_eq!(seconds(json!(1_300_819_380.75)), Some(1_300_819_380));
        assert_eq!(seconds(json!(-1.5)), Some(-2));
        assert_eq!(seconds(json!(u64::MAX)), Some(i64::MAX));
        assert_eq!(seconds(json!(1e300)), Some(i64::MAX));
        assert_eq!(seconds(json!(-1e300)), Some(i64::MIN));
    }

    #[test]
    fn text_and_null_are_no_dates() {
        for value in [json!("1300819380"), json!(null), json!(true), json!([1])] {
            assert_eq!(NumericDate::read(&value), None);
        }
    }
}
