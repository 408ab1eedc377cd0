//! Names of roles, services and API keys that nothing declares.

use super::{Lint, Warnings};
use countersign_core::config::authorization::rules::Rule;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the other sections of a configuration declare. A section that is not there says nothing about what is unknown.
#[derive(Debug)]
pub(super) struct Known<'a> {
    roles: Option<BTreeSet<&'a str>>,
    services: Option<BTreeSet<&'a str>>,
    api_keys: Option<BTreeSet<&'a str>>,
}

impl<'a> Known<'a> {
    pub(super) fn of(config: &'a Value) -> Self {
        let keys = config.pointer("/authentication/apiKeys/keys").and_then(Value::as_array);
        let services = config.get("services").and_then(Value::as_array);
        let named = |items: Option<&'a Vec<Value>>, member: &str| -> Option<BTreeSet<&'a str>> {
            items.map(|items| items.iter().filter_map(|item| item.get(member)?.as_str()).collect())
        };
        Self { roles: roles(config, keys), services: named(services, "name"), api_keys: named(keys, "id") }
    }
}

/// Roles that are declared, included or granted; `None` where tokens may bring any role and none is declared.
fn roles<'a>(config: &'a Value, keys: Option<&'a Vec<Value>>) -> Option<BTreeSet<&'a str>> {
    let declared = config.get("roles").and_then(Value::as_object);
    let has_tokens = config.pointer("/authentication/jwtRules").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    if declared.is_none() && (has_tokens || config.get("authentication").is_none()) {
        return None;
    }
    let texts = |value: &'a Value, member: &str| value.get(member).and_then(Value::as_array).into_iter().flatten();
    let mut known = BTreeSet::new();
    for (name, role) in declared.into_iter().flatten() {
        known.insert(name.as_str());
        known.extend(texts(role, "includes").filter_map(Value::as_str));
    }
    known.extend(keys.into_iter().flatten().flat_map(|key| texts(key, "roles")).filter_map(Value::as_str));
    Some(known)
}

pub(super) fn rule(rule: &Rule, known: &Known<'_>, at: &str, warnings: &mut Warnings) {
    for (index, from) in rule.from.iter().enumerate() {
        let source = &from.source;
        let fields = [
            ("roles", &source.roles, &known.roles, Lint::UnknownRole, "no role of this name is declared or granted"),
            ("services", &source.services, &known.services, Lint::UnknownService, "no service of this name is in `services`"),
            ("apiKeys", &source.api_keys, &known.api_keys, Lint::UnknownApiKey, "no API key has this id"),
        ];
        for (field, values, known, lint, message) in fields {
            let Some(known) = known else { continue };
            let unknown = values.iter().enumerate().filter(|(_, value)| !value.contains('*') && !known.contains(value.as_str()));
            for (value, name) in unknown {
                warnings.add(lint, format!("{at}.from[{index}].source.{field}[{value}]"), format!("{message}: `{name}`"));
            }
        }
    }
}
