//! A host that forgives nothing: for finding what happens to work.

use super::*;

impl Profile {
    /// Envoy's behaviour, and every use of undefined behaviour ends the plugin.
    pub fn strict() -> Self {
        Self { name: "strict", strict: true, ..Self::envoy() }
    }
}
