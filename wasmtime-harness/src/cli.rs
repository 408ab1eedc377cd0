//! The command line: what was typed, and what it leads to.

mod bench;
mod inspect;
mod run;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use countersign_harness::{HostError, Profile};

/// A proxy-wasm host for tests and benchmarks of any proxy-wasm plugin.
#[derive(Parser)]
#[command(name = "countersign-harness", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run YAML scenarios against a plugin.
    Run(run::Arguments),
    /// Measure a request through a plugin: time, fuel, memory, hostcalls.
    Bench(bench::Arguments),
    /// Show what a plugin imports and exports, and which hosts would refuse it.
    Inspect(inspect::Arguments),
}

/// Why a verb could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A file could not be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A scenario file is malformed.
    #[error(transparent)]
    Scenario(#[from] countersign_harness::scenario::UnreadableScenario),
    /// No plugin was named.
    #[error("no plugin: name one with `--plugin` or in the scenario file")]
    NoPlugin,
    /// The host refuses the plugin.
    #[error(transparent)]
    Host(#[from] HostError),
    /// There is no such profile.
    #[error("no profile `{name}`, there are: {known}")]
    NoProfile {
        /// What was asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// A header is not written `name: value`.
    #[error("`{text}` is no header such as `name: value`")]
    NoHeader {
        /// What was written.
        text: String,
    },
    /// Nothing can be written.
    #[error("cannot write: {0}")]
    Unwritable(#[from] std::io::Error),
}

/// What a verb found.
pub(crate) enum Finding {
    Good,
    Bad,
}

pub(crate) fn run() -> ExitCode {
    let found = match Arguments::parse().verb {
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Inspect(arguments) => inspect::run(&arguments),
    };
    match found {
        Ok(Finding::Good) => ExitCode::SUCCESS,
        Ok(Finding::Bad) => ExitCode::from(1),
        Err(fault) => {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "countersign-harness: {fault}");
            ExitCode::from(2)
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| Fault::Unreadable { path: path.to_owned(), error })
}

fn profile(name: &str) -> Result<Profile, Fault> {
    Profile::named(name).ok_or_else(|| {
        let names: Vec<&str> = Profile::all().iter().map(Profile::name).collect();
        Fault::NoProfile { name: name.to_owned(), known: names.join(", ") }
    })
}

fn print(text: &str) -> Result<(), Fault> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
