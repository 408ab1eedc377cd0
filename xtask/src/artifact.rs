//! The filter for wasm32-wasip1, with its gates: what it may import, what it must export, how large it may be.

mod gate;

use crate::{Failure, command, workspace};
use sha2::{Digest, Sha256};
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The target every host can load with a clock and random numbers.
pub(crate) const TARGET: &str = "wasm32-wasip1";
/// The most bytes that the shipped module may have.
const SIZE_LIMIT: u64 = 3 * 1024 * 1024;

/// A built filter that passed its gates.
#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its SHA-256 in hex.
    pub(crate) sha256: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// How many functions it imports.
    imports: usize,
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.path.strip_prefix(workspace::root()).unwrap_or(&self.path);
        writeln!(f, "{}", shown.display())?;
        writeln!(f, "  size     {} bytes (limit {SIZE_LIMIT})", self.size)?;
        writeln!(f, "  imports  {}, all allowed", self.imports)?;
        write!(f, "  sha256   {}", self.sha256)
    }
}

/// Builds the filter, copies it to `target/dist` and checks it there.
pub(crate) fn build() -> Result<Artifact, Failure> {
    command::ensure_target(TARGET)?;
    let mut cargo = command::cargo();
    cargo.args(["build", "--package", "countersign-filter", "--profile", "wasm", "--target", TARGET]);
    command::run(cargo.env("CARGO_ENCODED_RUSTFLAGS", flags().join("\u{1f}")))?;
    let built = workspace::target().join(TARGET).join("wasm/countersign_filter.wasm");
    let path = workspace::module();
    fs::create_dir_all(workspace::dist()).map_err(Failure::failed)?;
    fs::copy(&built, &path).map_err(|cause| Failure::failed(format!("{}: {cause}", built.display())))?;
    inspect(&path)
}

/// Checks a module against the gates and writes its digest beside it.
fn inspect(path: &Path) -> Result<Artifact, Failure> {
    let bytes = fs::read(path).map_err(|cause| Failure::failed(format!("{}: {cause}", path.display())))?;
    let imports = gate::pass(&bytes).map_err(Failure::failed)?;
    let size = bytes.len() as u64;
    if size > SIZE_LIMIT {
        return Err(Failure::failed(format!("the module has {size} bytes, allowed are {SIZE_LIMIT}")));
    }
    let sha256 = hex_digest(&bytes);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    fs::write(path.with_extension("wasm.sha256"), format!("{sha256}  {name}\n")).map_err(Failure::failed)?;
    Ok(Artifact { path: path.to_owned(), sha256, size, imports })
}

/// SHA-256 in lower-case hex.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compiler flags: what all hosts were seen to run, and no path of this machine, so that others get the same bytes.
fn flags() -> Vec<String> {
    let home = env::var("HOME").unwrap_or_default();
    let cargo_home = env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    vec![
        "-Ctarget-feature=+simd128,+bulk-memory".into(),
        // LLVM before llvm-project#190361 (22.1.2 is) swaps the operands of a shift when it compares 32 bytes in vectors
        // of its own making: equal digests were unequal. SIMD is for code that was written for it.
        "-Cno-vectorize-loops".into(),
        "-Cno-vectorize-slp".into(),
        // Wasm has 64-bit integers but no wide multiplication: half-size limbs are faster in big-integer arithmetic.
        "--cfg=cpubits=\"32\"".into(),
        format!("--remap-path-prefix={cargo_home}=/cargo"),
        format!("--remap-path-prefix={}=/countersign", workspace::root().display()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_file_is_what_sha256sum_checks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filter.wasm");
        fs::write(&path, wat::parse_str(include_str!("bench/empty.wat")).unwrap()).unwrap();
        let artifact = inspect(&path).unwrap();
        let mut sha256sum = std::process::Command::new("sha256sum");
        let checked = sha256sum.args(["--check", "filter.wasm.sha256"]).current_dir(&folder).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
        assert_eq!(artifact.size, fs::metadata(&path).unwrap().len());
    }
}
