//! Roles, and the services that may call.

use crate::config::decode::{wire, wire_words};

wire! {
    /// A role.
    pub struct Role {
        /// Roles that whoever holds this one holds too.
        "includes" => includes: Vec<String>,
    }
}

wire! {
    /// A service that may call.
    pub struct Service {
        /// Its name in policies and events, unique.
        "name" => name: String,
        /// Peer identities by which it is known.
        "principals" => principals: Vec<String>,
        /// Where it calls from. Without `principals` this is what it is known by.
        "ipBlocks" => ip_blocks: Vec<String>,
        /// The state it says it is in.
        "state" => state: ServiceState,
    }
}

wire_words! {
    /// The state that a service says it is in.
    pub enum ServiceState {
        /// It may call.
        "active" => Active,
        /// It is down: a call by it is a finding.
        "offline" => Offline,
        /// It is gone for good: a call by it is a finding.
        "retired" => Retired,
    }
    absent: Self::Active
}
