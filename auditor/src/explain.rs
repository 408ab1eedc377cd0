//! One decision, for a person: every policy, every condition, what was found and what would have had to be.

use crate::decide::{Answer, Engine, Request};
use countersign_core::authz::condition::Condition;
use countersign_core::authz::policies::{Action, Policy, Rule};
use countersign_core::authz::{Attributes, NearestMiss, Verdict};
use countersign_core::time::UnixNanos;
use std::fmt::Write as _;

/// A decision and its explanation.
#[derive(Debug)]
pub struct Explanation {
    /// The decision.
    pub answer: Answer,
    /// The explanation, in lines.
    pub text: String,
}

/// Decides a request and explains the decision.
pub fn explain(engine: &mut Engine, request: &Request, now: UnixNanos) -> Explanation {
    let answer = engine.decide(request, now);
    let mut text = head(request, &answer);
    // The policies are copied, so that the engine can be asked what they see.
    let policies = engine.policies().clone();
    let rest = engine.with_attributes(request, now, |attributes| {
        caller(attributes) + &tree(policies.policies(), attributes, &answer) + &foot(&policies.decide(attributes))
    });
    text += &rest.unwrap_or_else(|| "\nThe policies were not asked.\n".to_owned());
    Explanation { answer, text }
}

fn head(request: &Request, answer: &Answer) -> String {
    let mut text = format!("request   {} {}\n", request.method, request.path);
    match &answer.path {
        Some(path) if *path != request.path => _ = writeln!(text, "path      {path}"),
        _ => {}
    }
    if !request.host.is_empty() {
        _ = writeln!(text, "host      {}", request.host);
    }
    let by = match (&answer.policy, answer.rule) {
        (Some(policy), Some(rule)) => format!(" by {policy} rules[{rule}]"),
        _ => String::new(),
    };
    _ = writeln!(text, "decision  {} {}: {}{by}", answer.outcome.code(), answer.status, answer.reason);
    text
}

fn caller(attributes: &Attributes<'_>) -> String {
    let principal = attributes.request_principal.map(|principal| format!("{}/{}", principal.issuer, principal.subject));
    let lines = [
        ("peer", attributes.peer_principals.join(", ")),
        ("token", principal.unwrap_or_default()),
        ("roles", attributes.roles.join(", ")),
        ("scopes", attributes.scopes.join(", ")),
        ("service", attributes.service.unwrap_or_default().to_owned()),
        ("api key", attributes.api_key.unwrap_or_default().to_owned()),
    ];
    let known: Vec<&(&str, String)> = lines.iter().filter(|(_, value)| !value.is_empty()).collect();
    if known.is_empty() {
        return "caller    nobody is known\n".to_owned();
    }
    known.into_iter().fold(String::new(), |text, (name, value)| format!("{text}{name:<9} {value}\n"))
}

fn tree(policies: &[Policy], attributes: &Attributes<'_>, answer: &Answer) -> String {
    let mut text = String::new();
    for action in [Action::Deny, Action::Allow, Action::Audit] {
        for policy in policies.iter().filter(|policy| policy.action == action) {
            self::policy(&mut text, policy, attributes, answer);
        }
    }
    text
}

fn foot(verdict: &Verdict<'_>) -> String {
    let mut text = String::new();
    if let Some(NearestMiss { policy, rule, failed }) = &verdict.nearest {
        _ = writeln!(text, "\nnearest   {policy} rules[{rule}] would allow it but for {}", failed.join(", "));
    }
    match verdict.shadow_outcome {
        Some(outcome) if outcome != verdict.outcome => {
            _ = writeln!(text, "\nshadow    with the policies in shadow enforced: {}", outcome.code());
        }
        _ => {}
    }
    text
}

fn policy(text: &mut String, policy: &Policy, attributes: &Attributes<'_>, answer: &Answer) {
    let decides = answer.policy.as_deref() == Some(&policy.name);
    let matches = policy.rules.iter().any(|rule| rule.matches(attributes, &mut 0));
    let action = match policy.action {
        Action::Deny => "DENY",
        Action::Allow => "ALLOW",
        Action::Audit => "AUDIT",
    };
    let shadow = if policy.shadow { " (shadow)" } else { "" };
    let outcome = match (decides, matches) {
        (true, _) => "matches and decides",
        (false, true) => "matches",
        (false, false) => "does not match",
    };
    _ = writeln!(text, "\n{action} {}{shadow}: {outcome}", policy.name);
    if policy.rules.is_empty() {
        _ = writeln!(text, "  no rules, so nothing can match");
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        self::rule(text, index, rule, attributes);
    }
}

fn rule(text: &mut String, index: usize, rule: &Rule, attributes: &Attributes<'_>) {
    _ = writeln!(text, "  {} rules[{index}]", mark(rule.matches(attributes, &mut 0)));
    for (name, alternatives) in [("from", &rule.from), ("to", &rule.to)] {
        for (index, conditions) in alternatives.iter().enumerate() {
            _ = writeln!(text, "    {} {name}[{index}]", mark(conditions.iter().all(|condition| condition.holds(attributes))));
            conditions.iter().for_each(|condition| self::condition(text, "      ", condition, attributes));
        }
    }
    rule.when.iter().for_each(|condition| self::condition(text, "    ", condition, attributes));
}

fn condition(text: &mut String, indent: &str, condition: &Condition, attributes: &Attributes<'_>) {
    let found = quoted(&condition.found(attributes), ", ");
    let found = if found.is_empty() { "nothing".to_owned() } else { found };
    let expected = quoted(&condition.expected(), " or ");
    let expected = if condition.negated { format!("none of {expected}") } else { expected };
    let mark = mark(condition.holds(attributes));
    _ = writeln!(text, "{indent}{mark} {}: found {found}, expected {expected}", condition.name);
}

/// Quotes a list, its first few.
fn quoted(values: &[String], between: &str) -> String {
    let shown: Vec<String> = values.iter().take(SHOWN).map(|value| format!("`{value}`")).collect();
    let more = values.len().saturating_sub(SHOWN);
    let shown = shown.join(between);
    if more == 0 { shown } else { format!("{shown}{between}{more} more") }
}

const SHOWN: usize = 5;

fn mark(holds: bool) -> char {
    if holds { '✓' } else { '✗' }
}
