//! Other programs.

use crate::{Failure, workspace};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Cargo, as the one that started this program, in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    command
}

/// Runs it to its end with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.stdin(Stdio::null()).status().map_err(|cause| not_started(command, &cause))?;
    if status.success() { Ok(()) } else { Err(Failure::failed(format!("`{}` ended with {status}", shown(command)))) }
}

/// Runs it to its end and returns what it wrote to standard output; its errors are shown.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|cause| not_started(command, &cause))?;
    if !output.status.success() {
        return Err(Failure::failed(format!("`{}` ended with {}", shown(command), output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program of that name: among the workspace's own tools, else on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let own = workspace::tools().join("bin");
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(own).chain(env::split_paths(&path)).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Adds a target to the toolchain when it is not there.
pub(crate) fn ensure_target(target: &str) -> Result<(), Failure> {
    let library = output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    println!("adding the target {target}");
    run(Command::new("rustup").args(["target", "add", target])).map_err(|failure| {
        Failure::missing(format!(
            "the Rust target {target} is missing and could not be added ({failure}): install it with `rustup target add {target}`"
        ))
    })
}

fn not_started(command: &Command, cause: &std::io::Error) -> Failure {
    Failure::missing(format!("cannot start `{}`: {cause}", shown(command)))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_missing_and_one_that_fails_has_failed() {
        let missing = run(&mut Command::new("/nowhere/program")).unwrap_err();
        assert!(matches!(&missing, Failure::Missing(text) if text.starts_with("cannot start `program`")));
        assert!(matches!(run(&mut Command::new("false")), Err(Failure::Failed(_))));
        assert_eq!(output(Command::new("echo").arg("said")).unwrap(), "said\n");
    }
}
