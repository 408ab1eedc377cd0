//! The shape of scenario files. Unknown fields are errors.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The module's path, relative to the file.
    pub plugin: Option<String>,
    /// The profiles every scenario runs under; `envoy` unless told.
    #[serde(default = "envoy")]
    pub profiles: Vec<String>,
    /// The configuration of scenarios that have none of their own.
    #[serde(default)]
    pub configuration: Text,
    /// How many workers.
    #[serde(default = "one")]
    pub workers: usize,
    /// Unix seconds the clock starts at.
    pub clock: Option<u64>,
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
}

fn envoy() -> Vec<String> {
    vec!["envoy".to_owned()]
}

fn one() -> usize {
    1
}

/// A text, or any other value, which is written as JSON.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// As it is.
    Plain(String),
    /// As JSON.
    Json(serde_json::Value),
    /// Empty.
    #[default]
    Nothing,
}

impl Text {
    /// The text itself.
    pub fn render(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Json(serde_json::Value::Null) | Self::Nothing => String::new(),
            Self::Json(value) => value.to_string(),
        }
    }
}

/// One scenario, on a host of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence that names it.
    pub name: String,
    /// Instead of the file's.
    pub configuration: Option<Text>,
    /// Instead of the file's.
    pub profiles: Option<Vec<String>>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One action at most, and what is expected after it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A new exchange, which the following steps are about.
    pub request: Option<RequestStep>,
    /// The upstream answers the current exchange.
    pub respond: Option<Answer>,
    /// The current exchange ends.
    pub finish: Option<bool>,
    /// The client of the current exchange leaves.
    pub abort: Option<bool>,
    /// The clock moves, such as `5s` or `100ms`.
    pub advance: Option<String>,
    /// Every root that asked for ticks gets one.
    pub tick: Option<bool>,
    /// The oldest pending HTTP call is checked and answered.
    pub http_call: Option<HttpStep>,
    /// The oldest pending gRPC call is checked and answered.
    pub grpc_call: Option<GrpcStep>,
    /// A new configuration.
    pub reconfigure: Option<Text>,
    /// What must hold then.
    pub expect: Option<Expect>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action<'a> {
    /// See [`Step::request`].
    Request(&'a RequestStep),
    /// See [`Step::respond`].
    Respond(&'a Answer),
    /// See [`Step::finish`].
    Finish,
    /// See [`Step::abort`].
    Abort,
    /// See [`Step::advance`].
    Advance(&'a str),
    /// See [`Step::tick`].
    Tick,
    /// See [`Step::http_call`].
    HttpCall(&'a HttpStep),
    /// See [`Step::grpc_call`].
    GrpcCall(&'a GrpcStep),
    /// See [`Step::reconfigure`].
    Reconfigure(&'a Text),
}

impl Step {
    /// Every action of the step; more than one is a fault of the file.
    pub fn actions(&self) -> Vec<Action<'_>> {
        let Self { request, respond, finish, abort, advance, tick, http_call, grpc_call, reconfigure, expect: _ } = self;
        let set = |flag: &Option<bool>| flag.filter(|flag| *flag);
        [
            request.as_ref().map(Action::Request),
            respond.as_ref().map(Action::Respond),
            set(finish).map(|_| Action::Finish),
            set(abort).map(|_| Action::Abort),
            advance.as_deref().map(Action::Advance),
            set(tick).map(|_| Action::Tick),
            http_call.as_ref().map(Action::HttpCall),
            grpc_call.as_ref().map(Action::GrpcCall),
            reconfigure.as_ref().map(Action::Reconfigure),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A request to send.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestStep {
    /// GET unless told.
    pub method: Option<String>,
    /// `/` unless told.
    pub path: Option<String>,
    /// The host asked for.
    pub authority: Option<String>,
    /// Headers by name; a list of values repeats the name.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
    /// The body.
    pub body: Option<String>,
    /// Properties by dotted path.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Which worker serves it.
    #[serde(default)]
    pub worker: usize,
}

/// One value or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// One.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

impl Values {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// A response.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status.
    pub status: u32,
    /// Headers by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: String,
}

/// An HTTP call: what is expected of it, then its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpStep {
    /// The upstream it must go to.
    pub upstream: Option<String>,
    /// The path it must ask for.
    pub path: Option<String>,
    /// Its answer; without one it fails.
    pub respond: Option<Answer>,
}

/// A gRPC call: what is expected of it, then its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcStep {
    /// The service it must name.
    pub service: Option<String>,
    /// The method it must name.
    pub method: Option<String>,
    /// Its answer.
    pub reply: GrpcReply,
}

/// The answer to a gRPC call.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrpcReply {
    /// A message.
    Message(String),
    /// A status other than 0.
    Status(u32),
}

/// What must hold. What is left out is not checked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The exchange's stage, such as `forwarded` or `replied`.
    pub stage: Option<String>,
    /// The status the client got.
    pub status: Option<u32>,
    /// Whether the plugin made the reply.
    pub local: Option<bool>,
    /// Headers of the reply; null means absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// The reply's whole body.
    pub body: Option<String>,
    /// What reached the upstream.
    pub upstream: Option<ExpectUpstream>,
    /// The kind of the trap that ended the exchange, such as `wasm`.
    pub trap: Option<String>,
    /// Texts that must occur in log lines since the last such check.
    #[serde(default)]
    pub logs: Vec<String>,
    /// Counters and gauges by name.
    #[serde(default)]
    pub metrics: BTreeMap<String, u64>,
    /// How many traps there were in all.
    pub traps: Option<usize>,
    /// How many HTTP calls are pending.
    pub http_calls: Option<usize>,
    /// How many gRPC calls are pending.
    pub grpc_calls: Option<usize>,
}

/// What must have reached the upstream.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectUpstream {
    /// Headers; null means absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// The body passed on.
    pub body: Option<String>,
}

/// Why a scenario file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("scenario file is not valid: {0}")]
pub struct UnreadableScenario(String);

/// Reads a scenario file.
///
/// # Errors
/// Where the YAML is malformed or has a field that is not known.
pub fn parse(text: &str) -> Result<File, UnreadableScenario> {
    serde_saphyr::from_str(text).map_err(|error| UnreadableScenario(error.to_string()))
}
