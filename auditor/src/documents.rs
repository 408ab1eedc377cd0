//! What of ours is inside the files of gateways and meshes.
//!
//! A plugin configuration is found where Envoy (`envoy.extensions.filters.http.wasm.v3.Wasm`), Istio (`WasmPlugin`), Envoy
//! Gateway (`EnvoyExtensionPolicy`) put it, or it is the document itself.

use crate::config_file;
use serde_json::Value;

/// Something that can be checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Where in its file it stands; empty when it is the whole document.
    pub place: String,
    /// The value, or what is wrong with the text that should hold it.
    pub value: Result<Value, String>,
}

/// What can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The plugin's configuration.
    Plugin,
    /// Istio's AuthorizationPolicy.
    AuthorizationPolicy,
    /// Istio's RequestAuthentication.
    RequestAuthentication,
}

const WASM_FILTER: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const OWN_SECTIONS: &[&str] = &["authorization", "authentication", "audit", "roles", "services", "endpoints"];

/// Finds all that can be checked, in the order of the documents.
#[must_use]
pub fn find(documents: &[Value]) -> Vec<Found> {
    let several = documents.len() > 1;
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let place = if several { format!("document {}", index + 1) } else { String::new() };
        in_document(document, &place, &mut found);
    }
    found
}

fn in_document(document: &Value, place: &str, found: &mut Vec<Found>) {
    let mut add = |kind, place: String, value: &Value| found.push(Found { kind, place, value: Ok(value.clone()) });
    match kind_of(document) {
        Some("AuthorizationPolicy") => add(Kind::AuthorizationPolicy, resource_place(document), document),
        Some("RequestAuthentication") => add(Kind::RequestAuthentication, resource_place(document), document),
        Some("WasmPlugin") => {
            if let Some(config) = document.pointer("/spec/pluginConfig") {
                found.push(plugin(config, join(&resource_place(document), "spec.pluginConfig")));
            }
        }
        Some("EnvoyExtensionPolicy") => {
            let configs = document.pointer("/spec/wasm").and_then(Value::as_array).into_iter().flatten().enumerate();
            for (index, config) in configs.filter_map(|(index, wasm)| wasm.get("config").map(|config| (index, config))) {
                found.push(plugin(config, join(&resource_place(document), &format!("spec.wasm[{index}].config"))));
            }
        }
        Some("List") => {
            let items = document.get("items").and_then(Value::as_array);
            items.into_iter().flatten().for_each(|item| in_document(item, place, found));
        }
        Some(_) => in_envoy(document, &resource_place(document), found),
        None if OWN_SECTIONS.iter().any(|section| document.get(section).is_some()) => {
            add(Kind::Plugin, place.to_owned(), document);
        }
        None => in_envoy(document, place, found),
    }
}

/// The kind of a Kubernetes resource.
pub(crate) fn kind_of(document: &Value) -> Option<&str> {
    document.get("apiVersion")?;
    document.get("kind")?.as_str()
}

/// `AuthorizationPolicy prod/read-orders`.
pub(crate) fn resource_place(document: &Value) -> String {
    let kind = kind_of(document).unwrap_or_default();
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    match (text("/metadata/namespace"), text("/metadata/name")) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (_, name) => format!("{kind} {}", name.unwrap_or("without a name")),
    }
}

fn join(place: &str, rest: &str) -> String {
    if place.is_empty() { rest.to_owned() } else { format!("{place}: {rest}") }
}

/// Looks for Wasm filters at any depth.
fn in_envoy(value: &Value, place: &str, found: &mut Vec<Found>) {
    let mut open = vec![(value, String::new())];
    while let Some((value, path)) = open.pop() {
        if let Some((config, inner)) = wasm_configuration(value) {
            let path = if path.is_empty() { inner.to_owned() } else { format!("{path}.{inner}") };
            found.push(plugin(config, join(place, &path)));
        }
        let mut children: Vec<(&Value, String)> = match value {
            Value::Object(object) => {
                let name = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                object.iter().map(|(member, value)| (value, name(member))).collect()
            }
            Value::Array(items) => items.iter().enumerate().map(|(index, item)| (item, format!("{path}[{index}]"))).collect(),
            _ => Vec::new(),
        };
        children.reverse();
        open.append(&mut children);
    }
}

/// The configuration in a Wasm filter, as it is or wrapped as xDS wraps unknown types.
fn wasm_configuration(value: &Value) -> Option<(&Value, &'static str)> {
    let is_wasm = |name: &str| value.get(name).and_then(Value::as_str).is_some_and(|url| url.ends_with(WASM_FILTER));
    if is_wasm("type_url") {
        return value.pointer("/value/config/configuration").map(|config| (config, "value.config.configuration"));
    }
    let config = if is_wasm("@type") { value.pointer("/config/configuration") } else { None };
    config.map(|config| (config, "config.configuration"))
}

/// A configuration as text (`StringValue`), as a `Struct`, or as it is.
fn plugin(config: &Value, place: String) -> Found {
    let kind = Kind::Plugin;
    let inner = config.get("value").filter(|_| config.get("@type").is_some()).unwrap_or(config);
    let value = match inner {
        Value::String(text) => config_file::parse(text).map_err(|fault| fault.to_string()),
        value => Ok(without_type(value)),
    };
    Found { kind, place, value }
}

fn without_type(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.remove("@type");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(text: &str) -> Vec<(Kind, String)> {
        let documents = config_file::parse_all(text).expect("yaml");
        find(&documents).into_iter().map(|found| (found.kind, found.place)).collect()
    }

    #[test]
    fn a_plugin_configuration_is_found_where_each_gateway_puts_it() {
        assert_eq!(places("authorization: {}"), [(Kind::Plugin, String::new())]);
        let envoy = r#"
static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config:
          http_filters:
          - name: countersign
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                configuration: {"@type": type.googleapis.com/google.protobuf.StringValue, value: '{"authorization": {}}'}
"#;
        let place = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config.config.configuration";
        assert_eq!(places(envoy), [(Kind::Plugin, place.to_owned())]);
        let istio = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: a}\nspec: {pluginConfig: {authorization: {}}}\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: b, namespace: prod}\n";
        let expected = [
            (Kind::Plugin, "WasmPlugin a: spec.pluginConfig".to_owned()),
            (Kind::AuthorizationPolicy, "AuthorizationPolicy prod/b".to_owned()),
        ];
        assert_eq!(places(istio), expected);
    }

    #[test]
    fn a_configuration_as_text_is_read() {
        let config = json!({"@type": "x/google.protobuf.StringValue", "value": "{\"mode\": \"observe\"}"});
        assert_eq!(plugin(&config, String::new()).value, Ok(json!({"mode": "observe"})));
        let config = json!({"@type": "x/google.protobuf.Struct", "value": {"mode": "observe"}});
        assert_eq!(plugin(&config, String::new()).value, Ok(json!({"mode": "observe"})));
        assert!(plugin(&json!("{"), String::new()).value.is_err());
    }
}
