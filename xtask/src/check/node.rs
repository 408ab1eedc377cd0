//! Core's tests as WebAssembly under Node: what is pure runs there too.

use super::executables::counted;
use super::summary::Tally;
use super::{Outcome, one};
use crate::{Failure, command, workspace};
use std::fs;
use std::path::PathBuf;

const TARGET: &str = "wasm32-unknown-unknown";
const RUNNER: &str = "wasm-bindgen-test-runner";

pub(super) fn run() -> Outcome {
    if command::find("node").is_none() {
        return Outcome::Skipped("`node` is not installed".into());
    }
    match ready() {
        Ok(None) => Outcome::Skipped("no crate has tests for wasm-bindgen".into()),
        Ok(Some(runner)) => tests(&runner),
        Err(failure) => one(Err(failure)),
    }
}

/// The runner of the version that the lock file names, installed when it is missing.
fn ready() -> Result<Option<PathBuf>, Failure> {
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).map_err(Failure::failed)?;
    if locked(&lock, "wasm-bindgen-test").is_none() {
        return Ok(None);
    }
    let version = locked(&lock, "wasm-bindgen").ok_or_else(|| Failure::failed("the lock file has no wasm-bindgen"))?;
    command::ensure_target(TARGET)?;
    let root = workspace::tools().join(format!("wasm-bindgen-{version}"));
    let runner = root.join("bin").join(RUNNER);
    if !runner.is_file() {
        let mut install = command::cargo();
        install.args(["install", "--debug", "wasm-bindgen-cli", "--version", version, "--bin", RUNNER, "--root"]);
        // Not `--locked`: its lock file names a version that was taken back since. Its target folder is kept apart: another workspace's settings are not ours.
        command::run(install.arg(&root).env("CARGO_TARGET_DIR", workspace::tools().join("build")))?;
    }
    Ok(Some(runner))
}

fn tests(runner: &PathBuf) -> Outcome {
    let mut cargo = command::cargo();
    cargo.args(["test", "--package", "countersign-core", "--target", TARGET, "--test", "node"]);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    match counted(&mut cargo) {
        // A runner that finds no test says so and succeeds: then nothing was shown.
        Ok((Tally { passed: 0, .. }, true)) => one(Err(Failure::failed("no test of core ran under Node"))),
        Ok((tally, true)) => Outcome::Ran(tally),
        Ok((tally, false)) => Outcome::Failed(Tally { failed: tally.failed.max(1), ..tally }, "core under Node".into()),
        Err(failure) => one(Err(failure)),
    }
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")))?;
    entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_of_that_very_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.80\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked(lock, "wasm-bindgen-test"), Some("0.3.80"));
        assert_eq!(locked(lock, "wasm"), None);
    }
}
