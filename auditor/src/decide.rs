//! Deciding requests that are written as JSON lines, by the same code as the filter.
//!
//! | module | what it is for |
//! |---|---|
//! | `request` | a line as a request |
//! | `engine` | a configuration as something that decides |

mod engine;
mod request;

pub use engine::Engine;
pub use request::{Malformed, Request, Trust};

use countersign_core::authz::Outcome;
use serde_json::{Map, Value, json};

/// What is answered to one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the request called itself, null where it did not.
    pub id: Value,
    /// What the decision came to.
    pub outcome: Outcome,
    /// The HTTP status that the gateway would answer with; 200 stands for letting the request pass.
    pub status: u16,
    /// The stable code of the reason.
    pub reason: String,
    /// The policy that decided.
    pub policy: Option<String>,
    /// Index of its rule that decided.
    pub rule: Option<usize>,
    /// The normalised path, if there is one.
    pub path: Option<String>,
    /// Headers that the upstream would see in place of the client's.
    pub upstream_headers: Map<String, Value>,
}

const MALFORMED: &str = "malformed_request";

impl Answer {
    /// The answer to a line that is no request.
    #[must_use]
    pub fn malformed(id: Value) -> Self {
        Self::refused(id, 403, MALFORMED)
    }

    /// A refusal that no policy gave.
    #[must_use]
    pub fn refused(id: Value, status: u16, reason: &str) -> Self {
        let reason = reason.to_owned();
        Self { id, outcome: Outcome::Deny, status, reason, policy: None, rule: None, path: None, upstream_headers: Map::new() }
    }

    /// Whether the request may pass.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome == Outcome::Allow
    }

    /// Whether the line was no request.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.reason == MALFORMED
    }

    /// The answer as it is written.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { id, outcome, status, reason, policy, rule, path, upstream_headers } = self;
        json!({
            "id": id,
            "outcome": outcome.code(),
            "status": status,
            "reason": reason,
            "policy": policy,
            "rule": rule,
            "path": path,
            "upstream_headers": upstream_headers,
        })
    }
}
