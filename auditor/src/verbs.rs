//! The verbs of the command line.

mod collect;
mod ingest;
mod verify;

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
    Collect(Box<collect::Collect>),
    Ingest(ingest::Ingest),
    Verify(verify::Verify),
}

impl Cli {
    /// Runs the verb that was asked for.
    #[must_use]
    pub fn run(self) -> Exit {
        match self.verb {
            Verb::Collect(verb) => verb.run(),
            Verb::Ingest(verb) => verb.run(),
            Verb::Verify(verb) => verb.run(),
        }
    }
}
