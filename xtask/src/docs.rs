//! Documentation that is made from the code. The tests that compare it with the code also write it.

use crate::{Failure, command};
use std::process::Command;

/// Writes `docs/config.md` anew.
pub(crate) fn run() -> Result<(), Failure> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--package", "countersign-core", "--test", "config_doc"]);
    command::run(cargo.env("COUNTERSIGN_WRITE_DOCS", "1"))
}
