//! Finds or fetches Envoy, starts it, reads its counters, changes its configuration while it runs.

mod admin;
mod binary;

pub use admin::{Admin, AdminError};
pub use binary::{Binary, FetchError, VERSION};

use crate::gateway::Gateway;
use crate::patience;
use crate::process::{Process, ProcessError};
use serde_json::Value;
use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long Envoy may take to be ready, or to take or refuse a configuration: a wasm module compiles meanwhile.
const READY: Duration = Duration::from_secs(60);
/// How many of Envoy's log lines an error quotes.
const QUOTED_LINES: usize = 12;

/// A running Envoy, stopped when dropped.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: Admin,
    address: SocketAddr,
    folder: PathBuf,
    version: u64,
}

/// How Envoy is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Worker threads.
    pub workers: u32,
    /// Envoy's log level: `trace`, `debug`, `info`, `warning`, `error`, `critical` or `off`.
    pub log_level: &'static str,
}

/// What became of a new configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// It is in force.
    Accepted,
    /// Envoy refused it; the one before stays in force. With what Envoy logged meanwhile.
    Refused {
        /// Its log lines since the attempt.
        log: String,
    },
}

/// Envoy does not run as it should.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyError {
    /// The process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The admin interface.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A file of its folder.
    #[error("cannot write `{path}`: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It ended while starting.
    #[error("envoy ended while starting; its log ends:\n{log}")]
    Ended {
        /// Its last log lines.
        log: String,
    },
    /// It was not ready in time.
    #[error("envoy was not ready after {} s; its log ends:\n{log}", READY.as_secs())]
    NotReady {
        /// Its last log lines.
        log: String,
    },
    /// It runs without a listener: it refused the first configuration.
    #[error("envoy refused its configuration; its log ends:\n{log}")]
    Refused {
        /// Its last log lines.
        log: String,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self { workers: 1, log_level: "info" }
    }
}

impl Envoy {
    /// Starts a gateway with one worker; its files and log lie in `folder`.
    pub fn start(binary: &Binary, gateway: &Gateway, folder: &Path) -> Result<Self, EnvoyError> {
        Self::start_with(binary, gateway, folder, Options::default())
    }

    /// Starts a gateway as `options` say.
    pub fn start_with(binary: &Binary, gateway: &Gateway, folder: &Path, options: Options) -> Result<Self, EnvoyError> {
        fs::create_dir_all(folder).map_err(about(folder))?;
        let listeners = folder.join("listeners.json");
        replace(&listeners, &gateway.listeners(1))?;
        let bootstrap = folder.join("bootstrap.json");
        replace(&bootstrap, &gateway.bootstrap(&listeners))?;
        Self::start_file(binary, &bootstrap, folder, options)
    }

    /// Starts Envoy from a bootstrap file as it is.
    pub fn start_file(binary: &Binary, bootstrap: &Path, folder: &Path, options: Options) -> Result<Self, EnvoyError> {
        let admin_file = folder.join("admin.txt");
        // One of an earlier start would be read too soon.
        let _ = fs::remove_file(&admin_file);
        let mut command = Command::new(binary.path());
        command.arg("--config-path").arg(bootstrap);
        command.arg("--admin-address-path").arg(&admin_file);
        command.args(["--disable-hot-restart", "--log-level", options.log_level]);
        // A replaced listener goes at once, and the filter's old configuration with it; Envoy's own default is ten minutes.
        command.args(["--drain-time-s", "1", "--drain-strategy", "immediate"]);
        command.args(["--concurrency", &options.workers.to_string()]);
        let mut process = Process::start(&mut command, &folder.join("envoy.log"))?;
        let admin = await_ready(&mut process, &admin_file)?;
        let address = match admin.listener()? {
            Some(address) => address,
            None => return Err(EnvoyError::Refused { log: process.log_tail(QUOTED_LINES) }),
        };
        Ok(Self { process, admin, address, folder: folder.to_owned(), version: 1 })
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its admin interface.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Its process: log, CPU time, memory.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Replaces the listener's configuration and waits until Envoy took or refused it. Clusters stay as they are.
    pub fn reconfigure(&mut self, gateway: &Gateway) -> Result<Update, EnvoyError> {
        let before = self.process.log()?.len();
        let attempts = self.attempts()?;
        self.version += 1;
        replace(&self.folder.join("listeners.json"), &gateway.listeners(self.version))?;
        let outcome = patience::wait_for(READY, || self.attempts().ok().filter(|now| *now != attempts));
        let Some(now) = outcome else { return Err(EnvoyError::NotReady { log: self.process.log_tail(QUOTED_LINES) }) };
        if now.refused > attempts.refused {
            let log = self.process.log()?;
            return Ok(Update::Refused { log: log.get(before..).unwrap_or_default().to_owned() });
        }
        let warmed = || (self.admin.counter("listener_manager.total_listeners_warming").ok()? == 0).then_some(());
        patience::wait_for(READY, warmed).ok_or_else(|| EnvoyError::NotReady { log: self.process.log_tail(QUOTED_LINES) })?;
        if let Some(address) = self.admin.listener()? {
            self.address = address;
        }
        Ok(Update::Accepted)
    }

    /// Stops it and waits for its end.
    pub fn stop(self) -> Result<std::process::ExitStatus, EnvoyError> {
        Ok(self.process.stop()?)
    }

    /// Leaves it running after this handle is gone, and says its process id.
    #[must_use]
    pub fn leave_running(self) -> u32 {
        self.process.leave_running()
    }

    fn attempts(&self) -> Result<Attempts, AdminError> {
        let counter = |name: &str| self.admin.counter(&format!("listener_manager.lds.{name}"));
        Ok(Attempts { accepted: counter("update_success")?, refused: counter("update_rejected")? })
    }
}

/// How often Envoy has taken and refused listener configurations.
#[derive(Debug, PartialEq, Eq)]
struct Attempts {
    accepted: u64,
    refused: u64,
}

/// Cargo's target folder: what tests and tools fetch or build lies there.
#[must_use]
pub fn target_folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), |folder| workspace.join(folder))
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> EnvoyError {
    let path = path.to_owned();
    move |cause| EnvoyError::File { path, cause }
}

/// Swaps the file in one step: Envoy must never read half of it, and only looks when a file is moved there.
fn replace(path: &Path, content: &Value) -> Result<(), EnvoyError> {
    let part = path.with_extension("part");
    fs::write(&part, content.to_string()).map_err(about(&part))?;
    fs::rename(&part, path).map_err(about(path))
}

fn await_ready(process: &mut Process, admin_file: &Path) -> Result<Admin, EnvoyError> {
    enum Seen {
        Ready(Admin),
        Ended,
    }
    let seen = patience::wait_for(READY, || {
        if process.ended().is_some() {
            return Some(Seen::Ended);
        }
        let admin = Admin::at(fs::read_to_string(admin_file).ok()?.trim().parse().ok()?);
        admin.is_ready().then_some(Seen::Ready(admin))
    });
    let log = || process.log_tail(QUOTED_LINES);
    match seen {
        Some(Seen::Ready(admin)) => Ok(admin),
        Some(Seen::Ended) => Err(EnvoyError::Ended { log: log() }),
        None => Err(EnvoyError::NotReady { log: log() }),
    }
}
