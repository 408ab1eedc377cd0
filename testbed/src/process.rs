//! A child process: its log, its CPU time, its end.

use crate::patience;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long a process may take to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A running child, stopped when dropped: SIGTERM, a bounded wait, then SIGKILL.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// A process could not be started, asked or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program did not start.
    #[error("cannot start `{program}`: {cause}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        cause: io::Error,
    },
    /// The log file could not be made or read.
    #[error("cannot use the log file `{path}`: {cause}")]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The kernel says nothing about the process (it ended, or this is not Linux).
    #[error("no figures about process {id}")]
    NoFigures {
        /// The process id.
        id: u32,
    },
    /// A signal or a wait failed.
    #[error("cannot stop process {id}: {cause}")]
    Stop {
        /// The process id.
        id: u32,
        /// Why.
        cause: io::Error,
    },
}

impl Process {
    /// Starts `command` with its standard output and error appended to the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, ProcessError> {
        let open = || File::options().create(true).append(true).open(log);
        let failed = |cause| ProcessError::Log { path: log.to_owned(), cause };
        let output = open().map_err(failed)?;
        let errors = open().map_err(failed)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|cause| ProcessError::Start { program: command.get_program().to_string_lossy().into_owned(), cause })?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far (invalid UTF-8 replaced).
    pub fn log(&self) -> Result<String, ProcessError> {
        let bytes = fs::read(&self.log).map_err(|cause| ProcessError::Log { path: self.log.clone(), cause })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last `lines` lines of the log, for messages; empty when it cannot be read.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log().unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// CPU time of all its living threads, from the scheduler's own account (nanoseconds, where
    /// `/proc/PID/stat` counts in steps of 10 ms).
    pub fn cpu(&self) -> Result<Duration, ProcessError> {
        let missing = || ProcessError::NoFigures { id: self.id() };
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).map_err(|_| missing())?;
        let mut total = Duration::ZERO;
        for thread in threads.flatten() {
            // A thread that ended between the listing and the read is no error.
            let Ok(figures) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let on_cpu = figures.split_whitespace().next().and_then(|field| field.parse().ok()).ok_or_else(missing)?;
            total += Duration::from_nanos(on_cpu);
        }
        Ok(total)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64, ProcessError> {
        let missing = || ProcessError::NoFigures { id: self.id() };
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).map_err(|_| missing())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or_else(missing)?;
        let kibibytes: u64 = line.split_whitespace().next().and_then(|field| field.parse().ok()).ok_or_else(missing)?;
        Ok(kibibytes * 1024)
    }

    /// Asks it to end, waits, and kills it when it does not.
    pub fn stop(mut self) -> Result<ExitStatus, ProcessError> {
        self.end(Signal::TERM)
    }

    /// Kills it at once, as a crash would.
    pub fn kill(mut self) -> Result<ExitStatus, ProcessError> {
        self.end(Signal::KILL)
    }

    /// Leaves it running after this handle is gone, and says its id.
    #[must_use]
    pub fn leave_running(self) -> u32 {
        let id = self.id();
        std::mem::forget(self);
        id
    }

    fn end(&mut self, signal: Signal) -> Result<ExitStatus, ProcessError> {
        if let Some(status) = self.ended() {
            return Ok(status);
        }
        let id = self.id();
        let failed = |cause| ProcessError::Stop { id, cause };
        if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            kill_process(pid, signal).map_err(|errno| failed(errno.into()))?;
        }
        if let Some(status) = patience::wait_for(GRACE, || self.ended()) {
            return Ok(status);
        }
        self.child.kill().map_err(failed)?;
        self.child.wait().map_err(failed)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure here.
        let _ = self.end(Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn shell(script: &str, folder: &Path) -> Process {
        Process::start(Command::new("sh").args(["-c", script]), &folder.join("log")).unwrap()
    }

    #[test]
    fn what_it_writes_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("echo out; echo err >&2", folder.path());
        patience::wait_for(GRACE, || process.ended()).unwrap();
        assert_eq!(process.log().unwrap(), "out\nerr\n");
        assert_eq!(process.log_tail(1), "err");
    }

    #[test]
    fn stopping_is_a_polite_request_first() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done", folder.path());
        patience::wait_for(GRACE, || process.log().unwrap().contains("up").then_some(())).unwrap();
        assert_eq!(process.stop().unwrap().code(), Some(3));
        assert_eq!(shell("sleep 60", folder.path()).kill().unwrap().signal(), Some(9));
    }

    #[test]
    fn cpu_and_memory_are_those_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let busy = shell("while :; do :; done", folder.path());
        patience::wait_for(GRACE, || (busy.cpu().unwrap() > Duration::from_millis(20)).then_some(())).unwrap();
        assert!(busy.resident_bytes().unwrap() > 100_000);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Process::start(&mut Command::new("/nowhere/program"), &folder.path().join("log")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/program"));
    }
}
