//! What is wrong with a configuration, and what is odd about it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`lint`] | what is allowed and probably not meant |

pub mod lint;

use crate::documents::{Found, Kind};
use crate::istio;
use countersign_core::config::authorization::Authorization;
use countersign_core::config::decode::{ConfigFault, Decode, Faults, Path};
use lint::Warning;
use serde_json::{Value, json};

/// What was found of one configuration or resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What it is and where it stands.
    pub title: String,
    /// Why it cannot be used.
    pub faults: Vec<ConfigFault>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Warning>,
}

/// Checks what was found in a file.
#[must_use]
pub fn check(found: &Found) -> Report {
    let title = title(found);
    let (faults, warnings) = match (&found.value, found.kind) {
        (Err(fault), _) => (vec![ConfigFault { path: String::new(), message: fault.clone() }], Vec::new()),
        (Ok(config), Kind::Plugin) => plugin(config),
        (Ok(resource), Kind::AuthorizationPolicy) => authorization_policy(resource),
        (Ok(resource), Kind::RequestAuthentication) => (request_authentication(resource), Vec::new()),
    };
    Report { title, faults, warnings }
}

fn title(found: &Found) -> String {
    match (found.kind, found.place.as_str()) {
        (Kind::Plugin, "") => "plugin configuration".to_owned(),
        (Kind::Plugin, place) => format!("{place} (plugin configuration)"),
        (_, place) => place.to_owned(),
    }
}

fn plugin(config: &Value) -> (Vec<ConfigFault>, Vec<Warning>) {
    let faults = countersign_core::config::from_value(config, [0; 32]).err().unwrap_or_default();
    (faults, lint::plugin(config))
}

/// A policy is checked as the one that `import istio` makes of it, and its faults are told where they stand in the resource.
fn authorization_policy(resource: &Value) -> (Vec<ConfigFault>, Vec<Warning>) {
    let mut imported = istio::Imported::default();
    imported.policy_as_it_is(resource);
    let config = json!({"authorization": imported.authorization()});
    let (faults, warnings) = plugin(&config);
    let at = "authorization.policies[0].";
    let place = |path: &str| path.strip_prefix(at).map_or_else(|| path.to_owned(), |rest| format!("spec.{rest}"));
    let faults = faults.into_iter().map(|fault| ConfigFault { path: place(&fault.path), ..fault });
    // What is odd about a set of policies cannot be told from one resource.
    let own = warnings.into_iter().filter(|warning| warning.path.starts_with(at));
    (faults.collect(), own.map(|warning| Warning { path: place(&warning.path), ..warning }).collect())
}

fn request_authentication(resource: &Value) -> Vec<ConfigFault> {
    let rules = resource.pointer("/spec/jwtRules").cloned().unwrap_or_else(|| json!([]));
    let config = json!({"authentication": {"jwtRules": rules}, "authorization": {}});
    let faults = countersign_core::config::from_value(&config, [0; 32]).err().unwrap_or_default();
    let place = |path: &str| path.replacen("authentication.", "spec.", 1);
    // Istio fetches keys from any address; here the host's name of it comes from the plugin configuration.
    let faults = faults.into_iter().filter(|fault| !fault.path.ends_with("jwksCluster"));
    faults.map(|fault| ConfigFault { path: place(&fault.path), ..fault }).collect()
}

/// The part of a configuration that holds the policies, as far as it can be read.
pub(crate) fn authorization(config: &Value) -> Option<Authorization> {
    let mut faults = Faults::default();
    Authorization::decode(config.get("authorization")?, &Path::Root.field("authorization"), &mut faults)
}
