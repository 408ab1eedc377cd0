//! The verbs of the command line.

mod check;
mod collect;
mod decide;
mod diff;
mod explain;
mod import;
mod ingest;
mod policy_test;
mod token;
mod verify;

use crate::exit::Exit;
use countersign_core::time::UnixNanos;

/// `countersign`: keeps, verifies and reads the evidence of the Countersign filter.
#[derive(Debug, clap::Parser)]
#[command(name = "countersign", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Check(check::Check),
    Collect(Box<collect::Collect>),
    Decide(decide::Decide),
    Diff(diff::Diff),
    Explain(explain::Explain),
    Import(import::Import),
    Ingest(ingest::Ingest),
    Test(policy_test::Test),
    Token(token::Token),
    Verify(verify::Verify),
}

impl Cli {
    /// Runs the verb that was asked for.
    #[must_use]
    pub fn run(self) -> Exit {
        match self.verb {
            Verb::Check(verb) => verb.run(),
            Verb::Collect(verb) => verb.run(),
            Verb::Decide(verb) => verb.run(),
            Verb::Diff(verb) => verb.run(),
            Verb::Explain(verb) => verb.run(),
            Verb::Import(verb) => verb.run(),
            Verb::Ingest(verb) => verb.run(),
            Verb::Test(verb) => verb.run(),
            Verb::Token(verb) => verb.run(),
            Verb::Verify(verb) => verb.run(),
        }
    }
}

/// A point in time as options take it.
fn parse_now(text: &str) -> Result<UnixNanos, &'static str> {
    UnixNanos::parse(text).ok_or("expected Unix seconds or RFC 3339, such as 2026-11-24T12:00:00Z")
}
