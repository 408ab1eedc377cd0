//! `countersign-harness`: run scenarios, measure and inspect proxy-wasm plugins.
//!
//! Exit codes: 0 good, 1 something failed or is refused, 2 could not tell.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
