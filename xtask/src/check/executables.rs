//! The workspace's test programs, built once for all parts.
//!
//! One build of all packages and then each program by itself: `cargo test -p` for every part would unite the
//! features of other packages each time and compile much of the dependencies again.

use super::summary::Tally;
use super::{Outcome, one};
use crate::{Failure, command};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// All packages: the filter too, whose unit tests need no host.
const PACKAGES: [&str; 1] = ["--workspace"];

/// The test programs, once they are built.
#[derive(Debug, Default)]
pub(super) struct Executables {
    built: Option<Vec<Executable>>,
}

/// A test program and the folder of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Executable {
    program: PathBuf,
    folder: PathBuf,
}

impl Executables {
    /// Those of the packages in these folders.
    pub(super) fn of(&mut self, folders: &[&str]) -> Result<Vec<Executable>, Failure> {
        let built = match self.built.take() {
            Some(built) => built,
            None => build()?,
        };
        let chosen = |executable: &&Executable| {
            executable.folder.file_name().is_some_and(|name| folders.iter().any(|folder| *folder == name))
        };
        let those = built.iter().filter(chosen).cloned().collect();
        self.built = Some(built);
        Ok(those)
    }
}

fn build() -> Result<Vec<Executable>, Failure> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--no-run", "--message-format=json-render-diagnostics"]).args(PACKAGES);
    Ok(command::output(&mut cargo)?.lines().filter_map(read).collect())
}

/// Reads one of cargo's messages; `None` when it is not about a test program.
fn read(message: &str) -> Option<Executable> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message.pointer("/profile/test")? != &Value::Bool(true) {
        return None;
    }
    let program = message.get("executable")?.as_str()?.into();
    let folder = Path::new(message.get("manifest_path")?.as_str()?).parent()?.to_owned();
    Some(Executable { program, folder })
}

/// Runs test programs and counts.
pub(super) fn run(executables: &[Executable]) -> Outcome {
    let mut total = Tally::default();
    let mut failed = Vec::new();
    for executable in executables {
        let shown = executable.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("\n-- {shown}");
        let mut command = Command::new(&executable.program);
        command.current_dir(&executable.folder).env("CARGO_MANIFEST_DIR", &executable.folder);
        match counted(&mut command) {
            Ok((tally, true)) => total = total + tally,
            Ok((tally, false)) => {
                // A program that died has no closing line, but has failed all the same.
                total = total + Tally { failed: tally.failed.max(1), ..tally };
                failed.push(shown);
            }
            Err(failure) => return one(Err(failure)),
        }
    }
    if failed.is_empty() { Outcome::Ran(total) } else { Outcome::Failed(total, failed.join(", ")) }
}

/// The examples in the documentation.
pub(super) fn documentation() -> Outcome {
    println!("\n-- examples in the documentation");
    match counted(command::cargo().args(["test", "--doc"]).args(PACKAGES)) {
        Ok((tally, true)) => Outcome::Ran(tally),
        Ok((tally, false)) => Outcome::Failed(Tally { failed: tally.failed.max(1), ..tally }, "documentation".into()),
        Err(failure) => one(Err(failure)),
    }
}

/// Runs it, shows what it says, and counts its closing lines; whether it succeeded.
pub(super) fn counted(command: &mut Command) -> Result<(Tally, bool), Failure> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(Failure::missing)?;
    let mut total = Tally::default();
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let line = line.map_err(Failure::failed)?;
        println!("{line}");
        total = total + Tally::read(&line).unwrap_or_default();
    }
    let status = child.wait().map_err(Failure::failed)?;
    Ok((total, status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_messages_about_test_programs_are_read() {
        let message = |test: bool, executable: Value| {
            json!({"reason": "compiler-artifact", "profile": {"test": test}, "executable": executable, "manifest_path": "/w/core/Cargo.toml"}).to_string()
        };
        let expected = Executable { program: "/t/core-1".into(), folder: "/w/core".into() };
        assert_eq!(read(&message(true, json!("/t/core-1"))), Some(expected));
        assert_eq!(read(&message(false, json!("/t/core"))), None);
        assert_eq!(read(&message(true, Value::Null)), None);
        assert_eq!(read("warning: not json"), None);
    }

    #[test]
    fn a_program_that_dies_has_failed() {
        let script = |text: &str| counted(Command::new("sh").args(["-c", text])).unwrap();
        let line = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(script(&format!("echo '{line}'")), (Tally { passed: 2, failed: 0, skipped: 1 }, true));
        assert_eq!(script("kill -9 $$"), (Tally::default(), false));
    }
}
