//! Istio's resources as our configuration: the same rules in the same language, and everything that has no equal named.

use crate::documents::{kind_of, resource_place};
use countersign_core::config::authentication::JwtRule;
use serde_json::{Map, Value, json};

/// What was made of Istio's resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    policies: Vec<Value>,
    jwt_rules: Vec<Value>,
    normalization: Option<Value>,
    /// What has no equal, each with the resource that it stands in.
    pub notes: Vec<String>,
}

const DRY_RUN: &str = "istio.io/dry-run";
const METADATA_KEY: &str = "experimental.envoy.filters.";

impl Imported {
    /// Takes over what the documents hold.
    #[must_use]
    pub fn from_documents(documents: &[Value]) -> Self {
        let mut imported = Self::default();
        documents.iter().for_each(|document| imported.document(document));
        imported
    }

    fn document(&mut self, document: &Value) {
        match kind_of(document) {
            Some("AuthorizationPolicy") => self.policy(document),
            Some("RequestAuthentication") => self.authentication(document),
            Some("IstioOperator") => self.mesh(document),
            Some("List") => {
                document.get("items").and_then(Value::as_array).into_iter().flatten().for_each(|item| self.document(item));
            }
            Some(_) => self.note(document, "has no equal and was left out"),
            None if document.is_null() => {}
            None => self.notes.push("a document that is no Kubernetes resource was left out".to_owned()),
        }
    }

    fn note(&mut self, resource: &Value, message: &str) {
        self.notes.push(format!("{}: {message}", resource_place(resource)));
    }

    fn policy(&mut self, resource: &Value) {
        if text(resource, "/spec/action") == Some("CUSTOM") {
            self.note(resource, "action CUSTOM asks an external authorizer and was left out");
            return;
        }
        self.scope(resource);
        self.policy_as_it_is(resource);
        if let Some(policy) = self.policies.last().cloned() {
            let rules = policy.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
            let is_allow = policy.get("action").and_then(Value::as_str) == Some("ALLOW");
            let kept: Vec<Value> = rules.into_iter().filter_map(|rule| self.without_metadata(rule, is_allow, resource)).collect();
            if let Some(Value::Object(policy)) = self.policies.last_mut().filter(|_| !kept.is_empty()) {
                policy.insert("rules".to_owned(), Value::Array(kept));
            } else if let Some(Value::Object(policy)) = self.policies.last_mut() {
                policy.remove("rules");
            }
        }
    }

    /// Takes over a policy field for field, whatever it holds.
    pub fn policy_as_it_is(&mut self, resource: &Value) {
        let mut policy = Map::new();
        policy.insert("name".to_owned(), json!(name(resource)));
        policy.insert("action".to_owned(), json!(text(resource, "/spec/action").unwrap_or("ALLOW")));
        let annotations = resource.pointer("/metadata/annotations").and_then(|annotations| annotations.get(DRY_RUN));
        if annotations.is_some_and(|value| value == "true" || value == &Value::Bool(true)) {
            policy.insert("shadow".to_owned(), Value::Bool(true));
        }
        if let Some(namespace) = text(resource, "/metadata/namespace") {
            policy.insert("namespace".to_owned(), json!(namespace));
        }
        if let Some(rules) = resource.pointer("/spec/rules") {
            policy.insert("rules".to_owned(), rules.clone());
        }
        self.policies.push(Value::Object(policy));
    }

    fn scope(&mut self, resource: &Value) {
        for field in ["selector", "targetRef", "targetRefs"] {
            if resource.pointer("/spec").and_then(|spec| spec.get(field)).is_some() {
                let message = format!("spec.{field} has no equal: the plugin decides for the gateway that it is loaded into");
                self.note(resource, &message);
            }
        }
    }

    /// A condition on Envoy's metadata has no equal. As Istio does with what it cannot express, a DENY becomes wider and an
    /// ALLOW narrower.
    fn without_metadata(&mut self, mut rule: Value, is_allow: bool, resource: &Value) -> Option<Value> {
        let about = |when: &Value| when.get("key").and_then(Value::as_str).is_some_and(|key| key.starts_with(METADATA_KEY));
        let Some(Value::Array(conditions)) = rule.get_mut("when") else { return Some(rule) };
        let before = conditions.len();
        conditions.retain(|when| !about(when));
        if conditions.len() == before {
            return Some(rule);
        }
        let is_bare = conditions.is_empty();
        if let Some(rule) = rule.as_object_mut().filter(|_| is_bare) {
            rule.remove("when");
        }
        let done = if is_allow { "its rule was left out" } else { "the condition was left out, so the policy matches more" };
        self.note(resource, &format!("conditions on Envoy's metadata have no equal: {done}"));
        (!is_allow).then_some(rule)
    }

    fn authentication(&mut self, resource: &Value) {
        self.scope(resource);
        for rule in resource.pointer("/spec/jwtRules").and_then(Value::as_array).into_iter().flatten() {
            let Value::Object(rule) = rule else { continue };
            let known = |name: &str| JwtRule::FIELDS.iter().any(|field| field.name == name);
            let (kept, foreign): (Map<_, _>, Map<_, _>) =
                rule.iter().map(|(name, value)| (name.clone(), value.clone())).partition(|(name, _)| known(name));
            for name in foreign.keys() {
                self.note(resource, &format!("spec.jwtRules[].{name} has no equal and was left out"));
            }
            if kept.get("jwksUri").is_some() {
                self.note(resource, "jwksUri: add `jwksCluster`, the gateway's own name of the upstream that serves the keys");
            }
            self.jwt_rules.push(Value::Object(kept));
        }
    }

    fn mesh(&mut self, resource: &Value) {
        self.normalization = resource.pointer("/spec/meshConfig/pathNormalization/normalization").cloned();
        self.note(resource, "only meshConfig.pathNormalization was taken over");
    }

    /// The section `authorization`. Without any ALLOW policy Istio allows what is not denied, so `unmatched` is `allow` then.
    #[must_use]
    pub fn authorization(&self) -> Value {
        let enforced = |policy: &&Value| policy.get("shadow").is_none() && policy.get("action") == Some(&json!("ALLOW"));
        let unmatched = if self.policies.iter().any(|policy| enforced(&policy)) { "deny" } else { "allow" };
        let mut section = json!({"unmatched": unmatched, "policies": self.policies});
        let default = json!("DEFAULT");
        if let (Some(section), Some(mode)) =
            (section.as_object_mut(), self.normalization.as_ref().filter(|mode| **mode != default))
        {
            section.insert("pathNormalization".to_owned(), mode.clone());
        }
        section
    }

    /// The whole configuration.
    #[must_use]
    pub fn config(&self) -> Value {
        let mut config = json!({"authorization": self.authorization()});
        if let Some(config) = config.as_object_mut().filter(|_| !self.jwt_rules.is_empty()) {
            config.insert("authentication".to_owned(), json!({"jwtRules": self.jwt_rules}));
        }
        config
    }
}

fn text<'a>(resource: &'a Value, pointer: &str) -> Option<&'a str> {
    resource.pointer(pointer).and_then(Value::as_str)
}

fn name(resource: &Value) -> String {
    let name = text(resource, "/metadata/name").unwrap_or("unnamed");
    text(resource, "/metadata/namespace").map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}
