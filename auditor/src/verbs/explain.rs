//! `countersign explain`.

use crate::decide::{Engine, Request, Trust};
use crate::exit::Exit;
use crate::{clock, config_file, explain};
use countersign_core::time::UnixNanos;
use std::io::Read as _;
use std::path::PathBuf;

/// Decide one request and show every policy and condition, with what was found and what was expected.
///
/// Exit code: 0 allowed, 1 refused, 2 the configuration or the request is unusable.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The plugin configuration, in JSON or YAML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The time of the request, in Unix seconds or RFC 3339; else now
    #[arg(long, value_name = "TIME", value_parser = super::parse_now)]
    now: Option<UnixNanos>,
    /// Take `request_principal` and `claims` of the request for an already verified token
    #[arg(long)]
    trust_claims: bool,
    /// The request as `decide` reads it; else it is read from standard input
    #[arg(value_name = "REQUEST")]
    request: Option<String>,
}

impl Explain {
    pub(super) fn run(&self) -> Exit {
        match self.explain() {
            Ok(explanation) => {
                print!("{}", explanation.text);
                if explanation.answer.is_allowed() { Exit::Good } else { Exit::Findings }
            }
            Err(fault) => {
                eprintln!("{fault}");
                Exit::CouldNotTell
            }
        }
    }

    fn explain(&self) -> Result<explain::Explanation, String> {
        let engine = config_file::read(&self.config).and_then(|value| Engine::from_config(&value).map_err(Into::into));
        let mut engine = engine.map_err(|fault| format!("{}: {fault}", self.config.display()))?;
        let text = match &self.request {
            Some(text) => text.clone(),
            None => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(|fault| format!("standard input: {fault}"))?;
                text
            }
        };
        let trust = if self.trust_claims { Trust::Claims } else { Trust::Nothing };
        let request = Request::parse(text.as_bytes(), trust).map_err(|_| "the request is malformed".to_owned())?;
        Ok(explain::explain(&mut engine, &request, self.now.unwrap_or_else(clock::now)))
    }
}
