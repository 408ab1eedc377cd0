//! `countersign test`.

use crate::decide::Engine;
use crate::exit::Exit;
use crate::policy_test::{self, CaseFile, Outcome};
use crate::{clock, config_file};
use std::path::{Path, PathBuf};

/// Run policy tests: requests, and what must become of each; then name the rules that no case reaches.
///
/// Exit code: 0 all as expected, 1 a case failed or too few rules are reached, 2 a file is unusable.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The cases: `config`, `now`, and `cases` of `name`, `request` and `expect`
    #[arg(value_name = "CASES")]
    cases: PathBuf,
    /// The plugin configuration, in place of the one that the cases name
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Fail unless this share of the rules is reached
    #[arg(long, value_name = "PERCENT", default_value_t = 0)]
    coverage: usize,
}

impl Test {
    pub(super) fn run(&self) -> Exit {
        match self.outcome() {
            Ok(outcome) => self.report(&outcome),
            Err(fault) => {
                eprintln!("{fault}");
                Exit::CouldNotTell
            }
        }
    }

    fn outcome(&self) -> Result<Outcome, String> {
        let at = |path: &Path, fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
        let value = config_file::read(&self.cases).map_err(|fault| at(&self.cases, &fault))?;
        let file: CaseFile = serde_json::from_value(value).map_err(|fault| at(&self.cases, &fault))?;
        let beside = |config: &String| self.cases.with_file_name(config);
        let config = self.config.clone().or_else(|| file.config.as_ref().map(beside));
        let config = config.ok_or_else(|| at(&self.cases, &"names no `config`, and none is given by --config"))?;
        let engine = config_file::read(&config).and_then(|value| Engine::from_config(&value).map_err(Into::into));
        let mut engine = engine.map_err(|fault| at(&config, &fault))?;
        policy_test::run(&mut engine, &file, clock::now()).map_err(|fault| at(&self.cases, &fault))
    }

    fn report(&self, outcome: &Outcome) -> Exit {
        outcome.lines.iter().for_each(|line| println!("{line}"));
        let cases = outcome.lines.iter().filter(|line| !line.starts_with(' ')).count();
        println!("\n{cases} cases, {} failed", outcome.failed);
        let (reached, rules) = outcome.coverage();
        println!("{reached} of {rules} rules reached");
        outcome.unreached().for_each(|rule| println!("  no case reaches {rule}"));
        let enough = reached * 100 >= self.coverage * rules;
        if outcome.failed == 0 && enough { Exit::Good } else { Exit::Findings }
    }
}
