//! Scenarios as files: YAML with a configuration and cases. `{jwks}` in the configuration stands for the test issuer's keys.

use countersign_testbed::tokens::{self, Algorithm, Issuer};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A configuration and what it decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub about: String,
    /// The plugin configuration without its sinks, which are the run's.
    pub config: Value,
    /// The requests, in order.
    pub cases: Vec<Case>,
}

/// A request and what is expected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// The request.
    pub request: Request,
    /// What is expected.
    pub expect: Expectation,
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The request target.
    pub path: String,
    /// The host.
    #[serde(default = "host")]
    pub host: String,
    /// Headers in order. `{token}` stands for the token.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The token; sent as `authorization: Bearer` unless a header or the path has `{token}`.
    pub token: Option<Token>,
}

/// A token of the test issuer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The algorithm that signs it.
    #[serde(default)]
    pub algorithm: SignedWith,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// Seconds from now to its `exp`; none when absent.
    pub expires_in: Option<i64>,
    /// What is wrong with it.
    #[serde(default)]
    pub fault: Fault,
}

/// Which of the issuer's keys signs.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub enum SignedWith {
    /// ECDSA on P-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSA.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The claims were changed after it was signed.
    Forged,
    /// `alg: none`.
    Unsigned,
    /// It is made longer than any token may be.
    Oversized,
}

/// What is expected. What is not named is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Status that the client gets.
    pub status: u16,
    /// The reason code.
    pub reason: String,
    /// Reply headers; null means absent.
    #[serde(default)]
    pub reply: BTreeMap<String, Option<String>>,
    /// Headers that the upstream gets, `:path` among them; null means absent. Not looked at where nothing goes upstream.
    #[serde(default)]
    pub upstream: BTreeMap<String, Option<String>>,
    /// Members of the event by path, `identity.subject`; null means absent.
    #[serde(default)]
    pub event: BTreeMap<String, Value>,
}

fn get() -> String {
    "GET".to_owned()
}

fn host() -> String {
    "orders.example".to_owned()
}

/// A scenario that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioFault {
    /// The file.
    #[error("`{}`: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Its content.
    #[error("`{}`: {cause}", path.display())]
    Yaml {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

/// Every scenario of the folder, by file name.
///
/// # Errors
/// [`ScenarioFault`] for the first file that cannot be read.
pub fn all() -> Result<Vec<(String, Scenario)>, ScenarioFault> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let file = |path: &Path, cause| ScenarioFault::File { path: path.to_owned(), cause };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|cause| file(&folder, cause))? {
        paths.push(entry.map_err(|cause| file(&folder, cause))?.path());
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|cause| file(&path, cause))?;
        let scenario = serde_saphyr::from_str(&text)
            .map_err(|cause| ScenarioFault::Yaml { path: path.clone(), cause: cause.to_string() })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, scenario))
    };
    paths.into_iter().map(read).collect()
}

impl Scenario {
    /// The configuration with the issuer's keys and the sinks of a run.
    #[must_use]
    pub fn configuration(&self, issuer: &Issuer, sinks: Value) -> String {
        let mut config = self.config.clone();
        if let Some(object) = config.as_object_mut() {
            let audit = object.entry("audit").or_insert_with(|| json!({}));
            if let Some(audit) = audit.as_object_mut() {
                audit.insert("sinks".to_owned(), sinks);
            }
        }
        let keys = Value::String(issuer.jwks().to_string()).to_string();
        config.to_string().replace("\"{jwks}\"", &keys)
    }
}

impl Case {
    /// The trace id by which its event is found again: the same in every run.
    #[must_use]
    pub fn trace_id(&self, index: usize) -> String {
        format!("c0ffee{:026x}", index + 1)
    }
}

impl Request {
    /// The request target and all headers, with the token in its place. `now` is in Unix seconds.
    #[must_use]
    pub fn rendered(&self, issuer: &Issuer, now: i64, trace_id: &str) -> (String, Vec<(String, String)>) {
        let token = self.token.as_ref().map(|token| token.minted(issuer, now));
        let filled = |text: &str| text.replace("{token}", token.as_deref().unwrap_or_default());
        let mut headers: Vec<(String, String)> =
            self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), filled(value))).collect();
        let placed = self.path.contains("{token}") || self.headers.iter().any(|(_, value)| value.contains("{token}"));
        if let (Some(token), false) = (&token, placed) {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        headers.push(("traceparent".to_owned(), format!("00-{trace_id}-00000000000000aa-01")));
        (filled(&self.path), headers)
    }
}

impl Token {
    fn minted(&self, issuer: &Issuer, now: i64) -> String {
        let mut claims = self.claims.clone();
        if let Some(seconds) = self.expires_in {
            claims.insert("exp".to_owned(), json!(now + seconds));
        }
        if self.fault == Fault::Oversized {
            claims.insert("padding".to_owned(), json!("x".repeat(20_000)));
        }
        let algorithm = match self.algorithm {
            SignedWith::Es256 => Algorithm::Es256,
            SignedWith::Rs256 => Algorithm::Rs256,
            SignedWith::EdDsa => Algorithm::EdDsa,
        };
        let claims = Value::Object(claims);
        match self.fault {
            Fault::None | Fault::Oversized => issuer.mint(algorithm, &claims),
            Fault::Forged => tokens::forged(&issuer.mint(algorithm, &json!({"sub": "mallory"})), &claims),
            Fault::Unsigned => tokens::unsigned(&claims),
        }
    }
}
