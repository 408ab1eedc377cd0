//! Times of day and days of the week.
//!
//! There is no time zone database in a gateway's filter: times are UTC, or at a fixed offset that the value names.

use crate::time::UnixNanos;
use std::fmt;

const MINUTES_A_DAY: i64 = 24 * 60;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A span of the day: `08:00-18:00`, `22:00-06:00`, `08:00-18:00+02:00`. It holds its first minute and not its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySpan {
    from: i64,
    to: i64,
    offset: i64,
}

impl DaySpan {
    /// Reads a span; `None` when it is none, or is empty.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (span, offset) = split_offset(text, 11)?;
        let (from, to) = span.split_once('-')?;
        let (from, to) = (minute_of_day(from)?, minute_of_day(to)?);
        let whole = from < MINUTES_A_DAY && to <= MINUTES_A_DAY && from != to;
        whole.then_some(Self { from, to, offset })
    }

    /// Whether an instant lies in the span.
    #[must_use]
    pub fn contains(self, instant: UnixNanos) -> bool {
        let minute = local_minutes(instant, self.offset).rem_euclid(MINUTES_A_DAY);
        if self.from < self.to { (self.from..self.to).contains(&minute) } else { minute >= self.from || minute < self.to }
    }
}

/// Days of the week: `Mon`, `Mon-Fri`, `Sat-Mon`, `Mon-Fri+02:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays {
    first: i64,
    last: i64,
    offset: i64,
}

impl Weekdays {
    /// Reads days; `None` when they are none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let days_end =
            text.find(['+', ' ']).or_else(|| text.rfind('-').filter(|at| text.get(at + 1..).is_some_and(starts_with_digit)));
        let (days, offset) = split_offset(text, days_end.unwrap_or(text.len()))?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        Some(Self { first: day(first)?, last: day(last)?, offset })
    }

    /// Whether an instant lies on one of the days.
    #[must_use]
    pub fn contains(self, instant: UnixNanos) -> bool {
        // The epoch was a Thursday, which is day 3 from Monday.
        let day = (local_minutes(instant, self.offset).div_euclid(MINUTES_A_DAY) + 3).rem_euclid(7);
        if self.first <= self.last { (self.first..=self.last).contains(&day) } else { day >= self.first || day <= self.last }
    }
}

impl fmt::Display for DaySpan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, offset } = self;
        write!(formatter, "{:02}:{:02}-{:02}:{:02}{}", from / 60, from % 60, to / 60, to % 60, Offset(*offset))
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |day: i64| usize::try_from(day).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default();
        formatter.write_str(name(self.first))?;
        if self.first != self.last {
            write!(formatter, "-{}", name(self.last))?;
        }
        Offset(self.offset).fmt(formatter)
    }
}

/// Minutes east of UTC, nothing for none.
struct Offset(i64);

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.abs();
        if minutes == 0 { Ok(()) } else { write!(formatter, "{sign}{:02}:{:02}", minutes / 60, minutes % 60) }
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn local_minutes(instant: UnixNanos, offset: i64) -> i64 {
    instant.seconds().div_euclid(60) + offset
}

fn day(text: &str) -> Option<i64> {
    let at = DAYS.iter().position(|day| text.eq_ignore_ascii_case(day))?;
    i64::try_from(at).ok()
}

/// What stands before `at`, and the minutes of the offset that follows; none is UTC.
fn split_offset(text: &str, at: usize) -> Option<(&str, i64)> {
    let (value, offset) = text.split_at_checked(at)?;
    let offset = match offset.trim_start() {
        "" | "Z" => 0,
        offset => {
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            let minutes = minute_of_day(offset.strip_prefix(['+', '-'])?)?;
            sign * minutes
        }
    };
    (offset.abs() < MINUTES_A_DAY).then_some((value, offset))
}

/// `HH:MM`, up to `24:00`.
fn minute_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_A_DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixNanos {
        UnixNanos::parse(text).expect("an instant")
    }

    #[test]
    fn spans_of_the_day_hold_their_first_minute_and_not_their_last() {
        for (span, instant, expected) in [
            ("08:00-18:00", "2026-11-24T08:00:00Z", true),
            ("08:00-18:00", "2026-11-24T17:59:59Z", true),
            ("08:00-18:00", "2026-11-24T18:00:00Z", false),
            ("22:00-06:00", "2026-11-24T23:00:00Z", true),
            ("22:00-06:00", "2026-11-24T05:59:00Z", true),
            ("22:00-06:00", "2026-11-24T06:00:00Z", false),
            ("00:00-24:00", "2026-11-24T23:59:59Z", true),
            ("08:00-18:00+02:00", "2026-11-24T06:00:00Z", true),
            ("08:00-18:00 -05:00", "2026-11-24T22:59:00Z", true),
            ("08:00-18:00Z", "2026-11-24T07:59:00Z", false),
        ] {
            assert_eq!(DaySpan::parse(span).expect("a span").contains(at(instant)), expected, "{span} {instant}");
        }
    }

    #[test]
    fn weekdays_wrap_around_the_week() {
        for (days, instant, expected) in [
            ("Tue", "2026-11-24T12:00:00Z", true),
            ("Mon-Fri", "2026-11-24T12:00:00Z", true),
            ("mon-fri", "2026-11-28T12:00:00Z", false),
            ("Sat-Mon", "2026-11-29T12:00:00Z", true),
            ("Sat-Mon", "2026-11-24T12:00:00Z", false),
            ("Wed+02:00", "2026-11-24T23:00:00Z", true),
            ("Mon-Tue-05:00", "2026-11-25T04:59:00Z", true),
            ("Mon-05:00", "2026-11-24T04:59:00Z", true),
            ("Thu", "1970-01-01T00:00:00Z", true),
        ] {
            assert_eq!(Weekdays::parse(days).expect("days").contains(at(instant)), expected, "{days} {instant}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "8:00-18:00", "08:00", "08:00-08:00", "08:00-25:00", "24:00-08:00", "08:00-18:00+x", "08:60-18:00"] {
            assert_eq!(DaySpan::parse(text), None, "{text}");
        }
        for text in ["", "Monday", "Mon-", "Mon-Fri+2", "1"] {
            assert_eq!(Weekdays::parse(text), None, "{text}");
        }
    }
}
