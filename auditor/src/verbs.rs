//! The verbs of the command line.

mod decide;
mod token;

use crate::exit::Exit;

/// `countersign`: keeps, verifies and reads the evidence of the Countersign filter.
#[derive(Debug, clap::Parser)]
#[command(name = "countersign", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Decide(decide::Decide),
    Token(token::Token),
}

impl Cli {
    /// Runs the verb that was asked for.
    #[must_use]
    pub fn run(self) -> Exit {
        match self.verb {
            Verb::Decide(verb) => verb.run(),
            Verb::Token(verb) => verb.run(),
        }
    }
}
