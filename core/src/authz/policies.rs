//! The compiled policies, and deciding by them.

use super::attributes::Attributes;
use super::compile;
use super::condition::Condition;
use super::verdict::{NearestMiss, Outcome, Permit, PolicyMatch, Reason, Verdict};
use crate::config::authorization::{Authorization, PathNormalization, Unmatched};
use crate::config::decode::ConfigFault;

/// A set of policies, ready to decide.
#[derive(Debug, Clone)]
pub struct Policies {
    pub(super) policies: Vec<Policy>,
    pub(super) unmatched: Unmatched,
    pub(super) normalization: PathNormalization,
    pub(super) digest: [u8; 32],
}

/// A compiled policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What a match means.
    pub action: Action,
    /// Whether it is only recorded.
    pub shadow: bool,
    /// Its rules, of which one must match.
    pub rules: Vec<Rule>,
}

/// What a match of a policy means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It allows.
    Allow,
    /// It refuses.
    Deny,
    /// It is recorded.
    Audit,
}

/// A compiled rule. An empty list of alternatives is no constraint.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Alternatives of which one must hold: each a list of conditions that must all hold.
    pub from: Vec<Vec<Condition>>,
    /// The same for operations.
    pub to: Vec<Vec<Condition>>,
    /// Conditions that must all hold.
    pub when: Vec<Condition>,
}

impl Policies {
    /// Compiles policies.
    ///
    /// # Errors
    /// Every fault, with its path under `authorization`.
    pub fn compile(wire: &Authorization) -> Result<Self, Vec<ConfigFault>> {
        compile::compile(wire)
    }

    /// How paths are to be normalised before they are decided.
    #[must_use]
    pub fn path_normalization(&self) -> PathNormalization {
        self.normalization
    }

    /// What becomes of what no policy matches.
    #[must_use]
    pub fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    /// The policies, in the order of the configuration.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// SHA-256 of the policy set in a canonical form: the same for the same meaning, however it was formatted.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Decides a request: DENY, then ALLOW, then `unmatched`.
    #[must_use]
    pub fn decide<'p>(&'p self, attributes: &Attributes<'_>) -> Verdict<'p> {
        let mut tally = Tally::default();
        for policy in &self.policies {
            if let Some(rule) = policy.matching_rule(attributes, &mut tally.evaluated) {
                tally.record(policy, rule);
            }
        }
        self.verdict(tally, attributes)
    }

    fn verdict<'p>(&'p self, tally: Tally<'p>, attributes: &Attributes<'_>) -> Verdict<'p> {
        let (reason, decided) = tally.reason(self.unmatched);
        let nearest = (reason == Reason::NoPolicyMatched).then(|| self.nearest_miss(attributes)).flatten();
        let outcome = reason.outcome();
        let (policy, rule) = (decided.map(|found| found.policy), decided.map(|found| found.rule));
        let has_shadow = self.policies.iter().any(|policy| policy.shadow);
        let shadow_outcome = has_shadow.then(|| tally.shadow_outcome(self.unmatched));
        let permit = (outcome == Outcome::Allow).then_some(Permit { policy, rule });
        let Tally { shadow, audit, evaluated, .. } = tally;
        Verdict { outcome, reason, policy, rule, nearest, shadow, shadow_outcome, audit, evaluated, permit }
    }

    fn nearest_miss<'p>(&'p self, attributes: &Attributes<'_>) -> Option<NearestMiss<'p>> {
        let allowing = self.policies.iter().filter(|policy| policy.action == Action::Allow && !policy.shadow);
        let misses = allowing.flat_map(|policy| {
            let rules = policy.rules.iter().enumerate();
            rules.map(|(rule, compiled)| NearestMiss { policy: &policy.name, rule, failed: compiled.failed(attributes) })
        });
        misses.min_by_key(|miss| miss.failed.len())
    }
}

impl Policy {
    /// Index of the first rule that matches.
    fn matching_rule(&self, attributes: &Attributes<'_>, evaluated: &mut usize) -> Option<usize> {
        self.rules.iter().position(|rule| rule.matches(attributes, evaluated))
    }
}

impl Rule {
    /// Whether the rule matches; adds the conditions it looked at to `evaluated`.
    pub fn matches(&self, attributes: &Attributes<'_>, evaluated: &mut usize) -> bool {
        let mut holds = |condition: &Condition| {
            *evaluated += 1;
            condition.holds(attributes)
        };
        let mut any = |alternatives: &[Vec<Condition>]| {
            alternatives.is_empty() || alternatives.iter().any(|all| all.iter().all(&mut holds))
        };
        any(&self.to) && any(&self.from) && self.when.iter().all(holds)
    }

    /// Names of the conditions that do not hold, of the alternatives that come nearest.
    #[must_use]
    pub fn failed(&self, attributes: &Attributes<'_>) -> Vec<&str> {
        let failing = |conditions: &'_ [Condition]| -> Vec<usize> {
            conditions.iter().enumerate().filter(|(_, condition)| !condition.holds(attributes)).map(|(index, _)| index).collect()
        };
        let nearest = |alternatives: &'_ [Vec<Condition>]| -> Option<(usize, Vec<usize>)> {
            alternatives.iter().map(|all| failing(all)).enumerate().min_by_key(|(_, failed)| failed.len())
        };
        let mut names: Vec<&str> = Vec::new();
        for alternatives in [&self.from, &self.to] {
            if let Some((chosen, failed)) = nearest(alternatives) {
                let conditions = alternatives.get(chosen).map_or(&[][..], Vec::as_slice);
                names.extend(failed.iter().filter_map(|index| conditions.get(*index)).map(|condition| condition.name.as_str()));
            }
        }
        names.extend(
            failing(&self.when).iter().filter_map(|index| self.when.get(*index)).map(|condition| condition.name.as_str()),
        );
        names
    }
}

/// What matched.
#[derive(Debug, Default)]
struct Tally<'p> {
    denied: Option<PolicyMatch<'p>>,
    allowed: Option<PolicyMatch<'p>>,
    shadow: Vec<PolicyMatch<'p>>,
    audit: Vec<PolicyMatch<'p>>,
    evaluated: usize,
}

impl<'p> Tally<'p> {
    fn record(&mut self, policy: &'p Policy, rule: usize) {
        let outcome = if policy.action == Action::Deny { Outcome::Deny } else { Outcome::Allow };
        let found = PolicyMatch { policy: &policy.name, rule, outcome };
        match (policy.action, policy.shadow) {
            (Action::Audit, _) => self.audit.push(found),
            (_, true) => self.shadow.push(found),
            (Action::Deny, false) => self.denied = self.denied.or(Some(found)),
            (Action::Allow, false) => self.allowed = self.allowed.or(Some(found)),
        }
    }

    fn reason(&self, unmatched: Unmatched) -> (Reason, Option<PolicyMatch<'p>>) {
        match (self.denied, self.allowed, unmatched) {
            (Some(found), _, _) => (Reason::PolicyDenied, Some(found)),
            (None, Some(found), _) => (Reason::PolicyAllowed, Some(found)),
            (None, None, Unmatched::Deny) => (Reason::NoPolicyMatched, None),
            (None, None, Unmatched::Allow) => (Reason::DefaultAllow, None),
        }
    }

    fn shadow_outcome(&self, unmatched: Unmatched) -> Outcome {
        let would = |outcome: Outcome| self.shadow.iter().any(|found| found.outcome == outcome);
        if self.denied.is_some() || would(Outcome::Deny) {
            Outcome::Deny
        } else if self.allowed.is_some() || would(Outcome::Allow) || unmatched == Unmatched::Allow {
            Outcome::Allow
        } else {
            Outcome::Deny
        }
    }
}
