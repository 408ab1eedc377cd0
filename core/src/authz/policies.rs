//! The compiled policies, and deciding by them.

use super::attributes::Attributes;
use super::compile;
use super::condition::{Condition, Test};
use super::index::{Index, RuleNumber};
use super::verdict::{NearestMiss, Outcome, Permit, PolicyMatch, Reason, Verdict};
use crate::config::authorization::{Authorization, PathNormalization, Unmatched};
use crate::config::decode::ConfigFault;
use serde_json::Value;

/// A set of policies, ready to decide.
#[derive(Debug, Clone)]
pub struct Policies {
    policies: Vec<Policy>,
    unmatched: Unmatched,
    normalization: PathNormalization,
    digest: [u8; 32],
    has_shadow: bool,
    /// Policy and index in it of each rule, by its number.
    places: Vec<(usize, usize)>,
    index: Index,
    /// The rules that can be a nearest miss, filed by path.
    near: Index,
    allowing: Vec<RuleNumber>,
}

/// How many rules are looked at for the nearest miss. What else a refusal costs does not depend on how many policies there
/// are, and neither should its explanation.
const NEAREST_LOOKED_AT: usize = 16;

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

    /// The faults of the single policies of an `authorization` that could not be read as a whole: a person who mends one fault
    /// wants to see those behind it too. Faults of reading are left out, for reading has told them already.
    #[must_use]
    pub fn faults_behind(authorization: &Value) -> Vec<ConfigFault> {
        compile::faults_behind(authorization)
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

    pub(super) fn new(policies: Vec<Policy>, unmatched: Unmatched, normalization: PathNormalization, digest: [u8; 32]) -> Self {
        let places = |policy: &(usize, &Policy)| -> Vec<(usize, usize)> {
            (0..policy.1.rules.len()).map(|rule| (policy.0, rule)).collect()
        };
        let places: Vec<(usize, usize)> = policies.iter().enumerate().flat_map(|policy| places(&policy)).collect();
        let numbered = (0..).zip(policies.iter().flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule))));
        let allowing = numbered.clone().filter(|(_, (policy, _))| policy.action == Action::Allow && !policy.shadow);
        let index = Index::build(numbered.clone().map(|(number, (_, rule))| (number, rule)), |_| true);
        let by_path = |condition: &Condition| matches!(condition.test, Test::Path(_));
        let near = Index::build(allowing.clone().map(|(number, (_, rule))| (number, rule)), by_path);
        let allowing = allowing.map(|(number, _)| number).collect();
        let has_shadow = policies.iter().any(|policy| policy.shadow);
        Self { unmatched, normalization, digest, has_shadow, places, index, near, allowing, policies }
    }

    /// Decides a request: DENY, then ALLOW, then `unmatched`.
    #[must_use]
    pub fn decide<'p>(&'p self, attributes: &Attributes<'_>) -> Verdict<'p> {
        let mut tally = Tally::default();
        let mut last_match = None;
        for number in self.index.candidates(attributes) {
            let Some((place, policy, rule)) = self.rule(number) else { continue };
            let settled = last_match == Some(place.0) || tally.settles(policy);
            if !settled && rule.matches(attributes, &mut tally.evaluated) {
                last_match = Some(place.0);
                tally.record(policy, place.1);
            }
        }
        self.verdict(tally, attributes)
    }

    /// The rule of a number, with the indices of its policy and of itself in it.
    fn rule(&self, number: RuleNumber) -> Option<((usize, usize), &Policy, &Rule)> {
        let place = self.places.get(usize::try_from(number).ok()?)?;
        let policy = self.policies.get(place.0)?;
        policy.rules.get(place.1).map(|rule| (*place, policy, rule))
    }

    fn verdict<'p>(&'p self, tally: Tally<'p>, attributes: &Attributes<'_>) -> Verdict<'p> {
        let (reason, decided) = tally.reason(self.unmatched);
        let outcome = reason.outcome();
        let (policy, rule) = (decided.map(|found| found.policy), decided.map(|found| found.rule));
        let shadow_outcome = self.has_shadow.then(|| tally.shadow_outcome(self.unmatched));
        let permit = (outcome == Outcome::Allow).then_some(Permit { policy, rule });
        let Tally { shadow, audit, evaluated, .. } = tally;
        let mut verdict =
            Verdict { outcome, reason, policy, rule, nearest: None, shadow, shadow_outcome, audit, evaluated, permit };
        if reason == Reason::NoPolicyMatched {
            verdict.nearest = self.nearest_miss(attributes, &mut verdict.evaluated);
        }
        verdict
    }

    /// The ALLOW rule that failed on the fewest conditions, of all if they are few, else of those whose path fits or that the
    /// request found by something else.
    fn nearest_miss<'p>(&'p self, attributes: &Attributes<'_>, evaluated: &mut usize) -> Option<NearestMiss<'p>> {
        let mut looked_at = Vec::new();
        let numbers = if self.allowing.len() <= NEAREST_LOOKED_AT {
            &self.allowing
        } else {
            looked_at.extend(self.near.candidates(attributes));
            looked_at.extend(self.index.candidates(attributes));
            &looked_at
        };
        let rules = numbers.iter().filter_map(|number| self.rule(*number));
        let allowing = rules.filter(|(_, policy, _)| policy.action == Action::Allow && !policy.shadow);
        let misses = allowing.take(NEAREST_LOOKED_AT).map(|((_, index), policy, rule)| {
            *evaluated += rule.conditions();
            NearestMiss { policy: &policy.name, rule: index, failed: rule.failed(attributes) }
        });
        misses.min_by_key(|miss| miss.failed.len())
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

    /// How many conditions the rule has, over all its alternatives.
    #[must_use]
    pub fn conditions(&self) -> usize {
        self.from.iter().chain(&self.to).map(Vec::len).sum::<usize>() + self.when.len()
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
    /// Whether a match of the policy would change nothing any more.
    fn settles(&self, policy: &Policy) -> bool {
        match (policy.action, policy.shadow) {
            (Action::Deny, false) => self.denied.is_some(),
            (Action::Allow, false) => self.allowed.is_some() || self.denied.is_some(),
            (Action::Audit, _) | (_, true) => false,
        }
    }

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
