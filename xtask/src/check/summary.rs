//! What ran and how it ended, as a table and one closing line.

use super::{Outcome, Ran};
use crate::table::table;
use comfy_table::{Cell, Color};
use std::ops::Add;

/// How many tests passed, failed and were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed, skipped: self.skipped + other.skipped }
    }
}

impl Tally {
    /// Reads the line that a test program ends with; `None` for every other line.
    pub(super) fn read(line: &str) -> Option<Self> {
        let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
        let count = |what: &str| {
            let field = counts.split(';').find_map(|field| field.trim().strip_suffix(what))?;
            field.trim().parse::<u64>().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
    }
}

impl Outcome {
    fn tally(&self) -> Tally {
        match self {
            Self::Ran(tally) | Self::Failed(tally, _) => *tally,
            Self::Skipped(_) => Tally { skipped: 1, ..Tally::default() },
        }
    }
}

/// Prints the table and the closing line.
pub(super) fn print(all: &[Ran]) {
    let mut table = table(["part", "outcome", "passed", "failed", "skipped", "seconds", "why"]);
    for ran in all {
        let (word, colour, why) = match &ran.outcome {
            Outcome::Ran(_) => ("passed", Color::Green, ""),
            Outcome::Failed(_, why) => ("FAILED", Color::Red, why.as_str()),
            Outcome::Skipped(why) => ("skipped", Color::Yellow, why.as_str()),
        };
        let tally = ran.outcome.tally();
        let numbers = [tally.passed, tally.failed, tally.skipped].map(|number| number.to_string());
        let mut cells = vec![Cell::new(ran.part.name()), Cell::new(word).fg(colour)];
        cells.extend(numbers.map(Cell::new));
        cells.push(Cell::new(format!("{:.1}", ran.took.as_secs_f64())));
        cells.push(Cell::new(why.lines().next().unwrap_or_default()));
        table.add_row(cells);
    }
    let total = all.iter().map(|ran| ran.outcome.tally()).fold(Tally::default(), Add::add);
    println!("\n{table}\n\n{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_a_test_program_is_read() {
        let line = "test result: FAILED. 22 passed; 1 failed; 3 ignored; 0 measured; 4 filtered out; finished in 0.13s";
        assert_eq!(Tally::read(line), Some(Tally { passed: 22, failed: 1, skipped: 3 }));
        assert_eq!(Tally::read("test result_is_read ... ok"), None);
        assert_eq!(Tally::read("22 passed"), None);
    }
}
