//! What a decision says, and what the gateway is to do.

use super::reply::Reply;
use crate::event::{DecisionFacts, IdentityFacts};
use std::rc::Rc;

/// A decision with all that its event needs.
#[derive(Debug)]
pub struct Decision {
    /// Outcome, reason, policy, rule.
    pub facts: DecisionFacts,
    /// Who called, as far as it was verified.
    pub identity: Rc<IdentityFacts>,
    /// The normalised path, without query: what was matched, and what goes upstream.
    pub path: String,
    /// The endpoint template.
    pub endpoint: Option<String>,
    /// The calling service of the registry.
    pub source_service: Option<String>,
    /// Codes of what was noticed, sorted.
    pub findings: Vec<&'static str>,
    /// What the gateway is to do.
    pub act: Act,
}

/// What the gateway is to do.
#[derive(Debug)]
pub enum Act {
    /// Pass the request on, with these changes to its headers, in order.
    Forward(Vec<HeaderChange>),
    /// Answer it.
    Refuse(Reply),
}

/// One change to a request's headers. A value is never added beside what a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderChange {
    /// Sets the header to one value, whatever it held.
    Replace {
        /// Lower-case name, or `:path`.
        name: String,
        /// The value.
        value: String,
    },
    /// Removes all values.
    Remove {
        /// Lower-case name.
        name: String,
    },
}

impl Decision {
    /// The status that the decision alone leads to: 200 where the request passes.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.act {
            Act::Forward(_) => 200,
            Act::Refuse(reply) => reply.status,
        }
    }
}
