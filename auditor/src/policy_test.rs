//! Cases that a policy set must decide as they say, and the rules that no case reaches.

use crate::decide::{Answer, Engine, Request, Trust};
use countersign_core::time::UnixNanos;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The plugin configuration, relative to this file.
    pub config: Option<String>,
    /// The time of the requests, in RFC 3339 or Unix seconds.
    pub now: Option<String>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A request and what must become of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in a sentence.
    pub name: String,
    /// The request, as `decide` reads it. Its claims stand for a verified token.
    pub request: Map<String, Value>,
    /// Its own time, else that of the file.
    pub now: Option<String>,
    /// What must become of it.
    pub expect: Expectation,
}

/// `allow`, `deny`, or members of the answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Expectation {
    /// Just the outcome.
    Outcome(String),
    /// Members that the answer must have.
    Members(Map<String, Value>),
}

/// What became of the cases.
#[derive(Debug, Default)]
pub struct Outcome {
    /// A line or more for each case.
    pub lines: Vec<String>,
    /// How many cases did not come out as expected.
    pub failed: usize,
    /// The rules that some case matched: policy and index.
    reached: BTreeSet<(String, usize)>,
    /// All rules.
    rules: Vec<(String, usize)>,
}

/// Why a case cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseFault {
    /// Its request is none.
    #[error("case `{0}`: the request lacks method or path, or a field has a value of another type")]
    Request(String),
    /// Its time is none.
    #[error("case `{0}`: `{1}` is no time, expected Unix seconds or RFC 3339")]
    Time(String, String),
    /// It expects something that answers do not have.
    #[error("case `{0}`: answers have no `{1}`, expected outcome, status, reason, policy, rule or path")]
    Expectation(String, String),
}

const EXPECTABLE: &[&str] = &["outcome", "status", "reason", "policy", "rule", "path"];

/// Runs cases; `now` is the time of those that do not say theirs.
///
/// # Errors
/// [`CaseFault`] of the first case that cannot be run.
pub fn run(engine: &mut Engine, file: &CaseFile, now: UnixNanos) -> Result<Outcome, CaseFault> {
    let mut outcome = Outcome { rules: all_rules(engine), ..Outcome::default() };
    for case in &file.cases {
        let request = Request::from_object(&case.request, Trust::Claims).ok_or_else(|| CaseFault::Request(case.name.clone()))?;
        let now = match case.now.as_ref().or(file.now.as_ref()) {
            Some(text) => UnixNanos::parse(text).ok_or_else(|| CaseFault::Time(case.name.clone(), text.clone()))?,
            None => now,
        };
        let answer = engine.decide(&request, now);
        outcome.note(case, &answer)?;
        outcome.reach(engine, &request, now);
    }
    Ok(outcome)
}

fn all_rules(engine: &Engine) -> Vec<(String, usize)> {
    let policies = engine.policies().policies().iter();
    policies.flat_map(|policy| (0..policy.rules.len()).map(|rule| (policy.name.clone(), rule))).collect()
}

impl Outcome {
    fn note(&mut self, case: &Case, answer: &Answer) -> Result<(), CaseFault> {
        let found = answer.to_json();
        let mut differing = Vec::new();
        for (member, expected) in case.expect.members() {
            if !EXPECTABLE.contains(&member.as_str()) {
                return Err(CaseFault::Expectation(case.name.clone(), member));
            }
            let found = found.get(&member).unwrap_or(&Value::Null);
            if *found != expected {
                differing.push(format!("        {member}: expected {expected}, found {found}"));
            }
        }
        let verdict = if differing.is_empty() { "ok    " } else { "FAILED" };
        self.lines.push(format!("{verdict}  {}", case.name));
        self.failed += usize::from(!differing.is_empty());
        self.lines.append(&mut differing);
        Ok(())
    }

    /// Notes every rule that matches, enforced or not.
    fn reach(&mut self, engine: &mut Engine, request: &Request, now: UnixNanos) {
        let policies = engine.policies().policies().to_vec();
        let matching = engine.with_attributes(request, now, |attributes| {
            let rules = policies.iter().flat_map(|policy| policy.rules.iter().enumerate().map(move |rule| (policy, rule)));
            let matching = rules.filter(|(_, (_, rule))| rule.matches(attributes, &mut 0));
            matching.map(|(policy, (index, _))| (policy.name.clone(), index)).collect::<Vec<_>>()
        });
        self.reached.extend(matching.into_iter().flatten());
    }

    /// How many of the rules some case matched, of how many.
    #[must_use]
    pub fn coverage(&self) -> (usize, usize) {
        (self.reached.len(), self.rules.len())
    }

    /// The rules that no case matched.
    pub fn unreached(&self) -> impl Iterator<Item = String> {
        let unreached = self.rules.iter().filter(|rule| !self.reached.contains(*rule));
        unreached.map(|(policy, rule)| format!("{policy} rules[{rule}]"))
    }
}

impl Expectation {
    fn members(&self) -> Vec<(String, Value)> {
        match self {
            Self::Outcome(outcome) => vec![("outcome".to_owned(), Value::String(outcome.clone()))],
            Self::Members(members) => members.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }
}
