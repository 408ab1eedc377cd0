//! Verdicts for people.

use super::remedy::remedy;
use super::{Keys, Verdict};
use crate::verbs::token::input::Line;
use countersign_core::jose::{AcceptedClaims, FindingThresholds, TokenDenial, TokenFinding};
use countersign_core::time::UnixNanos;
use serde_json::Value;
use std::io::{self, Write};

pub(super) fn write(output: &mut impl Write, line: &Line, verdict: &Verdict, keys: &Keys, now: UnixNanos) -> io::Result<()> {
    let id = line.id.as_str().map_or_else(|| line.id.to_string(), str::to_owned);
    match verdict {
        Verdict::Accepted(claims) => {
            writeln!(output, "{id}: accepted")?;
            write_claims(output, claims, now)
        }
        Verdict::Signed => writeln!(output, "{id}: accepted\n  the signature verifies; nothing else was checked"),
        Verdict::Refused(denial) => {
            writeln!(output, "{id}: refused ({})\n  why: {denial}", denial.code())?;
            write_broken_key(output, denial, keys)?;
            write_times(output, denial)?;
            writeln!(output, "  change: {}", remedy(denial))
        }
        Verdict::Unreadable(fault) => writeln!(output, "{id}: refused ({})\n  why: {fault}", fault.code()),
    }
}

/// A key that the token names and the set holds, but in a form that was refused, looks like one that is not there.
fn write_broken_key(output: &mut impl Write, denial: &TokenDenial, keys: &Keys) -> io::Result<()> {
    let TokenDenial::UnknownKey(wanted) = denial else { return Ok(()) };
    let broken = keys.faults.iter().filter(|fault| fault.id.as_deref().is_none_or(|id| id == wanted));
    broken.into_iter().try_for_each(|fault| writeln!(output, "  the set's {fault}"))
}

fn write_times(output: &mut impl Write, denial: &TokenDenial) -> io::Result<()> {
    match denial {
        TokenDenial::Expired { expired: then, now } | TokenDenial::NotYetValid { not_before: then, now } => {
            let apart = then.abs_diff(*now);
            writeln!(output, "  that is {}, {apart} s from {}", text(*then), text(*now))
        }
        _ => Ok(()),
    }
}

fn write_claims(output: &mut impl Write, claims: &AcceptedClaims, now: UnixNanos) -> io::Result<()> {
    let key = claims.key_id().map_or_else(|| "a key without id".to_owned(), |id| format!("key `{id}`"));
    writeln!(output, "  signed: {} by {key}", claims.algorithm())?;
    for name in ["iss", "sub", "aud", "azp", "client_id", "scope", "jti"] {
        match claims.find(name) {
            Some(Value::String(value)) => writeln!(output, "  {name}: {value}")?,
            Some(value) => writeln!(output, "  {name}: {value}")?,
            None => {}
        }
    }
    if let Some(expires) = claims.expires() {
        writeln!(output, "  expires: {}, in {} s", text(expires.seconds()), expires.seconds() - now.seconds())?;
    }
    let findings = claims.findings(&FindingThresholds::default(), now);
    findings.into_iter().try_for_each(|finding| writeln!(output, "  note: {} ({})", describe(finding), finding.code()))
}

fn text(seconds: i64) -> String {
    let nanos = UnixNanos::from_seconds(seconds).to_string();
    nanos.replace(".000000000Z", "Z")
}

const fn describe(finding: TokenFinding) -> &'static str {
    match finding {
        TokenFinding::NoSubject => "it does not say who acts",
        TokenFinding::NoAudience => "it does not say whom it is for, so it works wherever its issuer is trusted",
        TokenFinding::NoExpiration => "it never expires",
        TokenFinding::WildcardAudience => "its audience means everyone",
        TokenFinding::WildcardScope => "its scope means everything",
        TokenFinding::LifetimeOverPolicy => "it lives longer than policy says",
        TokenFinding::NearExpiry => "it expires within a minute",
        TokenFinding::ExpiredWithinSkew => "it has expired, and passes only by the clock skew",
        TokenFinding::IssuedInFuture => "it was issued later than now",
    }
}
