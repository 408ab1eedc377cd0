//! Where things lie.

use std::path::{Path, PathBuf};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    countersign_testbed::envoy::target_folder()
}

/// What is made for others to use.
pub(crate) fn dist() -> PathBuf {
    target().join("dist")
}

/// The filter as it is shipped.
pub(crate) fn module() -> PathBuf {
    dist().join("countersign.wasm")
}

/// The command-line tool, as `cargo build` leaves it.
pub(crate) fn countersign() -> PathBuf {
    target().join("debug/countersign")
}

/// Programs that checks need and that were installed for this workspace alone.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}
