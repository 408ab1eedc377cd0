//! Points in time and durations, as configurations and events write them.
//!
//! Nothing here reads a clock. Times are nanoseconds since the Unix epoch in UTC, without leap seconds (POSIX time); text
//! is RFC 3339.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since 1970-01-01T00:00:00Z. Reaches to the year 2554.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixNanos(pub u64);

const NANOS: u64 = 1_000_000_000;
const SECONDS_A_DAY: u64 = 86_400;

impl UnixNanos {
    /// The instant `seconds` after the epoch; what lies before the epoch or after the year 2554 is clamped.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(u64::try_from(seconds).unwrap_or(0).saturating_mul(NANOS))
    }

    /// Whole seconds since the epoch (a NumericDate of RFC 7519 §2), rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0 / NANOS).unwrap_or(i64::MAX)
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time from `earlier` to `self`, zero when the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant `duration` later, clamped at the end of the range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// Appends RFC 3339 in UTC with nine digits of a second, as [`fmt::Display`] shows it.
    pub fn push_rfc3339(self, out: &mut Vec<u8>) {
        let seconds = self.0 / NANOS;
        let (year, month, day) = civil_from_days(seconds / SECONDS_A_DAY);
        let second_of_day = seconds % SECONDS_A_DAY;
        let fields = [
            (year, 4, b'-'),
            (month, 2, b'-'),
            (day, 2, b'T'),
            (second_of_day / 3600, 2, b':'),
            (second_of_day / 60 % 60, 2, b':'),
            (second_of_day % 60, 2, b'.'),
            (self.0 % NANOS, 9, b'Z'),
        ];
        for (value, width, then) in fields {
            push_digits(out, value, width);
            out.push(then);
        }
    }

    /// Reads RFC 3339 (`2027-01-01T00:00:00Z`, with any offset and up to nine digits of a second) or Unix seconds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.parse::<i64>() {
            Ok(seconds) => Some(Self::from_seconds(seconds)),
            Err(_) => parse_rfc3339(text),
        }
    }
}

/// RFC 3339 in UTC with nine digits of a second: sorts as text as it sorts as time.
impl fmt::Display for UnixNanos {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(30);
        self.push_rfc3339(&mut text);
        formatter.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

fn push_digits(out: &mut Vec<u8>, value: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

/// Reads a duration as Istio and Go write it: `60s`, `10m`, `24h`, `250ms`, `1h30m`, also `7d`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit_length = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_length)?;
        total = total.checked_add(unit_duration(number.parse().ok()?, unit)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

fn unit_duration(count: u64, unit: &str) -> Option<Duration> {
    let seconds_each = match unit {
        "ms" => return Some(Duration::from_millis(count)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => SECONDS_A_DAY,
        _ => return None,
    };
    count.checked_mul(seconds_each).map(Duration::from_secs)
}

/// Howard Hinnant's `civil_from_days` for days since the epoch: year, month 1 to 12, day 1 to 31.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`]; a date before the epoch has none.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

fn parse_rfc3339(text: &str) -> Option<UnixNanos> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-').map(str::parse::<u64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let days = days_from_civil(year, month, day)?;
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset) = rest.split_at_checked(rest.find(['Z', 'z', '+', '-'])?)?;
    let nanos_of_day = parse_clock(clock)?;
    let utc = i128::from(days) * i128::from(SECONDS_A_DAY * NANOS) + i128::from(nanos_of_day) - parse_offset(offset)?;
    u64::try_from(utc).ok().map(UnixNanos)
}

fn parse_clock(clock: &str) -> Option<u64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if whole.len() != 8 || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let mut parts = whole.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let in_range = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
    in_range.then_some((hour * 3600 + minute * 60 + second) * NANOS + nanos)
}

fn parse_offset(offset: &str) -> Option<i128> {
    if matches!(offset, "Z" | "z") {
        return Some(0);
    }
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let seconds = hours.parse::<i128>().ok()? * 3600 + minutes.parse::<i128>().ok()? * 60;
    Some(sign * seconds * i128::from(NANOS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_text() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2026-11-24T11:22:33Z", 1_795_519_353),
            ("2026-11-24T13:22:33+02:00", 1_795_519_353),
            ("1795519353", 1_795_519_353),
        ] {
            assert_eq!(UnixNanos::parse(text), Some(UnixNanos::from_seconds(seconds)), "{text}");
        }
        let fine = UnixNanos(1_795_519_353_000_000_042);
        assert_eq!(fine.to_string(), "2026-11-24T11:22:33.000000042Z");
        assert_eq!(UnixNanos::parse(&fine.to_string()), Some(fine));
    }

    #[test]
    fn every_day_of_four_centuries_survives_the_calendar() {
        for days in 0..146_097 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-24", "2026-11-24T24:00:00Z", "x", ""] {
            assert_eq!(UnixNanos::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_read_as_go_and_istio_write_them() {
        assert_eq!(parse_duration("60s"), Some(Duration::from_secs(60)));
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for text in ["", "5", "s", "5x", "-5s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
