//! What people write about authorization: `authorization`, `roles`, `services` and `endpoints`.
//!
//! `policies[].rules` is Istio's AuthorizationPolicy `rules`, field for field, with a few fields of our own in the same style.
//!
//! | module | what it is for |
//! |---|---|
//! | [`rules`] | `from`, `to`, `when` |
//! | [`registry`] | roles, services and their states |

pub mod registry;
pub mod rules;

use super::decode::{wire, wire_words};
use rules::Rule;

wire! {
    /// Who may do what.
    pub struct Authorization {
        /// What becomes of a request that no policy matched.
        "unmatched" => unmatched: Unmatched,
        /// How a path is normalised before it is matched.
        "pathNormalization" => path_normalization: PathNormalization,
        /// The policies. DENY is looked at before ALLOW, whatever the order here.
        "policies" => policies: Vec<Policy>,
    }
}

wire! {
    /// A policy: an action, and the rules of which one must match.
    pub struct Policy {
        /// Its name in decisions and events, unique; `policies[0]` and so on where absent.
        "name" => name: Option<String>,
        /// The namespace that a `serviceAccounts` entry without one belongs to.
        "namespace" => namespace: Option<String>,
        /// What a match means; ALLOW where absent, as in Istio.
        "action" => action: Action,
        /// Whether the policy is evaluated and recorded but never enforced.
        "shadow" => shadow: bool,
        /// The rules. Without any the policy matches nothing; an empty rule `{}` matches everything.
        "rules" => rules: Vec<Rule>,
    }
}

wire_words! {
    /// What a match of a policy means.
    pub enum Action {
        /// The request may pass, unless a DENY policy matches.
        "ALLOW" => Allow,
        /// The request is refused.
        "DENY" => Deny,
        /// The match is recorded; it decides nothing.
        "AUDIT" => Audit,
        /// Envoy's word for AUDIT.
        "LOG" => Log,
    }
    absent: Self::Allow
}

wire_words! {
    /// What becomes of a request that no policy matched.
    pub enum Unmatched {
        /// It passes.
        "allow" => Allow,
        /// It is refused.
        "deny" => Deny,
    }
    absent: Self::Deny
}

wire_words! {
    /// Istio's path normalisations, from least to most.
    pub enum PathNormalization {
        /// The path as it came.
        "NONE" => None,
        /// RFC 3986: dot segments, backslashes, needless escapes.
        "BASE" => Base,
        /// BASE, then `//` becomes `/`; a path with an escaped slash is refused.
        "MERGE_SLASHES" => MergeSlashes,
        /// Escaped slashes become slashes, then MERGE_SLASHES.
        "DECODE_AND_MERGE_SLASHES" => DecodeAndMergeSlashes,
    }
    absent: Self::MergeSlashes
}

impl Default for Authorization {
    /// What an empty `authorization: {}` means: everything is refused.
    fn default() -> Self {
        Self { unmatched: Unmatched::Deny, path_normalization: PathNormalization::MergeSlashes, policies: Vec::new() }
    }
}
