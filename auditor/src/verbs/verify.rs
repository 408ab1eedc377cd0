//! `countersign verify`.

use crate::clock;
use crate::exit::Exit;
use crate::read::ReadFault;
use crate::seal::{KeyFault, TrustedKey};
use crate::tlog::{Checkpoint, NoteFault, NoteVerifier};
use crate::verify::{self, Evidence, Report, Severity, Trust, VerifyFault, render_json, render_text};
use countersign_core::time::UnixNanos;
use std::path::PathBuf;
use std::time::Duration;

/// Verify that evidence is whole and unaltered: offline, on a store or on copied files
///
/// Exit code 0: nothing is wrong. 1: something was altered, removed, added or lost without explanation. 2: it could not be told.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// Stores, directories or files of lines
    #[arg(required_unless_present = "explain", value_name = "STORE|FILE")]
    paths: Vec<PathBuf>,
    /// Public key, in hexadecimal, that checkpoints have to be signed with (may be repeated)
    #[arg(long = "key", value_name = "HEX", value_parser = parse_key)]
    keys: Vec<TrustedKey>,
    /// Public key of the store's log, as NAME+HASH+KEY, that its checkpoint has to be signed with (may be repeated)
    #[arg(long = "log-key", value_name = "VKEY", value_parser = parse_log_key)]
    log_keys: Vec<NoteVerifier>,
    /// File of checkpoints of the log that were saved earlier, out of the store's reach: the log has to contain them
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// Exit with 1 on warnings too: ends without a close, repeated lines, clocks that went backwards
    #[arg(long)]
    strict: bool,
    /// Print a shell script that checks the chain with jq and sha256sum alone, and verify nothing
    #[arg(long)]
    explain: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// The time to judge by (RFC 3339 or Unix seconds), instead of now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<UnixNanos>,
}

/// Three checkpoint intervals of 10 s, doubled: how long lines may be on their way.
const GRACE: Duration = Duration::from_secs(60);

fn parse_key(text: &str) -> Result<TrustedKey, KeyFault> {
    TrustedKey::parse(text)
}

fn parse_log_key(text: &str) -> Result<NoteVerifier, NoteFault> {
    NoteVerifier::parse(text)
}

fn parse_time(text: &str) -> Result<UnixNanos, String> {
    UnixNanos::parse(text).ok_or_else(|| format!("expected RFC 3339 or Unix seconds, found `{text}`"))
}

impl Verify {
    pub(super) fn run(self) -> Exit {
        if self.explain {
            print!("{}", verify::SCRIPT);
            return Exit::Good;
        }
        match self.verify() {
            Ok(report) => self.print(&report),
            Err(fault) => {
                eprintln!("countersign verify: {fault}");
                Exit::CouldNotTell
            }
        }
    }

    fn verify(&self) -> Result<Report, VerifyFault> {
        let trust = Trust {
            keys: self.keys.clone(),
            log_keys: self.log_keys.clone(),
            saved: self.saved()?,
            now: self.now.unwrap_or_else(clock::now),
            grace: GRACE,
        };
        verify::verify(Evidence::find(&self.paths)?, &trust)
    }

    /// Notes stand one after the other, each followed by an empty line.
    fn saved(&self) -> Result<Vec<Checkpoint>, VerifyFault> {
        let Some(path) = &self.checkpoints else { return Ok(Vec::new()) };
        let text = std::fs::read_to_string(path).map_err(|error| ReadFault { path: path.clone(), error })?;
        let parts: Vec<&str> = text.split("\n\n").collect();
        let notes = parts.iter().map(|part| format!("{part}\n\n"));
        Ok(notes.filter_map(|note| Checkpoint::parse(&note).ok()).filter(|note| self.is_trusted(note)).collect())
    }

    /// A saved checkpoint counts if it is of a log that is asked about.
    fn is_trusted(&self, checkpoint: &Checkpoint) -> bool {
        self.log_keys.is_empty() || self.log_keys.iter().any(|key| key.name() == checkpoint.origin)
    }

    fn print(&self, report: &Report) -> Exit {
        if self.json {
            println!("{}", render_json(report));
        } else {
            print!("{}", render_text(report));
        }
        let limit = if self.strict { Severity::Warning } else { Severity::Error };
        if report.lines == 0 {
            eprintln!("countersign verify: no lines found");
            return Exit::CouldNotTell;
        }
        if report.count(limit) == 0 { Exit::Good } else { Exit::Findings }
    }
}
