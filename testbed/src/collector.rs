//! The `countersign collect` process as the peer of the audit export.

use crate::patience;
use crate::process::{Process, ProcessError};
use serde_json::Value;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// How long the collector may take to listen.
const READY: Duration = Duration::from_secs(20);

/// A running collector, stopped when dropped.
#[derive(Debug)]
pub struct Collector {
    process: Process,
    address: SocketAddr,
    store: PathBuf,
}

/// The collector does not run.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its folder cannot be made.
    #[error("cannot use `{path}`: {cause}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It did not say where it listens.
    #[error("the collector did not say where it listens; its log ends:\n{log}")]
    Silent {
        /// Its last log lines.
        log: String,
    },
}

impl Collector {
    /// Starts the program `countersign` on a free port; store and log lie in `folder`.
    pub fn start(countersign: &Path, folder: &Path) -> Result<Self, CollectorError> {
        Self::start_at(countersign, SocketAddr::from(([127, 0, 0, 1], 0)), folder)
    }

    /// Starts it at a given address, as after a crash of an earlier one.
    pub fn start_at(countersign: &Path, address: SocketAddr, folder: &Path) -> Result<Self, CollectorError> {
        let store = folder.join("store");
        fs::create_dir_all(folder).map_err(|cause| CollectorError::Folder { path: folder.to_owned(), cause })?;
        let ready_file = folder.join("collector.json");
        // One of an earlier start would be read too soon.
        let _ = fs::remove_file(&ready_file);
        let mut command = Command::new(countersign);
        command.args(["collect", "--listen", &address.to_string()]);
        command.arg("--store").arg(&store).arg("--port-file").arg(&ready_file);
        let mut process = Process::start(&mut command, &folder.join("collector.log"))?;
        let bound = patience::wait_for(READY, || match process.ended() {
            Some(_) => Some(None),
            None => announced(&ready_file).map(Some),
        });
        match bound.flatten() {
            Some(address) => Ok(Self { process, address, store }),
            None => Err(CollectorError::Silent { log: process.log_tail(10) }),
        }
    }

    /// Where it receives OTLP/gRPC.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its store.
    #[must_use]
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// The lines of evidence that are kept so far, in the order in which they arrived.
    pub fn lines(&self) -> Result<Vec<String>, CollectorError> {
        let mut lines = Vec::new();
        for segment in segments(&self.store).map_err(|cause| CollectorError::Folder { path: self.store.clone(), cause })? {
            let text = fs::read_to_string(&segment).map_err(|cause| CollectorError::Folder { path: segment, cause })?;
            lines.extend(text.lines().map(str::to_owned));
        }
        Ok(lines)
    }

    /// Its process: log, CPU time, memory.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Stops it and waits for its end.
    pub fn stop(self) -> Result<ExitStatus, CollectorError> {
        Ok(self.process.stop()?)
    }

    /// Kills it, as a crash would.
    pub fn kill(self) -> Result<ExitStatus, CollectorError> {
        Ok(self.process.kill()?)
    }

    /// Leaves it running after this handle is gone, and says its process id.
    #[must_use]
    pub fn leave_running(self) -> u32 {
        self.process.leave_running()
    }
}

/// The files with lines in a store: `STORE/date=../hour=../*.jsonl`, the oldest first.
pub fn segments(store: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![store.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if folder != store && path.extension().is_some_and(|extension| extension == "jsonl") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn announced(ready_file: &Path) -> Option<SocketAddr> {
    let ready: Value = serde_json::from_str(&fs::read_to_string(ready_file).ok()?).ok()?;
    ready.get("grpc")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in program: the real one is built by another crate, whose tests use it.
    fn program(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("countersign");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_address_is_the_one_it_announced() {
        let folder = tempfile::tempdir().unwrap();
        // Arguments: collect --listen A --store D --port-file F.
        let program = program(folder.path(), r#"echo "{\"grpc\":\"127.0.0.1:4711\"}" > "$7"; exec sleep 60"#);
        let collector = Collector::start(&program, folder.path()).unwrap();
        assert_eq!(collector.address().to_string(), "127.0.0.1:4711");
        assert!(collector.store().starts_with(folder.path()));
    }

    #[test]
    fn lines_come_from_the_segments_alone_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), r#"echo "{\"grpc\":\"127.0.0.1:4711\"}" > "$7"; exec sleep 60"#);
        let collector = Collector::start(&program, folder.path()).unwrap();
        let file = |path: &str, text: &str| {
            let path = collector.store().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file("rejected.jsonl", "no evidence\n");
        file("date=2026-11-24/hour=11/b.open.jsonl", "2\n3\n");
        file("date=2026-11-24/hour=11/a.jsonl", "1\n");
        assert_eq!(collector.lines().unwrap(), ["1", "2", "3"]);
    }

    #[test]
    fn one_that_ends_at_once_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), "echo address in use >&2; exit 2");
        let error = Collector::start(&program, folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("address in use"));
    }
}
