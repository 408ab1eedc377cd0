//! Configuration files, in JSON or YAML.

use countersign_core::config::decode::ConfigFault;
use countersign_core::json::{self, JsonFault};
use serde_json::Value;
use std::path::Path;

/// Why a configuration file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileFault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It looks like JSON and is not.
    #[error("is not JSON: {0}")]
    Json(JsonFault),
    /// It is not YAML.
    #[error("is not YAML: {0}")]
    Yaml(String),
    /// What it says is faulty.
    #[error("{}", lines(.0))]
    Faulty(Vec<ConfigFault>),
}

impl From<Vec<ConfigFault>> for ConfigFileFault {
    fn from(faults: Vec<ConfigFault>) -> Self {
        Self::Faulty(faults)
    }
}

fn lines(faults: &[ConfigFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Reads a file of one document.
///
/// # Errors
/// [`ConfigFileFault`] when it is unreadable or neither JSON nor YAML.
pub fn read(path: &Path) -> Result<Value, ConfigFileFault> {
    parse(&std::fs::read_to_string(path)?)
}

/// Reads one document: JSON if it begins with a brace and is well-formed, else YAML. Duplicate keys are refused in both.
///
/// # Errors
/// [`ConfigFileFault`] when it is neither.
pub fn parse(text: &str) -> Result<Value, ConfigFileFault> {
    let looks_like_json = text.trim_start().starts_with('{');
    let as_json = looks_like_json.then(|| json::parse(text.as_bytes()));
    match as_json {
        Some(Ok(value)) => Ok(value),
        Some(Err(fault)) => serde_saphyr::from_str_with_options(text, yaml_options()).map_err(|_| ConfigFileFault::Json(fault)),
        None => serde_saphyr::from_str_with_options(text, yaml_options()).map_err(|fault| yaml_fault(&fault)),
    }
}

/// Reads a file of any number of YAML documents, or one of JSON.
///
/// # Errors
/// [`ConfigFileFault`] when it is neither.
pub fn parse_all(text: &str) -> Result<Vec<Value>, ConfigFileFault> {
    if let Ok(value) = json::parse(text.as_bytes()) {
        return Ok(vec![value]);
    }
    serde_saphyr::from_multiple_with_options(text, yaml_options()).map_err(|fault| yaml_fault(&fault))
}

fn yaml_fault(fault: &serde_saphyr::Error) -> ConfigFileFault {
    ConfigFileFault::Yaml(fault.to_string())
}

/// Room for ten thousand policies and more; booleans as in YAML 1.2, so that `on` and `no` stay the words they are.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_nodes: 8_000_000, max_events: 32_000_000, max_depth: 64 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_yaml_give_the_same_value() {
        let expected = json!({"authorization": {"policies": [{"name": "a", "shadow": true}]}});
        let yaml = "authorization:\n  policies:\n  - name: a\n    shadow: true\n";
        assert_eq!(parse(yaml).expect("yaml"), expected);
        assert_eq!(parse(&expected.to_string()).expect("json"), expected);
        assert_eq!(parse("{authorization: {policies: [{name: a, shadow: true}]}}").expect("flow yaml"), expected);
    }

    #[test]
    fn duplicate_keys_are_refused_in_both() {
        assert!(matches!(parse("a: 1\na: 2\n"), Err(ConfigFileFault::Yaml(_))));
        assert!(matches!(parse(r#"{"a": 1, "a": 2}"#), Err(ConfigFileFault::Json(_))));
    }

    #[test]
    fn words_that_older_yaml_took_for_booleans_stay_words() {
        assert_eq!(parse("mode: on\ncountry: no\n").expect("yaml"), json!({"mode": "on", "country": "no"}));
    }

    #[test]
    fn a_file_may_hold_several_documents() {
        assert_eq!(parse_all("a: 1\n---\nb: 2\n").expect("yaml"), [json!({"a": 1}), json!({"b": 2})]);
    }
}
