//! `countersign token`: says of each token whether it is accepted, and if not, why.
//!
//! The code that decides is the filter's own. What is not asked for is not checked, but for the times that a token itself
//! names.

mod explain;
mod input;
mod remedy;

use crate::exit::Exit;
use countersign_core::jose::{
    AcceptedClaims, Algorithm, Expiration, KeyFault, KeyKind, KeySet, KeySetFault, ParsedJws, ParsedToken, Requirements,
    TokenDenial,
};
use countersign_core::time::{UnixNanos, parse_duration};
use input::Line;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Say whether tokens are accepted, and if not, why.
///
/// Reads a token a line, bare or as {"id":..,"token":..}, and writes {"id":..,"verdict":"accepted"|"refused","reason":..}.
/// A bare token's id is the number of its line. To a terminal, or with --explain, it writes for people.
///
/// Exit code: 0 all accepted, 1 some refused, 2 keys or lines could not be read.
#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// The token. Without one, tokens are read from standard input.
    #[arg(value_name = "TOKEN")]
    token: Option<String>,
    /// The keys: a JSON Web Key Set.
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// The issuer that the token must name.
    #[arg(long)]
    issuer: Option<String>,
    /// An audience; the token must name one of them.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// The time of the check, in Unix seconds or as RFC 3339. Without it, now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    now: Option<UnixNanos>,
    /// Algorithms that are allowed. Without it: RS*, PS*, ES* and EdDSA, and HS* where the set holds shared secrets alone.
    #[arg(long, value_name = "ALG,..", value_delimiter = ',', value_parser = algorithm)]
    algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be off.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s")]
    clock_skew: Duration,
    /// Refuse a token that does not expire.
    #[arg(long)]
    require_expiration: bool,
    /// The longest lifetime of a token, as issued and from now.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_lifetime: Option<Duration>,
    /// A claim that must be there, by name or by path.
    #[arg(long = "required-claim", value_name = "CLAIM")]
    required_claims: Vec<String>,
    /// A token type (`typ`) that is accepted.
    #[arg(long = "token-type", value_name = "TYPE")]
    token_types: Vec<String>,
    /// Check the signature alone: the payload need not be claims.
    #[arg(long)]
    signature_only: bool,
    /// Write for people: why a token is refused, and what to change.
    #[arg(long)]
    explain: bool,
}

/// What stops the verb before it can say anything.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot read the keys from `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot use the keys in `{}`: {fault}", path.display())]
    NoKeySet { path: PathBuf, fault: KeySetFault },
    #[error("cannot write: {0}")]
    Output(io::Error),
    #[error("cannot read standard input: {0}")]
    Input(io::Error),
}

/// What was found out about one token.
enum Verdict {
    /// The claims are accepted.
    Accepted(Box<AcceptedClaims>),
    /// The signature verifies; nothing else was asked.
    Signed,
    /// Refused.
    Refused(TokenDenial),
    /// The line holds no token.
    Unreadable(input::LineFault),
}

/// The keys, and what was wrong with some of them.
struct Keys {
    set: KeySet,
    faults: Vec<KeyFault>,
}

/// How a run went so far.
#[derive(Default)]
struct Tally {
    refused: usize,
    unreadable: usize,
}

/// How verdicts are written.
#[derive(Clone, Copy)]
enum Style {
    JsonLines,
    Prose,
}

impl Token {
    /// Answers for every token, and reports what could not be read on standard error.
    pub(super) fn run(self) -> Exit {
        match self.answer() {
            Ok(tally) => tally.exit(),
            Err(fault) => {
                eprintln!("countersign token: {fault}");
                Exit::CouldNotTell
            }
        }
    }

    fn answer(&self) -> Result<Tally, Fault> {
        let keys = self.read_keys()?;
        let checks = Checks {
            signature_only: self.signature_only,
            named: &self.algorithms,
            requirements: self.requirements(),
            now: self.now(),
        };
        let mut output = io::stdout().lock();
        let style = if self.explain || output.is_terminal() { Style::Prose } else { Style::JsonLines };
        let mut tally = Tally::default();
        let mut answer_line = |line: Line| {
            let verdict = checks.judge(&line, &keys);
            tally.count(&line, &verdict);
            style.write(&mut output, &line, &verdict, &keys, checks.now).map_err(Fault::Output)
        };
        match &self.token {
            Some(token) => answer_line(Line::bare(1, token))?,
            None => input::lines(io::stdin().lock()).try_for_each(|line| answer_line(line.map_err(Fault::Input)?))?,
        }
        output.flush().map_err(Fault::Output)?;
        Ok(tally)
    }

    fn read_keys(&self) -> Result<Keys, Fault> {
        let document = std::fs::read(&self.jwks).map_err(|source| Fault::Unreadable { path: self.jwks.clone(), source })?;
        let (set, faults) = KeySet::parse(&document).map_err(|fault| Fault::NoKeySet { path: self.jwks.clone(), fault })?;
        for fault in &faults {
            eprintln!("countersign token: {}: {fault}", self.jwks.display());
        }
        Ok(Keys { set, faults })
    }

    fn requirements(&self) -> Requirements {
        Requirements {
            issuer: self.issuer.clone(),
            audiences: self.audiences.clone(),
            clock_skew: self.clock_skew,
            expiration: if self.require_expiration { Expiration::Required } else { Expiration::Optional },
            max_lifetime: self.max_lifetime,
            required_claims: self.required_claims.clone(),
            token_types: self.token_types.clone(),
            ..Requirements::default()
        }
    }

    fn now(&self) -> UnixNanos {
        self.now.unwrap_or_else(|| {
            let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            UnixNanos::default().plus(elapsed)
        })
    }
}

/// What is asked of every token.
struct Checks<'a> {
    signature_only: bool,
    named: &'a [Algorithm],
    requirements: Requirements,
    now: UnixNanos,
}

impl Checks<'_> {
    fn judge(&self, line: &Line, keys: &Keys) -> Verdict {
        match &line.token {
            Ok(token) => self.judge_token(token, &keys.set),
            Err(fault) => Verdict::Unreadable(*fault),
        }
    }

    fn judge_token(&self, token: &str, keys: &KeySet) -> Verdict {
        let verdict = if self.signature_only { self.check_signature(token, keys) } else { self.check_token(token, keys) };
        verdict.unwrap_or_else(Verdict::Refused)
    }

    fn check_signature(&self, token: &str, keys: &KeySet) -> Result<Verdict, TokenDenial> {
        ParsedJws::parse(token)?.authenticate(keys, &self.allowed(keys))?;
        Ok(Verdict::Signed)
    }

    fn check_token(&self, token: &str, keys: &KeySet) -> Result<Verdict, TokenDenial> {
        let authentic = ParsedToken::parse(token)?.authenticate(keys, &self.allowed(keys))?;
        let claims = authentic.accept(&self.requirements, self.now)?;
        Ok(Verdict::Accepted(Box::new(claims)))
    }

    /// Whoever hands over a set of shared secrets and nothing else asks about HS*. In a mixed set they must be named, as
    /// in the filter's configuration.
    fn allowed(&self, keys: &KeySet) -> Vec<Algorithm> {
        let secrets_alone = !keys.is_empty() && keys.iter().all(|key| key.kind() == KeyKind::Secret);
        match (self.named, secrets_alone) {
            ([], true) => Algorithm::ALL.to_vec(),
            ([], false) => Algorithm::ASYMMETRIC.to_vec(),
            (named, _) => named.to_vec(),
        }
    }
}

impl Verdict {
    const fn word(&self) -> &'static str {
        match self {
            Self::Accepted(_) | Self::Signed => "accepted",
            Self::Refused(_) | Self::Unreadable(_) => "refused",
        }
    }

    const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Accepted(_) | Self::Signed => None,
            Self::Refused(denial) => Some(denial.code()),
            Self::Unreadable(fault) => Some(fault.code()),
        }
    }
}

impl Tally {
    fn count(&mut self, line: &Line, verdict: &Verdict) {
        match verdict {
            Verdict::Accepted(_) | Verdict::Signed => {}
            Verdict::Refused(_) => self.refused += 1,
            Verdict::Unreadable(fault) => {
                self.unreadable += 1;
                eprintln!("countersign token: line {}: {fault}", line.number);
            }
        }
    }

    fn exit(&self) -> Exit {
        if self.unreadable > 0 {
            eprintln!("countersign token: {} unreadable lines", self.unreadable);
            return Exit::CouldNotTell;
        }
        if self.refused > 0 { Exit::Findings } else { Exit::Good }
    }
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    id: &'a Value,
    verdict: &'static str,
    reason: Option<&'static str>,
}

impl Style {
    fn write(self, output: &mut impl Write, line: &Line, verdict: &Verdict, keys: &Keys, now: UnixNanos) -> io::Result<()> {
        match self {
            Self::JsonLines => {
                let answer = Answer { id: &line.id, verdict: verdict.word(), reason: verdict.reason() };
                serde_json::to_writer(&mut *output, &answer)?;
                output.write_all(b"\n")
            }
            Self::Prose => explain::write(output, line, verdict, keys, now),
        }
    }
}

fn time(text: &str) -> Result<UnixNanos, &'static str> {
    UnixNanos::parse(text).ok_or("expected Unix seconds, or a time like 2027-01-01T00:00:00Z")
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("expected a duration like 60s, 10m or 24h")
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name).ok_or_else(|| {
        let known: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
        format!("expected one of {}", known.join(", "))
    })
}
