//! `countersign decide`.

use crate::decide::{Answer, Engine, Request, Trust};
use crate::exit::Exit;
use crate::{clock, config_file};
use countersign_core::time::UnixNanos;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

/// Decide requests: JSON lines in, decisions as JSON lines out.
///
/// A request is {"id", "method", "path", "host", "port", "headers", "source_ip", "remote_ip", "destination_ip", "sni",
/// "principal", "request_principal", "claims"}, of which only method and path must be there. Exit code: 0 all allowed, 1 some
/// refused, 2 the configuration or the input is unusable.
#[derive(Debug, clap::Args)]
pub(super) struct Decide {
    /// The plugin configuration, in JSON or YAML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The time of the requests, in Unix seconds or RFC 3339; else now
    #[arg(long, value_name = "TIME", value_parser = super::parse_now)]
    now: Option<UnixNanos>,
    /// Take `request_principal` and `claims` of a request for an already verified token
    #[arg(long)]
    trust_claims: bool,
}

/// How many requests came to what.
#[derive(Debug, Default)]
struct Counts {
    allowed: u64,
    denied: u64,
    malformed: u64,
}

impl Decide {
    pub(super) fn run(&self) -> Exit {
        let engine = config_file::read(&self.config).and_then(|value| Engine::from_config(&value).map_err(Into::into));
        let mut engine = match engine {
            Ok(engine) => engine,
            Err(fault) => {
                eprintln!("{}: {fault}", self.config.display());
                return Exit::CouldNotTell;
            }
        };
        match self.answer_all(&mut engine, io::stdin().lock(), io::BufWriter::new(io::stdout().lock())) {
            Ok(counts) => counts.conclude(),
            Err(fault) => {
                eprintln!("standard input or output: {fault}");
                Exit::CouldNotTell
            }
        }
    }

    fn answer_all(&self, engine: &mut Engine, mut input: impl BufRead, mut output: impl Write) -> io::Result<Counts> {
        let mut counts = Counts::default();
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            if !line.trim_ascii().is_empty() {
                let answer = self.answer(engine, &line);
                counts.add(&answer);
                writeln!(output, "{}", answer.to_json())?;
            }
            line.clear();
        }
        output.flush()?;
        Ok(counts)
    }

    fn answer(&self, engine: &mut Engine, line: &[u8]) -> Answer {
        let trust = if self.trust_claims { Trust::Claims } else { Trust::Nothing };
        match Request::parse(line, trust) {
            Ok(request) => engine.decide(&request, self.now.unwrap_or_else(clock::now)),
            Err(malformed) => Answer::malformed(malformed.id),
        }
    }
}

impl Counts {
    fn add(&mut self, answer: &Answer) {
        match (answer.is_allowed(), answer.is_malformed()) {
            (true, _) => self.allowed += 1,
            (false, false) => self.denied += 1,
            (false, true) => self.malformed += 1,
        }
    }

    fn conclude(&self) -> Exit {
        let Self { allowed, denied, malformed } = self;
        eprintln!("{allowed} allowed, {denied} denied, {malformed} malformed");
        if *denied + *malformed == 0 { Exit::Good } else { Exit::Findings }
    }
}
