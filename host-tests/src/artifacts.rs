//! The built filter and the built command-line tool.

use countersign_testbed::envoy::target_folder;
use std::path::PathBuf;

/// An artifact that these tests need and that is not there.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is missing: run `{command}` first", path.display())]
pub struct Missing {
    path: PathBuf,
    command: &'static str,
}

/// The filter, as it is shipped.
///
/// # Errors
/// [`Missing`] when it was not built.
pub fn filter() -> Result<PathBuf, Missing> {
    existing(target_folder().join("dist/countersign.wasm"), "cargo xtask build")
}

/// The command-line tool.
///
/// # Errors
/// [`Missing`] when it was not built.
pub fn countersign() -> Result<PathBuf, Missing> {
    existing(target_folder().join("debug/countersign"), "cargo build --package countersign")
}

fn existing(path: PathBuf, command: &'static str) -> Result<PathBuf, Missing> {
    if path.exists() { Ok(path) } else { Err(Missing { path, command }) }
}
