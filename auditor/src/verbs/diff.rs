//! `countersign diff`.

use crate::decide::{Answer, Engine, Request, Trust};
use crate::exit::Exit;
use crate::{clock, config_file};
use countersign_core::time::UnixNanos;
use serde_json::{Value, json};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

/// Show which requests a new configuration would decide otherwise: JSON lines in, the differing ones out.
///
/// Requests are those of `decide`. Exit code: 0 none differs, 1 some do, 2 a configuration or a request is unusable.
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The configuration that runs
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The configuration that is to replace it
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The time of the requests, in Unix seconds or RFC 3339; else now
    #[arg(long, value_name = "TIME", value_parser = super::parse_now)]
    now: Option<UnixNanos>,
    /// Take `request_principal` and `claims` of a request for an already verified token
    #[arg(long)]
    trust_claims: bool,
}

/// How many requests were compared, and what became of them.
#[derive(Debug, Default)]
struct Counts {
    same: u64,
    opened: u64,
    closed: u64,
    otherwise: u64,
    malformed: u64,
}

impl Diff {
    pub(super) fn run(&self) -> Exit {
        match self.compare_all() {
            Ok(counts) => counts.conclude(),
            Err(fault) => {
                eprintln!("{fault}");
                Exit::CouldNotTell
            }
        }
    }

    fn compare_all(&self) -> Result<Counts, String> {
        let (mut old, mut new) = (engine(&self.old)?, engine(&self.new)?);
        let mut counts = Counts::default();
        let mut output = io::BufWriter::new(io::stdout().lock());
        let io_fault = |fault: io::Error| format!("standard input or output: {fault}");
        for line in io::stdin().lock().split(b'\n') {
            let line = line.map_err(io_fault)?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Some(difference) = self.compare(&mut old, &mut new, &line, &mut counts) {
                writeln!(output, "{difference}").map_err(io_fault)?;
            }
        }
        output.flush().map_err(io_fault)?;
        Ok(counts)
    }

    fn compare(&self, old: &mut Engine, new: &mut Engine, line: &[u8], counts: &mut Counts) -> Option<Value> {
        let trust = if self.trust_claims { Trust::Claims } else { Trust::Nothing };
        let now = self.now.unwrap_or_else(clock::now);
        let Ok(request) = Request::parse(line, trust) else {
            counts.malformed += 1;
            return None;
        };
        let (before, after) = (old.decide(&request, now), new.decide(&request, now));
        let change = Change::between(&before, &after);
        counts.add(change);
        change.map(|change| json!({"id": request.id, "change": change.code(), "old": grounds(&before), "new": grounds(&after)}))
    }
}

fn engine(path: &Path) -> Result<Engine, String> {
    let engine = config_file::read(path).and_then(|value| Engine::from_config(&value).map_err(Into::into));
    engine.map_err(|fault| format!("{}: {fault}", path.display()))
}

/// What a decision is compared by.
fn grounds(answer: &Answer) -> Value {
    let Answer { outcome, status, reason, policy, rule, .. } = answer;
    json!({"outcome": outcome.code(), "status": status, "reason": reason, "policy": policy, "rule": rule})
}

/// How two decisions of one request differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Opened,
    Closed,
    Otherwise,
}

impl Change {
    fn between(before: &Answer, after: &Answer) -> Option<Self> {
        match (before.is_allowed(), after.is_allowed()) {
            (false, true) => Some(Self::Opened),
            (true, false) => Some(Self::Closed),
            _ => (grounds(before) != grounds(after)).then_some(Self::Otherwise),
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Otherwise => "otherwise",
        }
    }
}

impl Counts {
    fn add(&mut self, change: Option<Change>) {
        match change {
            None => self.same += 1,
            Some(Change::Opened) => self.opened += 1,
            Some(Change::Closed) => self.closed += 1,
            Some(Change::Otherwise) => self.otherwise += 1,
        }
    }

    fn conclude(&self) -> Exit {
        let Self { same, opened, closed, otherwise, malformed } = self;
        eprintln!(
            "{same} the same, {opened} opened, {closed} closed, {otherwise} decided by another rule, {malformed} malformed"
        );
        match () {
            () if *malformed > 0 => Exit::CouldNotTell,
            () if opened + closed + otherwise > 0 => Exit::Findings,
            () => Exit::Good,
        }
    }
}
