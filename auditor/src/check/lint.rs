//! What is allowed in a configuration and probably not meant.

mod names;
mod rules;
mod values;

use super::authorization;
use countersign_core::config::authorization::{Action, Authorization, Policy, Unmatched};
use serde_json::Value;
use std::fmt;

/// Something that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub path: String,
    /// What it is.
    pub lint: Lint,
    /// What it means here, in one sentence without a full stop.
    pub message: String,
}

/// The kinds of warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lint {
    /// A rule that no request can match.
    NeverMatches,
    /// A rule that changes nothing, since another comes before it.
    Unreachable,
    /// A rule that asks for no identity.
    AllowsEveryone,
    /// A role that nothing grants.
    UnknownRole,
    /// A service that is not in the registry.
    UnknownService,
    /// An API key that does not exist.
    UnknownApiKey,
    /// A `*` that stands for itself.
    LiteralStar,
    /// Everything is refused.
    RefusesEverything,
    /// What no policy matches is allowed.
    UnmatchedAllowed,
}

impl Lint {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::NeverMatches,
        Self::Unreachable,
        Self::AllowsEveryone,
        Self::UnknownRole,
        Self::UnknownService,
        Self::UnknownApiKey,
        Self::LiteralStar,
        Self::RefusesEverything,
        Self::UnmatchedAllowed,
    ];

    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NeverMatches => "never_matches",
            Self::Unreachable => "unreachable",
            Self::AllowsEveryone => "allows_everyone",
            Self::UnknownRole => "unknown_role",
            Self::UnknownService => "unknown_service",
            Self::UnknownApiKey => "unknown_api_key",
            Self::LiteralStar => "literal_star",
            Self::RefusesEverything => "refuses_everything",
            Self::UnmatchedAllowed => "unmatched_allowed",
        }
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// Where warnings are gathered.
#[derive(Debug, Default)]
struct Warnings(Vec<Warning>);

impl Warnings {
    fn add(&mut self, lint: Lint, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Warning { lint, path: path.into(), message: message.into() });
    }
}

/// What is odd about a plugin configuration, as far as it can be read.
#[must_use]
pub fn plugin(config: &Value) -> Vec<Warning> {
    let mut warnings = Warnings::default();
    let Some(authorization) = authorization(config) else { return Vec::new() };
    whole(&authorization, &mut warnings);
    rules::unreachable(&authorization, &mut warnings);
    let known = names::Known::of(config);
    for (index, policy) in authorization.policies.iter().enumerate() {
        let at = format!("authorization.policies[{index}]");
        if policy.rules.is_empty() {
            warnings.add(Lint::NeverMatches, &at, "a policy without rules matches nothing; `rules: [{}]` matches everything");
        }
        for (index, rule) in policy.rules.iter().enumerate() {
            let at = format!("{at}.rules[{index}]");
            rules::allows_everyone(policy, rule, &at, &mut warnings);
            values::rule(rule, authorization.path_normalization, &at, &mut warnings);
            names::rule(rule, &known, &at, &mut warnings);
        }
    }
    warnings.0.sort_by_key(|warning| place(&warning.path));
    warnings.0
}

/// A path as it sorts: numbers by their value.
fn place(path: &str) -> Vec<(String, usize)> {
    let parts = path.split(['[', ']']).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_or_else(|_| (part.to_owned(), 0), |number| (String::new(), number))).collect()
}

fn whole(authorization: &Authorization, warnings: &mut Warnings) {
    let enforced = |policy: &&Policy| !policy.shadow && policy.action == Action::Allow && !policy.rules.is_empty();
    let allows = authorization.policies.iter().any(|policy| enforced(&policy));
    match authorization.unmatched {
        Unmatched::Deny if !allows => {
            let message = "no enforced ALLOW policy has a rule and `unmatched` is `deny`, so every request is refused";
            warnings.add(Lint::RefusesEverything, "authorization", message);
        }
        Unmatched::Allow => {
            let message = "what no policy matches is allowed, even where ALLOW policies are meant to list what may pass";
            warnings.add(Lint::UnmatchedAllowed, "authorization.unmatched", message);
        }
        Unmatched::Deny => {}
    }
}
