//! Figures of one variant over all rounds.

use std::time::Duration;

/// Microseconds a request, one figure a round, in ascending order.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    ascending: Vec<f64>,
}

impl Figures {
    /// Adds a round.
    pub(super) fn add(&mut self, cpu: Duration, requests: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
        let each = cpu.as_secs_f64() * 1e6 / requests.max(1) as f64;
        let at = self.ascending.partition_point(|other| *other < each);
        self.ascending.insert(at, each);
    }

    /// The middle one; the mean of the two in the middle.
    pub(super) fn median(&self) -> f64 {
        let count = self.ascending.len();
        let at = |index: usize| self.ascending.get(index).copied().unwrap_or_default();
        f64::midpoint(at(count.saturating_sub(1) / 2), at(count / 2))
    }

    pub(super) fn lowest(&self) -> f64 {
        self.ascending.first().copied().unwrap_or_default()
    }

    pub(super) fn highest(&self) -> f64 {
        self.ascending.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_spread_do_not_depend_on_the_order() {
        let mut figures = Figures::default();
        for millis in [30, 10, 20, 90] {
            figures.add(Duration::from_millis(millis), 1000);
        }
        assert_eq!([figures.lowest(), figures.median(), figures.highest()], [10.0, 25.0, 90.0]);
        figures.add(Duration::from_millis(90), 1000);
        assert!((figures.median() - 30.0).abs() < 1e-9);
    }
}
