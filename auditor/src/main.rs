//! The command-line tool: see the library for what each verb does.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::verbs::Cli::parse().run().into()
}
