//! What a decision says.

use std::fmt;

/// What a decision comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The request may pass.
    Allow,
    /// The request is refused.
    Deny,
}

impl Outcome {
    /// `allow` or `deny`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// Why a decision came to its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A DENY policy matched.
    PolicyDenied,
    /// An ALLOW policy matched, and no DENY policy.
    PolicyAllowed,
    /// No policy matched, and `authorization.unmatched` is `deny`.
    NoPolicyMatched,
    /// No policy matched, and `authorization.unmatched` is `allow`.
    DefaultAllow,
}

impl Reason {
    /// All reasons.
    pub const ALL: &'static [Self] = &[Self::PolicyDenied, Self::PolicyAllowed, Self::NoPolicyMatched, Self::DefaultAllow];

    /// The stable code of this reason, alike in replies, events, metrics and docs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::PolicyDenied => "policy_denied",
            Self::PolicyAllowed => "policy_allowed",
            Self::NoPolicyMatched => "no_policy_matched",
            Self::DefaultAllow => "default_allow",
        }
    }

    /// What this reason comes to.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::PolicyDenied | Self::NoPolicyMatched => Outcome::Deny,
            Self::PolicyAllowed | Self::DefaultAllow => Outcome::Allow,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// A decision with its grounds. It borrows the names from the policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// What it comes to.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The policy that decided, if one did.
    pub policy: Option<&'p str>,
    /// Index of the rule that decided in the rules of its policy.
    pub rule: Option<usize>,
    /// Where no policy matched: the ALLOW rule that failed on the fewest conditions.
    pub nearest: Option<NearestMiss<'p>>,
    /// The policies in shadow that matched, and what each would have said.
    pub shadow: Vec<PolicyMatch<'p>>,
    /// What the decision would be if the policies in shadow were enforced; `None` without such policies.
    pub shadow_outcome: Option<Outcome>,
    /// The AUDIT policies that matched.
    pub audit: Vec<PolicyMatch<'p>>,
    /// How many conditions were evaluated: the deterministic cost of this decision.
    pub evaluated: usize,
    pub(super) permit: Option<Permit<'p>>,
}

impl<'p> Verdict<'p> {
    /// The proof that the request may pass; `None` when it may not.
    #[must_use]
    pub fn permit(&self) -> Option<&Permit<'p>> {
        self.permit.as_ref()
    }
}

/// Proof that a request may pass: only [`super::Policies::decide`] makes one, and it names the rule that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit<'p> {
    pub(super) policy: Option<&'p str>,
    pub(super) rule: Option<usize>,
}

impl<'p> Permit<'p> {
    /// The policy that gave it; `None` when `authorization.unmatched` did.
    #[must_use]
    pub fn policy(&self) -> Option<&'p str> {
        self.policy
    }

    /// Index of the rule that gave it.
    #[must_use]
    pub fn rule(&self) -> Option<usize> {
        self.rule
    }
}

/// A rule of a policy that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyMatch<'p> {
    /// The policy.
    pub policy: &'p str,
    /// Index of its first rule that matched.
    pub rule: usize,
    /// What it says or, in shadow, would say; AUDIT policies say allow, since they refuse nothing.
    pub outcome: Outcome,
}

/// The ALLOW rule that failed on the fewest conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearestMiss<'p> {
    /// The policy.
    pub policy: &'p str,
    /// Index of the rule.
    pub rule: usize,
    /// The conditions that would have had to hold: `operation.methods`, `source.roles`, `request.auth.claims[tenant]`.
    pub failed: Vec<&'p str>,
}
