//! The verbs of the command line.

<<<<<<< HEAD
mod token;
=======
mod decide;
>>>>>>> authz

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
<<<<<<< HEAD
    Token(token::Token),
=======
    Decide(decide::Decide),
>>>>>>> authz
}

impl Cli {
    /// Runs the verb that was asked for.
    #[must_use]
    pub fn run(self) -> Exit {
        match self.verb {
<<<<<<< HEAD
            Verb::Token(token) => token.run(),
=======
            Verb::Decide(verb) => verb.run(),
>>>>>>> authz
        }
    }
}
