//! The project's commands, the only entry point for people and for CI alike.
//!
//! | module | command |
//! |---|---|
//! | [`demo`] | `demo`: requests through a real Envoy, their evidence and its proof |
//! | [`artifact`] | `build`: the filter for wasm32-wasip1, with its gates |
//! | [`check`] | `test`: everything that must hold, part by part |
//! | [`bench`] | `bench envoy`: what a request costs in Envoy |
//! | [`package`] | `package`: the OCI image layout that Istio and Envoy Gateway load |
//! | [`direction`] | part of `test`: which crate may depend on which |
//!
//! Exit codes: 0 it worked, 1 it ran and something failed, 2 something needed is missing.

mod artifact;
mod bench;
mod check;
mod command;
mod demo;
mod direction;
mod docs;
mod package;
mod table;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Build, test, measure, package and show Countersign
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show it: requests through a real Envoy, what was decided, the evidence and its proof
    Demo(demo::Arguments),
    /// Build the filter: target/dist/countersign.wasm with its SHA-256, imports and size checked
    Build,
    /// Run everything that must hold, with a summary at the end
    Test(check::Arguments),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Subject),
    /// Write the documentation that is made from the code anew: docs/config.md
    Docs,
    /// Write the OCI image layout and the bare module: target/dist/oci, target/dist/countersign.wasm
    Package,
}

/// Why a command did not do what it is for.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It ran, and what it checks does not hold.
    #[error("{0}")]
    Failed(String),
    /// Something it needs is not there.
    #[error("{0}")]
    Missing(String),
}

impl Failure {
    fn failed(cause: impl std::fmt::Display) -> Self {
        Self::Failed(cause.to_string())
    }

    fn missing(cause: impl std::fmt::Display) -> Self {
        Self::Missing(cause.to_string())
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Build => artifact::build().map(|artifact| println!("{artifact}")),
        Task::Test(arguments) => check::run(&arguments),
        Task::Bench(subject) => bench::run(&subject),
        Task::Docs => docs::run(),
        Task::Package => package::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(match failure {
                Failure::Failed(_) => 1,
                Failure::Missing(_) => 2,
            })
        }
    }
}
